# Every target sets up what it needs. A target's help text stands behind its name.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Looked for only when an environment has to be made.
PYTHON ?= $(shell scripts/find-python)
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := .demo
WHEELS := .wheels
FIGURES := .figures
# Needs libraries that nothing else does.
PEERS := benches/peers.py
PEERS_VENV := .venv-peers
# With servers of their own, and on a page of their own.
QUEUE_BENCHMARKS := $(wildcard benches/queue_*.py)
QUEUE_PEERS := benches/queue_peers.py
QUEUE_PEERS_VENV := .venv-queue-peers
QUEUE_FIGURES := $(FIGURES)/queue
# Likewise.
LETTERS_BENCHMARK := benches/dead_letters.py
LETTERS_FIGURES := $(FIGURES)/dead_letters
queue_page = PYTHONPATH=benches:. $(BIN)/python -m job_queue.page $(QUEUE_FIGURES) docs/queue-speed.md

# In CI a lock file that no longer fits is an error; at the desk cargo mends it.
LOCKED := $(if $(CI),--locked)
# One interpreter for every build with the Python bindings, so that they share what is compiled.
export PYO3_PYTHON := $(abspath $(BIN)/python)
# The theme prints a notice about the builder's next major version, which it does not allow itself to be built with.
export NO_MKDOCS_2_WARNING := 1

RUST_SOURCES := $(wildcard Cargo.toml Cargo.lock build.rs) $(shell find src -name '*.rs' -o -name '*.toml')
WHEEL_SOURCES := $(RUST_SOURCES) pyproject.toml $(wildcard README.md LICENSE) \
	$(shell find python -name '*.py' -o -name '*.pyi' -o -name '*.html' -o -name '*.css' -o -name '*.js' -o -name 'py.typed')
# Checked like the package itself.
TYPED_TOOLS := scripts/pack_pages.py tests/accuracy tests/chaos tests/servers tests/packaging tests/docs \
	tests/fingerprints tests/fuzz tests/integrations/environment.py tests/benches \
	benches/side_by_side benches/job_queue benches/grown_queue benches/many_letters $(QUEUE_BENCHMARKS) \
	$(LETTERS_BENCHMARK)

##@ Targets

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-23s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: demo-environment ## build and install the wheel, then run the example jobs and watch them
	@env -u PYTHONPATH $(DEMO)/venv/bin/python examples/container_jobs/demo.py

.PHONY: demo-admin
demo-admin: demo-environment ## open the demo's jobs in Django's admin (PORT=8000) until Ctrl-C
	@env -u PYTHONPATH $(DEMO)/venv/bin/python examples/container_jobs/demo_admin.py $(PORT)

.PHONY: test
test: extension ## run every test; the last line says what was left out
	@$(BIN)/python -m tests.servers.suite

.PHONY: test-rust
test-rust: extension ## run the tests of the Rust core
	@$(BIN)/python -m tests.servers.suite rust

.PHONY: test-python
test-python: extension ## run the Python tests, on SQLite
	@$(BIN)/python -m tests.servers.suite sqlite

.PHONY: test-postgresql
test-postgresql: extension ## run the database tests on a PostgreSQL of their own
	@$(BIN)/python -m tests.servers.suite postgresql

.PHONY: test-container-manager
test-container-manager: extension ## run the tests of the drop-in against the real django-container-manager
	@$(BIN)/python -m tests.servers.suite container-manager

.PHONY: test-mariadb
test-mariadb: extension ## run the database tests on a MariaDB of their own
	@$(BIN)/python -m tests.servers.suite mariadb

.PHONY: test-wheel
test-wheel: wheel ## run the tests against the built wheel, outside the checkout
	scripts/test-wheel "$(BIN)/python" dist

.PHONY: wheels
wheels: $(VENV)/.dependencies | rust ## build a wheel for each Python found (OTHERS=1: but this), and that for any, into .wheels/
	rm -rf $(WHEELS)
	@$(BIN)/python -m tests.packaging.wheels build $(WHEELS) $(if $(OTHERS),--others)

.PHONY: test-wheels
test-wheels: wheels ## try each of these wheels in an environment of its own
	@$(BIN)/python -m tests.packaging.wheels test $(WHEELS) $(if $(OTHERS),--others)

.PHONY: test-newest
test-newest: $(VENV)/.dependencies | rust ## run the Django tests with the newest Python and Django, on SQLite
	rm -f $(WHEELS)/*-cp313-*
	@$(BIN)/python -m tests.packaging.wheels build $(WHEELS) 3.13
	@$(BIN)/python -m tests.packaging.wheels test $(WHEELS) 3.13

.PHONY: lint
lint: extension ## check formatting, lints, types, stubs, API documentation and migrations
	cargo fmt --check
	cargo clippy $(LOCKED) --all-targets -- -W clippy::pedantic -D warnings
	cargo clippy $(LOCKED) --all-targets --features python -- -W clippy::pedantic -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --no-deps --document-private-items --features python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases $(TYPED_TOOLS)
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml job_retry._native
	$(BIN)/python -m django check --settings tests.app.settings --fail-level WARNING
	$(BIN)/python -m django makemigrations --settings tests.app.settings --check --dry-run
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(wildcard .github/workflows/*.yml)

.PHONY: format
format: $(VENV)/.dependencies ## format the code and mend what the linter can mend
	cargo fmt
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: extension $(VENV)/.floor | valgrind ## run the benchmarks, and write docs/performance.md from what they measure
	@mkdir -p $(FIGURES)
	@status=0; for benchmark in $(filter-out $(PEERS) $(QUEUE_BENCHMARKS) $(LETTERS_BENCHMARK),$(wildcard benches/*.py)); do \
		$(BIN)/python $$benchmark --json $(FIGURES)/$$(basename $$benchmark .py).json || status=1; done; \
		PYTHONPATH=benches $(BIN)/python -m side_by_side.page $(FIGURES) docs/performance.md; exit $$status

.PHONY: bench-queue
bench-queue: extension ## measure the queue on a PostgreSQL of its own and on SQLite (ONLY="speed growth ...")
	@mkdir -p $(QUEUE_FIGURES)
	@status=0; for benchmark in $(if $(ONLY),$(ONLY:%=benches/queue_%.py),$(filter-out $(QUEUE_PEERS),$(QUEUE_BENCHMARKS))); do \
		PYTHONPATH=. $(BIN)/python $$benchmark --json $(QUEUE_FIGURES)/$$(basename $$benchmark .py).json || status=1; \
		done; $(queue_page); exit $$status

.PHONY: bench-dead-letters
bench-dead-letters: extension ## measure the console, and what is done with 100,000 dead letters, on PostgreSQL and SQLite
	@mkdir -p $(LETTERS_FIGURES)
	@status=0; PYTHONPATH=. $(BIN)/python $(LETTERS_BENCHMARK) --json $(LETTERS_FIGURES)/dead_letters.json || status=1; \
		PYTHONPATH=benches:. $(BIN)/python -m many_letters.page $(LETTERS_FIGURES) docs/dead-letter-speed.md; exit $$status

.PHONY: growth
growth: $(VENV)/.dependencies | rust valgrind ## count the instructions that texts twice as long take
	@$(BIN)/python benches/growth.py

.PHONY: fuzz
fuzz: extension ## look for inputs that break what is promised (SECONDS=120, SEED=)
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

.PHONY: bench-peers
bench-peers: extension $(PEERS_VENV)/.dependencies $(QUEUE_PEERS_VENV)/.dependencies ## compare the classifier with other engines, and the queue with other queues
	@mkdir -p $(QUEUE_FIGURES)
	@PYTHONPATH=python $(PEERS_VENV)/bin/python $(PEERS) --json $(FIGURES)/peers.json
	@PYTHONPATH=python $(PEERS_VENV)/bin/python benches/many_rules.py --json $(FIGURES)/many_rules.json
	@PYTHONPATH=benches $(BIN)/python -m side_by_side.page $(FIGURES) docs/performance.md
	@PYTHONPATH=. $(BIN)/python $(QUEUE_PEERS) --json $(QUEUE_FIGURES)/queue_peers.json
	@$(queue_page)

.PHONY: accuracy
accuracy: extension ## measure the classifier on labelled messages (FILE="a.jsonl b.jsonl", WRONG=1: show what is wrong)
	@$(BIN)/python -m tests.accuracy $(if $(WRONG),--wrong) $(FILE)

.PHONY: fingerprints
fingerprints: extension ## measure how fingerprints group labelled messages (FILE="a.jsonl b.jsonl", WRONG=1: show what is wrong)
	@$(BIN)/python -m tests.fingerprints $(if $(WRONG),--wrong) $(FILE)

# Arguments: the share of JOBS and of SECONDS, as a fraction each, and the database.
chaos = $(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $$(($(JOBS) * $(1)))) \
	$(if $(SECONDS),--seconds $$(($(SECONDS) * $(2)))) $(3)

.PHONY: chaos
chaos: extension ## kill, freeze and cut off workers (SEED=; JOBS=: a fifth of it on SQLite; SECONDS=: for so long) and judge
	@status=0; $(call chaos,1,2 / 3,postgresql) || status=1; $(call chaos,1 / 5,1 / 3,sqlite) || status=1; exit $$status

.PHONY: docs
docs: $(VENV)/.dependencies ## build the documentation into site/
	$(BIN)/mkdocs build --strict

.PHONY: docs-serve
docs-serve: $(VENV)/.dependencies ## show the documentation while it is being written
	$(BIN)/mkdocs serve --strict

.PHONY: screenshots
screenshots: extension ## take the screenshots of the documentation anew, into docs/images/
	$(BIN)/python -m pytest --screenshots docs/images tests/examples/test_demo_admin.py tests/examples/test_demo_on_terminal.py

.PHONY: wheel
wheel: $(VENV)/.dependencies ## build the source distribution, and from it the wheel, into dist/
	rm -rf dist
	$(BIN)/maturin build --release $(LOCKED) --sdist --interpreter $(BIN)/python --out dist

.PHONY: extension
extension: $(VENV)/.extension ## build the native module into the virtual environment
	@$(BIN)/python -c 'import job_retry._native' 2>/dev/null || { rm -f $(VENV)/.extension; $(MAKE) $(VENV)/.extension; }

.PHONY: clean
clean: ## delete everything that was built, virtual environments included
	rm -rf $(VENV) .venv* $(DEMO) $(FIGURES) $(WHEELS) dist site target .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f python/job_retry/_native*.so
	find benches examples python tests -name __pycache__ -type d -prune -exec rm -rf {} +

##@ What the targets need

.PHONY: rust
rust:
	@command -v cargo >/dev/null || { echo 'Rust is needed: see https://www.rust-lang.org/tools/install' >&2; exit 1; }

.PHONY: valgrind
valgrind:
	@command -v valgrind >/dev/null || { echo 'valgrind is needed: install the package of that name' >&2; exit 1; }

# `pip install --group` came with pip 25.1.
$(VENV)/.dependencies: pyproject.toml
	@echo 'Installing the development tools into $(VENV) ...'
	@test -n '$(PYTHON)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# The optimized build: tests with large inputs take minutes without. Modules left by builds for "any Python" would be
# found by an interpreter that has none of its own.
$(VENV)/.extension: $(VENV)/.dependencies $(RUST_SOURCES) | rust
	@rm -f python/job_retry/_native.so python/job_retry/_native.abi3.so
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release $(LOCKED)
	@touch $@

# What a native call costs that does nothing.
$(VENV)/.floor: $(VENV)/.dependencies benches/floor/Cargo.toml $(wildcard benches/floor/src/*.rs) | rust
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release $(LOCKED) --target-dir target/floor \
		--manifest-path benches/floor/Cargo.toml
	@touch $@

# An environment of their own: nothing of the package depends on them. It borrows the native module that was built for
# the same interpreter.
$(PEERS_VENV)/.dependencies: benches/peers.txt $(VENV)/.dependencies
	@echo 'Installing the other engines into $(PEERS_VENV) ...'
	@$(BIN)/python -m venv $(PEERS_VENV)
	@$(PEERS_VENV)/bin/python -m pip install --quiet -r benches/peers.txt
	@touch $@

# Other queues, in an environment of their own for the same reason.
$(QUEUE_PEERS_VENV)/.dependencies: benches/queue_peers.txt $(VENV)/.dependencies
	@echo 'Installing the other queues into $(QUEUE_PEERS_VENV) ...'
	@$(BIN)/python -m venv $(QUEUE_PEERS_VENV)
	@$(QUEUE_PEERS_VENV)/bin/python -m pip install --quiet -r benches/queue_peers.txt
	@touch $@

.PHONY: demo-environment
demo-environment: $(DEMO)/venv/.installed
	@if [[ "$${DATABASE_URL:-}" == postgres* ]]; then $(DEMO)/venv/bin/python -m pip install --quiet 'psycopg[binary]'; fi

# Knows nothing of the checkout but the wheel, which pip builds as it would for any user.
$(DEMO)/venv/.installed: $(WHEEL_SOURCES) | rust
	@echo 'Building the wheel and installing it into $(DEMO)/venv (a minute or two the first time) ...'
	@test -n '$(PYTHON)'
	@rm -rf $(DEMO)
	@$(PYTHON) -m venv $(DEMO)/venv
	@$(DEMO)/venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@env -u PYO3_PYTHON $(DEMO)/venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir $(DEMO)/dist .
	@$(DEMO)/venv/bin/python -m pip install --quiet "$$(echo $(DEMO)/dist/*.whl)[django]" dj-database-url
	@env -u PYTHONPATH $(DEMO)/venv/bin/python -c 'import job_retry, sys; assert job_retry.__file__.startswith(sys.prefix)'
	@touch $@
