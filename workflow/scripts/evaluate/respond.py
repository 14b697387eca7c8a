"""Rule respond."""

from job import config, job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.evaluation.responses import RespondConfig, respond
    from aesthetic_pretraining.evaluation.runs import pretraining_of
    from aesthetic_pretraining.settings.pretraining import comparisons_of
    from variants import variants

    files, out, cfg = snakemake.input, snakemake.output, snakemake.params.cfg
    split = read_table(files.split)
    respond(
        config(snakemake, RespondConfig),
        variants(snakemake),
        list(split["id"][split["split"] == "test"]),
        cfg["seed"],
        {pretraining_of(path): path for path in files.networks},
        responses=out.responses,
        cross=out.cross,
        ranking=out.ranking,
        pooled=out.pooled,
        confusion=out.confusion,
        workers=snakemake.resources.loaders,
        comparisons=comparisons_of(cfg),
    )
