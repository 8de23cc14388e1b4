# `make app` opens the app, `make quick` and `make test` run tests; all set everything up in .venv first.
PYTHON ?= python3
BIN := .venv/bin
# Two processes; one that has nothing left to do takes tests from the end of the other's list.
TESTS := $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: app share quick test check format bench sample-models clean

app: .venv/app
	$(BIN)/python app.py --open

# A public link for a class; asks for two passwords, the host's and the visitors'.
share: .venv/app
	$(BIN)/python app.py --share

# What one wants to know every few minutes, in less than one.
quick: .venv/dev
	$(TESTS) -m quick

test: .venv/dev
	$(TESTS)

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m tools.check_house

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# fastai wants an older torch than the app, so the benchmarks have an environment of their own.
bench: .venv-bench/ready
	.venv-bench/bin/python -m benchmarks.train_speed

# Trains the models that come with the app anew, on the real data: about two hours on two cores.
sample-models: .venv/app
	$(BIN)/python -m tools.sample_models

clean:
	rm -rf .venv .venv-bench

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 app")'
	$(PYTHON) -m venv .venv

.venv/app: .venv/bin/python requirements.txt
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch $@

.venv/dev: .venv/app requirements-dev.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	touch $@

.venv-bench/ready: requirements.txt benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --requirement benchmarks/requirements.txt
	touch $@
