"""Rule imagenet."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.models.backbones import imagenet_weights
    from aesthetic_pretraining.models.network import save_weights

    save_weights(imagenet_weights(snakemake.params.cfg["backbone.name"]), snakemake.output[0])
