# make run      install into .venv and run the quickstart
# make test     install with the test tools and run the tests that every change needs
# make test-all these, the slow tests, and more examples of the tests by hypothesis
# make fuzz     10,000 damaged files for each reader: each must be read, or refused with one line
# make lint     style, types, and the English of all texts that users read
# make bench    ratios against limits; python -m benchmarks --planted shows that each can be broken
# make coverage all tests with a count of the lines that they run, against a floor
# make docs     the pages and the reference of names as HTML in build/docs; broken links are errors
# make check-resume  kill a run at 100 moments; each must go on to the same bytes
# make check-statistics   intervals and tests on simulated data with a known truth
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# a process a core; tests of one file share their fixtures; long files go first (tests/conftest.py)
PYTEST_ARGS ?= -n auto --dist loadfile --no-loadscope-reorder
# each of the many processes of a test run would compile the package again
export PYTHONDONTWRITEBYTECODE =
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: run test test-all fuzz lint coverage docs bench check-resume check-statistics clean

run: $(VENV)/.run
	$(BIN)/subprobe run --config docs/quickstart.toml --out runs/quickstart

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m 'not slow'

test-all: test
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m 'slow or hypothesis'

fuzz: $(VENV)/.dev
	SUBPROBE_FUZZ=$(or $(FUZZ),10000) $(BIN)/python -m pytest $(PYTEST_ARGS) tests/fuzz -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python .ci/prose.py
	.ci/types $(BIN)/mypy

coverage: $(VENV)/.dev
	$(BIN)/python -m pytest $(PYTEST_ARGS) --cov=subprobe --cov-report=term:skip-covered

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

check-resume: $(VENV)/.dev
	SUBPROBE_STRIKES=$(or $(STRIKES),100) $(BIN)/python -m pytest $(PYTEST_ARGS) --dist load tests/analysis/running/test_killed.py -k any_moment

check-statistics: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.check_statistics

clean:
	rm -rf $(VENV) build dist *.egg-info

# torch goes first, so that nothing pulls another build of it
$(VENV)/.torch: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "subprobe needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt torch setuptools wheel
	@touch $@

$(VENV)/.run: $(VENV)/.torch pyproject.toml
	$(PIP) install -q -c constraints.txt -e '.[offline]'
	@touch $@

$(VENV)/.dev: $(VENV)/.torch pyproject.toml
	$(PIP) install -q -c constraints.txt -e '.[offline,dev,docs,onnx]'
	@touch $@ $(VENV)/.run
