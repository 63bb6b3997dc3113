# Every target works from a fresh clone: the environment is made when it is missing or older than pyproject.toml.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
GENERATED = $(shell grep -rlF '[[[cog' README.md docs 2>/dev/null)

.DEFAULT_GOAL := check
.PHONY: check format lint types layers docs-fresh cover test nightly clients fix docs bench clean

check: format lint types layers docs-fresh cover  ## everything that must hold before a commit

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv --clear --without-pip .venv
	$(PYTHON) -m pip --python .venv install -q pip -e '.[dev]'
	touch $@

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

test: $(READY)  ## the everyday suite
	$(BIN)/pytest -q -n 2

nightly: $(READY)  ## the long suites
	$(BIN)/pytest -q -m nightly
	HYPOTHESIS_PROFILE=nightly $(BIN)/pytest -q --timeout 1200 tests/properties

clients: $(READY)  ## the real agent clients: installs them into the cache, about 1.4 GB, then drives them
	scripts/install-clients.sh
	THRUM_TRANSCRIPTS=1 $(BIN)/pytest -q -m clients tests/clients

fix: $(READY)  ## what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## write the generated pages anew
	$(if $(GENERATED),$(BIN)/cog -r $(GENERATED),@echo "no generated pages")

bench: $(READY)  ## the table of measurements
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
