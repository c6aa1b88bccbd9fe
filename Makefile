.DEFAULT_GOAL := help
.PHONY: help serve demo test check format bench fuzz soak screenshot test-all clean

PYTHON ?= python3
RUNS ?= 100000
SECONDS ?= 60
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The two stamps remember what is installed, so that a second run sets nothing up again.
$(VENV)/run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or later is needed: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run
	$(PIP) install --editable '.[dev]'
	@touch $@

serve: $(VENV)/run  ## Serve the default scenario at http://127.0.0.1:8085/API/API.asmx
	@$(BIN)/rescue-emulator serve

demo: $(VENV)/run  ## Serve the demo desk; its console is at http://127.0.0.1:8085/__admin/
	@$(BIN)/rescue-emulator serve scenarios/demo.yaml

test: $(VENV)/dev  ## Run the whole test suite
	@$(BIN)/python -m pytest

check: $(VENV)/dev  ## Check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/dev  ## Put the code into its one format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(VENV)/dev  ## Measure rates, loading, the fixture and others that do the same; SECTIONS="server peers" takes some
	@$(BIN)/python -m tests.bench $(SECTIONS)

fuzz: $(VENV)/dev  ## Try each fuzz target with RUNS made-up inputs, e.g. make fuzz RUNS=1000000
	$(PIP) install --editable '.[fuzz]'
	@$(BIN)/python -m tests.fuzz http --runs $(RUNS)
	@$(BIN)/python -m tests.fuzz service --runs $(RUNS)
	@$(BIN)/python -m tests.fuzz scenarios --runs $(RUNS)

soak: $(VENV)/dev  ## Load a server with everything at once for SECONDS, and see that nothing is left behind
	@$(BIN)/python -m tests.soak --seconds $(SECONDS)

screenshot: $(VENV)/dev  ## Take the README's picture of the console anew
	@$(BIN)/python -m tests.screenshot

test-all:  ## Run the suite on every Python from 3.10 on that is installed
	@$(PYTHON) tests/all_pythons.py

clean:  ## Remove the environments and caches
	rm -rf .venv* .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
