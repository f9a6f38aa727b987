# Each target works alone on a machine that has python3 (3.10+) with venv, make and a C++20 compiler:
# it makes .venv, installs what it needs with the versions of constraints.txt, and runs. A second call is quick.
PYTHON ?= python3

FUZZ_CASES ?= 20000

BIN := .venv/bin
STAMPS := .venv/stamps
LOG := .venv/install.log
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

PACKAGE := CMakeLists.txt pyproject.toml README.md LICENSE \
	$(shell find src native -type f -not -name '_native*' -not -name '*.pyc' 2>/dev/null)

# Installing is silent; when it fails, the end of pip's own words follows.
run_quietly = $(1) >> $(LOG) 2>&1 || { tail -n 40 $(LOG); echo "Installing failed; the whole log is $(LOG)." >&2; exit 1; }

.PHONY: help demo test lint docs bench accuracy mutants fuzz sanitize aarch64 clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo      train a small network on airline passengers, print its forecast, write a page and a model'
	@echo 'make test      the test suite, with coverage'
	@echo 'make lint      ruff and pyright'
	@echo 'make docs      the documentation, into docs/_build/html'
	@echo 'make bench     speed beside PyTorch, JAX and ONNX Runtime'
	@echo 'make accuracy  forecast errors beside Holt-Winters and simpler methods'
	@echo 'make mutants   plants faults in the code, one at a time, and reports those the tests miss'
	@echo 'make fuzz      hostile files of every kind against the readers; FUZZ_CASES=20000 says how many of each'
	@echo 'make sanitize  the kernel tests on kernels built with AddressSanitizer, UBSan and ThreadSanitizer'
	@echo 'make aarch64   the kernel tests on kernels built for aarch64, in emulation (Debian)'
	@echo 'make clean     removes everything the other targets made, .venv included'
	@echo
	@echo 'unrolled runs on the CPU. On Linux pip takes PyTorch with CUDA, 5.8 GB, unless it finds the CPU build, 0.8 GB:'
	@echo '  PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo'

demo: $(STAMPS)/unrolled
	@$(BIN)/unrolled demo
	@echo '("unrolled" is $(BIN)/unrolled here, or "unrolled" after: source $(BIN)/activate)'

# Tests run against the installed package, not against src/.
test: $(STAMPS)/unrolled $(STAMPS)/group-test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal \
		--cov --cov-report=term --cov-fail-under=90 tests --pyargs unrolled

# pyright wants to see every package that some function imports.
lint: $(STAMPS)/unrolled $(STAMPS)/group-test $(STAMPS)/group-lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@cp .venv/lib/python*/site-packages/unrolled/kernels/_native.pyi src/unrolled/kernels/
	@$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(STAMPS)/unrolled $(STAMPS)/group-docs
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going --show-traceback --quiet -b html docs docs/_build/html
	@echo 'The documentation is at docs/_build/html/index.html'

bench: $(STAMPS)/unrolled $(STAMPS)/group-bench
	@$(BIN)/unrolled bench

accuracy: $(STAMPS)/unrolled $(STAMPS)/group-test
	@$(BIN)/python benchmarks/accuracy/airline.py

mutants: $(STAMPS)/unrolled $(STAMPS)/group-test
	@$(BIN)/python tests/mutants.py

# Others than the suite takes, which begins at 0.
fuzz: $(STAMPS)/unrolled $(STAMPS)/group-test
	@$(BIN)/python tests/fuzz/run.py --first 1000 --cases $(FUZZ_CASES)

sanitize: $(STAMPS)/unrolled $(STAMPS)/group-test
	@tools/sanitize.sh $(BIN)/python address,undefined
	@tools/sanitize.sh $(BIN)/python thread

aarch64: $(STAMPS)/venv $(STAMPS)/group-build
	@tools/aarch64.sh $(BIN)/python

clean:
	rm -rf .venv build dist demo docs/_build .coverage .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@tools/preflight.sh $(PYTHON)
	@echo 'Making .venv'
	@$(PYTHON) -m venv .venv
	@mkdir -p $(STAMPS)
	@$(call run_quietly,$(INSTALL) --upgrade pip)
	@touch $@

# Without build isolation the tools stay in one place, so that CMake rebuilds only what changed. The wide level lets the
# tests run the kernels of AVX-512 machines on others.
$(STAMPS)/unrolled: $(PACKAGE) constraints.txt $(STAMPS)/group-build
	@tools/preflight.sh $(PYTHON)
	@echo 'Building and installing unrolled (the first time takes a few minutes, most of them for PyTorch)'
	@$(call run_quietly,PATH="$(CURDIR)/$(BIN):$$PATH" $(INSTALL) --no-build-isolation \
		--config-settings cmake.define.UNROLLED_WIDE=ON '.[train]')
	@touch $@

$(STAMPS)/group-%: pyproject.toml constraints.txt | $(STAMPS)/venv
	@echo 'Installing the packages for "$*"'
	@$(call run_quietly,$(INSTALL) --group $*)
	@touch $@
