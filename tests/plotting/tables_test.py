"""Tables in four forms, by hand."""

import csv
import math

import pytest

from genjax.plotting import tables
from genjax.plotting.tables import Block, Column, Estimate, Table

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
  ("value", "shown"),
  [
    (0.0, "0"),
    (0.71, "0.7100"),
    (41.2, "41.20"),
    (-412.34, "-412.3"),
    (999.96, "1,000"),
    (123456.7, "123,457"),
    (0.012346, "0.01235"),
    (0.00012346, "0.0001235"),
    (0.000012346, "1.235e-05"),
    (3.2e12, "3.200e+12"),
    (NAN, "-"),
    (INF, "inf"),
  ],
)
def test_figures_have_four_digits(value, shown):
  assert tables.figure(value) == shown


def test_p_values():
  shown = [tables.p_value(p) for p in (1.0, 0.8123, 0.0312, 0.00012, 0.00009, 0.0, NAN)]
  assert shown == ["1", "0.81", "0.031", "0.00012", "< 0.0001", "< 0.0001", "-"]


COLUMNS = (
  Column("setting", "setting", "text"),
  Column("latent", "", "count"),
  Column("n", "n", "count"),
  Column("iqm", "IQM [95%]", interval=True),
  Column("won", "P(A)", "share", interval=True),
  Column("rho", "rho", "share"),
  Column("p", "p", "p"),
)
TABLE = Table(
  COLUMNS,
  [
    Block(
      "Frechet distance, lower is better",
      {"score": "fd"},
      [
        ("vae_1 latent 2", 2, 1234, Estimate(41.2, 39.1, 43.25), Estimate(1, 0.7, 1), -0.5, 1e-9),
        ("[b]", 10, None, Estimate(-7.5, -INF, INF), Estimate(0.5, 0.25, 0.75), NAN, 0.25),
      ],
      ["2 runs failed: 100% & more"],
    ),
    Block("coverage", {"score": "coverage"}, [("a,b", 5, 0, *[Estimate(0.5, NAN, NAN)] * 2, 1, 1)]),
  ],
)


def test_text_is_aligned_and_hides_the_csv_s_own_columns():
  assert tables.text(TABLE) == (
    "Frechet distance, lower is better\n"
    "setting             n             IQM [95%]               P(A)    rho         p\n"
    "-------------------------------------------------------------------------------\n"
    "vae_1 latent 2  1,234  41.20 [39.10, 43.25]  1.00 [0.70, 1.00]  -0.50  < 0.0001\n"
    "[b]                 -                -7.500  0.50 [0.25, 0.75]      -      0.25\n"
    "  2 runs failed: 100% & more\n"
    "\n"
    "coverage\n"
    "setting             n             IQM [95%]               P(A)    rho         p\n"
    "-------------------------------------------------------------------------------\n"
    "a,b                 0                0.5000               0.50   1.00         1\n"
  )


def test_csv_has_every_figure_whole():
  heads, *rows = csv.reader(tables.csv_text(TABLE).splitlines())
  assert ",".join(heads) == (
    "score,setting,latent,n,iqm,iqm_low,iqm_high,won,won_low,won_high,rho,p"
  )
  fd, second, coverage = rows
  assert fd[:7] == ["fd", "vae_1 latent 2", "2", "1234", "41.2", "39.1", "43.25"]
  assert fd[7:] == ["1", "0.7", "1", "-0.5", "1e-09"]
  assert second == ["fd", "[b]", "10", "", "-7.5", "", "", "0.5", "0.25", "0.75", "", "0.25"]
  assert coverage == ["coverage", "a,b", "5", "0", "0.5", "", "", "0.5", "", "", "1", "1"]


def test_an_infinite_figure_stays_and_an_infinite_end_is_none():
  table = Table(COLUMNS[3:4], [Block("", {}, [(Estimate(INF, -INF, INF),)])])
  assert tables.csv_text(table) == "iqm,iqm_low,iqm_high\ninf,,\n"


def test_latex_by_hand():
  assert tables.latex(TABLE).splitlines() == [
    r"% \usepackage{booktabs}",
    r"\begin{tabular}{lrrrrr}",
    r"\toprule",
    r"setting & n & IQM [95\%] & P(A) & rho & p \\",
    r"\midrule",
    r"\multicolumn{6}{l}{\textit{Frechet distance, lower is better}} \\",
    r"vae\_1 latent 2 & 1,234 & 41.20 [39.10, 43.25] & 1.00 [0.70, 1.00] & $-$0.50 & $<$ 0.0001 \\",
    r"{}[b] & -- & $-$7.500 & 0.50 [0.25, 0.75] & -- & 0.25 \\",
    r"\multicolumn{6}{l}{{\footnotesize 2 runs failed: 100\% \& more}} \\",
    r"\midrule",
    r"\multicolumn{6}{l}{\textit{coverage}} \\",
    r"a,b & 0 & 0.5000 & 0.50 & 1.00 & 1 \\",
    r"\bottomrule",
    r"\end{tabular}",
  ]


def test_latex_escapes_what_it_reads_itself():
  table = Table(COLUMNS[:1], [Block(r"a\b", {}, [(r"50% of ~x^2 & {y}_$#, mnist-0 e-05",)])])
  lines = tables.latex(table).splitlines()
  assert lines[5] == r"\multicolumn{1}{l}{\textit{a\textbackslash{}b}} \\"
  assert lines[6] == (
    r"50\% of \textasciitilde{}x\textasciicircum{}2 \& \{y\}\_\$\#, mnist-0 e-05 \\"
  )


def test_a_table_without_rows():
  assert tables.text(Table(COLUMNS, [])) == ""
  assert tables.csv_text(Table(COLUMNS[:1], [])) == "setting\n"


def test_html():
  columns = (Column("name", "name", "text"), Column("x", "x"), Column("raw", ""))
  table = Table(columns, [Block("a <b>", {}, [("$x & y", 1.5, 0.0)], ["a note"])])
  assert tables.html(table).splitlines() == [
    "<table>",
    '<tr><th colspan="2" style="text-align:left">a &lt;b&gt;</th></tr>',
    '<tr><th style="text-align:left">name</th><th style="text-align:right">x</th></tr>',
    '<tr><td style="text-align:left">$x &amp; y</td><td style="text-align:right">1.500</td></tr>',
    '<tr><td colspan="2" style="text-align:left">a note</td></tr>',
    "</table>",
  ]
  assert table._repr_html_() == tables.html(table)
  assert f"{table!r}\n" == tables.text(table)
