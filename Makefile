# What a person types. Nothing but Python, git and make has to be there; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# More processes for the tests: make test JOBS=4. More options: make test ARGS="-k moodle -x".
JOBS ?= 2
ARGS ?=
PORT ?= 8000
POSTGRES ?= postgresql+psycopg://postgres@127.0.0.1:5432/
PYTEST := $(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup
# In `check` a missing service or browser is a failure, not a skip.
REQUIRE := env ROLECALL_TEST_REQUIRE=all

.PHONY: help run test check bench lint types layers docs test-sqlite test-postgresql test-browser services clean

help:  ## what there is to do (this list)
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

run: $(VENV)/.installed  ## a school of 500 invented people with a fake Moodle, on http://127.0.0.1:8000; Ctrl+C ends it
	@exec $(BIN)/rolecall demo --port $(PORT)

test: $(VENV)/.installed-test  ## the tests on SQLite; what needs PostgreSQL or Chromium is skipped by name where it is missing
	$(PYTEST) $(ARGS)

check: lint types layers docs services test-sqlite test-postgresql test-browser  ## everything a change must pass, on SQLite and PostgreSQL and in Chromium

bench: $(VENV)/.installed-test  ## measure against the references; prints ratios
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.installed-test  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test  ## mypy --strict over everything that ships
	$(BIN)/mypy

layers: $(VENV)/.installed-test  ## which package may import which
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.installed-test  ## build the documentation into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

services:  ## start PostgreSQL if it is installed and not running
	@tools/services.sh '$(subst +psycopg,,$(POSTGRES))postgres'

test-sqlite: $(VENV)/.installed-test  ## the tests on SQLite, with the bound on coverage
	$(REQUIRE) $(PYTEST) -m "not browser" --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --include='core/*,plugins/*' --fail-under=95

test-postgresql: $(VENV)/.installed-test  ## the same tests on PostgreSQL
	$(REQUIRE) ROLECALL_TEST_DATABASE_URL=$(POSTGRES) $(PYTEST) -m "not browser" $(ARGS)

test-browser: $(VENV)/.installed-test  ## the tests that drive Chromium
	$(REQUIRE) $(PYTEST) -n 0 -m browser $(ARGS)

clean:  ## remove what these commands made, the virtual environment too
	rm -rf $(VENV) build dist docs/_build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

# The stamps are newer than the lists of requirements when everything they name is installed.
$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,postgres]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rolecall needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
