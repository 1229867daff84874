# `make demo` and `make test` are all a newcomer needs; both install what they use.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help install demo test test-slow coverage lint docs format clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Make .venv with everything, and install a browser where there is none
	@$(BIN)/poe-scraper setup

$(VENV)/.installed: pyproject.toml
	@echo "Installing into $(VENV) (a minute or two the first time)"
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory debian-venv
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

.PHONY: debian-venv
debian-venv:
	@echo "Python lacks its venv module: installing Debian's python3-venv"
	@if [ "$$(id -u)" = 0 ]; then apt-get update -q && apt-get install -y -q python3-venv; \
	 else sudo -n apt-get update -q && sudo -n apt-get install -y -q python3-venv; fi \
	 || { echo "Install it by hand (apt-get install python3-venv), then try again."; exit 1; }

demo: install ## Crawl the replica in a real Chromium and publish output/demo/models.json
	@$(BIN)/python -m poe_scraper.replica.demo

lint: install ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint redis-server ## Check style and types, and run the tests but the slow ones
	$(BIN)/pytest -n 4 --dist worksteal -m 'not slow'

test-slow: install redis-server ## Run the slow tests: many crawls, or crawls of many bots
	$(BIN)/pytest -n 3 --dist worksteal -m slow

.PHONY: redis-server
redis-server:
	@command -v redis-server >/dev/null || { \
	 echo "Installing Debian's redis-server, which the tests of shared crawls start"; \
	 if [ "$$(id -u)" = 0 ]; then apt-get update -q && apt-get install -y -q --no-install-recommends redis-server; \
	 else sudo -n apt-get update -q && sudo -n apt-get install -y -q --no-install-recommends redis-server; fi; } \
	 || echo "Without it, the tests of shared crawls are skipped."

coverage: install redis-server ## Run all tests and say which lines none of them runs
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 4 --dist worksteal
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

docs: install ## Build the documents as a site, and serve it at http://127.0.0.1:8000
	$(BIN)/mkdocs serve

format: install ## Put the sources into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what the other targets made, except output/
	rm -rf $(VENV) build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .scrapy *.egg-info
