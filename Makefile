# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make help` lists what there is to do. Everything is made below .cache/, which may be deleted at any time.
.DEFAULT_GOAL := help
.PHONY: help demo test lint sanity unit integration molecule faults stories test-real bench docs build clean
SHELL := /bin/bash
BIN := $(CURDIR)/.cache/venv/bin
PACKAGE := ansible_collections.lms.moodle.plugins
export PATH := $(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pyc
# The tests' own folders lie in memory where there is plenty of it.
MEMORY := $(shell df --output=avail,target /dev/shm 2>/dev/null | awk '$$1 + 0 > 12000000 { print $$2 }')
export PYTEST_DEBUG_TEMPROOT := $(or $(PYTEST_DEBUG_TEMPROOT),$(MEMORY),/tmp)

help: ## list what there is to do
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## build, deliver, change, deliver again, go back: on this machine, in a minute
	@scripts/prepare demo
	@python scripts/demo.py

test: ## all tests: lint, sanity, unit, integration, real hosts
	@scripts/prepare test
	@pytest -n 3 --dist loadfile --no-loadscope-reorder --junitxml=.cache/test.xml

lint: ## ruff, mypy, ansible-lint, yamllint, shellcheck, php -l, changelog
	@scripts/prepare demo
	@scripts/lint

sanity: ## ansible-test sanity
	@scripts/prepare demo
	@scripts/sanity

unit: ## unit tests
	@scripts/prepare demo
	@pytest -n 2 tests/unit

integration: ## the modules, roles and playbooks on this machine; the contract on the stand-in
	@scripts/prepare test
	@pytest tests/integration tests/contract

molecule: ## the scenarios on several real hosts in containers
	@scripts/prepare test
	@pytest tests/hosts tests/stories/test_scenarios.py

faults: ## modules killed at every step, full disks
	@scripts/prepare test
	@pytest -n 2 --junitxml=.cache/faults.xml tests/faults

stories: ## whole plays in which much happens: upgrades that crash, hosts that are lost, virtual nodes in a delivery
	@scripts/prepare test
	@pytest -n 2 --dist loadfile --no-loadscope-reorder tests/stories

test-real: ## the contract and the modules on a real Moodle, where its repository can be read
	@scripts/prepare test
	@pytest --real tests/contract tests/real

bench: ## ours beside the ordinary way; writes docs/explanation/performance.md
	@scripts/prepare test
	@PYTHONPATH=tests:.cache python -m bench.run

docs: ## docs/reference from the modules' own documentation
	@scripts/prepare demo
	@scripts/docs

build: ## the collection's archive
	@scripts/prepare demo
	@ansible-galaxy collection build --force --output-path .cache/build

clean: ## delete all that was made
	@chmod -R u+w .cache 2>/dev/null || true
	@rm -rf .cache
