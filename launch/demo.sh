#!/usr/bin/env bash
# The main job on embedded data: a GAN, 2 seeds x 2 latent sizes in one program, a few minutes.
#   launch/demo.sh [WORKDIR]     (demo by default)
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
workdir=$(realpath -m "${1:-demo}")
if [ "$PWD" -ef "$root" ]; then workdir=${workdir#"$root"/}; fi
cd "$root"
. launch/environment.sh
python -m genjax.main --config=configs/gan_digits.py --workdir="$workdir"
echo "Open $workdir/report.html, or look at $workdir/samples/best.png"
