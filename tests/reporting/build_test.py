"""Reports by their words; browser_test.py looks at one in Chromium."""

import html.parser
import itertools
import json
import pathlib
import re
import shutil

import jax
import numpy as np
import pytest
import scored
import trainings

from genjax import data
from genjax.analysis import selection
from genjax.plotting import tables
from genjax.reporting import build, explorer, page
from genjax.training import loading, planning, train, workdir
from genjax.types import UserError


class Page(html.parser.HTMLParser):
  """What a reader of the source sees."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.ids, self.heads, self.stack, self.words = [], [], [], [], []
    self.feed(text)

  def handle_starttag(self, tag, attributes):
    found = dict(attributes)
    self.tags.append((tag, found))
    self.ids += [found["id"]] if "id" in found else []
    self.stack.append(tag)
    if re.fullmatch(r"h\d", tag):
      self.heads.append([int(tag[1]), ""])

  def handle_endtag(self, tag):
    while self.stack and self.stack.pop() != tag:
      pass

  def handle_data(self, text):
    if self.stack and re.fullmatch(r"h\d", self.stack[-1]):
      self.heads[-1][1] += text
    if not {"script", "style"} & set(self.stack):
      self.words.append(text)

  @property
  def text(self):
    return " ".join(" ".join(self.words).split())

  def all(self, tag):
    return [found for name, found in self.tags if name == tag]


def spaces(text):
  return json.loads(re.search(r'id="spaces">(.*?)</script>', text, re.S)[1])


@pytest.fixture(scope="module")
def written(vae, tmp_path_factory):
  """A copy of the finished workdir with a report, and its text."""
  path = shutil.copytree(vae[0], tmp_path_factory.mktemp("report") / "vae")
  build.write([path], path / build.FILE, vae[1].splits)
  return path, (path / build.FILE).read_text()


def test_the_page_is_whole_and_refers_to_nothing_outside(written):
  page = Page(written[1])
  sources = [found[k] for _, found in page.tags for k in ("src", "href", "srcset") if k in found]
  assert all(source.startswith(("data:", "#")) for source in sources)
  assert not re.search(r"https?://|url\(|@import", written[1])
  assert len(page.ids) == len(set(page.ids))
  anchors = [found["href"][1:] for found in page.all("a")]
  assert set(anchors) <= set(page.ids)
  for section in ("what", "results", "curves", "gallery", "interpolations", "explorer", "failures"):
    assert section in anchors


def test_headings_have_an_order_and_images_have_words(written):
  page = Page(written[1])
  levels = [level for level, _ in page.heads]
  assert levels[0] == 1
  assert levels.count(1) == 1
  assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
  assert all(text.strip() for _, text in page.heads)
  images = page.all("img")
  assert images
  assert all(len(image["alt"]) > 10 and int(image["width"]) for image in images)
  assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in page.tags}
  labelled = {found["for"] for found in page.all("label")}
  assert {found["id"] for found in page.all("select")} <= labelled


def test_it_tells_what_was_run(written):
  text = Page(written[1]).text
  assert "learning rate 0.001, 0.3" in text
  assert "2: 0, 1" in text  # seeds
  assert "12 steps" in text
  assert "The command was not recorded" in text
  params = jax.tree.leaves(loading.read(written[0]).progress.state.params)
  assert f"{sum(leaf[0].size for leaf in params):,} a run" in text
  assert f"python -m genjax.evaluate --workdir={written[0]}" in text


def test_a_recorded_command_can_be_copied(written, tmp_path):
  path = shutil.copytree(written[0], tmp_path / "vae")
  record = json.loads((path / "config.json").read_text())
  command = "python -m genjax.main --config=a.py '--config.sweep.seeds=(0, 1)' --workdir=<b>"
  (path / "config.json").write_text(json.dumps(record | {"command": command, "date": "2026"}))
  build.write([path], path / build.FILE)
  text = (path / build.FILE).read_text()
  assert "&lt;b&gt;" in text
  assert command in Page(text).text
  assert "not recorded" not in Page(text).text.lower()


def test_the_same_workdir_gives_the_same_bytes(written, vae, tmp_path):
  out = tmp_path / "new" / "again.html"
  build.write([written[0]], out, vae[1].splits)
  assert out.read_text() == written[1]
  build.write([written[0]], out)
  assert out.read_text() == written[1]


def test_tables_are_those_of_the_last_validation(written):
  values = trainings.metric(written[0], "val_loss")
  mean = np.mean([values[run][12] for run in (0, 1)])
  text = Page(written[1]).text
  assert tables.figure(float(mean)) in text
  assert "With 2 runs of a setting no winner is named" in text


def test_scores_stand_with_intervals_and_floors(tmp_path, written):
  path = shutil.copytree(written[0], tmp_path / "vae")
  with open(path / "metrics.csv", "a") as file:
    for run in range(8):
      file.write(f"12,{run},fd@aa,{10 + run}\n")
  (path / "protocols.json").write_text(json.dumps({"aa": scored.protocol()}))
  build.write([path], path / build.FILE)
  text = Page((path / build.FILE).read_text()).text
  assert "Frechet distance, lower is better" in text
  assert "0.7100" in text  # the floor
  assert "10.50" in text  # the mean of runs 0 and 1
  assert "not enough seeds" in text
  assert "Nothing was scored" not in text
  assert "54,000 real images, features mnist-0-3fa91c77" in text  # what the id stands for


def test_failed_runs_are_named_with_their_step(vae, tmp_path):
  progress = trainings.saved(*vae)
  failed_at = np.array(progress.failed_at)
  failed_at[3] = 7
  path = shutil.copytree(vae[0], tmp_path / "vae")
  store = train.checkpoint.Checkpoints(path / "checkpoints", 3)
  store.save(20, progress._replace(failed_at=failed_at))
  store.close()
  lines = (path / "runs.csv").read_text().splitlines()
  lines[4] = lines[4].replace("done", "failed")
  (path / "runs.csv").write_text("\n".join(lines) + "\n")
  build.write([path], path / build.FILE, vae[1].splits)
  page = Page((path / build.FILE).read_text())
  assert "1 of 8 runs met NaN or Inf" in page.text
  assert re.search(r"failed at step .* 3 1 7 ", page.text)
  assert any("failed at step 7" in image["alt"] for image in page.all("img"))


def test_none_failed(written):
  assert "None of 8 runs failed" in Page(written[1]).text


def test_where_all_failed_nothing_is_said_to_come(vae, tmp_path):
  path, failed_at = tmp_path / "vae", np.ones(8, np.int32)
  path.mkdir()
  trainings.untrained(path, vae[1], lambda progress: progress._replace(failed_at=failed_at))
  result = {"status": "failed", "best_step": 0, "last_step": 0, "trouble": ""}
  workdir.write_runs(path, vae[1].rows, [result] * 8)
  build.write([path], tmp_path / build.FILE, vae[1].splits)
  text = Page((tmp_path / build.FILE).read_text()).text
  assert "All 8 runs failed: there is nothing to compare." in text
  assert "Nothing was scored" not in text
  assert " yet" not in text


def test_without_the_data_there_is_a_gallery_and_a_sentence(written, tmp_path, monkeypatch):
  def gone(config, where):
    raise UserError("mnist is gone")

  monkeypatch.setattr(planning, "reload_data", gone)
  build.write([written[0]], tmp_path / "r.html")
  page = Page((tmp_path / "r.html").read_text())
  assert "Nearest training images are not shown: mnist is gone" in page.text
  assert any(image["alt"].startswith("3 images of") for image in page.all("img"))
  assert "nearest training image" not in " ".join(image["alt"] for image in page.all("img"))


def test_a_study_has_one_report_over_its_cells(vae, tmp_path):
  for width in (8, 16):
    shutil.copytree(vae[0], tmp_path / "study" / f"width={width}")
  build.write([tmp_path / "study"], tmp_path / "study" / build.FILE, vae[1].splits)
  text = (tmp_path / "study" / build.FILE).read_text()
  page = Page(text)
  assert "width=8" in page.text
  assert "width=16" in page.text
  names = [space["name"] for space in spaces(text)["spaces"]]
  assert len(names) == explorer.RUNS
  assert sum(name.startswith("width=16") for name in names) == 4  # one of each setting
  assert "8 runs are left out here" in page.text


def test_it_is_written_whole_or_not_at_all(written, tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(UserError, match="cannot be written"):
    build.write([written[0]], tmp_path / "file" / "r.html")
  assert [path.name for path in tmp_path.iterdir()] == ["file"]
  with pytest.raises(UserError, match="not a genjax workdir"):
    build.write([tmp_path], tmp_path / "r.html")


def test_what_is_left_out_is_said(vae):
  (one,) = selection.read([vae[0]])
  assert build._quota([one], 4, every=True) == [[0, 2, 4, 6]]  # one of each setting first
  assert build._quota([one], 5, every=True) == [[0, 1, 2, 4, 6]]
  assert build._quota([one], 9, every=False) == [[0, 2, 4, 6]]
  assert build._left_out([one], [[0, 1, 2, 3, 4, 6, 7]]) == [
    "latent 3, learning rate 0.001, seed 1"
  ]


def test_data_are_loaded_where_none_are_given(written, vae):
  (one,) = selection.read([written[0]])
  images, why = build._training_images(one, build._loader(None, ""))
  assert why == ""
  np.testing.assert_array_equal(images, data.load("digits").train.image)


def test_the_data_of_a_study_are_loaded_once(vae, monkeypatch):
  (one,) = selection.read([vae[0]])
  asked = []
  monkeypatch.setattr(
    planning, "reload_data", lambda config, where: asked.append(config) or vae[1].splits
  )
  load = build._loader(None, "")
  assert [build._training_images(one, load)[1] for _ in range(3)] == [""] * 3
  assert len(asked) == 1


def test_a_folder_named_twice_is_one_workdir(written, tmp_path, monkeypatch):
  monkeypatch.chdir(written[0].parent)
  twice = [pathlib.Path("vae"), written[0]]
  assert build.distinct(twice) == [pathlib.Path("vae")]
  shutil.copytree(written[0], tmp_path / "study" / "a=1")
  monkeypatch.chdir(tmp_path)
  assert build.distinct([tmp_path / "study" / "a=1", pathlib.Path("study")]) == [
    pathlib.Path("study")
  ]


def test_scored_runs_with_best_steps_that_differ(vae, tmp_path):
  """Scores of two networks, KLs of dimensions, an interrupted workdir, from before commands."""
  path = shutil.copytree(vae[0], tmp_path / "vae")
  record = json.loads((path / "config.json").read_text())
  record = {k: v for k, v in record.items() if k not in ("command", "date", "revision")}
  (path / "config.json").write_text(json.dumps(record | {"versions": {"jax": "0.9"}}))
  runs = (path / "runs.csv").read_text().replace("done", "running")
  (path / "runs.csv").write_text(runs)
  with open(path / "metrics.csv", "a") as file:
    for run in range(8):
      rows = ("fd@aa", 10 + run), ("fd@bb", 20 + run), ("kl_dim/0@cc", 5), ("kl_dim/1@cc", 6)
      file.writelines(f"{(6, 12)[run % 2]},{run},{name},{value}\n" for name, value in rows)
  protocols = {"aa": scored.protocol(), "bb": scored.protocol("inception-1")}
  protocols["cc"] = scored.protocol(None, "model")
  (path / "protocols.json").write_text(json.dumps(protocols))
  shown = build.context([path], vae[1].splits)
  ((_, figures),) = shown["curves"]["groups"]
  assert [title for title, _ in figures] == [
    "Training",
    "On validation images",
    "KL of each latent dimension",
  ]
  assert "dimensions above 0.1" in figures[-1][1].alt
  text = Page(page.render(shown)).text
  assert "fd@aa, features mnist-0-3fa91c77" in text
  assert "fd@bb, features inception-1" in text
  assert "8 of 8 runs are not trained to the end" in text
  assert "jax 0.9" in text


def test_a_page_is_a_file_html(tmp_path):
  (tmp_path / "config.json").write_text("mine")
  with pytest.raises(UserError, match=r"config\.json: expected a file \.html"):
    build.write([tmp_path], tmp_path / "config.json")
  assert (tmp_path / "config.json").read_text() == "mine"
