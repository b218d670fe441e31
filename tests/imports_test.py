"""Imports run one way, from the types to the commands."""

import ast
import pathlib

import pytest

import genjax

PACKAGE = pathlib.Path(genjax.__file__).parent

# A module imports from the layers before its own, and from no other.
LAYERS = [
  {"types"},
  {"initialisers"},
  {
    "animations",
    "distances",
    "events",
    "health",
    "layers",
    "losses",
    "optimisers",
    "outputs",
    "plots",
    "scores",
    "sources",
    "statistics",
    "sweep",
    "tables",
  },
  {
    "cache",
    "classifier_network",
    "folders",
    "galleries",
    "gan_networks",
    "latent_plots",
    "likelihood",
    "metrics",
    "page",
    "records",
    "vae_networks",
    "weights",
  },
  {"command", "inception", "inversion", "networks", "paths"},
  {"layer_table"},
  {"data", "gan", "vae"},
  {"models", "published", "validation"},
  {"config", "programs"},
  {"classifier", "cost", "protocols", "workdir"},
  {"checkpoint", "feature_networks", "histories", "score_files"},
  {"feature_scores", "image_scores", "model_scores", "readings", "trained_scores"},
  {"comparisons", "evaluation", "judgements", "selection", "train"},
  {"watch"},
  {
    "charts",
    "correlations",
    "facts",
    "latents",
    "listing",
    "reconstructions",
    "run_tables",
    "sampling",
    "standings",
  },
  {"explorer", "originals", "score_plots", "smoothness"},
  {"interpolations", "renderings"},
  {"exhibits"},
  {"report"},
  {
    "__main__",
    "compare",
    "describe",
    "evaluate",
    "export",
    "interpolate",
    "main",
    "reconstruct",
    "sample",
  },
]

# Libraries that only these modules may know.
ONLY = {
  "flax": {
    "classifier_network",
    "gan_networks",
    "layer_table",
    "layers",
    "networks",
    "vae_networks",
  },
  "jinja2": {"page"},
  "matplotlib": {"galleries", "interpolations", "latent_plots", "plots", "score_plots"},
  "optax": {"classifier", "inversion", "optimisers"},
  "orbax": {"checkpoint"},
  "safetensors": {"export", "weights"},
  "sklearn": {"sources"},
  "tensorboardX": {"events"},
  "tensorflow": set(),
  "tensorflow_datasets": {"records"},
  "threadpoolctl": {"distances", "metrics"},
  "tqdm": {"evaluate", "train"},
}
# These take seconds to import, or are not on every machine: within functions alone.
LATE = {"sklearn", "tensorflow_datasets"}

MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def _imports(nodes):
  """Dotted names that these nodes import, and whether it is within a function."""
  for tree, late in nodes:
    if isinstance(tree, ast.Import):
      yield from ((alias.name, late) for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
      assert tree.level == 0, "a relative import"
      yield tree.module, late
      yield from ((f"{tree.module}.{alias.name}", late) for alias in tree.names)
    else:
      inside = late or isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
      yield from _imports((node, inside) for node in ast.iter_child_nodes(tree))


def imports(module):
  return set(_imports([(ast.parse((PACKAGE / f"{module}.py").read_text()), False)]))


def ours(names):
  """Modules of the package among dotted names."""
  parts = [name.split(".") for name, _ in names]
  return {part[1] for part in parts if part[0] == "genjax" and part[1:] and part[1] in MODULES}


def test_every_module_has_its_layer():
  assert sorted(module for layer in LAYERS for module in layer) == MODULES
  assert "utils" not in MODULES
  folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
  assert folders - {"__pycache__"} == {"templates"}  # of the report; no code


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_earlier_layers(module):
  place = next(i for i, layer in enumerate(LAYERS) if module in layer)
  earlier = set().union(*LAYERS[:place])
  assert ours(imports(module)) <= earlier


def test_the_package_itself_imports_nothing_before_it_is_asked():
  assert [name for name, late in imports("__init__") if not late] == []


@pytest.mark.parametrize("library", ONLY)
def test_who_knows_a_library(library):
  users = {}
  for module in ["__init__", *MODULES]:
    found = [late for name, late in imports(module) if name.split(".")[0] == library]
    if found:
      users[module] = all(found)
  assert set(users) == ONLY[library]
  assert library not in LATE or all(users.values())


def test_the_reading_of_imports_sees_what_it_should(tmp_path, monkeypatch):
  (tmp_path / "odd.py").write_text(
    "import a.b\nfrom genjax import train as t\nclass C:\n  def f(self):\n    from d import e\n"
  )
  monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
  names = imports("odd")
  assert {("a.b", False), ("d", True), ("d.e", True)} <= names
  assert ours(names) == {"train"}
