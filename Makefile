# Every target sets itself up: Python 3.11 or newer, make and a C compiler are all it needs.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: setup demo test check docs clean lock

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "radapt needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: setup
	$(VENV)/bin/radapt demo --out runs/demo

test: setup
	PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest -n auto --dist worksteal

check: setup
	scripts/check

# The documentation as a site, in site/; a warning, such as of a broken link, is an error.
docs: setup
	$(VENV)/bin/python scripts/reference.py
	$(VENV)/bin/zensical build --clean --strict

clean:
	rm -rf runs build dist site docs/reference .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis $(VENV)

# Pins every dependency anew, with hashes and without addresses.
lock:
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --upgrade --all-extras --group dev --group docs pyproject.toml -o requirements.lock
