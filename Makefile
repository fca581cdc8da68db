# Every target sets up .venv by itself from the system's python3.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The tests run on all cores already; the threads of the matrix library would only get in their way.
export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test long golden lint bench fuzz samples docs clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/python sample_plans/demo.py

# A part: make test T=tests/judging, or T="tests/judging -k small".
T ?=
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(if $(T),$(T),-m "not long")

# Every option and every kind of damage on every full sample plan, and what else is marked long.
long: $(STAMP)
	SBRTCHECK_ALL_SAMPLES=1 SBRTCHECK_ENGINE_EXAMPLES=100 $(BIN)/python -m pytest -n 2 --dist loadgroup -m long

# The reports of the tests, written again after a wanted change: read the difference before committing it.
golden: $(STAMP)
	PYTHONPATH=tests $(BIN)/python tests/report/test_report_golden.py --write

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

# Random damage for as long as asked, and 10,000 examples of each property of the judging.
MINUTES ?= 5
fuzz: $(STAMP)
	$(BIN)/python tests/mutations/fuzz.py --minutes $(MINUTES)
	SBRTCHECK_PROPERTY_EXAMPLES=10000 $(BIN)/python -m pytest -n 2 tests/scenarios/test_properties.py

# The pages that are made from code and data. Made again without a change they give no difference.
docs: $(STAMP)
	$(BIN)/python docs/build_constraints.py
	$(BIN)/python docs/build_policy.py
	$(BIN)/python docs/build_rules.py > docs/rules.md.new && mv docs/rules.md.new docs/rules.md
	$(BIN)/python docs/build_errors.py
	$(BIN)/python docs/build_verification.py
	$(BIN)/python docs/build_readme.py

clean:
	rm -rf $(VENV)
