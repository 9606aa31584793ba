# Handbell: five words for everything. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8080
FOLDER ?= practice
EXAMPLES ?= 3000
SEED ?= 1

# A dot for every package, so that nobody thinks it hangs.
DOTS := awk '/^Collecting|^Installing/ { printf "."; fflush() } END { print "" }'

.DEFAULT_GOAL := help
.PHONY: help run test check lint types audit pytest year bench bench-peers crash fuzz soak shots docs site clean lock

help: ## Show what there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

run: $(VENV)/run.stamp ## Make the environment and, the first time, a practice school; start the gateway with pretend phones
	@$(BIN)/handbell practice --folder $(FOLDER) --port $(PORT)

test: check pytest ## Everything: linters, types, import contracts, and all tests on SQLite and PostgreSQL

check: lint types audit ## Ruff, mypy, pyright, the import contracts, bandit, and known faults of packages

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

audit: $(VENV)/dev.stamp
	@$(BIN)/bandit -q -c pyproject.toml -ll -r gateway channels templates scheduler config 2> >(grep -v '^.tester' >&2)
	@$(BIN)/python .ci/audit $(BIN)/pip-audit

types: $(VENV)/dev.stamp
	@$(BIN)/mypy
	@$(BIN)/pyright

# In the order of the folders: a reordering by the number of tests would leave the longest, few in their files, to the end.
pytest: $(VENV)/dev.stamp
	@$(BIN)/pytest -q -n auto --dist loadfile --no-loadscope-reorder

year: $(VENV)/dev.stamp ## Run a year of hundreds of campaigns in simulated time, on both databases (some minutes)
	@HANDBELL_YEAR=whole $(BIN)/pytest -q -n 2 --dist load tests/campaigns/test_year.py

bench: $(VENV)/dev.stamp ## Measure, as ratios in one run; writes docs/benchmarks.md
	@$(BIN)/python -m bench

bench-peers: $(VENV)/dev.stamp ## Measure Kannel, Jasmin, Celery and Apprise beside us; fetches them into bench/peers/.fetched
	@$(BIN)/python -m bench peers

crash: $(VENV)/dev.stamp ## Kill everything again and again, and count what arrived (about an hour; python -m bench.crash --help)
	@$(BIN)/python -m bench.crash

soak: $(VENV)/dev.stamp ## Load it as a trust does for an hour, and see that its memory stays flat (python -m bench.soak --help)
	@$(BIN)/python -m bench.soak

fuzz: $(VENV)/dev.stamp ## Feed every reader damaged files, mails and calls (some minutes); writes docs/reliability.md
	@PYTHONPATH=tests $(BIN)/python tests/fuzzed.py --examples $(EXAMPLES) --seed $(SEED)

shots: $(VENV)/dev.stamp ## Take the pictures of the main pages anew (docs/images); needs Chromium
	@PYTHONPATH=tests $(BIN)/python -m shots $(PAGES)

docs: $(VENV)/run.stamp ## Write the pages that are made from the code
	@$(BIN)/python -m docs.make

site: $(VENV)/run.stamp ## Write the docs as a small site with a search, into site/; open site/index.html
	@$(BIN)/python -m docs.site

clean: ## Remove the environment and the practice school
	rm -rf $(VENV) $(FOLDER)

lock: ## Lock the dependencies anew (needs uv)
	uv pip compile pyproject.toml requirements/build.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -o requirements/run.txt
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -o requirements/dev.txt

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Handbell needs Python 3.11 or newer: make PYTHON=python3.11 …"; exit 1; }
	@echo "Making the environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Handbell needs (once; it takes under a minute) …"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/run.txt | $(DOTS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need (once) …"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.txt | $(DOTS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/run.stamp
