"""Rule simulate."""

from job import config, job, section

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.data.listing import open_set
    from aesthetic_pretraining.data.simulated.raters import RaterConfig, Raters
    from aesthetic_pretraining.data.simulated.sets import simulate

    cfg = snakemake.params.cfg
    raters = config(snakemake, RaterConfig)
    simulate(
        read_table(snakemake.input.ledger),
        read_table(snakemake.input.split),
        open_set("photos", cfg),
        snakemake.output.ava,
        snakemake.output.tid2013,
        make_raters=lambda measured: Raters(measured, raters, cfg["seed"]),
        pictures=cfg["simulate.pictures"],
        levels=cfg["simulate.levels"],
        shares=section(snakemake, "simulate.shares"),
        seed=cfg["seed"],
    )
