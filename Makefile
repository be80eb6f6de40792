# Needs Python 3.11 or newer, and nothing else. `make` alone says what there is.
# `make demo MODE=photo_sing OUT=song.mp4`, `make run PORT=9000 DATA_DIR=/srv/faces`

MODE ?= video_swap
QUALITY ?= balanced
OUT ?=
JOBS ?= 60
SEED ?= 1
TESTS ?=

NEWEST := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for python in $(NEWEST); do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin

.PHONY: help demo run test lint bench chaos clean

help:
	@echo "make demo   one real video, made by the whole service   (MODE=video_swap or photo_sing, OUT=file)"
	@echo "make run    the service on this machine                 (HOST, PORT, DATA_DIR and more: README.md)"
	@echo "make test   the tests                                   (TESTS='-k word' for some of them)"
	@echo "make lint   style, types and migrations"
	@echo "make bench  how fast the engine and the API are here"
	@echo "make chaos  kills the service piece by piece at work    (JOBS=60, SEED=1; DATABASE_URL for PostgreSQL)"

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	@test "$$(uname -sm)" != "Darwin x86_64" || echo "This is an Intel Mac: the service runs here, the engine does not (there is no onnxruntime for it)."
	@echo "Making .venv with $$($(PYTHON) --version) …" >&2
	@$(PYTHON) -m venv .venv

.venv/.installed: requirements.txt worker/requirements.txt | .venv/bin/python
	@echo "Installing what the service and the worker need …" >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r worker/requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing what the tests and checks need …" >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: .venv/.installed
	@$(BIN)/python -m faceswap_site.demo --mode $(MODE) --quality $(QUALITY) $(if $(OUT),--out $(OUT))

# exec: Ctrl-C and SIGTERM reach the supervisor itself.
run: .venv/.installed
	@exec $(BIN)/python -m faceswap_site.runner

test: .venv/.installed-dev
	$(BIN)/python -m pytest -m "not slow" $(TESTS)

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	DATA_DIR=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run

bench: .venv/.installed
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.api

chaos: .venv/.installed-dev
	$(BIN)/python -m benchmarks.chaos --jobs $(JOBS) --seed $(SEED)

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache demo-*.mp4
