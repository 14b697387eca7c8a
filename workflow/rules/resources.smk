# What a job asks of its machine, or of a cluster that it is sent to. None of it changes what the job makes.


def sent():
    """Whether this is a run that sends its jobs to other machines, whose GPUs and cores are not those of this one."""
    return workflow.exec_mode.name == "DEFAULT" and not workflow.local_exec


def by_slurm():
    """Whether it sends them by Slurm."""
    return sent() and workflow.executor_plugin.name == "slurm"


def card(wildcards):
    """The GPU of a job: if this machine has any; of one that is sent, if the profile's resource gpu leaves it one."""
    if sent():
        given = workflow.global_resources.get("gpu")
        return min(1, given.value) if given else 0
    return GPU


def cards(wildcards):
    """The GPUs of a training, on all its nodes together."""
    return card(wildcards) * CONFIG["compute"]["processes"]


def cpus_per_task(wildcards, threads):
    """Cores of a training on one node: beside GPUs those of its loaders, too."""
    processes = -(-CONFIG["compute"]["processes"] // NODES)
    if not card(wildcards):
        return -(-threads // NODES)
    return max(-(-threads // NODES), needs.CORES * processes if sent() else needs.cores())


def training(wildcards):
    """(values, pretext task) of a pretraining or, with no task, of a fine-tuning."""
    row = wildcards.get("task", "")
    own = VALUES | (own_values(CONFIG, row) if row in COMPARISONS else {})
    return own, task_of(row, COMPARISONS) if row else ""


def loaders(wildcards):
    """Processes that make the images of a pretraining ahead of a GPU; without one they would only compete."""
    return needs.loaders(needs.gpus(), needs.sent_bytes(*training(wildcards)))


def mem_mb(wildcards):
    """Memory of a pretraining or, without a task, of a fine-tuning, on one node."""
    own, task = training(wildcards)
    images = needs.pretraining_images(own, task) if task else needs.finetuning_images(own)
    processes = -(-CONFIG["compute"]["processes"] // NODES)
    count = needs.CORES - 1 if sent() else loaders(wildcards) if task else LOADERS
    return processes * needs.memory_mb(own, images, needs.sent_bytes(own, task), bool(card(wildcards)), count)


def runtime(wildcards, threads):
    """Minutes of a pretraining or, without a task, of a fine-tuning. One that takes longer goes on from its checkpoint when it is started again."""
    own, task = training(wildcards)
    work = needs.pretraining_work(own, task) if task else needs.finetuning_work(own, len(FOLDS))
    return needs.runtime_min(own, work, threads, cards(wildcards))


def asking(work, loaders=None):
    """Memory and minutes of a job that asks networks, from asked.Work; `loaders`: where the rule has a number of its own."""

    def given(wildcards, threads):
        own = loaders if loaders is not None else threads - 1 if sent() else LOADERS
        return dict(on_gpu=bool(card(wildcards)), loaders=own if card(wildcards) else 0)

    return dict(
        mem_mb=lambda wildcards, threads: asked.memory_mb(work, **given(wildcards, threads)),
        runtime=lambda wildcards, threads: asked.runtime_min(work, threads, **given(wildcards, threads)),
    )


# GPUs that this machine lets us see
GPU = min(1, needs.gpus())
VALUES = {key: leaf(CONFIG, key) for section in CONFIG for key in leaf_keys(CONFIG, section)}
# of all jobs but pretrainings: as many as could send the ranking tasks' finished images, whose batches are larger than theirs
LOADERS = needs.loaders(needs.gpus(), needs.pretraining_images(VALUES, "ranking")[0] * needs.image_bytes(VALUES))
NODES = CONFIG["compute"]["nodes"]
TEST_PHOTOS = needs.photos(VALUES) * CONFIG["photos"]["shares"]["test"]
# of a training on several nodes, for which Slurm wants a task on each; its script starts them (workflow/lib/launch.py)
ON_NODES = dict(nodes=NODES, tasks=NODES, mpi="srun") if NODES > 1 else {}
