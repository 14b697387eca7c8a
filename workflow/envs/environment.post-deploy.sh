#!/usr/bin/env bash
# Run by Snakemake in the project's folder, with the new environment activated.
# --no-deps: the lock is complete, and imagecorruptions asks for an OpenCV build that needs a system libGL.
set -euo pipefail
python -m pip install --no-deps --require-hashes -r requirements.lock
