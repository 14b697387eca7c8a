# All the Python of the workflow: the parameters' one view, the code that a rule depends on, who may run.
import json
import os
import re
import subprocess
import sys

for folder in ("src", "workflow/lib"):
    sys.path.insert(0, str(ROOT / folder))
# for the jobs; packages may lie in folders of PYTHONPATH alone
OURS = [str(ROOT / "src"), str(ROOT / "workflow/lib")]
THEIRS = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
os.environ.update(PYTHONPATH=os.pathsep.join(dict.fromkeys([*OURS, *THEIRS])))

from aesthetic_pretraining.config import leaf, leaf_keys, load, overlay, own_values, resolve
from aesthetic_pretraining.data.pinned import BSDS500, OASIS, OASIS_LEFT_OUT
from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.runs import UNTRAINED, pretrainings_of, runs_of
from aesthetic_pretraining.initialisations import BASELINE, RANKING, RESPONDING, task_of
from aesthetic_pretraining.reporting.conditions import PARAMETERS as CONDITIONS
from aesthetic_pretraining.reporting.experiment import PARAMETERS
from aesthetic_pretraining.settings.downloads import Policy
from aesthetic_pretraining.settings.finetuning import FinetuneConfig
from aesthetic_pretraining.settings.labels import FIELDS, SCALE as SCORES, SOURCE_FIELDS
from aesthetic_pretraining.settings.inference import FeaturesConfig, PredictConfig, RespondConfig
from aesthetic_pretraining.settings.intervals import IntervalConfig
from aesthetic_pretraining.settings.keys import keys_of
from aesthetic_pretraining.settings.photos import ClassesConfig, ScoresConfig, SensitivityConfig
from aesthetic_pretraining.settings.pretraining import PretrainConfig, TaskConfig
from aesthetic_pretraining.settings.probes import ProbeConfig
from aesthetic_pretraining.settings.search import SEARCHED, FinetuneSearchConfig, SearchConfig

import asked
import cluster
import cluster_failures
import ctrl_c
import dependencies
import finished
import guard
import launch
import needs
import on_node
import provenance

# an image for --sdm apptainer, and no parameter of a result: --config container=aesthetic-pretraining.sif
CONTAINER = config.pop("container", None)

try:
    # not by `configfile:`, whose YAML is an older one than DVC's; so far `config` holds what --config and --configfile say
    CHANGES = json.dumps(config)
    config.update(overlay(load(ROOT / "params.yaml"), config))
    CONFIG = resolve(config)
    if workflow.exec_mode.name == "DEFAULT" and not MODULE:
        if not CONTAINER and "APPTAINER" in [method.name for method in workflow.deployment_settings.deployment_method]:
            raise UserError(
                "--sdm apptainer runs jobs in an image, and none is named; build one and add --config container=IMAGE.sif "
                "(docs/how-to/containers.md), or leave --sdm apptainer out"
            )
        guard.refuse_other_scales(CONFIG["scale"], config["scales"])
        with guard.free() as may_write:
            if may_write:
                provenance.restore(CONFIG["scale"])
except UserError as error:
    raise WorkflowError(str(error)) from None


def P(*wanted):
    """The resolved values of params.yaml under dotted keys: {"pretrain.margin": 0.2, ...}, each a leaf, in a fixed order.

    Of a section all leaves are taken, of a configuration of `settings` what it is made of. Rules get parameters only through
    this: Snakemake compares the values, DVC the keys (dvc_stages.py reads them here).
    """
    keys = [key for want in wanted for key in ([want] if isinstance(want, str) else keys_of(want))]
    leaves = dict.fromkeys(leaf_key for key in keys for leaf_key in leaf_keys(CONFIG, key))
    # shares stay in the order written, in which they are cut
    return {key: leaf(CONFIG, key) for key in sorted(leaves, key=lambda key: re.sub(r"(?<=\.shares)\..*", "", key))}


def own(path):
    """A file of this project as an input, wherever the working folder is; never in a remote store, as data and results may be."""
    return local(path if HERE else str(ROOT / path))


def code(script):
    """A rule's script, <stage>/<rule>, with every project module that it imports, directly or not: inputs, so that an edit is seen."""
    return [own(path) for path in dependencies.closure(ROOT, f"workflow/scripts/{script}.py")]


def before_jobs():
    """Take the folder; a second run ends here with a sentence, and so does one whose jobs could not run."""
    try:
        if reason := interpreter.shut(written()):
            raise UserError(reason)
        if by_slurm():
            cluster_can_run()
        elif any(job.resources.get("mpi") for job in workflow.dag.needrun_jobs()) and (reason := launch.obstacle(NODES)):
            raise UserError(reason)
        if guard.enter(sends=by_slurm()) and (ended := cluster.end_leftovers(workflow.workdir_init)):
            print(f"jobs of a killed run were ended: {', '.join(ended)}", file=sys.stderr)
        guard.die_with_dvc()
        ctrl_c.heed()
        finished.sweep("work")
    except UserError as error:
        sys.exit(f"error: {error}")  # of a WorkflowError, Snakemake would print the way through these files, too
    if workflow.local_exec:
        # A limit on jobs a second, meant for clusters. To keep it, Snakemake looks for jobs to start once a second for each job that
        # has ended: after fifty jobs, that takes a tenth of a core.
        workflow.scheduler.job_rate_limiter = None


def cluster_can_run():
    """Ask the cluster before anything is sent to it."""
    settings = workflow.executor_settings
    cluster.check_status_command(settings.status_command, settings.init_seconds_before_status_checks)
    waiting = [job for job in workflow.dag.needrun_jobs() if not job.is_local]
    described = settings.partition_config or os.environ.get("SNAKEMAKE_SLURM_PARTITIONS")
    cluster.check(map(cluster.need, waiting), cluster.nodes(), cluster.partitions_in(described) if described else ())
    on_node.announce()


def after_error():
    """Say why jobs failed that were sent to a cluster; those of this machine have said it themselves."""
    if by_slurm():
        for sentence in cluster_failures.sentences(guard.since()):
            print(f"error in {sentence}", file=sys.stderr)


def written():
    """What the jobs of this run write, and beside it a file of each folder in which the run keeps its own notes."""
    jobs = [job for job in workflow.dag.needrun_jobs() if job.rule.script]
    notes = [*(folder / "note" for folder in Path(".snakemake").iterdir() if folder.is_dir()), f"work/{SCALE}/checkpoint"]
    return [*(str(file) for job in jobs for file in (*job.output, *job.log, job.benchmark) if file), *notes]


def after_success():
    """Record how the outputs were made, unless DVC itself drives, or this was a dry run or --touch."""
    finished.sweep("work")
    if "DVC_STAGE" not in os.environ and not workflow.touch:
        subprocess.run([sys.executable, str(ROOT / "workflow/lib/record_run.py"), CHANGES], check=False)


SCALE = CONFIG["scale"]
COMPARISONS = {row: CONFIG["comparisons"][row]["task"] for row in CONFIG["pretrain"]["comparisons"]}
TASKS = CONFIG["pretrain"]["tasks"] + CONFIG["pretrain"]["ablations"] + list(COMPARISONS)
RANKING_TASKS = [task for task in TASKS if task_of(task, COMPARISONS) in RANKING]
INITS = [BASELINE, *TASKS]
PRETRAININGS = CONFIG["pretrain"]["seeds"]
SEEDS = CONFIG["finetune"]["seeds"]
SIMULATED = CONFIG["labels"]["source"] == "simulated"
RUNS = runs_of(INITS, CONFIG["finetune"]["compared"], CONFIG["finetune"]["shares"], PRETRAININGS, SEEDS)
WHOLE = [run for run in RUNS if run.share == 100]  # fine-tuned on all labels
# one network per initialisation
SHOWN = [run for run in WHOLE if run.seed == SEEDS[0] and run.pretraining in (UNTRAINED, PRETRAININGS[0])]
RENDERED = range(CONFIG["photos"]["shards"]) if CONFIG["distortions"]["engine"] == "reference" else ()
TRAIN_ON, TEST_ON = CONFIG["labels"]["train_on"], CONFIG["labels"]["test_on"]
EXTRA = [name for name in CONFIG["labels"]["crosscheck"] if name not in TEST_ON]  # sets for cross-checks
SHARDS = {"photos": CONFIG["photos"]["shards"]} | dict.fromkeys([*TEST_ON, *EXTRA], CONFIG["labels"]["shards"])
# the parts of the labelled set that are the test split of one training each; none where it has one test split
FOLDS = range(1, CONFIG["sets"][TRAIN_ON]["folds"] + 1)
# what a run's files are called, and those of its networks: one, or one for each fold
RUN = "share{share}_pretraining{pretraining}_seed{seed}"
NETWORK = f"{RUN}_fold{{fold}}" if FOLDS else RUN
FEATURES = "results/{scale}/features/{init}/seed{pretraining}/"
FINETUNED = f"models/{{scale}}/finetuned/{{init}}/{NETWORK}"
PREDICTED = f"results/{{scale}}/predictions/{{init}}/{RUN}/"
# whether there is anything to check the premise of the ranking task on
PREMISE = "tid2013" in TEST_ON or any(CONFIG["premise"].values())


def root_of(dataset):
    """The labelled set as one file where it is simulated; a real one is a folder of its owner's, named by params.yaml."""
    return [f"data/{SCALE}/simulated/{dataset}.tar"] if SIMULATED and dataset in TEST_ON else []


def place_params(dataset):
    """The keys that say where a set comes from."""
    if dataset == "photos":
        return P("photos.sources", "photos.folder", "photos.limit", "seed")
    return P("labels.source", *(f"sets.{dataset}.{key}" for key in SOURCE_FIELDS))


def pins_of(dataset):
    """The tables of digests that a set's listing is checked against."""
    if dataset == "photos":
        return [own(str(BSDS500))] if "bsds500" in CONFIG["photos"]["sources"] else []
    return [own(str(OASIS)), own(str(OASIS_LEFT_OUT))] if CONFIG["sets"][dataset]["reader"] == "oasis" else []


def looked_at(dataset):
    """The sets whose pictures decide on a set's split, as far as near-duplicates are kept apart: a labelled set's own, or for photos
    the labelled ones."""
    if dataset == "photos":
        return TEST_ON if CONFIG["photos"]["apart"] else []
    chosen = CONFIG["sets"][dataset]
    return [dataset] if chosen["apart"] and chosen["split"] in ("random", "folds") and not root_of(dataset) else []


def labels_params(*names):
    """The keys that `settings.labels.Labels.of` reads; of further sets `names`, too."""
    chosen = dict.fromkeys([*TEST_ON, *names])
    return P("labels.source", "labels.test_on", *(f"sets.{name}.{field}" for name in chosen for field in FIELDS))


def row_params(row, *wanted):
    """P(*wanted) for the pretraining of one row: a comparison's own values laid over, on which nothing else depends."""
    if row not in COMPARISONS:
        return P(*wanted)
    own = own_values(CONFIG, row)
    return {key: own.get(key, value) for key, value in P(*wanted).items()} | comparisons_params(row)


def comparisons_params(*rows):
    """The keys that `settings.pretraining.comparisons_of` reads, of the chosen comparisons or of `rows`."""
    return P(*(f"comparisons.{row}.task" for row in rows or COMPARISONS))


def scores_params(*names):
    """The keys that say which votes the networks are trained on; of further sets `names`, their scores, too."""
    return P("labels.train_on", *(f"sets.{name}.{field}" for name in dict.fromkeys([TRAIN_ON, *names]) for field in SCORES))


def tested_files():
    """The stores, ledgers and splits of the tested sets, as a rule's named inputs."""
    found = {}
    for name in TEST_ON:
        found |= {f"store_{name}": store(name), f"ledger_{name}": f"data/{{scale}}/{name}/ledger.csv"}
        found |= {f"split_{name}": f"data/{{scale}}/{name}/split.csv"}
    return found


def given(key):
    """The file that a parameter names, as a list of inputs: none if it is not there, which the rule's script says in a sentence."""
    return [local(path)] if Path(path := leaf(CONFIG, key)).is_file() else []


def runs(pattern, chosen=RUNS, folds=FOLDS):
    """One path for each run or, if the pattern asks for {fold}, for each of its fine-tuned networks."""
    return [path.format(scale=SCALE, **run._asdict()) for run in chosen for path in by_fold(pattern, folds)]


def by_fold(pattern, folds=FOLDS):
    """The pattern for each fold, if it has {fold}; else itself alone."""
    return [pattern.replace("{fold}", str(fold)) for fold in folds] if "{fold}" in pattern else [pattern]


def predicted():
    """The prediction files of all runs on all tested sets."""
    return [path for name in TEST_ON for path in runs(f"{PREDICTED}{name}.parquet")]


def features_of(dataset):
    """One file of frozen features of a set for each pretrained network, ImageNet's among them."""
    return [
        f"{FEATURES}{dataset}.npy".format(scale=SCALE, init=init, pretraining=pretraining)
        for init in INITS
        for pretraining in pretrainings_of(init, PRETRAININGS)
    ]


def mirrored_features():
    """The file of frozen features of the mirrored training images; none without flips."""
    return [f"{FEATURES}mirrored/{TRAIN_ON}.npy"] if CONFIG["finetune"]["flip"] else []


def made(rule, **wildcards):
    """The outputs of a rule at this scale, of all values of its other wildcards."""
    return expand([plain(path) for path in rule.output], scale=SCALE, **wildcards)


def plain(path):
    """A path without the remote store that it may lie in, which expand() does not take; as an input, it gets that again."""
    stored = getattr(path, "flags", {}).get("storage_object")
    return stored.query.removeprefix(workflow.storage_settings.default_storage_prefix).lstrip("/") if stored else path


def store(dataset):
    """The tar files of a set's store."""
    return expand("data/{scale}/{dataset}/store/{shard}.tar", scale=SCALE, dataset=dataset, shard=range(SHARDS[dataset]))


def rendered():
    """The rendered variants of the photos; none with the native engine, which renders while it trains."""
    return expand("results/{scale}/rendered/{part}.tar", scale=SCALE, part=RENDERED)


wildcard_constraints:
    part=r"inspected|\d+",
    scale=SCALE,
    dataset="|".join(SHARDS),
    extra="|".join(EXTRA) or "(?!)",
    public="pexels|unsplash_lite|bsds500|oasis",
    shard=r"\d+",
    task="|".join(map(re.escape, TASKS)),
    init="|".join(map(re.escape, INITS)),
    share=r"\d+",
    pretraining=r"\d+",
    seed=r"\d+",
