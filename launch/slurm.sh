#!/usr/bin/env bash
# A study on Slurm: an array job with a task for each cell, into one workdir that all nodes see.
#   launch/slurm.sh [OPTIONS OF SBATCH --] --config=... --workdir=...     (flags of genjax.main)
# For example
#   launch/slurm.sh --time=4:00:00 --gpus=1 -- --config=vae_mnist:s2_study --workdir=/shared/s2
# --array=%20 lets 20 cells run at once. PYTHON names another interpreter than that of the environment.
# Cells that are done are passed over, and others go on from their last checkpoints: the same command
# again finishes what time limits cut.
set -euo pipefail
python=${PYTHON:-python}

# Slurm runs a copy of this file for each cell. A task is known by its first word, as whoever calls
# this within another array job has a task's number as well.
if [ "${1:-}" = cell ]; then
  # In place of the shell, as it is the shell that Slurm sends its signals to.
  exec "$python" -m genjax.main "${@:2}" --cell="$SLURM_ARRAY_TASK_ID"
fi

options=() at_once=
if [[ " $* " = *" -- "* ]]; then
  while [ "$1" != -- ]; do
    case $1 in
      --array=*%*) at_once="%${1##*%}" ;; # which cells there are is the study's to say
      *) options+=("$1") ;;
    esac
    shift
  done
  shift
fi
if [[ " $*" != *" --workdir"* ]]; then
  echo "launch/slurm.sh: --workdir is missing; name a folder that all nodes see" >&2
  exit 2
fi

# What is wrong with the config is said here, and no job is submitted.
cells=$("$python" -m genjax.main "$@" --cell=list)
count=$(wc -l <<< "$cells")
# A minute and a half before the time is up, each cell saves the step that it has reached.
exec sbatch --job-name=genjax --signal=B:USR1@90 --requeue ${options[@]+"${options[@]}"} --array="1-$count$at_once" \
  "${BASH_SOURCE[0]}" cell "$@"
