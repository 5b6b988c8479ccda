# Every command of the project. `make run` and `make test` need Python 3.11 and nothing else.

SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
PY := .venv/bin/python
# Tests get a database, a queue and files of their own; the weights are shared, because they never change.
DATA_DIR := $(or $(TUPLETS_DATA_DIR),var)
TEST_ENV := TUPLETS_DATA_DIR="$(DATA_DIR)/test" TUPLETS_MODELS_DIR="$(or $(TUPLETS_MODELS_DIR),$(DATA_DIR)/models)"
SERVICES := $(TEST_ENV) $(PY) -m tuplets.stack services --throwaway --
# Not in the pinned lists: torch has a list of its own (requirements/torch.txt) and so has no CUDA beside it; torchcodec
# decodes files, and pyannote is handed samples.
LEFT_OUT := torch torchcodec triton cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas cuda-cupti \
	cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink \
	nvshmem-cu13 nvtx)
COMPILE := env UV_CUSTOM_COMPILE_COMMAND="make requirements" .venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes \
	--override requirements/overrides.txt \
	$(addprefix --no-emit-package ,$(LEFT_OUT))
# Benchmarks too, emptied before each run, with a database that writes to disk as in production.
BENCH_SERVICES := $(subst /test",/bench",$(TEST_ENV)) $(PY) -m tuplets.stack services --

.DEFAULT_GOAL := help
.PHONY: help run test check setup logs doctor format requirements bench-transcribe bench-diarize bench-words bench-dialogue bench-beside bench-pii bench-analytics bench-api bench-ledger clean install install-dev

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):[^#]*## ?/\1|/' | awk -F'|' '{printf "  make %-18s %s\n", $$1, $$2}'

run: install  ## start everything on http://127.0.0.1:8000 (PORT, TUPLETS_DATA_DIR); ctrl-C stops it
	@exec $(PY) -m tuplets.stack up

test: install-dev  ## check, then every test, with a database and a queue of their own
	@$(MAKE) --no-print-directory check
	@$(TEST_ENV) $(PY) -m tuplets.stack weights
	@exec env $(SERVICES) $(PY) -m pytest $(PYTEST)

check: install-dev  ## format, lint, types, import contracts, Django's checks, domain packs, missing migrations
	@$(PY) -m ruff format --check --quiet . || { echo "Run: make format"; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(TEST_ENV) $(PY) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(SERVICES) sh -c '$(PY) manage.py check && $(PY) manage.py check_packs >/dev/null && $(PY) manage.py makemigrations --check --dry-run'

setup:  ## install what is missing and fetch and prepare the weights, and start nothing
	@$(call with-python,requirements.txt --again)
	@$(PY) -m tuplets.stack weights

logs:  ## follow every log
	@exec tail -n 20 -F "$(DATA_DIR)"/log/*.log

doctor: install  ## what is there, what is missing, and the command that mends it
	@$(PY) manage.py doctor

format: install-dev  ## format and mend what can be mended
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

requirements: install-dev  ## compile requirements/*.in into the pinned lists
	@$(COMPILE) requirements/embedded.in -o requirements.txt
	@$(COMPILE) requirements/dev.in -c requirements.txt -o requirements/dev.txt
	@$(COMPILE) requirements/analyst.in -o requirements/analyst.txt

bench-transcribe: install-dev  ## speed, word error rate and memory against plain faster-whisper (BENCH="--testdata DIR")
	@rm -rf "$(DATA_DIR)/bench"
	@exec env $(BENCH_SERVICES) $(PY) -m benchmarks.transcribe $(BENCH)

bench-diarize: install-dev  ## diarization error rate, cost, memory, likeness of voices (BENCH="--testdata DIR")
	@exec env $(TEST_ENV) $(PY) -m benchmarks.diarize $(BENCH)

bench-words: install-dev  ## errors of word times, and their cost (BENCH="--testdata DIR")
	@exec env $(TEST_ENV) $(PY) -m benchmarks.words $(BENCH)

bench-dialogue: install-dev  ## who said what: WER, cpWER, speakers found (BENCH="--testdata DIR")
	@exec env $(TEST_ENV) $(PY) -m benchmarks.dialogue $(BENCH)

bench-beside: install-dev  ## what diarization adds to the time of a recording (BENCH="FILE --hours 1")
	@exec env $(TEST_ENV) $(PY) -m benchmarks.beside $(BENCH)

bench-pii: install-dev  ## PII found, false positives and cost, presidio beside it (BENCH="--calls DIR")
	@exec env $(TEST_ENV) $(PY) -m benchmarks.pii $(BENCH)

bench-analytics: install-dev  ## analytics beside gold answers, what is made up, time, memory (BENCH="--no-model")
	@exec env $(TEST_ENV) $(PY) -m benchmarks.analytics $(BENCH)

bench-api: install-dev  ## requests a second and latency of the API
	@rm -rf "$(DATA_DIR)/bench"
	@exec env $(BENCH_SERVICES) $(PY) -m benchmarks.api

bench-ledger: install-dev  ## hold and capture pairs a second, a balance read and the audit with 1,000,000 transfers
	@rm -rf "$(DATA_DIR)/bench"
	@exec env $(BENCH_SERVICES) $(PY) -m benchmarks.ledger

clean:  ## remove the virtual environment and caches (never the data in var/)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

install:
	@$(call with-python,requirements.txt)

install-dev:
	@$(call with-python,requirements/dev.txt)

define with-python
command -v $(PYTHON) >/dev/null 2>&1 || { echo "Tuplets needs Python 3.11 ($(PYTHON) was not found): install it, or set PYTHON to a python3.11."; exit 1; }; \
exec $(PYTHON) tuplets/stack/install.py $(1)
endef
