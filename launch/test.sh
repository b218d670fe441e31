#!/usr/bin/env bash
# Lint and tests. Tests on real MNIST and CIFAR-10 need TFDS_DATA_DIR and are skipped without it.
#   launch/test.sh [arguments of pytest]
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
ruff check .
ruff format --check .
# Two processes: most of the time goes into compiling, which takes one core.
python -m pytest --numprocesses=2 --dist=loadfile "$@"
