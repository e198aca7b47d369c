# Everything a person does with a checkout. `make` lists it; `make demo` is the place to start.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' \
	2>/dev/null && { echo $$python; break; }; done)
PYTEST_ARGS ?= -n 3 --dist worksteal -m "not slow"
CLUSTER_ARGS ?= -n 2 --dist loadfile -m "not slow"

.DEFAULT_GOAL := help
.PHONY: help demo test test-cluster dev-cluster images lint format docs testbed bench bench-cluster lock clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(VENV)/runtime.stamp ## push a repository, run its workflows, read the history with git log
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

test: $(VENV)/dev.stamp ## run the tests, in five minutes; PYTEST_ARGS="-n 3" adds slow ones
	PATH="$(CURDIR)/$(BIN):$(CURDIR)/.testbed/bin:$$PATH" $(BIN)/python -m pytest $(PYTEST_ARGS)

test-cluster: $(VENV)/dev.stamp ## run the tests on a real cluster (needs root, make testbed); CLUSTER_ARGS= adds slow ones
	PATH="$(CURDIR)/$(BIN):$(CURDIR)/.testbed/bin:$$PATH" $(BIN)/python -m pytest tests/cluster $(CLUSTER_ARGS)

dev-cluster: $(VENV)/dev.stamp ## run such a cluster until Ctrl-C, and say how to use it
	@PATH="$(CURDIR)/$(BIN):$(CURDIR)/.testbed/bin:$$PATH" $(BIN)/python -m tests.cluster

images: $(VENV)/dev.stamp ## run the tests that start containers (needs podman, runc and busybox-static)
	RECONCILER_TEST_PODMAN=1 $(BIN)/python -m pytest tests/executors/test_images.py

lint: $(VENV)/dev.stamp ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/dev.stamp ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/dev.stamp ## write the pages that are made from the code
	$(BIN)/python -m docs.generate

TESTBED ?= all
testbed: ## build the S3 servers and Kubernetes for the tests (needs Go); TESTBED=s3 the servers alone
	@test ! -L .testbed/bin || rm .testbed/bin
	@mkdir -p .testbed/bin && built=$$(tests/cluster/tools/build $(TESTBED)) && ln -sf $$built .testbed/bin/ && ls .testbed/bin

bench: $(VENV)/dev.stamp ## measure, beside the floor and the peers
	PATH="$(CURDIR)/$(BIN):$(CURDIR)/.testbed/bin:$$PATH" $(BIN)/python -m tests.benchmarks

bench-cluster: $(VENV)/dev.stamp ## measure pods beside a bare client (make testbed); BENCH_ARGS=--quick
	PATH="$(CURDIR)/$(BIN):$(CURDIR)/.testbed/bin:$$PATH" $(BIN)/python -m tests.benchmarks.cluster $(BENCH_ARGS)

# The locks name hashes and no registry; they hold for every Python of `requires-python`.
UV_COMPILE = $(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command 'make lock' --upgrade
lock: $(VENV)/runtime.stamp ## raise the locked versions of all dependencies
	$(BIN)/pip install --quiet uv
	$(UV_COMPILE) --group pyproject.toml:build --output-file requirements/build.lock
	$(UV_COMPILE) pyproject.toml --output-file requirements/runtime.lock
	$(UV_COMPILE) pyproject.toml --extra dev --group pyproject.toml:build --output-file requirements/dev.lock

clean: ## remove what was made here
	rm -rf $(VENV) .demo .testbed .cache dist build .*_cache .hypothesis .coverage

# Stamps: what is installed stays installed until the locks or the package's metadata change.
$(VENV)/python.stamp:
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 with venv is needed (on Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The locks are complete, so there is nothing to resolve; and Python compiles what is imported when it is.
PIP_INSTALL = $(BIN)/pip install --quiet --no-deps --no-compile
unexport PYTHONDONTWRITEBYTECODE

$(VENV)/runtime.stamp: $(VENV)/python.stamp requirements/build.lock requirements/runtime.lock pyproject.toml
	@echo "Installing into $(VENV)"
	@$(PIP_INSTALL) --require-hashes -r requirements/build.lock -r requirements/runtime.lock
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/python.stamp requirements/dev.lock pyproject.toml
	@echo "Installing into $(VENV)"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.lock
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $(VENV)/runtime.stamp $@
