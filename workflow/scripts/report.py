"""Rule report."""

from job import job, note

with job(snakemake):
    from importlib.metadata import version
    from pathlib import Path
    from platform import python_version

    import yaml

    from aesthetic_pretraining.ledger import read_table
    from aesthetic_pretraining.report import context_of, write_report

    files, values = snakemake.input, snakemake.params.all
    counts = {}
    for ledger, split in zip(files.ledgers, files.splits, strict=True):
        dataset = ledger.split("/")[-2]
        counts[f"{dataset}: listed"] = len(read_table(ledger))
        counts |= {f"{dataset}: {role}": n for role, n in sorted(read_table(split)["split"].value_counts().items())}
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
        context=context_of(
            snakemake.wildcards.scale,
            *(values[key] for key in ("pretrain.seeds", "finetune.seeds", "distortions.table", "distortions.engine")),
        ),
        trained=["imagenet", *values["pretrain.tasks"], *values["pretrain.ablations"]],
        params_text=yaml.safe_dump(dict(values), sort_keys=False),
        versions={"python": python_version()} | {name: version(name) for name in packages},
        claims=files.claims,
        note=note(snakemake),
        scale=snakemake.wildcards.scale,
    )
