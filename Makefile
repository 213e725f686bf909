PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOWEST := .venv-lowest

# One thread for linear algebra: work is spread over processes, and sums keep their order.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-all test-lowest lint bench look docs clean

help:
	@echo "make run       the quickstart study: agents compared, with MLflow (first call installs into $(VENV))"
	@echo "make test      all tests but the slow ones: a quarter of an hour on two cores"
	@echo "make test-all  all tests, slow ones too"
	@echo "make test-lowest  the tests with the lowest versions that pyproject.toml allows, in $(LOWEST)"
	@echo "make lint      ruff and mypy"
	@echo "make bench     speed against named references, as JSON"
	@echo "make look      the dashboard in headless Chromium: pictures of every page, of the newest study"
	@echo "make docs      these pages and the reference as a site, in build/docs"
	@echo "make clean     remove $(VENV) and results"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.run

run: $(VENV)/.run
	$(BIN)/rage run quickstart

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# torch is the tested release, put there by pip first (README: the CPU build): the lowest one carries gigabytes of CUDA.
test-lowest:
	$(PYTHON) -m venv $(LOWEST)
	grep '^torch==' constraints.txt > $(LOWEST)/torch.txt
	$(LOWEST)/bin/python -m pip install --quiet uv -r $(LOWEST)/torch.txt
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		--constraints $(LOWEST)/torch.txt -e ".[dev]"
	$(LOWEST)/bin/python -m pip check
	$(LOWEST)/bin/python -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy rage_env agents experiments tests

bench: $(VENV)/.dev
	@for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

look: $(VENV)/.dev
	$(BIN)/python -m tests.browser.look

docs: $(VENV)/.dev
	$(BIN)/python -m docs.site

clean:
	rm -rf $(VENV) $(LOWEST) results build *.egg-info
