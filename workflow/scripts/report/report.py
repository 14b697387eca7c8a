"""Rule report."""

from job import job, note

with job(snakemake):
    from importlib.metadata import version
    from pathlib import Path
    from platform import python_version_tuple

    import yaml

    from aesthetic_pretraining.data.ledger import read_table
    from aesthetic_pretraining.reporting import facts
    from aesthetic_pretraining.reporting.report import context_of, what_ran, write_report

    files, values = snakemake.input, snakemake.params.all
    counts = {}
    for ledger, split in zip(files.ledgers, files.splits, strict=True):
        dataset = ledger.split("/")[-2]
        counts[f"{dataset}: listed"] = len(read_table(ledger))
        counts |= facts.roles(dataset, read_table(split))
    distortions = values["distortions.table"], values["distortions.engine"]
    trained = ["imagenet", *values["pretrain.tasks"], *values["pretrain.ablations"], *values["pretrain.comparisons"]]
    examples = {"figure1": 1, "figure2": min(values["report.random_photos"], counts["photos: listed"]), "overview": 1}
    packages = [
        "torch",
        "torchvision",
        "numpy",
        "scipy",
        "pandas",
        "pillow",
        "opencv-python-headless",
        "matplotlib",
        "snakemake",
        "dvc",
    ]
    write_report(
        snakemake.output[0],
        table=files.table,
        figures={Path(path).stem: path for path in [*files.figures, files.overview]},
        sheets={Path(path).stem: path for path in files.sheets},
        counts=counts,
        histories=facts.read(files.histories),
        context=context_of(snakemake.wildcards.scale, values["pretrain.seeds"], values["finetune.seeds"], *distortions),
        unlabelled=context_of(snakemake.wildcards.scale, values["pretrain.seeds"], [], *distortions),
        trained=trained,
        params_text=yaml.safe_dump(dict(values), sort_keys=False),
        versions={"python": ".".join(python_version_tuple()[:2])} | {name: version(name) for name in packages},
        facts=what_ran(counts, trained, values, note(snakemake)),
        files=[files.table, files.claims, files.probes, *files.offered, *files.vectors],
        examples=examples,
        claims=files.claims,
        probes=files.probes,
        note=note(snakemake),
        scale=snakemake.wildcards.scale,
    )
