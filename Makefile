.DEFAULT_GOAL := help
.PHONY: help serve demo test check format golden bench fuzz soak screenshot test-all test-lowest test-plugins recipes clean

PYTHON ?= python3
RUNS ?= 100000
SECONDS ?= 60
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Two empty files record what is installed, so that a second run installs nothing.
$(VENV)/run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or later is needed: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --editable '.[tls]'
	@touch $@

$(VENV)/dev: $(VENV)/run
	$(PIP) install --editable '.[tls,dev]'
	@touch $@

serve: $(VENV)/run  ## Serve the default scenario at http://127.0.0.1:8085/API/API.asmx
	@$(BIN)/rescue-emulator serve

demo: $(VENV)/run  ## Serve the demo; its console is at http://127.0.0.1:8085/__admin/, or at the next free port
	@$(BIN)/rescue-emulator serve demo --port 8085-8095

test: $(VENV)/dev  ## Run the test suite, one process per core; TESTS=tests/core runs a part of it
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(TESTS)

check: $(VENV)/dev  ## Check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/dev  ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

golden: $(VENV)/dev  ## Rewrite the golden files of messages and reports; review the diff
	@REWRITE_GOLDEN=1 $(BIN)/python -m pytest --quiet $$(grep --recursive --files-with-matches --include='test_*.py' check_golden tests)
	@git diff --stat -- tests/golden scenarios

bench: $(VENV)/dev  ## Measure rates, start, memory and the fixture, beside other servers; SECTIONS="server peers" runs a part
	@$(BIN)/python -m tests.bench $(SECTIONS)

fuzz: $(VENV)/dev  ## Run each fuzz target with RUNS generated inputs, e.g. make fuzz RUNS=1000000
	$(PIP) install --editable '.[fuzz]'
	@$(BIN)/python -m tests.fuzz http --runs $(RUNS)
	@$(BIN)/python -m tests.fuzz service --runs $(RUNS)
	@$(BIN)/python -m tests.fuzz scenarios --runs $(RUNS)

soak: $(VENV)/dev  ## Load a server with every kind of request for SECONDS, and check for leaks and wrong answers
	@$(BIN)/python -m tests.soak --seconds $(SECONDS)

screenshot: $(VENV)/dev  ## Take the README's screenshot of the console
	@$(BIN)/python -m tests.screenshot

test-all:  ## Run the suite on every installed Python from 3.10 on, and once with the lowest dependencies
	@$(PYTHON) tests/all_pythons.py

test-lowest:  ## Run the suite with the oldest version of each dependency that pyproject.toml allows
	@$(PYTHON) tests/all_pythons.py --lowest

test-plugins:  ## Test the fixtures with pytest 8 and 9 and with pytest's plugins, in environments of their own
	@$(PYTHON) tests/all_plugins.py

recipes:  ## Use the emulator from its wheel with pytest, curl, Node, PHP, Java and Mono, as far as they are installed
	@$(PYTHON) tests/recipes.py

clean:  ## Remove the environments and caches
	rm -rf .venv* .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
