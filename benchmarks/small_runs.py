"""What the parameters for small runs do (docs/training.md): ranking + regression pretrained once with each of them set back.

usage: small_runs.py [--scale S] [--epochs N] [--only NAME ...]

Trains on the scale's own training photos and judges, in inference mode, on the photos whose role is "labels": the demo's pretext
results are about its test photos, which this never looks at, so that values can be chosen here. Needs the stores and the
ImageNet weights of the scale, and one core for a few minutes; writes nothing.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.config import leaf, leaf_keys, load, resolve
from aesthetic_pretraining.data.ledger import read_table
from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.evaluation.responses import RespondConfig, respond
from aesthetic_pretraining.reporting.claim_checks import response
from aesthetic_pretraining.reporting.claim_evidence import Evidence
from aesthetic_pretraining.settings.keys import build
from aesthetic_pretraining.training.pretext import TaskConfig
from aesthetic_pretraining.training.pretrain import pretrain
from aesthetic_pretraining.training.pretrain_setup import PretrainConfig

ROOT = Path(__file__).resolve().parents[1]
TASK = "ranking_regression"
SETTINGS = {  # keys of the section `pretrain`
    "as_the_scale": {},
    "batch_statistics": {"batch_norm": "batch"},
    "whole_photos": {"augment": "none"},
    "no_warmup_no_clipping": {"warmup_steps": 0, "clip_norm": 0.0},
    "last_block_alone": {"learning_blocks": 1},
    "all_blocks": {"learning_blocks": 0},
    "balance_temperature_1000": {"balance_temperature": 1000},
    # the rates that ranked best in a search on a GPU, at the price of the features (docs/learning.md)
    "all_blocks_fast": {
        "learning_blocks": 0,
        "learning_rate": 1.6e-4,
        "learning_rate_decay": 0.95,
        "warmup_steps": 20,
        "clip_norm": 3.0,
        "balance_temperature": 1000,
    },
}


def measure(values: dict, scale: str, changes: dict) -> dict[str, float]:
    """Train once and judge; {figure: value}."""
    split = read_table(ROOT / f"data/{scale}/photos/split.csv")
    role = {name: list(split["id"][split["split"] == name]) for name in ("train", "val", "labels")}
    stores = [ROOT / f"data/{scale}/photos/store/{shard}.tar" for shard in range(values["photos"]["shards"])]
    cfg = {key: leaf(values, key) for section in values for key in leaf_keys(values, section)}
    cfg |= {f"pretrain.{name}": value for name, value in changes.items()}
    config = build(PretrainConfig, cfg, seed=cfg["pretrain.seeds"][0])
    variants = Variants(Store(stores), values["image"]["size"], config.table, config.edited_width, kernels=config.kernels)
    with tempfile.TemporaryDirectory() as folder:
        at = {
            name: Path(folder) / name for name in ("weights", "history", "responses", "cross", "ranking", "pooled", "confusion")
        }
        start = ROOT / f"models/{scale}/pretrained/imagenet/seed0.safetensors"
        pretrain(
            TASK,
            build(TaskConfig, cfg),
            config,
            variants,
            role["train"],
            role["val"],
            start,
            at["weights"],
            at["history"],
            folder,
        )
        judge = build(RespondConfig, cfg)
        tables = {name: at[name] for name in ("responses", "cross", "ranking", "pooled", "confusion")}
        respond(judge, variants, role["labels"], values["seed"], {(TASK, config.seed): at["weights"]}, **tables)
        history, pooled = pd.read_csv(at["history"]), pd.read_csv(at["pooled"]).iloc[0]
        evidence = Evidence(*[pd.DataFrame()] * 3, pd.read_parquet(at["responses"]), pd.DataFrame(), 0.95, pd.DataFrame())
        best = history.loc[history["val_loss"].idxmin()]
        curves = {
            f"figure4_{output}": response(evidence, "", "brightness", output, 1).value for output in ("brightness", "contrast")
        }
        return {
            "train_loss": best["train_loss"],
            "val_loss": best["val_loss"],
            "ranking_accuracy": pooled["accuracy"],
            "all_pairs": pooled["all_pairs"],
        } | curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="demo")
    parser.add_argument("--epochs", type=int, help="instead of the scale's")
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    given = parser.parse_args()
    values = resolve(load(ROOT / "params.yaml") | {"scale": given.scale})
    if not (ROOT / f"models/{given.scale}/pretrained/imagenet/seed0.safetensors").exists():
        sys.exit(
            f"error: there is no run of scale {given.scale}; run 'snakemake --cores all --config scale={given.scale} -- all' first"
        )
    rows = {}
    for name in given.only:
        rows[name] = measure(values, given.scale, SETTINGS[name] | ({"epochs": given.epochs} if given.epochs else {}))
    table = pd.DataFrame(rows).T
    print(table.round(3).to_string())
    for name, row in table.iterrows():
        for figure, value in row.items():
            print(f"{name}_{figure} = {value:.4f}")


if __name__ == "__main__":
    main()
