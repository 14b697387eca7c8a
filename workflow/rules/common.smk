# All the Python of the workflow: the parameters' one view, the code that a rule depends on, who may run.
import json
import os
import re
import shutil
import subprocess
import sys

for folder in ("src", "workflow/lib"):
    sys.path.insert(0, str(ROOT / folder))
# for the jobs; packages may lie in folders of PYTHONPATH alone
OURS = [str(ROOT / "src"), str(ROOT / "workflow/lib")]
THEIRS = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*OURS, *THEIRS]))

from aesthetic_pretraining.config import leaf, leaf_keys, load, overlay, resolve
from aesthetic_pretraining.distortions import DISTORTIONS
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.runs import UNTRAINED, pretrainings_of, runs_of
from aesthetic_pretraining.initialisations import BASELINE, RANKING, RESPONDING
from aesthetic_pretraining.reporting.experiment import PARAMETERS
from aesthetic_pretraining.settings.downloads import Policy
from aesthetic_pretraining.settings.finetuning import FinetuneConfig
from aesthetic_pretraining.settings.labels import FIELDS
from aesthetic_pretraining.settings.inference import FeaturesConfig, PredictConfig, RespondConfig
from aesthetic_pretraining.settings.intervals import IntervalConfig
from aesthetic_pretraining.settings.keys import keys_of
from aesthetic_pretraining.settings.photos import ClassesConfig, ScoresConfig, SensitivityConfig
from aesthetic_pretraining.settings.pretraining import PretrainConfig, TaskConfig
from aesthetic_pretraining.settings.probes import ProbeConfig
from aesthetic_pretraining.settings.search import SearchConfig

import dependencies
import finished
import guard
import provenance

try:
    # not by `configfile:`, whose YAML is an older one than DVC's; so far `config` holds what --config and --configfile say
    CHANGES = json.dumps(config)
    config.update(overlay(load(ROOT / "params.yaml"), config))
    CONFIG = resolve(config)
    if workflow.exec_mode.name == "DEFAULT":
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
    return {leaf_key: leaf(CONFIG, leaf_key) for leaf_key in sorted({k for key in keys for k in leaf_keys(CONFIG, key)})}


def code(script):
    """A rule's script, <stage>/<rule>, with every project module that it imports, directly or not: inputs, so that an edit is seen."""
    return dependencies.closure(ROOT, f"workflow/scripts/{script}.py")


def before_jobs():
    """Take the folder; a second run ends here with a sentence."""
    try:
        guard.enter()
        guard.die_with_dvc()
        finished.sweep("work")
    except UserError as error:
        sys.exit(f"error: {error}")  # of a WorkflowError, Snakemake would print the way through these files, too


def after_success():
    """Record how the outputs were made, unless DVC itself drives, or this was a dry run or --touch."""
    finished.sweep("work")
    if "DVC_STAGE" not in os.environ and not workflow.touch:
        subprocess.run([sys.executable, "workflow/lib/record_run.py", CHANGES], check=False)


SCALE = CONFIG["scale"]
# the slot that a training takes; the profile says how many there are
GPU = 1 if shutil.which("nvidia-smi") else 0
# processes that make pictures ahead of a GPU; without one they would only compete
LOADERS = min(8, os.cpu_count()) if GPU else 0
TASKS = CONFIG["pretrain"]["tasks"] + CONFIG["pretrain"]["ablations"]
RANKING_TASKS = [task for task in TASKS if task in RANKING]
INITS = [BASELINE, *TASKS]
PRETRAININGS = CONFIG["pretrain"]["seeds"]
SEEDS = CONFIG["finetune"]["seeds"]
SIMULATED = CONFIG["labels"]["source"] == "simulated"
RUNS = runs_of(INITS, CONFIG["finetune"]["compared"], CONFIG["finetune"]["shares"], PRETRAININGS, SEEDS)
WHOLE = [run for run in RUNS if run.share == 100]  # fine-tuned on all labels
# one network per initialisation
SHOWN = [run for run in WHOLE if run.seed == SEEDS[0] and run.pretraining in (UNTRAINED, PRETRAININGS[0])]
RENDERED = range(CONFIG["photos"]["shards"]) if CONFIG["distortions"]["engine"] == "reference" else ()
TRAIN_ON, TEST_ON, EXTRA = (CONFIG["labels"][key] for key in ("train_on", "test_on", "crosscheck"))
SHARDS = {"photos": CONFIG["photos"]["shards"]} | dict.fromkeys([*TEST_ON, *EXTRA], CONFIG["labels"]["shards"])
# the parts of the labelled set that are the test split of one training each; none where it has one test split
FOLDS = range(1, CONFIG["sets"][TRAIN_ON]["folds"] + 1)


def root_of(dataset):
    """The labelled set as one file where it is simulated; a real one is a folder of its owner's, named by params.yaml."""
    return [f"data/{SCALE}/simulated/{dataset}.tar"] if SIMULATED and dataset in TEST_ON else []


def place_params(dataset):
    """The keys that say where a set comes from."""
    if dataset == "photos":
        return P("photos.source", "photos.folder", "photos.limit", "seed")
    return P("labels.source", *(f"sets.{dataset}.{key}" for key in ("reader", "source", "folder", "low", "high", "bins")))


def labels_params(*names):
    """The keys that `settings.labels.Labels.of` reads; of further sets `names`, too."""
    chosen = dict.fromkeys([*TEST_ON, *names])
    return P("labels.source", "labels.test_on", *(f"sets.{name}.{field}" for name in chosen for field in FIELDS))


def given(key):
    """The file that a parameter names, as a list of inputs: none if it is not there, which the rule's script says in a sentence."""
    return [path] if Path(path := leaf(CONFIG, key)).is_file() else []


def runs(pattern, chosen=RUNS):
    """One path for each fine-tuned network."""
    return [pattern.format(scale=SCALE, **run._asdict()) for run in chosen]


def features_of(dataset):
    """One file of frozen features of a set for each pretrained network, ImageNet's among them."""
    return [
        f"results/{SCALE}/probe/features/{init}/seed{pretraining}/{dataset}.npy"
        for init in INITS
        for pretraining in pretrainings_of(init, PRETRAININGS)
    ]


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
    photos="pexels|unsplash_lite",
    shard=r"\d+",
    task="|".join(map(re.escape, TASKS)),
    init="|".join(map(re.escape, INITS)),
    share=r"\d+",
    pretraining=r"\d+",
    seed=r"\d+",
