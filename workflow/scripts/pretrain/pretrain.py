"""Rule pretrain."""

from job import WORK, config, job, live, several

several(snakemake)
with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.initialisations import task_of
    from aesthetic_pretraining.settings.pretraining import comparisons_of
    from aesthetic_pretraining.training.pretext import TaskConfig
    from aesthetic_pretraining.training.pretrain import pretrain
    from aesthetic_pretraining.training.pretrain_setup import PretrainConfig
    from variants import variants

    files = snakemake.input
    split, seed = read_table(files.split), int(snakemake.wildcards.pretraining)
    row = snakemake.wildcards.task
    pretrain(
        task_of(row, comparisons_of(snakemake.params.cfg)),
        config(snakemake, TaskConfig),
        config(snakemake, PretrainConfig, seed=seed),
        variants(snakemake),
        train=list(split["id"][split["split"] == "train"]),
        val=list(split["id"][split["split"] == "val"]),
        start=files.start,
        weights=snakemake.output.weights,
        history_csv=snakemake.output.history,
        work=f"{WORK}/{snakemake.wildcards.scale}",
        workers=snakemake.resources.loaders,
        live=live(snakemake),
        row=row,
        keep=True,
    )
