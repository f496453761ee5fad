# covey: `make help` lists what there is. Everything needed is installed into .venv and .cache of this folder.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
BIN := .venv/bin
UV := .cache/uv/bin/uv
LOCK := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo test prove check bench docs setup lock format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/demo.done ## install what the demo needs, then show the main job on this machine in a minute
	$(BIN)/covey demo

test: .venv/dev.done .cache/oracle-node/installed .cache/oracle-java/installed ## install what the tests need, then run them (what CI runs, cluster included where it can be built)
	.ci/test

prove: .venv/dev.done .cache/oracle-node/installed .cache/oracle-java/installed ## the long evidence: fuzzing, soaks, every Python, 50-fold repeats (see docs/reference/evidence)
	code=0; COVEY_PROVE=1 .ci/test --junitxml=.cache/prove.xml || code=$$?; $(BIN)/python docs/evidence.py .cache/prove.xml; exit $$code

check: .venv/dev.done ## style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.done .venv/peers.done .cache/bench-node/installed ## compare with peers in one run, as ratios
	$(BIN)/python -m bench

docs: .venv/dev.done ## renew the parts of docs/ that are generated from the code
	$(BIN)/python docs/generate.py

setup: .venv/dev.done ## install everything for development into .venv

lock: $(UV) ## compile requirements/*.in anew
	for name in uv runtime demo dev; do $(LOCK) --python-version 3.11 requirements/$$name.in -o requirements/$$name.txt; done
	$(LOCK) --python-version 3.11 -c requirements/dev.txt requirements/peers.in -o requirements/peers.txt
	for name in bench oracle; do $(LOCK) --python-version 3.9 --universal requirements/$$name.in -o requirements/$$name.txt; done
	$(LOCK) --python-version 3.9 --universal -c requirements/demo.txt examples/flask-service/requirements.in -o examples/flask-service/requirements.txt

format: .venv/dev.done ## lay the code out
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

clean: ## remove what make has installed here
	rm -rf .venv .cache build dist

# uv comes from the package index by pip, pinned by hash, into a folder of its own.
$(UV): requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit("covey needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	touch $@

.venv/python.done: $(UV)
	[ -x $(BIN)/python ] || $(UV) venv --quiet --python $(PYTHON) .venv
	touch $@

.venv/%.done: requirements/%.txt pyproject.toml .venv/python.done
	VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements/$*.txt
	VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# nyc, c8 and what else of Node tests and benches compare with, by lock file; where there is no npm they skip and say so.
.cache/oracle-node/installed: tests/oracle/node/package-lock.json tests/oracle/node/package.json
.cache/bench-node/installed: bench/peers/node/package-lock.json bench/peers/node/package.json
.cache/%-node/installed:
	mkdir -p $(@D)
	cp $^ $(@D)
	{ command -v npm >/dev/null && npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent && touch $@; } || \
	  echo "npm could not fill $(@D): what needs it skips and says so" >&2

# JaCoCo and OpenClover, in the versions of the pom; where there is no Maven their tests skip and say so.
.cache/oracle-java/installed: tests/oracle/java/pom.xml
	mkdir -p $(@D)
	{ command -v mvn >/dev/null && mvn -q -B -C -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(@D) \
	  && touch $@; } || echo "Maven could not fill $(@D): what needs it skips and says so" >&2
