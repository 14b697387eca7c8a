"""Rule search_rate."""

from job import config, job

with job(snakemake):
    from pathlib import Path

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.initialisations import task_of
    from aesthetic_pretraining.reporting.figures.style import save
    from aesthetic_pretraining.reporting.figures.training import draw_rate_search
    from aesthetic_pretraining.settings.pretraining import comparisons_of
    from aesthetic_pretraining.training.lr_finder import SearchConfig, search_rate
    from aesthetic_pretraining.training.pretext import TaskConfig
    from aesthetic_pretraining.training.pretrain_setup import PretrainConfig
    from variants import variants

    files, cfg = snakemake.input, snakemake.params.cfg
    split = read_table(files.split)
    table = search_rate(
        task_of(snakemake.wildcards.task, comparisons_of(cfg)),
        config(snakemake, TaskConfig),
        config(snakemake, PretrainConfig, seed=cfg["seed"], processes=1, precision="float32"),
        config(snakemake, SearchConfig),
        variants(snakemake),
        train=list(split["id"][split["split"] == "train"]),
        start=files.start,
        out_csv=snakemake.output.csv,
        workers=snakemake.resources.loaders,
    )
    figure = draw_rate_search(table, task=snakemake.wildcards.task, chosen=cfg["pretrain.learning_rate"])
    save(figure, Path(snakemake.output.figure))
