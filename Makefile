# make help shows what there is. Everything runs in .venv, which `make setup` fills from requirements.lock and this package.
SHELL := /bin/bash
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# this folder's code, also where .venv is shared with another checkout, whose code is installed in it
export PYTHONPATH := $(CURDIR)/src:$(CURDIR)/workflow/lib$(if $(PYTHONPATH),:$(PYTHONPATH))
# cpu: without CUDA, 5 GB less; cuda, or nothing: the lock as it is. What .venv has stays chosen
TORCH ?= $(shell cat .venv/.torch 2>/dev/null)
$(if $(filter-out cpu cuda,$(TORCH)),$(error TORCH=$(TORCH): there are cpu and cuda))
READY := .venv/.ready-$(shell cat requirements.lock pyproject.toml | cksum | cut -d ' ' -f 1)$(filter cpu,$(TORCH))

.PHONY: dvc.yaml help setup demo oasis test lint lock readme schema clean doctor ladders parity bench-workflow bench-distortions bench-data bench-growth bench-training bench-evidence bench-learning bench-oasis record bench-small-runs bench-faults bench-use bench-beyond bundles released-gradients check-gpu push pull crate image

help: ## show this list
	@grep -hE '^[a-z.-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

setup: $(READY) ## install the pinned packages, and this one to be edited, into .venv; TORCH=cpu: without CUDA

# an interrupted set-up leaves no mark and is done again; what is there already is kept
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12 setup"; exit 1; }
	@rm -f .venv/.ready-*
	$(PYTHON) -m venv .venv
	@awk '/^uv==/ {on=1} on {print} on && !/\\$$/ {exit}' requirements.lock > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r .venv/uv.txt
ifeq ($(TORCH),cpu)
	@awk '/^[a-z0-9]/ {off = /^(torch|torchvision|triton|cuda-.*|nvidia-.*)==/ && !/^nvidia-ml-py==/} !off' requirements.lock > .venv/cpu.txt
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --compile-bytecode -r .venv/cpu.txt
	@echo "torch and torchvision come from PyTorch's own index, for whose files requirements.lock has versions and no digests"
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode --torch-backend cpu $$(awk '/^(torch|torchvision)==/ {print $$1}' requirements.lock)
else
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --compile-bytecode -r requirements.lock
endif
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@echo $(TORCH) > .venv/.torch
	@touch $@

demo: $(READY) ## the whole chain on real photos with simulated votes: Table 2, Figures 3 to 5, report
	snakemake --cores $(CORES) --config scale=demo --logger lines -- all
	@echo && cat results/demo/tables/table2.md && python benchmarks/learning.py --brief && echo && echo "Report: logs/demo/report.html; the same without dates, as it is recorded: results/demo/report.html"
	@echo "These votes are simulated. Ratings by people, fetched and trained on in about an hour: make oasis"

oasis: $(READY) ## the whole chain on real ratings: fetches 94 MB, says how long it will take; MIRROR=address fetches from a mirror, COMPARISONS=1 adds the comparison rows
	@python tools/oasis.py --cores $(CORES) $(if $(MIRROR),--mirror $(MIRROR)) $(if $(COMPARISONS),--comparisons)

# compiled tests are kept, or each process would compile all of them again
test: $(READY) ## all tests, and which of them took longest
	PYTHONDONTWRITEBYTECODE= python -m pytest -q -n auto --dist worksteal --durations=20

lint: $(READY) ## ruff, snakefmt, import-linter, and Snakemake's own lint
	ruff check . && ruff format --check . && snakefmt --check workflow Snakefile && lint-imports && snakemake --lint

dvc.yaml: $(READY) ## project the Snakemake DAG onto dvc.yaml
	python workflow/lib/dvc_stages.py

readme: schema ## renew the generated parts of README.md and docs/distortions.md, and the schema
	python tools/readme.py

schema: $(READY) ## renew the schema of params.yaml for editors
	python tools/schema.py

lock: $(READY) ## resolve requirements.in into requirements.lock
	python -m uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --upgrade -q -o requirements.lock

bench-workflow: $(READY) ## time set-up, demo and the tools' checks
	python benchmarks/workflow.py

ladders: $(READY) ## count on how many photos each distortion grows with its level; renews docs/distortions.md
	python tools/studies/ladders.py --write

bench-distortions: $(READY) ## time the distortions beside darktable, and how far they are from it
	python benchmarks/distortions.py

parity: $(READY) ## measure native against darktable and renew the table in docs/distortions.md
	python tools/studies/parity.py

released-gradients: $(READY) ## count which weights get a gradient in the released code's construction
	python tools/studies/released_gradients.py

bench-data: $(READY) ## time decoding, the store, and 130,000 small photos through the rules; PHOTOS=5000 for a short run
	python benchmarks/data.py $(if $(PHOTOS),--photos $(PHOTOS))

bench-growth: $(READY) ## what grows with the number of photos, up to a million in simulated stores; MOST=100000 for a short run
	python benchmarks/growth.py $(if $(MOST),--most $(MOST))

bench-training: $(READY) ## time pretraining and fine-tuning steps against the released structure and the plain network; ONLY=recompute: its memory and time alone
	python benchmarks/training.py $(if $(ONLY),--only-$(ONLY))

check-gpu: $(READY) ## check that everything is right on a GPU, and how fast; on the CPU where there is none; OUT=gpu.md writes docs
	python benchmarks/check_gpu.py $(if $(OUT),--out $(OUT))

doctor: $(READY) ## what is there of each set, what is missing, what to do next; DEEP=1 hashes every picture and every output again
	@python tools/doctor.py $(if $(SCALE),--scale $(SCALE)) $(if $(DEEP),--deep)

bench-learning: $(READY) ## what the networks of the last run have learned; SCALE=demo unless given; trains nothing
	@python benchmarks/learning.py $(if $(SCALE),--scale $(SCALE))

bench-oasis: $(READY) ## what the last run on real ratings found, and what it took; trains nothing
	@python benchmarks/oasis.py $(if $(SCALE),--scale $(SCALE))

record: $(READY) ## keep the small results of the last run of SCALE in git (COMPARISONS=1 if it had them), and renew docs/results.md and README.md from them
	python tools/record.py $(or $(SCALE),oasis) $(if $(COMPARISONS),--comparisons) $(if $(NOTE),--note "$(NOTE)")
	python tools/readme.py

bench-small-runs: $(READY) ## pretrain with each parameter for small runs set back, judged on photos that the demo does not report
	python benchmarks/small_runs.py $(if $(SCALE),--scale $(SCALE))

bench-evidence: $(READY) ## time the bootstrap, and all tables and figures, at the size of the paper, on one core
	python benchmarks/evidence.py

bench-faults: $(READY) ## kill the chain, damage its files, feed it hostile pictures and servers: at most 15 minutes
	python benchmarks/faults.py

bundles: $(READY) ## export the networks of the last run of SCALE for scoring photos: models/SCALE/bundles
	snakemake --cores $(CORES) --config scale=$(or $(SCALE),oasis) --logger lines -- stage_export

push: $(READY) ## send the recorded results to DVC's remote store; REMOTE=name of another one, STAGES=stages alone
	@python tools/remote.py push $(if $(REMOTE),--remote $(REMOTE)) $(STAGES)

pull: $(READY) ## fetch the recorded results from there
	@python tools/remote.py pull $(if $(REMOTE),--remote $(REMOTE)) $(STAGES)

crate: $(READY) ## archive the last run of SCALE as an RO-Crate: logs/SCALE/run.crate.zip
	@python tools/crate.py $(or $(SCALE),demo)

image: ## build the container image by ENGINE (podman, docker, buildah); TORCH=cuda with CUDA
	@python3 tools/image.py build $(if $(ENGINE),--engine $(ENGINE)) --torch $(or $(TORCH),cpu)

bench-use: $(READY) ## scores of photos beside the plain network, their memory, ONNX, explanations, the survey under load; MODEL=bundle
	python benchmarks/use.py $(if $(MODEL),--model $(MODEL)) $(if $(PHOTOS),--photos $(PHOTOS))

bench-beyond: $(READY) ## Slurm, several nodes, a thousand jobs, remote data, images; ONLY=slurm for one of them
	python benchmarks/beyond.py $(ONLY)

clean: ## remove everything that a run made; data/raw, .venv and DVC's cache stay
	rm -rf {data,models,results}/{smoke,demo,oasis,paper} work logs .snakemake

.PHONY: docs docs-serve hooks pre-commit types

docs: $(READY) ## build the documentation site into site/; any warning fails
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

docs-serve: $(READY) ## show the documentation site at localhost and rebuild it on every change
	NO_MKDOCS_2_WARNING=1 mkdocs serve

pre-commit: $(READY) ## run all pre-commit hooks on all files
	pre-commit run --all-files --show-diff-on-failure

hooks: $(READY) ## install the git hook that runs pre-commit before each commit
	pre-commit install

types: $(READY) ## mypy on src/
	mypy
