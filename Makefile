# Everything runs in .venv, which each target makes and brings up to date by itself. `make` alone lists the targets.

PYTHON ?= python3
ENGINE ?= sketch
# Three test files at a time, in the order of tests/running.py: on two cores too, since most tests wait for processes.
SPREAD ?= --numprocesses=3 --dist=loadfile --no-loadscope-reorder
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt --no-compile

# What upscaling needs beside torch. spandrel also asks for torchvision, which nothing here uses, and which has to be of
# exactly torch's own build: without it.
UPSCALE := 'spandrel>=0.4.2,<0.5' 'einops>=0.8.2'

# Modules are compiled when they are first imported, and then for good: most of what is installed never is.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo run dev docs test test-all test-core test-quick test-durations test-local test-clients test-schema coverage faults \
	chaos soak life check fix format client build bench lock clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: $(VENV)/.runtime ## Make sunset.mp4 (ENGINE=sketch, local, comfyui, openai or huggingface)
	@echo 'Making a video of "A beautiful sunset over the ocean with waves crashing" …'
	@$(BIN)/reelwright generate "A beautiful sunset over the ocean with waves crashing" \
		--engine $(ENGINE) --output sunset.mp4 --force
	@echo 'Open sunset.mp4. Next: `make run` serves the API and the page on http://localhost:3001'

run: $(VENV)/.runtime ## Serve the API and the page on http://localhost:3001
	@exec $(BIN)/reelwright serve

dev: $(VENV)/.runtime ## The same, restarted whenever the source changes
	@exec $(BIN)/watchfiles --filter python --sigint-timeout 25 "$(BIN)/reelwright serve" src

docs: $(VENV)/.dev ## Build the documentation's site into build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Open build/site/index.html, or serve it: $(BIN)/mkdocs serve"

test: $(VENV)/.local check ## The checks and all tests but the long ones: what CI runs first (installs torch)
	@$(BIN)/python -m pytest $(SPREAD) -m 'not long'

test-all: $(VENV)/.local check ## The checks and all tests
	@$(BIN)/python -m pytest $(SPREAD)

test-core: $(VENV)/.dev ## All tests but those of the local engine (no torch)
	@$(BIN)/python -m pytest $(SPREAD) --ignore=tests/engines/local

test-quick: $(VENV)/.dev ## test-core without the long ones
	@$(BIN)/python -m pytest $(SPREAD) -m 'not long' --ignore=tests/engines/local

test-durations: $(VENV)/.local ## All tests; writes tests/long.txt: which of them are long
	@$(BIN)/python -m pytest $(SPREAD) --write-long

test-local: $(VENV)/.local ## The tests of the local engine (installs torch)
	@$(BIN)/python -m pytest $(SPREAD) tests/engines/local

test-clients: $(VENV)/.dev $(VENV)/clients/.ready ## The public clients, large ones too; writes docs/clients.md
	@$(BIN)/python -m pytest -p tests.clients.table --clients-table docs/clients.md tests/clients

test-schema: $(VENV)/.dev ## Schemathesis over the whole API, with a key of each scope (SCHEMA_SECONDS=60 for each of ten runs)
	@SCHEMA_SECONDS=$${SCHEMA_SECONDS:-60} $(BIN)/python -m pytest --timeout=0 tests/api/test_schema.py

coverage: $(VENV)/.dev ## test-core, measured, child processes too; fails below the floor in pyproject.toml
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(SPREAD) --ignore=tests/engines/local
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet --fail-under=0
	@echo "Every line: build/coverage/html/index.html"
	@$(BIN)/coverage report

faults: $(VENV)/.local ## The tests of every fault and attack in docs/reliability.md, which it writes
	@$(BIN)/python -m tests.faults

chaos: $(VENV)/.dev ## A fleet under fire, a server with keys killed 30 times; writes docs/reliability.md
	@$(BIN)/python -m tests.chaos

soak: $(VENV)/.dev ## Every client for ten minutes, and nothing grows (SOAK_SECONDS=…); writes docs/reliability.md
	@$(BIN)/python -m tests.soak

life: $(VENV)/.dev ## A job's life in any order, as hypothesis imagines it (LIFE_EXAMPLES=200 on each database)
	@LIFE_EXAMPLES=$${LIFE_EXAMPLES:-200} $(BIN)/python -m pytest --timeout=0 tests/jobs/test_life.py

check: $(VENV)/.dev ## Formatter, linter, strict types (stale names outside of src), import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --strict --no-error-summary
	@$(BIN)/lint-imports > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@echo "Formatting, lint, types and import contracts are clean."

client: $(VENV)/.dev ## Write the synchronous Python client anew, after a change of the asynchronous one
	@$(BIN)/python scripts/synchronous_client.py

fix: $(VENV)/.dev ## Mend what the linter and the formatter can mend by themselves
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

format: $(VENV)/.dev ## Only the formatter
	@$(BIN)/ruff format --quiet .

build: $(VENV)/.dev ## Build the wheel and the source package into dist/, and try both
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist . > $(VENV)/build.log || { cat $(VENV)/build.log; exit 1; }
	@$(BIN)/python -m pytest tests/test_package.py
	@ls dist

bench: $(VENV)/.dev ## Run the benchmarks
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

lock: ## Write constraints.txt anew: the newest releases that fit pyproject.toml (torch stays; edit its line by hand)
	@mkdir -p $(VENV) && grep '^torch==' constraints.txt > $(VENV)/torch.txt
	@rm -rf $(VENV)/lock && $(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip install --quiet --quiet --disable-pip-version-check -c $(VENV)/torch.txt '.[dev,local]'
	@$(VENV)/lock/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps $(UPSCALE)
	@{ echo '# Every package at the version that was tested. Written by `make lock`; pip reads it with `-c constraints.txt`.'; \
		$(VENV)/lock/bin/python -m pip freeze --exclude reelwright --exclude pip --exclude setuptools \
		| sed -e 's/+cpu$$//' | grep -v -e '^nvidia-' -e '^cuda-' -e '^triton==' ; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt
	@rm -rf $(VENV)/lock
	@echo "Wrote constraints.txt"

clean: ## Remove the environment, caches and builds; keeps your videos
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The environment, in three sizes. A stamp is older than its sources when the environment has to be brought up to date.

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) was not found. Install Python 3.11 or newer."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1 | cut -d" " -f2)."; \
		echo "Name another one, for example: make PYTHON=python3.12 demo"; exit 2; }
	@echo "Making $(VENV) with $$($(PYTHON) -V) …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian and Ubuntu: apt install python3-venv"; exit 2; }

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the server …"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the server and the development tools …"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.local: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the server, the development tools and torch with its company (about 1 GB) …"
	@$(PIP) --editable '.[dev,local]'
	@$(PIP) --no-deps $(UPSCALE)
	@touch $@ $(VENV)/.runtime $(VENV)/.dev

# The large clients pin what we do not: they have an environment of their own.
$(VENV)/clients/.ready: tests/clients/heavy/requirements.txt | $(BIN)/python
	@echo "Installing the large clients (LiteLLM and others, about 1 GB) …"
	@$(PYTHON) -m venv $(VENV)/clients
	@$(VENV)/clients/bin/python -m pip install --quiet --quiet --disable-pip-version-check -r $<
	@touch $@
