# On a machine with Python 3.10 to 3.12 and make:
#   make extract FRAMES=webtoon_frames/    finds the faces, keeps them in faces/, writes the report
#                                          (without FRAMES: draws strips and finds their faces)
#   make test                              passes the tests
PYTHON ?= python3
OUT ?= faces
ARGS ?=
BIN := .venv/bin

.PHONY: extract test test-slow test-label-studio studio lint constraints clean

extract: .venv/installed
	@test -n "$(FRAMES)" || { echo "make extract: no FRAMES=webtoon_frames/ was said, so strips are drawn in sample/"; $(BIN)/toolkit draw sample; }
	$(BIN)/toolkit extract "$(or $(FRAMES),sample/frames)" --out "$(OUT)" $(ARGS)
	$(BIN)/toolkit report "$(OUT)"

test: .venv/installed-dev
	$(BIN)/pytest -n 2 -m "not slow and not label_studio" $(ARGS)

test-slow: .venv/installed-dev
	$(BIN)/pytest -m "slow and not label_studio" $(ARGS)

# Installs Label Studio into .venv-label-studio, where it is not there yet, and runs it on loopback.
test-label-studio: .venv/installed-dev
	$(BIN)/pytest -m label_studio $(ARGS)

# A Label Studio of your own on http://127.0.0.1:8080, its database in studio/; Ctrl+C stops it.
studio: .venv/installed
	$(BIN)/python benchmarks/studio_server.py studio 8080

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' || { echo "make: $(PYTHON) is not Python 3.10, 3.11 or 3.12; name one with: make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/pip setup.cfg constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

constraints: .venv/bin/pip
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile setup.cfg --extra dev --universal --python-version 3.10 --upgrade --no-annotate --custom-compile-command 'make constraints' --output-file constraints.txt

clean:
	rm -rf .venv .venv-label-studio build dist *.egg-info
