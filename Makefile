# The front door. It needs make 3.82 or newer and a Python 3.7 or newer with venv;
# everything else goes into $(VENV), from the package index that pip is set up for.
#
#   make test PYTHON=python3.9     another interpreter, in an environment of its own
#   make test ARGS='-k journal'    arguments for pytest, the demo or the benchmarks
#   make test ARGS=-n0             one test after the other (for --pdb, or to read what is printed)

PYTHON ?= python3
ARGS ?=

ifndef VENV
ifeq ($(PYTHON),python3)
VENV := .venv
else
VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
endif
endif
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

# nox has environments of its own and says so: make lint READY= BIN=...
READY = $(VENV)/.check
SOURCES = $(wildcard hookd demo bench docs packaging tests noxfile.py)
# Tests wait for processes, and machines of the lab for minutes: more of them than processors.
CORES := $(shell getconf _NPROCESSORS_ONLN)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint types compat bench docs man storm rpm distributor repo release-check lock lab clean test-ready check-ready docs-ready lab-ready package-ready

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## play one whole patch operation in a throw-away root
	@$(BIN)/python demo $(ARGS)

test: $(VENV)/.test ## install what the tests need, where that may be done, and run them
	@tests/install-needs
	$(BIN)/python -m pytest -n $$((2 * $(CORES))) --dist worksteal $(ARGS)

storm: $(VENV)/.test ## kill client, service and engine 500 times in the middle of hooks
	HOOKD_STORM_ROUNDS=500 $(BIN)/python -m pytest tests/integration/test_storm.py -s $(ARGS)

lab: $(VENV)/.lab ## boot real machines and play patch operations, reboots and faults on them
	@tests/lab/install-needs
	$(BIN)/python -m pytest tests/lab -n $$((3 * $(CORES))) --maxschedchunk=1 $(ARGS)

check: lint types compat ## all that needs no run: style, types, Python 3.7, shell, spelling

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/shellcheck $$(.ci/shell-files)

types: $(READY)
	$(BIN)/mypy

compat: $(READY)
	$(BIN)/vermin --target=3.7- --violations --no-tips $(SOURCES)

bench: $(VENV)/.test ## measure against the budgets, each beside its peer
	@$(BIN)/python bench $(ARGS)

docs: $(VENV)/.runtime ## write the pages and the SSM documents that are made from the code
	$(BIN)/python docs/generate.py
	$(BIN)/python packaging/generate.py

man: $(VENV)/.docs ## make the man page and the completion for bash in build/
	docs/make-manual $(BIN) build

rpm: $(VENV)/.package ## build the RPMs, for x86_64 and aarch64, in dist/
	$(BIN)/python packaging/build_rpm.py $(ARGS)

distributor: rpm ## make the package for SSM Distributor of the RPMs, in dist/distributor/
	$(BIN)/python packaging/build_distributor.py

repo: rpm ## make a signed yum repository of the RPMs, in dist/repo/ (KEY=, URL=)
	packaging/build-repo dist dist/repo '$(KEY)' '$(URL)'

release-check: $(VENV)/.package ## build everything twice and hold it to what it says of itself
	$(BIN)/python packaging/release_check.py

lock: $(VENV)/.runtime ## choose anew what packages carry (by PYTHON=python3.7)
	$(BIN)/python packaging/lock.py

clean: ## remove the environments and everything that was built
	rm -rf .venv* .nox .cache .hypothesis .pytest_cache .mypy_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

test-ready: $(VENV)/.test ; @:
check-ready: $(VENV)/.check ; @:
docs-ready: $(VENV)/.docs ; @:
lab-ready: $(VENV)/.lab ; @:
package-ready: $(VENV)/.package ; @:

# A changed pyproject.toml gives a new environment: no leftover hides a missing requirement.
$(VENV)/.runtime: pyproject.toml
	@.ci/can-make-venv $(PYTHON)
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	$(PIP) --editable '.[test,aws-test]'
	@touch $@

$(VENV)/.lab: $(VENV)/.test $(VENV)/.package
	$(PIP) --editable '.[lab]'
	@touch $@

$(VENV)/.docs: $(VENV)/.runtime
	$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.package: $(VENV)/.docs
	$(PIP) --editable '.[package]'
	@touch $@

$(VENV)/.check: $(VENV)/.runtime
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "make check needs Python 3.10 or newer: its tools do" >&2; exit 1; }
	$(PIP) --editable '.[check]'
	@touch $@
