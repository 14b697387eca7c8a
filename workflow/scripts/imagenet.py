"""Rule imagenet."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.backbones import imagenet_weights
    from aesthetic_pretraining.networks import save_weights

    save_weights(imagenet_weights(snakemake.params.cfg["backbone.name"]), snakemake.output[0])
