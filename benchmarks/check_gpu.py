"""Check that this project is right on a GPU, and how fast: make check-gpu, or PYTHONPATH=src python3 benchmarks/check_gpu.py

usage: check_gpu.py [--out FILE.md] [--json FILE.json] [--seconds N] [--only BLOCK ...] [--tiny]

Needs torch, torchvision, numpy and Pillow; no network, no Snakemake, no DVC, no data. Prints lines `name = value`; where a check
fails, `name_error = sentence`; what cannot be looked at for want of a package, `name_skipped = sentence`. Blocks come by
importance, each has a limit of time, and an error ends its block alone. Without a GPU it checks on the CPU what it can, in
small sizes. Ends with 1 if a check failed, else with 0. docs/gpu.md says more.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# runs where this package and most others are not installed
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "workflow/lib")]

from gpu_checks.standins import stand_in  # noqa: E402

from job import _less_page_faults  # noqa: E402

if __name__ == "__main__":
    _less_page_faults()  # as in every job, and only before torch
ABSENT = stand_in()  # before the library is imported

import torch  # noqa: E402
from gpu_checks import agreement, engine, machine, memory, paper_hours, rendering, setting, speed, trainers  # noqa: E402
from gpu_checks.report import Report  # noqa: E402

from aesthetic_pretraining.training import runtime  # noqa: E402

SECONDS = 330  # for everything but the imports
BLOCKS = {  # by importance; name -> (function of report and setting, its share of the time)
    "machine": (lambda report, where: machine.machine(report, where, ABSENT), 0.10),
    "losses": (agreement.losses, 0.10),
    "steps": (agreement.steps, 0.35),
    "trainers": (trainers.trainers, 0.20),
    "engine": (engine.engine, 0.10),
    "rendering": (rendering.rendering, 0.10),
    "bfloat16": (agreement.bfloat16, 0.10),
    "rates": (speed.rates, 0.20),
    "memory": (memory.memory, 0.20),
    "live": (speed.live, 0.20),
    "hours": (lambda report, where: paper_hours.paper_hours(report), 0.05),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the blocks. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write a section for docs/gpu.md here, too")
    parser.add_argument("--json", type=Path, help="write all lines here, too")
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        help=f"for all blocks together, by default {SECONDS}; of CPU time without a GPU",
    )
    parser.add_argument("--only", nargs="+", choices=BLOCKS, default=list(BLOCKS), help="these blocks alone")
    parser.add_argument("--tiny", action="store_true", help="in the sizes of this script's own test: figures mean nothing")
    args = parser.parse_args(arguments)
    device = runtime.set_up(threads=1)
    report = Report(cpu=device.type == "cpu")
    begun = report.now()
    if device.type == "cuda":
        torch.set_num_threads(min(16, setting.cores()))  # for the CPU's side of comparisons
    runtime.allow_tf32(False)
    sizes = setting.TINY if args.tiny else setting.ON_GPU if device.type == "cuda" else setting.ON_CPU
    with tempfile.TemporaryDirectory() as temporary:
        where = setting.Setting(device, sizes, Path(temporary))
        for name in (name for name in BLOCKS if name in args.only):
            block, share = BLOCKS[name]
            rest = args.seconds - (report.now() - begun)
            report.run(name, lambda block=block: block(report, where), min(share * args.seconds, rest))
    report.say("seconds", round(report.now() - begun, 1))
    report.close()
    if args.out:
        report.write_markdown(args.out)
    if args.json:
        report.write_json(args.json)
    return 1 if report.named("failed") else 0


if __name__ == "__main__":
    sys.exit(main())
