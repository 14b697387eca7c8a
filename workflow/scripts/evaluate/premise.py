"""Rule premise."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.data.ledger import read_table, usable
    from aesthetic_pretraining.evaluation.premise import premise
    from aesthetic_pretraining.files import atomic_path

    cfg, tid2013 = snakemake.params.cfg, snakemake.input.tid2013
    table = premise(
        usable(read_table(tid2013)) if tid2013 else None,
        cfg["premise.kadid"] or None,
        cfg["premise.survey"] or None,
        simulated=cfg["labels.source"] == "simulated",
    )
    with atomic_path(snakemake.output[0]) as tmp:
        table.to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")
