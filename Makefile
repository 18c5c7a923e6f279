# Needs python3 (3.10 to 3.13) with venv, and make. No target writes outside the checkout.
# The text after `##` is the line of `make help`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := demo

# Libraries that would write to the home directory write here instead.
export KERAS_HOME := $(CURDIR)/$(VENV)/home/keras
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/home/matplotlib
export XDG_CACHE_HOME := $(CURDIR)/$(VENV)/home/cache
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TF_CPP_MIN_LOG_LEVEL := 3

# Python compiles a library when it is first imported (pip compiles none, as most of them never are),
# and keeps the result unless this is set.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test long lint mutants bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

# STEPS makes the training shorter, and the digits worse.
demo: $(READY)  ## train on scikit-learn's digits, export the generator and check every export
	$(BIN)/kgan-train --preset=digits_mlp $(if $(STEPS),--steps=$(STEPS)) \
		--run_dir=$(DEMO)/run --data_dir=$(DEMO)/data
	$(BIN)/kgan-export --run_dir=$(DEMO)/run --output_dir=$(DEMO)/export \
		--formats=saved_model,tflite,onnx --quantization=none,float16,dynamic,int8,int8_io,16x8
	@echo
	@echo "Sample grids of the training:   $(DEMO)/run/samples/"
	@echo "The run (networks, metrics):    $(DEMO)/run/"
	@echo "Exports, report and picture:    $(DEMO)/export/"

test: lint  ## run style checks, type checks and all tests but the longest
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

long: $(READY)  ## run the tests of minutes that `make test` leaves out
	$(BIN)/python -m pytest -m long

lint: $(READY)  ## run style and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# At most half an hour on a quiet machine. ROOMS names files or folders of kgan.
mutants: $(READY)  ## make small faults in kgan and run the tests on each
	$(BIN)/python tests/mutants.py $(ROOMS)

# A quiet machine gives fair numbers. TORCH_PYTHON names an interpreter that has PyTorch.
bench: $(READY)  ## measure speed
	$(BIN)/python -m benchmarks $(if $(TORCH_PYTHON),--torch_python=$(TORCH_PYTHON))

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) $(DEMO) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(READY): setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[dev]"
	touch $@
