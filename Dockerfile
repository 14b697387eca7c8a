# An image with everything that a run needs: make image, docs/how-to/containers.md.
# BASE: the official Python image of Debian 12. Its digest, of an index for several processors, is the one that public records
# name for this tag in September 2026 (Python 3.11.16); it was not pulled where this file was written.
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE} AS build
# cpu or cuda; with CUDA the driver comes from the host
ARG TORCH=cpu
RUN apt-get update && apt-get install --yes --no-install-recommends make
WORKDIR /opt/aesthetic-pretraining
# the packages first: they change less often than the code
COPY Makefile requirements.lock pyproject.toml README.md LICENSE ./
COPY src/aesthetic_pretraining/__init__.py src/aesthetic_pretraining/
RUN make setup TORCH=${TORCH} 
COPY . .

FROM ${BASE}
LABEL org.opencontainers.image.title="aesthetic-pretraining" org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/aesthetic-pretraining /opt/aesthetic-pretraining
# the code belongs to root; who runs it can write to the home folder and to what is mounted
RUN useradd --uid 1000 --home-dir /researcher --create-home researcher
# HOME of whoever runs it, also of a user without a name here (--user): Snakemake keeps a cache there, or ends with a traceback
RUN install --directory --mode=1777 /var/home
USER 1000
WORKDIR /researcher
ENV HOME=/var/home \
    PATH=/opt/aesthetic-pretraining/.venv/bin:$PATH \
    PYTHONPATH=/opt/aesthetic-pretraining/src:/opt/aesthetic-pretraining/workflow/lib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["snakemake", "--snakefile", "/opt/aesthetic-pretraining/Snakefile", "--directory", "/researcher", "--config", "scale=demo", "--", "all"]
