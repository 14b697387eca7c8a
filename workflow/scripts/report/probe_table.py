"""Rule probe_table."""

from job import job, note

with job(snakemake):
    from aesthetic_pretraining.reporting import probe_table
    from aesthetic_pretraining.reporting.figures.probes import draw_probes
    from aesthetic_pretraining.reporting.figures.style import save
    from aesthetic_pretraining.settings.labels import Labels

    files, cfg = snakemake.output, snakemake.params.cfg
    probes = probe_table.read_probes(snakemake.input.probes)
    sets = Labels.of(cfg).tested
    table = probe_table.build(
        probes,
        sets,
        note=note(snakemake),
        strengths=(cfg["probe.lowest"], cfg["probe.highest"]),
        confidence=cfg["report.confidence"],
    )
    probe_table.write(table, files.csv, files.md)
    save(draw_probes(probes, sets, note=note(snakemake)), files.pdf, files.png)
