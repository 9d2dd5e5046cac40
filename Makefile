# Everything runs from a virtual environment inside the checkout; `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
STAMP  := $(VENV)/.installed
# what is installed besides what users need; `EXTRAS=dev` leaves TensorFlow out, and so the tests that run it
EXTRAS ?= tf,dev
# exporters of classical models: without what they ask for, which are older releases of what is here, and plotting
EXPORTERS := skl2onnx onnxmltools onnxconverter-common xgboost lightgbm catboost
# each process has a target folder of its own (2 to 4 GB), because cargo locks it while it builds
PROCESSES ?= 2
PYTEST := $(BIN)/python -m pytest -n $(PROCESSES) --dist loadscope --no-loadscope-reorder
export CARGO_TERM_COLOR ?= never
export CARGO_TARGET_DIR ?= $(CURDIR)/build/target

.PHONY: help setup demo test test-layers test-python hosts check msrv test-aarch64 deny fuzz dist bench docs site format clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## the virtual environment, with TensorFlow and the tools of the tests

$(STAMP): pyproject.toml
	@command -v cargo >/dev/null || { echo "cargo is missing: install a stable Rust toolchain (rustup.rs)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11" >&2; exit 1; }
	@echo "setting up $(VENV) (TensorFlow, onnx, onnxruntime: about 2.2 GB, once) …"
	@start=$$(date +%s); $(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q --disable-pip-version-check -e '.[$(EXTRAS)]' \
	  && { [ '$(EXTRAS)' = dev ] || $(BIN)/pip install -q --disable-pip-version-check --no-deps tf_keras $(EXPORTERS); } \
	  && touch $@ && echo "set up in $$(( $$(date +%s) - start )) s"

demo: setup ## converts two real TensorFlow models, tests and measures what comes out
	@$(BIN)/python examples/demo.py

test: setup ## everything: Python, Rust, official ONNX tests, whole models
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@$(MAKE) --no-print-directory -j2 test-layers test-python

# what cargo says of tf-layers comes out at once in the end: the tests of Python run beside it
test-layers:
	@mkdir -p build
	@if ( cd rust/tf-layers && export RUSTDOCFLAGS="-D warnings" PYTHON="$(CURDIR)/$(BIN)/python" && set -x && \
	  cargo fmt --check && cargo clippy -q --all-targets -- -D warnings && cargo test -q && cargo doc -q --no-deps \
	) > build/test-layers.log 2>&1; then echo "tf-layers: format, lint, tests and documentation are right"; \
	else cat build/test-layers.log; exit 1; fi

test-python:
	$(PYTEST)

hosts: setup ## the hosts that need a browser, an emulator or an engine; installs what is missing where it may
	@tests/hosts/tools.sh $(BIN)/pip
	$(PYTEST) -m hosts

check: setup ## every day: format, lint, types, fast tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd rust/tf-layers && cargo fmt --check && cargo clippy -q --all-targets -- -D warnings
	$(PYTEST) -m "not slow and not hosts"

MSRV = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' rust/tf-layers/Cargo.toml)

msrv: setup ## builds the layers and generated crates with the oldest Rust that they promise to build with
	rustup toolchain install --profile minimal $(MSRV)
	$(BIN)/python -m pytest tests/test_msrv.py

test-aarch64: setup ## tests of the layers and of a generated crate for ARM, under qemu-aarch64; builds for what has no std
	@tests/hosts/tools.sh $(BIN)/pip
	$(BIN)/python -m pytest tests/hosts/test_processors.py

deny: ## licences, advisories and origins of what tf-layers depends on (needs cargo-deny)
	cd rust/tf-layers && cargo deny check

# what is found new lies in build/fuzz, in front of the corpus that is kept
FUZZ_SECONDS ?= 300
fuzz: ## ten minutes of damaged .npz files for the reader in Rust (needs cargo-fuzz)
	@mkdir -p build/fuzz/npz build/fuzz/npy
	for target in npz npy; do ( cd rust/tf-layers && RUSTC_BOOTSTRAP=1 cargo fuzz run $$target $(CURDIR)/build/fuzz/$$target fuzz/corpus/$$target \
	  -- -max_total_time=$(FUZZ_SECONDS) -max_len=65536 ) || exit 1; done

dist: setup ## the wheel
	$(BIN)/python -m build --wheel

bench: setup ## ours against onnxruntime and LiteRT, interleaved; writes benchmarks/RESULTS.md
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps ai-edge-litert || echo "LiteRT has no wheel here: measuring without it"
	$(BIN)/python benchmarks/run.py

docs: setup ## docs/OPERATORS.md from the test results, and the site
	$(BIN)/python -W ignore tests/conformance/operators.py
	@$(MAKE) --no-print-directory site

site: setup ## the documentation as a site, the layers' in it: build/site/html, which works offline
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[docs]'
	cd rust/tf-layers && RUSTDOCFLAGS="-D warnings" cargo doc -q --no-deps
	$(BIN)/python docs/build_site.py --rustdoc $(CARGO_TARGET_DIR)/doc

format: setup ## formats Python and Rust
	$(BIN)/ruff check --fix -q; $(BIN)/ruff format
	cd rust/tf-layers && cargo fmt

clean: ## removes what was built; the virtual environment stays
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache rust/tf-layers/target
