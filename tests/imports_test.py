"""Imports run one way: from room to room, and within a room without a circle."""

import ast
import graphlib
import pathlib

import pytest

import genjax

PACKAGE = pathlib.Path(genjax.__file__).parent

# A room imports from those before it: files of the package's root by name, then its folders.
ROOMS = (
  *("mistakes", "types", "rng", "files", "parts", "process", "flag_parsing", "cli"),
  *(
    "models",
    "metrics",
    "data",
    "config",
    "config_flag",
    "plotting",
    "training",
    "scoring",
    "analysis",
  ),
  *("reporting", "commands"),
)
# Where a room shows what it has, in the order of the rooms.
SHOWN = "__init__"

# These take seconds to import, or are not on every machine: within functions alone.
LATE = {"ray", "sklearn", "tensorflow_datasets"}
# No part of the program at run time.
NEVER = {"beartype", "tensorflow", "torch"}

MODULES = sorted(
  ".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py")
)


def room(module):
  """Of a module by its name in the package, as "models.vae"; what is at the root is a command."""
  first = module.split(".")[0]
  return first if first in ROOMS else "commands"


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
  file = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
  return set(_imports([(ast.parse(file.read_text()), False)]))


def ours(names):
  """Modules of the package among dotted names; a room's own name stands for what it shows."""
  found = {name.removeprefix("genjax.") for name, _ in names if name.startswith("genjax.")}
  shown = {f"{name}.{SHOWN}" for name in found} | found
  return {module for module in shown if module in MODULES}


def test_a_folder_is_a_room():
  folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
  assert folders <= {*ROOMS, "templates"}
  assert not {"utils", "common", "helpers"} & {part for m in MODULES for part in m.split(".")}


@pytest.mark.parametrize("module", [m for m in MODULES if m != SHOWN])
def test_a_module_imports_from_rooms_before_its_own(module):
  rooms = {room(name) for name in ours(imports(module))}
  assert max(map(ROOMS.index, rooms), default=0) <= ROOMS.index(room(module))


@pytest.mark.parametrize("name", ROOMS)
def test_modules_of_a_room_import_each_other_without_a_circle(name):
  inside = {m for m in MODULES if room(m) == name and not m.endswith(SHOWN)}
  order = graphlib.TopologicalSorter({m: ours(imports(m)) & inside for m in inside})
  assert set(order.static_order()) == inside  # a circle raises


def test_the_package_itself_imports_nothing_before_it_is_asked():
  assert [name for name, late in imports(SHOWN) if not late] == []


def test_libraries_that_are_slow_or_absent_are_imported_within_functions():
  for module in MODULES:
    for name, late in imports(module):
      library = name.split(".")[0]
      assert library not in NEVER, module
      assert late or library not in LATE, module


def test_the_reading_of_imports_sees_what_it_should(tmp_path, monkeypatch):
  (tmp_path / "odd.py").write_text(
    "import a.b\nfrom genjax import main as t\nclass C:\n  def f(self):\n    from d import e\n"
  )
  monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
  names = imports("odd")
  assert names == {
    ("a.b", False), ("genjax", False), ("genjax.main", False), ("d", True), ("d.e", True)
  }  # fmt: skip
  assert ours(names) == {"main"}
