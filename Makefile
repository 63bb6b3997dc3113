# Every target works from a fresh clone. It creates the environment if it is missing or older than pyproject.toml.
# `make demo` and `make test` install no development tools; README.md shows what they run, and a test compares the two.
PYTHON ?= python3
BIN := .venv/bin
PROGRAM := .venv/.program
TESTS := .venv/.tests
READY := .venv/.ready
INSTALL = $(PYTHON) -m pip --python .venv install -q pip
GENERATED = $(shell grep -rlF '[[[cog' README.md docs 2>/dev/null)

.DEFAULT_GOAL := check
.PHONY: demo test check format lint types layers docs-fresh cover newest nightly clients fix docs bench clean

demo: $(PROGRAM)  ## two agents talk in a scratch repository
	$(BIN)/thrum demo

test: $(TESTS)  ## the everyday suite
	$(BIN)/pytest -q -n 2

check: format lint types layers docs-fresh cover  ## everything that must hold before a commit

$(PROGRAM): pyproject.toml
	$(PYTHON) -m venv --without-pip .venv
	$(INSTALL) -e .
	@touch $@

$(TESTS): pyproject.toml
	$(PYTHON) -m venv --without-pip .venv
	$(INSTALL) -e '.[test]'
	@touch $@ $(PROGRAM)

$(READY): pyproject.toml
	$(PYTHON) -m venv --without-pip .venv
	$(INSTALL) -e '.[dev]'
	@touch $@ $(TESTS) $(PROGRAM)

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: $(READY)
	$(BIN)/lint-imports

docs-fresh: $(READY)
	$(if $(GENERATED),$(BIN)/cog --check $(GENERATED),@echo "no generated pages")

cover: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 2
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

newest:  ## the everyday suite with the newest versions that pyproject.toml allows
	$(PYTHON) -m venv --without-pip .venv/newest
	$(PYTHON) -m pip --python .venv/newest install -q --upgrade --upgrade-strategy eager pip -e '.[test]'
	@echo 'Newer versions that a cap holds back:'
	@$(PYTHON) -m pip --python .venv/newest list --outdated
	.venv/newest/bin/pytest -q -n 2

nightly: $(READY)  ## the long suites: many kills, many races
	$(BIN)/pytest -q -m nightly
	HYPOTHESIS_PROFILE=nightly $(BIN)/pytest -q --timeout 1200 tests/properties

clients: $(READY)  ## the real agent clients: installs them into the cache (about 1.4 GB) and drives them
	scripts/install-clients.sh
	THRUM_TRANSCRIPTS=1 $(BIN)/pytest -q -m clients tests/clients

fix: $(READY)  ## what ruff can repair by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## write the generated pages again
	$(if $(GENERATED),$(BIN)/cog -r $(GENERATED),@echo "no generated pages")

bench: $(READY)  ## the table of measurements
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
