"""Rule imagenet."""

from job import job

with job(snakemake):
    from aesthetic_pretraining.models.backbones import imagenet_weights
    from aesthetic_pretraining.models.network import save_weights
    from aesthetic_pretraining.models.sound import REMEMBERED

    save_weights(imagenet_weights(snakemake.params.cfg["backbone.name"], REMEMBERED), snakemake.output[0])
