PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest --dist worksteal --numprocesses
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# every process of the tests would compile all of the sources
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: mutants faults older help install demo test quick slow long lint house bench bench-peers clean lock audit pictures

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

install: .venv/installed ## Make .venv with everything in it

.venv/installed: pyproject.toml requirements-dev.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . && $(BIN)/python -m pip check
	touch $@

demo: install ## A sample season with the 2025 incident in it: import, check, report
	$(BIN)/rally-health demo

lint: install ## Format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

house: install ## How finely the sources are cut, in figures with their limits
	$(BIN)/python -m tests.house

test: install ## Format, lint, types and every test that needs less than a minute
	@$(MAKE) --no-print-directory --jobs 2 lint quick

# a tenth of their time is waiting: a third process has it, and at first what lint takes, which is one process for half a
# minute where mypy has no cache. Files of slow tests alone are not imported
quick: install
	$(PYTEST) 3 -m "not slow" $(addprefix --ignore=,$(shell grep -rlE --include='test_*.py' '^pytestmark = .*mark.slow' tests))

# many of them wait for a server, a worker or a time-out: a third has the processors meanwhile. Tests that share what
# takes a minute to make (a night that was played, a deployed server) stay in one process and begin first, the others fill
# up what time is left (tests/spread.py). Each process imports the files that have slow tests, and not the others
SLOW = $(shell grep -rlE --include='test_*.py' 'pytest.mark.slow|platform: Engine' tests)
slow: install ## Whole processes, servers, browsers and every command of the documents
	$(PYTEST) 3 --dist loadfile -m "slow and not long" $(SLOW)

long: install ## What is long by nature, and the second of a kind: changes of all rules, months of feeds, outages waited out, a hundred plans of faults and leagues, each shape on each server, the image; CI asks for it, too
	$(PYTEST) 2 -m long
	$(BIN)/pytest -m slow --leagues 100 tests/flows/test_leagues.py

older: install ## Flows and deployments on a server of Prefect 3.8, with our client
	$(BIN)/python -m venv .venv/older && .venv/older/bin/python -m pip install --quiet 'prefect==3.8.8' 'sqlalchemy<2.1' 'fastapi<0.151'
	TEST_PREFECT_SERVER=$(CURDIR)/.venv/older/bin/prefect $(BIN)/pytest -m slow tests/flows/test_end_to_end.py tests/flows/bridge/test_deploy.py

KILLS ?= 200
SECONDS ?= 300
SEEDS ?= 3
faults: install ## Faults made for real, the long run, with figures: make faults KILLS=200 SECONDS=300 SEEDS=3
	$(BIN)/pytest -m "slow or not slow" --kills $(KILLS) --seconds $(SECONDS) --seeds $(SEEDS) tests/faults tests/flows/bridge/test_canaries.py tests/etl/test_connections.py tests/etl/importing/test_cut_commits.py tests/etl/importing/test_killed.py tests/checks/engine/measuring/test_hostile_rules.py tests/flows/cli/test_environments.py tests/alerts/outbox tests/checks/test_seals.py tests/test_image.py

SAMPLE ?= 200
SEED ?= 1
mutants: install ## Changes of the code that tests have to notice, a sample with its score: make mutants SAMPLE=200 SEED=1
	$(BIN)/python -m pip install --quiet --upgrade --target .venv/mutants cosmic-ray==8.7.0
	PYTHONPATH=.venv/mutants $(BIN)/python -m tests.mutants --sample $(SAMPLE) --seed $(SEED) $(if $(NEAREST),--nearest) $(if $(ONLY),--only $(ONLY))

audit: install ## The code, its dependencies, their hashes, licences and known flaws
	$(BIN)/python -m tests.audit

LOCK := .venv/lock/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes
lock: install ## Write requirements.lock and requirements-dev.lock anew from pyproject.toml and constraints.txt
	$(BIN)/python -m venv .venv/lock && .venv/lock/bin/python -m pip install --quiet uv==0.13.9
	$(LOCK) --no-deps --output-file requirements-dev.lock constraints.txt
	$(LOCK) --universal --constraint constraints.txt --output-file requirements.lock pyproject.toml

pictures: install ## The pictures in docs/: pages by a real browser, and the demo's reports
	$(BIN)/python -m tests.pictures

bench: install ## Speed, as ratios within one run
	$(BIN)/python -m tests.benchmarks

bench-peers: install ## Great Expectations, Soda Core, pointblank and dlt beside this product, as ratios (installs them, throws them away)
	$(BIN)/python -m tests.benchmarks.peers $(PEERS)

clean: ## Remove .venv, caches and the embedded database
	if [ -L .rally/postgres ]; then rm -rf "$$(dirname "$$(readlink .rally/postgres)")"; fi
	rm -rf .venv .rally .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
