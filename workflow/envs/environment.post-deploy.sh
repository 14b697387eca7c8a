#!/usr/bin/env bash
# Run by Snakemake with the new environment activated: a copy of this file, in the working folder of the run (workflow/rules/here.smk
# says where the project is). --no-deps: the lock is complete, and imagecorruptions asks for an OpenCV build that needs a system libGL.
set -euo pipefail
python -m pip install --no-deps --require-hashes -r "$AESTHETIC_PRETRAINING_ROOT/requirements.lock"
