# Every target makes .venv when it is missing or older than what it is made from.
PYTHON ?= python3
BIN := .venv/bin
# A process per core, each with one thread, as workers have it. Bytecode is kept, also where the
# environment says not to: the tests' many processes import the same.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: sweep test test-slow check docs study studies-quick ui clean

sweep: .venv/installed ## the default study on the embedded data, and where to look
	$(BIN)/betafront sweep study=weighting

study: .venv/installed ## a study's results, made again: make study NAME=weighting
	$(BIN)/python -m studies.$(NAME).run

studies-quick: .venv/installed ## a few small runs of every study
	$(BIN)/python -m studies.quick

ui: .venv/installed ## the studies in the MLflow UI
	$(BIN)/betafront ui

test: .venv/tested ## the tests; the slow real-engine suites are `make test-slow`
	$(PYTEST) -m "not slow"

test-slow: .venv/tested
	$(PYTEST) -m slow

check: .venv/checked ## ruff, the type checker, the import walls
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/checked ## the site, in build/site/html; whatever Sphinx warns of is an error
	$(BIN)/python docs/site/gather.py build/site/source build/site/notebooks
	$(BIN)/sphinx-build -q -W --keep-going -b html -c docs/site build/site/source build/site/html
	@echo "The site: build/site/html/index.html"

clean: ## everything that is made here, but for runs/
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What each of the three holds, as pip names it: asked for together where several are missing, since
# pip resolves anew with each call.
WHAT_installed := .
WHAT_tested := .[test]
WHAT_checked := .[test,dev]
HOLDS_installed := installed
HOLDS_tested := installed tested
HOLDS_checked := installed tested checked

SELDOM := /(tests?|ray|pip|setuptools|databricks/sdk|botocore|validators|networkx|torch/(_inductor|testing)|graph_objs|debugpy|fontTools|playwright|mypyc?|jedi|IPython|sympy/physics|pygments/lexers)/

.venv/installed .venv/tested .venv/checked: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (PyTorch and its libraries are several GB; some minutes) …"
	$(INSTALL) --no-compile --editable "$(WHAT_$(@F))"
	@# On all cores, and also where the environment forbids Python to write bytecode as it imports.
	@# Some libraries have files that are templates, or for another Python. What nothing here imports,
	@# or a rare test, is compiled when it is.
	$(BIN)/python -m compileall -qq -j 0 -x '$(SELDOM)' src .venv/lib || true
	touch $(addprefix .venv/,$(HOLDS_$(@F)))
