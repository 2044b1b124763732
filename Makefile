# Each target sets up what it needs (packaging/setup.sh); a second run starts at once.
SHELL := /bin/bash
PYTHON_ENV := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo run test check lint bench soak soak-search torture fuzz-queries screenshots wheel lock clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: ## open the window on a private server with real text (without a display: search in the terminal)
	@packaging/setup.sh demo
	@$(PYTHON_ENV)/altus4-desktop demo $(ARGS)

run: ## open the window
	@packaging/setup.sh run
	@$(PYTHON_ENV)/altus4-desktop

test: ## all tests, on SQLite, MariaDB and MySQL (make test ARGS="-k search")
	@packaging/setup.sh test
	@$(PYTHON_ENV)/pytest -n logical --maxprocesses=4 --dist loadfile $(if $(CI),--durations=15,) $(ARGS)

lint: ## style, types and architecture
	@packaging/setup.sh test
	$(PYTHON_ENV)/ruff check .
	$(PYTHON_ENV)/ruff format --check .
	$(PYTHON_ENV)/mypy
	$(PYTHON_ENV)/lint-imports

check: lint test ## everything a change must pass

bench: ## measure the figures of the README (make bench ARGS="startup memory" for some)
	@packaging/setup.sh test
	@for name in $(or $(ARGS),$(patsubst tests/benchmarks/bench_%.py,%,$(wildcard tests/benchmarks/bench_*.py))); do \
		echo "== $$name"; $(PYTHON_ENV)/python -m tests.benchmarks.bench_$$name || failed="$$failed $$name"; \
	done; [ -z "$$failed" ] || { echo "not met:$$failed" >&2; exit 1; }

soak-search: ## 10,000 mixed searches from 8 threads on both servers (make soak-search ARGS=1000)
	@packaging/setup.sh test
	@$(PYTHON_ENV)/python -m tests.benchmarks.soak_search $(ARGS)

torture: ## what is left to chance, in full: hours (make torture SHARE=0.1 SEED=7 ARGS="-k commit")
	@packaging/setup.sh test
	@ALTUS4_TEST_TORTURE=$(or $(SHARE),1) $(if $(SEED),ALTUS4_TEST_SEED=$(SEED)) $(PYTHON_ENV)/pytest -q -m torture -o timeout=0 $(ARGS)

soak: ## the window with random actions and faults for an hour (make soak ARGS="30 --store mariadb --seed 7")
	@packaging/setup.sh test
	@$(PYTHON_ENV)/python -m tests.benchmarks.soak_window $(ARGS)

fuzz-queries: ## 20,000 boolean queries, ours against both servers (make fuzz-queries ARGS=1000)
	@packaging/setup.sh test
	@ALTUS4_TEST_FUZZ=$(or $(ARGS),20000) $(PYTHON_ENV)/pytest -q -o timeout=0 tests/integration/search/test_language.py tests/integration/search/test_language_rows.py

screenshots: ## draw the pictures of the README anew
	@packaging/setup.sh test
	@$(PYTHON_ENV)/python -m tests.e2e.screenshots $(ARGS)

wheel: ## build the wheel into dist/
	@packaging/setup.sh run
	@$(PYTHON_ENV)/python -m hatchling build --target wheel

lock: ## update the locked dependencies
	@packaging/lock.sh

clean: ## remove what the targets have made, but for the downloaded MySQL
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
