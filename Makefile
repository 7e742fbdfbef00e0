# What a person types. Nothing but Python, git and make has to be there; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes for the tests: one more than most machines have cores, because tests that kill workers mostly wait. More options: make test ARGS="-k moodle -x".
JOBS ?= 3
ARGS ?=
PORT ?= 8000
POSTGRES ?= postgresql+psycopg://postgres@127.0.0.1:5432/
PYTEST := $(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup
# The whole run writes down which lines it reached, for `coverage`; a run with options of one's own does not.
MEASURE := --cov --cov-report=
# A missing service or browser is a failure here, not a skip.
REQUIRE := env ROLECALL_TEST_REQUIRE=all ROLECALL_TEST_LONG=1

# The tests start many processes: what one has compiled of Python, the next finds.
unexport PYTHONDONTWRITEBYTECODE

# The tests fill the machine by themselves.
.NOTPARALLEL:
.PHONY: help run test check static remaining messages bench lint types layers docs coverage test-postgresql test-browser test-long services clean

help:  ## what there is to do (this list)
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

run: $(VENV)/.installed  ## a school of 500 invented people and the services it uses, all pretended, on http://127.0.0.1:8000; Ctrl+C ends it
	@exec $(BIN)/rolecall demo --port $(PORT)

test: $(VENV)/.installed-test  ## the tests on SQLite; what needs PostgreSQL or Chromium is skipped by name where it is missing
	$(PYTEST) $(SELECT) $(or $(ARGS),$(MEASURE))

check: static test remaining  ## everything a change must pass, on SQLite and PostgreSQL and in Chromium
# `remaining` has the browser.
check: SELECT := -m "not browser"

static: lint types layers docs  ## what is checked without running anything

# Whatever `test` may have skipped is required in one of these.
remaining: coverage services test-postgresql test-browser test-long  ## what `check` does after `test`

messages: $(VENV)/.installed-test  ## bring the catalogues of translations up to date with the marked texts, and say what is left to translate
	$(BIN)/python tools/messages.py

bench: $(VENV)/.installed-test  ## measure against the references; prints ratios; some or other sizes: ARGS="sync providers:10000"
	env ROLECALL_TEST_DATABASE_URL=$(POSTGRES) $(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.installed-test  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test  ## mypy --strict over everything that ships
	$(BIN)/mypy

layers: $(VENV)/.installed-test  ## which package may import which
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.installed-test  ## build the documentation into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

services:  ## start PostgreSQL, Redis and RabbitMQ if they are installed and not running
	@tools/services.sh '$(subst +psycopg,,$(POSTGRES))postgres'

coverage:  ## the bound on what the last whole `make test` reached
	$(BIN)/coverage report --include='core/*,plugins/*' --fail-under=95

test-postgresql: $(VENV)/.installed-test  ## the tests that have a database on PostgreSQL, those with Chromium too
	$(REQUIRE) ROLECALL_TEST_DATABASE_URL=$(POSTGRES) $(PYTEST) $(ARGS)

test-browser: $(VENV)/.installed-test  ## the tests that drive Chromium, on SQLite
	$(REQUIRE) $(PYTEST) -m browser $(ARGS)

test-long: $(VENV)/.installed-test  ## six writers and a worker on one SQLite file for a minute
	$(REQUIRE) $(PYTEST) -n 0 tests/stress/test_writers.py $(ARGS)

clean:  ## remove what these commands made, the virtual environment too
	rm -rf $(VENV) build dist docs/_build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

# The stamps are newer than the lists of requirements when everything they name is installed.
$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.installed-test: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,postgres]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rolecall needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
