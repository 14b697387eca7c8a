"""Rule export."""

from job import job, listed

with job(snakemake):
    import json
    from itertools import groupby
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.runs import training_of
    from aesthetic_pretraining.settings.labels import Labels, values_of
    from aesthetic_pretraining.training import runtime
    from aesthetic_pretraining.use import facts
    from aesthetic_pretraining.use.export import Chosen, Explaining, export
    from aesthetic_pretraining.use.reading import responses_of
    from commit import commit

    files, cfg, scale = snakemake.input, snakemake.params.cfg, snakemake.wildcards.scale
    runtime.set_up(cfg["finetune.threads"], training=False)
    labels, home = Labels.of(cfg), cfg["labels.train_on"]
    intervals = pd.read_csv(files.intervals)
    trained = list(zip(listed(files.weights), listed(files.histories), listed(files.summaries), strict=True))
    chosen = []
    for run, networks in groupby(trained, key=lambda paths: training_of(paths[0])):
        folds = list(networks)
        weights, _, summary = folds[facts.best_fold([pd.read_csv(history) for _, history, _ in folds])]
        about = {
            **{"set": home, "title": labels.home.title, "simulated": labels.simulated, "licence": cfg[f"sets.{home}.licence"]},
            "images": json.loads(Path(summary).read_text())["train_pictures"],
        }
        metrics = facts.metrics_of(intervals, run.init, home)
        known = {
            **{"scale": scale, "commit": commit(), "labels": about, "metrics": metrics},
            "metrics_of": facts.metrics_sentence(
                max((each["seeds"] for each in metrics), default=1),
                len(folds) if len(folds) > 1 else 0,
                labels.home.title,
                labels.simulated,
            ),
            "confidence": f"{100 * cfg['report.confidence']:g}",
            "data": facts.data_lines(cfg["backbone.name"], run.init, cfg["photos.sources"], about),
        }
        chosen.append(Chosen(weights, f"{scale}-{run.init}", run.init, known))
    split, store = read_table(files.split), Store(listed(files.store))
    real = [image for image in split["id"][split["split"] == "test"] if image in store][:16] or store.ids()[:16]
    explaining = None
    if files.explains:
        explaining = Explaining(listed(files.explains)[0], responses_of(pd.read_parquet(listed(files.responses)[0])))
    export(
        list(dict.fromkeys(str(Path(path).parent) for path in snakemake.output)),
        chosen,
        cfg["backbone.name"],
        values_of(home, cfg),
        np.stack([store.pixels(image).transpose(2, 0, 1) for image in real]),
        explaining,
    )
