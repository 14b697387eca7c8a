"""Time training: steps against the structure of the released code and against the plain network (make bench-training).

usage: training.py [--memory-gib G] [--rounds N] [--photos B] [--only-recompute]

Everything runs on one thread, measured in turns in CPU seconds, so that what else the machine does hits all alike; a figure is
a ratio of two minima over the rounds of one run. Prints tables, then one line per figure: name = value.

The structure of the released code (released_structure.py) gets the same photos, network and precision. `step_vs_authors` is against that
structure with glibc's default allocator, as published: the settings of job.py are part of this project. The table and the
line above the figures say what is left if it gets them, too.

What to expect of `step_vs_authors`: a step in two passes and a step under checkpointing do the same sums, two forward passes and
one backward pass over all pictures. So the gain is that of the memory format, the allocator and fewer, larger calls. On a
processor with AVX2 alone channels_last makes this network's layers 1.2 to 1.3 times as fast, forward and backward. Where the graphs
of all micro-batches fit into the limit (the table says what they take), one of the two forward passes falls away.
"""

import argparse
import tempfile
from pathlib import Path

from fixtures import BACKBONE, BATCH_PHOTOS, FEW, TASK  # first: sets the allocator

# isort: split
import torch
from bare_network import against_plain
from finetuning import fine_tuning
from joint_step import against_released
from paper_scale import paper_scale
from recompute import recomputation
from released_structure import ladders, released_ranking
from timing import Timed, in_turns

from aesthetic_pretraining.distortions import VARIANTS
from aesthetic_pretraining.training import losses

MORE = (*FEW, "contrast", "rotation")  # 38 variants, for the step with live input, whose fixed costs more of them share


def ranking_alone(rounds: int) -> Timed:
    """Loss and gradient of 8 photos' scores; values and gradients are checked to be the same."""
    sides = ladders()
    scores = torch.rand(8, len(VARIANTS), generator=torch.Generator().manual_seed(1)).requires_grad_()
    single = [column.detach().clone().requires_grad_() for column in scores.unbind(1)]
    ours, theirs = losses.ranking_loss(scores, TASK.margin), released_ranking(single, sides)
    ours.backward()
    theirs.backward()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scores.grad, torch.stack([s.grad for s in single], dim=1), rtol=1e-5, atol=1e-6)
    many = 50  # calls of ours in one timing, which is too short for one

    def of_ours() -> None:
        for _ in range(many):
            losses.ranking_loss(scores, TASK.margin).backward()

    timed = in_turns({"ours": of_ours, "released": lambda: released_ranking(single, sides).backward()}, 5 * rounds)
    timed.seconds["ours"] /= many
    return timed


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory-gib", type=float, default=8.0, help="most memory that a step of ours may take")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--photos", type=int, default=BATCH_PHOTOS, help="in the step against the released structure, at most 8"
    )
    parser.add_argument(
        "--only-recompute", action="store_true", help="what compute.recompute saves and costs, and nothing else"
    )
    args = parser.parse_args()
    print(f"torch {torch.__version__}, one thread, CPU seconds, best of {args.rounds} rounds in turns, {BACKBONE}")
    memory, time = recomputation(224, 5 * args.rounds)  # first: later parts leave memory in pieces
    if args.only_recompute:
        print(f"\nrecompute_memory = {memory:.3f}\nrecompute_time = {time:.3f}")
        return
    ranking = ranking_alone(args.rounds)
    print("\nranking loss and its gradient, 8 photos x 174 pictures: equal values and gradients")
    for name, seconds in ranking.seconds.items():
        print(f"{name:28}{seconds * 1e3:12.3f} ms")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small, small_same, _ = against_released(folder, 96, args.rounds, args.memory_gib, args.photos)
        large, large_same, micro = against_released(folder, 224, args.rounds, args.memory_gib, args.photos)
        more = 3 * args.rounds  # these steps are short, and their ratios near 1
        shares = [against_plain(folder, size, more, only) for size, only in ((64, None), (96, None), (224, MORE))]
        tuned, frozen, full = fine_tuning(folder, 224, more)
    paper_scale({"micro-batches": micro, "plain, for comparison": shares[-1][1]}, full)
    print(f"\nstep against the released structure: 96 px {small:.2f}, 224 px {large:.2f}; if that had our allocator settings, "
          f"{small_same:.2f} and {large_same:.2f}\nstep against plain at 64, 96, 224 px: " + ", ".join(f"{share:.3f}" for share, _ in shares))  # fmt: skip
    print(f"step_vs_authors = {large:.2f}")
    print(f"ranking_loss_vs_authors = {ranking.seconds['released'] / ranking.seconds['ours']:.1f}")
    print(f"step_vs_plain = {min(share for share, _ in shares):.3f}")
    print(f"finetune_vs_plain = {tuned:.3f}")
    print(f"frozen_vs_full = {frozen:.1f}")
    print(f"recompute_memory = {memory:.3f}")
    print(f"recompute_time = {time:.3f}")


if __name__ == "__main__":
    main()
