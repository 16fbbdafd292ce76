# syntax=docker/dockerfile:1

# Targets: `cpu` (the default) has the sketch and huggingface engines; `gpu` also the local engine with torch.
#   docker build -t reelwright .
#   docker build --target gpu -t reelwright:gpu .
# docs/deployment.md says how to run them.

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/reelwright
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN /opt/reelwright/bin/pip install --constraint constraints.txt '.[mcp,s3,telemetry]'

FROM packages AS gpu-packages
RUN /opt/reelwright/bin/pip install --constraint constraints.txt '.[local]' \
    && /opt/reelwright/bin/pip install --constraint constraints.txt --no-deps spandrel einops

FROM python:${PYTHON} AS base
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin reelwright \
    && install --directory --owner=10001 --group=10001 /data
ENV PATH=/opt/reelwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=3001 \
    NODE_ENV=production \
    REELWRIGHT_DATA_DIR=/data \
    HF_HOME=/data/huggingface
USER 10001:10001
WORKDIR /home/reelwright
VOLUME /data
EXPOSE 3001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=4)"]
ENTRYPOINT ["reelwright"]
CMD ["serve"]

FROM base AS gpu
# Triton compiles the launchers of its kernels with it when a model is compiled.
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-packages /opt/reelwright /opt/reelwright

FROM base AS cpu
COPY --from=packages /opt/reelwright /opt/reelwright
