# Sourced by the scripts beside it: a virtual environment in .venv with genjax and its dependencies.
# Installed anew where setup.cfg, pyproject.toml or PYTHON changed, which names another interpreter.
wanted="$(cat setup.cfg pyproject.toml | cksum) ${PYTHON:-}"
if [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ]; then
  "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "genjax needs Python 3.11 or newer; set PYTHON=...")'
  "${PYTHON:-python3}" -m venv ${PYTHON:+--clear} .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
  echo "$wanted" > .venv/installed
fi
. .venv/bin/activate
