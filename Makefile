# Every chore is one command, and CI runs the same ones. Nothing but Python 3.11+ is needed beforehand.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= 1
MUTANTS ?= 200
# Triton tests the kernel for a card, and takes 1 GB.
TRITON ?= 0

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
EXTRAS = dask,dev,onnx,parquet,serve$(if $(filter 0,$(TORCH)),,,torch)$(if $(filter 0,$(TRITON)),,,triton)
DEV = $(VENV)/.dev$(TORCH)$(TRITON)

.PHONY: demo test soak check format docs look bench clean

demo: $(VENV)/.demo
	$(BIN)/lookalike compare digits --classes 3,7
	$(BIN)/lookalike compare digits --report lookalike-demo.html

test: $(DEV)
	$(BIN)/python -m pytest

# Every property test with a hundred times its examples, and how many single changes to the rules the tests notice
# (it goes on where it was stopped): not part of `make test`.
soak: $(DEV)
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest tests
	$(BIN)/python -m benchmarks.mutations --sample $(MUTANTS)

check: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 0 tests/test_layout.py

format: $(DEV)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/python -m sphinx -q -b man docs docs/_build/man
	@echo "The site is docs/_build/html/index.html, the manual page docs/_build/man/lookalike.1"

# Each page of the site in a browser, light and dark, wide and narrow: nothing overflows, axe-core finds no fault.
look: docs $(DEV)
	$(BIN)/python -m pytest -n 2 tests/look_at_site.py

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist docs/_build docs/generated docs/changelog.md docs/commands.md docs/contributing.md docs/reference.md docs/lesson/notebooks.zip lookalike-demo.html .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp stands for an environment that is installed and fits the project's files.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "lookalike needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true): name one with PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || \
	    { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	@echo "Installing lookalike into $(VENV) ..."
	@$(PIP) install -e .
	@touch $@

$(VENV)/.dev00 $(VENV)/.dev01 $(VENV)/.dev10 $(VENV)/.dev11: $(VENV)/bin/python pyproject.toml constraints-dev.txt
	@echo "Installing lookalike and its development tools into $(VENV) ..."
	@$(PIP) install -c constraints-dev.txt -e '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml constraints-dev.txt
	@echo "Installing lookalike and what builds its site into $(VENV) ..."
	@$(PIP) install -c constraints-dev.txt -e '.[docs]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev1$(TRITON)
	@echo "Installing the peers to measure against into $(VENV) ..."
	@$(PIP) install -c constraints-dev.txt -e '.[bench]'
	@touch $@
