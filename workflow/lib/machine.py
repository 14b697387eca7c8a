"""The machine that results are made on: what may change their last bits, and what is only told.

Bytes are the same where inputs, parameters and code are, on machines of one kind. Another processor, a GPU, or other versions
may round sums differently.
"""

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

# what numbers depend on
PACKAGES = (
    *("torch", "torchvision", "timm", "numpy", "scipy", "pandas", "pillow", "opencv-python-headless", "scikit-image"),
    "imagecorruptions",
)
VECTORS = ("sse4_2", "avx", "avx2", "fma", "avx512", "avx_vnni", "amx", "asimd", "sve")  # flags that begin so


@cache
def versions() -> str:
    """Of Python and of the packages that numbers depend on."""
    python = f"python {sys.version_info.major}.{sys.version_info.minor}"
    return ", ".join([python, *(f"{name} {version(name)}" for name in PACKAGES)])


def kind() -> str:
    """Everything beside inputs, parameters and code that may change the last bits of a result, one thing a line."""
    cpu = _cpu()
    flags = sorted(set((cpu.get("flags") or cpu.get("Features", "")).split()))
    model = ", ".join(cpu[key] for key in ("vendor_id", "cpu family", "model", "model name", "CPU part") if key in cpu)
    return "\n".join(
        [
            f"processor: {model or platform.processor() or 'unknown'}",
            f"vector extensions: {' '.join(flag for flag in flags if flag.startswith(VECTORS))}",
            f"GPU: {_gpus() or 'none'}",
            f"system: {platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
            f"versions: {versions()}",
            "",
        ]
    )


@cache
def description() -> str:
    """The machine in words, for readers of a log."""
    cpu = _cpu().get("model name", "unknown processor")
    parts = [cpu, f"{os.cpu_count()} cores", f"{platform.system()} {platform.release()}", platform.node(), _gpus()]
    return ", ".join(filter(None, parts))


def _cpu() -> dict[str, str]:
    """The first processor of /proc/cpuinfo."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(errors="replace").split("\n\n")[0] if path.exists() else ""
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


@cache
def _gpus() -> str:
    """Names and driver of the GPUs, if there are any."""
    if not shutil.which("nvidia-smi"):
        return ""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return "; ".join(filter(None, said.splitlines()))
