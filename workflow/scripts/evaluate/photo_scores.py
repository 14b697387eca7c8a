"""Rule photo_scores."""

from job import config, job, listed

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.store import Store
    from aesthetic_pretraining.evaluation.photos.scores import ScoresConfig, photo_scores
    from aesthetic_pretraining.evaluation.runs import training_of
    from aesthetic_pretraining.settings.labels import values_of

    files, out, cfg = snakemake.input, snakemake.output, snakemake.params.cfg
    home, split = cfg["labels.train_on"], read_table(files.split)
    photo_scores(
        config(snakemake, ScoresConfig, values=values_of(home, cfg), above=cfg[f"sets.{home}.above"]),
        Store(listed(files.store)),
        split[split["split"].isin(["train", "val", "test"])],
        {training_of(path).seed: path for path in listed(files.weights)},
        scores=out.scores,
        shares=out.shares,
        published=home == "ava",
        workers=snakemake.resources.loaders,
    )
