# Everything from a clean clone, with Python 3.11+, git and make. `make help` lists what there is.
# Each step leaves a stamp when it is done, and only then: what was cut off is done again.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Steps share .venv and web/node_modules.
.NOTPARALLEL:
.PHONY: help setup setup-dev web demo test coverage soak soak-live bench-faults bench-decoding bench-sandbox bench-delivery bench-connections bench-matching bench-latency bench-many bench-large bench-log check format serve psql doctor migrate requirements clean

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_CACHE_DIR := 1
export npm_config_cache := $(CURDIR)/.venv/npm-cache
export npm_config_update_notifier := false
# Images and shells set it. Each start of the server would compile every module again, and the tests start a hundred.
unexport PYTHONDONTWRITEBYTECODE
# A statement for psql reaches the shell as it was typed, its dollars included.
override SQL := $(value SQL)
export SQL

PYTHON := .venv/bin/python
DATA_DIR = $${ROWCAST_DATA_DIR:-.rowcast}
# The files pin all that is needed, and nothing else may come: with dependencies looked up, pip would ask for the newest
# release of one that a package wants with an extra, and refuse it for having no hash.
PIP_INSTALL := $(PYTHON) -m pip install --quiet --require-hashes --no-deps
# The machine's Node, or the one that requirements-node.txt puts here.
NPM := PATH="$(CURDIR)/.venv/node:$$PATH" npm --prefix web
WEB_SOURCES := $(wildcard web/*.html web/*.ts web/*.json) $(shell find web/src web/public -type f 2>/dev/null)

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

setup: .venv/.runtime ## install what rowcast runs on into .venv

setup-dev: .venv/.dev web/node_modules/.dev ## install what the tests and checks need besides

web: web/dist/.built ## build the dashboard, the playground and the sandbox's sheet

demo: .venv/.runtime web/dist/.built ## start everything, with a sheet to type in
	@exec $(PYTHON) -m api demo

test: check web/dist/.built ## run every check and every test
	@echo "Running the tests."
	$(PYTHON) -m pytest -n 4
	$(NPM) test

coverage: .venv/.dev web/dist/.built ## run the Python tests once more, and say which lines and branches they leave out
	$(PYTHON) -m pytest -n 4 --cov --cov-report=term

soak: .venv/.dev web/dist/.built ## run what takes long: 500 interleavings each of a sheet and a feed, fifty editors, large sheets and feeds
	INTERLEAVINGS=500 $(PYTHON) -m pytest tests/interleavings
	EXAMPLES_TIMES=10 $(PYTHON) -m pytest --timeout=1800 tests/schema/test_filter_agreement.py tests/schema/test_rollback.py \
		tests/sync/test_merge_properties.py
	$(PYTHON) -m pytest -m soak

soak-live: .venv/.dev web/dist/.built ## kill servers and Postgres at random for ten minutes, and compare every subscriber's set with the table; MINUTES=3 for less
	$(PYTHON) -m bench.soak $(MINUTES)

bench-decoding: .venv/.dev bench/peers/decoding/.installed bench/peers/pgoutput_decoder/.installed ## measure how fast changes come out of Postgres, beside pg_recvlogical, Node's and a Rust decoder
	$(PYTHON) -m bench.decoding

bench-delivery: .venv/.dev bench/peers/graphql_ws/.installed ## measure what a delivery costs the server, beside raw Starlette, Node's graphql-ws and stock Strawberry
	$(PYTHON) -m bench.live.delivery

bench-connections: .venv/.dev bench/peers/graphql_ws/.installed ## measure what a subscribed connection costs the server, in CPU and memory
	$(PYTHON) -m bench.live.connections

bench-matching: .venv/.dev ## measure a commit that matches one of 100,000 subscriptions
	$(PYTHON) -m bench.live.matching

bench-latency: .venv/.dev .venv/.new-node bench/peers/postgraphile5/.installed bench/peers/postgraphile4/.installed ## measure how long a commit takes to its subscribers, beside PostGraphile 4 and 5 (10 minutes)
	$(PYTHON) -m bench.live.latency

bench-many: .venv/.dev ## measure 100,000 connections, beside raw Starlette's (8 GB; 15 minutes)
	$(PYTHON) -m bench.live.many

bench-large: .venv/.dev ## measure one commit of a million rows, and what others feel of it
	$(PYTHON) -m bench.live.large

bench-log: .venv/.dev ## measure the bytes that the log takes for a changed row
	$(PYTHON) -m bench.log_size

bench-faults: .venv/.dev ## measure what clients that flood, don't read or speak nonsense cost the others
	$(PYTHON) -m bench.live.faults

bench-sandbox: .venv/.dev ## measure the sandbox with a sheet of a million cells
	$(PYTHON) -m bench.large_sandbox

check: .venv/.dev web/node_modules/.dev ## lint, types, layers, formatting
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(NPM) run check

format: .venv/.dev ## put the code into shape
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

serve: .venv/.runtime web/dist/.built ## start the server alone, on the database in use
	@exec $(PYTHON) -m api serve

psql: .venv/.runtime ## open psql on the database in use; make psql SQL='…' runs one statement
	@if [ -n "$$SQL" ]; then exec $(PYTHON) -m api psql -c "$$SQL"; else exec $(PYTHON) -m api psql; fi

doctor: .venv/.runtime ## look at all that rowcast needs, and say what mends what is missing
	@exec $(PYTHON) -m api doctor

migrate: .venv/.runtime ## bring the database to this version's schema
	@exec $(PYTHON) -m api migrate

COMPILE := uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-annotate --no-header
requirements: ## pin the newest packages that the requirements allow (needs uv)
	$(COMPILE) --upgrade requirements.in -o requirements.txt
	$(COMPILE) --upgrade requirements-dev.in -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --upgrade requirements-node.in -o requirements-node.txt
	$(subst 3.11,3.12,$(COMPILE)) --upgrade bench/peers/pgoutput_decoder/requirements.in \
		-o bench/peers/pgoutput_decoder/requirements.txt

clean: ## remove all that was set up and all data, the demo's included
	@pid=$$(cat "$(DATA_DIR)/run/demo.pid" 2>/dev/null); \
	if [ -n "$$pid" ] && kill -0 "$$pid" 2>/dev/null; then \
		echo "The demo runs, as process $$pid: stop it first."; exit 1; \
	fi
	@if [ -d "$(DATA_DIR)/postgres" ]; then python3 -m db.embedded_home "$(DATA_DIR)/postgres"; fi
	@rm -rf "$(DATA_DIR)" .venv web/node_modules web/dist bench/peers/*/node_modules bench/peers/*/.venv bench/peers/*/.installed
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made:
	@echo "Making a Python environment in .venv."
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python -m venv .venv; \
		fi; \
	done; \
	echo "rowcast needs Python 3.11 or newer, and found none: install it, or put it on the PATH."; exit 1
	@touch $@

.venv/.runtime: requirements.txt .venv/.made
	@echo "Installing Python packages; this takes about half a minute."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	@echo "Installing what the tests need."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

# On one line: inside quotes the shell would hand a line's end, and the backslash before it, to Node.
NEW_ENOUGH = const [a, b] = process.versions.node.split('.').map(Number); process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)

# Links the Node to use into .venv/node, where the machine has none that is new enough.
.venv/.node: requirements-node.txt .venv/.made
	@if npm --version >/dev/null 2>&1 && node -e "$(NEW_ENOUGH)" 2>/dev/null; then \
		rm -rf .venv/node; mkdir .venv/node; \
	else \
		echo "Installing Node, since this machine has none that is new enough; this takes about half a minute."; \
		$(PIP_INSTALL) -r requirements-node.txt && \
		rm -rf .venv/node && mkdir .venv/node && \
		for program in node npm npx; do ln -s "../bin/$$program" ".venv/node/$$program" || exit 1; done; \
	fi
	@touch $@

# What a bench compares with. It goes on without one that can't be installed, and says so.
bench/peers/%/.installed: bench/peers/%/package.json bench/peers/%/package-lock.json .venv/.node
	@echo "Installing a peer: $*."
	@-PATH="$(CURDIR)/.venv/node:$$PATH" npm --prefix bench/peers/$* ci --ignore-scripts --loglevel=error && touch $@

# Not into .venv: it is no part of rowcast. From a wheel alone, of which there is none for Python 3.11; its sources want Rust.
bench/peers/pgoutput_decoder/.installed: bench/peers/pgoutput_decoder/requirements.txt .venv/.made
	@echo "Installing a peer: pgoutput_decoder."
	@-$(PYTHON) -m venv $(@D)/.venv && \
		$(@D)/.venv/bin/python -m pip install --quiet --require-hashes --no-deps --only-binary :all: -r $< && touch $@

# PostGraphile 5 wants Node 22.
.venv/.new-node: requirements-node.txt .venv/.made
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 22 ? 0 : 1)' 2>/dev/null || $(PIP_INSTALL) -r requirements-node.txt
	@touch $@

web/node_modules/.build: web/package.json web/package-lock.json .venv/.node
	@echo "Installing what builds the dashboard; this takes about half a minute."
	@$(NPM) ci --omit=dev --no-fund --no-audit --loglevel=error
	@touch $@

web/node_modules/.dev: web/package.json web/package-lock.json .venv/.node
	@echo "Installing what checks and tests the dashboard; this takes about a minute."
	@$(NPM) ci --no-fund --no-audit --loglevel=error
	@touch web/node_modules/.build $@

web/dist/.built: $(WEB_SOURCES) web/node_modules/.build
	@echo "Building the dashboard."
	@$(NPM) run --silent build
	@touch $@
