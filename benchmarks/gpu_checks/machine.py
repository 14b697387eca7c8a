"""Versions, and the card."""

import platform
import subprocess
from importlib import metadata

import torch

from aesthetic_pretraining import code
from aesthetic_pretraining.training import checkpoint
from gpu_checks.report import Report
from gpu_checks.setting import Setting, cores

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "opencv-python-headless", "opencv-python", "scipy", "pandas")


def machine(report: Report, setting: Setting, absent: list[str]) -> None:
    """Say what runs here."""
    report.say("device", setting.device.type)
    if setting.cuda:
        card = torch.cuda.get_device_properties(setting.device)
        report.say("card", card.name)
        report.say("card_gib", card.total_memory / 2**30)
        report.say("card_free_gib", torch.cuda.mem_get_info(setting.device)[0] / 2**30)
        report.say("card_capability", f"{card.major}.{card.minor}")
        report.say("driver", driver())
        report.say("cuda", torch.version.cuda)
        report.say("cudnn", torch.backends.cudnn.version())
    else:
        report.say("no_gpu", "torch finds no GPU here: what follows was run on the CPU, in small sizes")
    report.say("python", platform.python_version())
    for package in PACKAGES:
        try:
            report.say(package.replace("-", "_"), metadata.version(package))
        except metadata.PackageNotFoundError:
            continue
    if absent:
        report.skip("packages", f"{', '.join(absent)}: not installed, so that blocks which need them are left out")
    report.say("code", checkpoint.digest(files=sorted((code.SOURCES / "aesthetic_pretraining").rglob("*.py"))))
    report.say("cores", cores())
    report.say("threads", torch.get_num_threads())
    report.say("deterministic", torch.are_deterministic_algorithms_enabled())
    report.say("tf32", "off, where a name does not say tf32")


def driver() -> str:
    """The driver's version, which torch does not tell."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return "unknown, because nvidia-smi does not answer"
