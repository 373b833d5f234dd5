.DEFAULT_GOAL := help
.PHONY: help mobile teach-mobile teach-coins tune train-mobile export-coreml export-tflite export parity report demo bench bench-emission rival bench-training transfer golden apps bench-apps conformance mediapipe designs support check test clean

RECIPE ?= mobile
DATA   ?=
PHOTOS ?=
PHRASE ?= coin
SETTINGS ?= training/teacher/settings/coins.yaml
RUN    ?= runs/$(basename $(notdir $(RECIPE)))$(if $(DATA),-$(notdir $(patsubst %/,%,$(DATA))))

# Whatever else is said on the command line as key=value replaces a knob of the recipe.
KNOBS  := $(filter-out DATA=% PHOTOS=% PHRASE=% SETTINGS=% RECIPE=% RUN=% PYTHON=%,$(MAKEOVERRIDES))
PYTHON ?= python3
PY     := .venv/bin/python

.NOTPARALLEL:

mobile: train-mobile export parity ## Photos to verified Core ML and TFLite models, with a report. Start here

train-mobile: .venv/ready ## Rehearse the conversion, then train the student
	$(PY) -m conversion rehearse $(RECIPE) $(KNOBS)
	$(PY) -m training fit $(RECIPE) $(KNOBS) $(if $(DATA),--data $(DATA)) --run $(RUN)

export-coreml: .venv/ready ## Convert the run's student to Core ML, fp32 and fp16
	$(PY) -m conversion export $(RUN) --to onnx --to coreml
	@echo "into the iOS app, once it is verified: make parity apps RUN=$(RUN)"

export-tflite: .venv/ready ## Convert the run's student to TFLite, fp32 and fp16
	$(PY) -m conversion export $(RUN) --to onnx --to tflite
	@echo "into the Android app, once it is verified: make parity apps RUN=$(RUN)"

export: .venv/ready ## Both
	$(PY) -m conversion export $(RUN)

parity: .venv/ready ## Run every hop on held-out photos, hold it against its budget, write the report
	$(PY) -m conversion verify $(RUN)
	@echo "into the apps: make apps RUN=$(RUN)"

report: .venv/ready ## Write the run's report and model card again, without running models
	$(PY) -m conversion report $(RUN)

demo: .venv/ready ## Try the run's artefacts on a local page: a photo in, all masks side by side
	$(PY) -m conversion demo $(RUN)

bench: .venv/ready ## Weigh and time the run's artefacts, in turns with the usual UNet
	$(PY) -m conversion bench $(RUN)

bench-emission: .venv/ready ## Time and memory of emitting the usual UNet, to each target
	$(PY) -m conversion bench-emission

rival: .venv/ready ## Train the recipe's student and the usual UNet alike on DATA, compare their IoU
	$(PY) -m training rival $(RECIPE) $(KNOBS) --data $(DATA)

bench-training: .venv/ready ## Photos a second of this training loop and of the plain one, on DATA
	$(PY) -m training bench $(RECIPE) $(KNOBS) --data $(DATA)

transfer: .venv/ready ## Train on rendered coins alone, judge on the real photos of DATA
	$(PY) -m training fit coins $(KNOBS) --run runs/coins
	$(PY) -m training evaluate runs/coins --data $(DATA)

teach-mobile: .venv/ready ## Label PHOTOS with the classical teacher, train a student on its masks, judge both on DATA
	$(PY) -m training teach $(RECIPE) $(PHOTOS) $(KNOBS) --phrase "$(PHRASE)" $(if $(SETTINGS),--settings $(SETTINGS)) $(if $(DATA),--data $(DATA))

teach-coins: RECIPE = coins
teach-coins: .venv/ready ## Teach by rendered coins, then by what that student and the classical teacher agree on for PHOTOS
	$(PY) -m training fit $(RECIPE) $(KNOBS) --run runs/$(basename $(notdir $(RECIPE)))-rendered
	$(PY) -m training teach $(RECIPE) $(PHOTOS) $(KNOBS) --phrase "$(PHRASE)" --settings $(SETTINGS) --and runs/$(basename $(notdir $(RECIPE)))-rendered $(if $(DATA),--data $(DATA))

tune: .venv/ready ## Tune the classical teacher on either half of DATA, judge it on the other
	$(PY) -m training tune classical shape=ellipse --phrase "$(PHRASE)" --data $(DATA) --half both --trials 80

golden: .venv/ready ## Write the vectors that Swift and Kotlin must reproduce
	$(PY) -m conversion golden golden

apps: .venv/ready ## Put the newest run's gated models, or RUN's, where the sample apps look
	$(PY) -m conversion apps $(if $(filter command environment,$(foreach name,RUN RECIPE DATA,$(origin $(name)))),$(RUN))

bench-apps: .venv/ready ## Time the apps' arithmetic on this machine, step by step: Swift, and Kotlin on the JVM
	ios_sample/toolchain.sh
	android_sample/toolchain.sh
	$(PY) -m pytest -q -rP parity_tests/test_swift.py parity_tests/test_kotlin.py -k milliseconds

conformance: .venv/ready ## Run ONNX's own node tests through both emitters, write docs/operators.md
	$(PY) -m conversion conformance --write docs/operators.md

mediapipe: .venv/ready .venv-mediapipe/ready ## Hold MediaPipe's masks against ours, on the photos of RUN as well if it is there
	$(if $(wildcard $(RUN)/export),RUN=$(RUN)) $(PY) -m pytest -q -rs parity_tests/test_mediapipe.py

designs: .venv/ready ## Train, time and judge every design of training/designs.yaml on DATA; latency_ms chooses among them
	$(PY) -m training designs $(RECIPE) $(KNOBS) --data $(DATA)
	$(PY) -m conversion designs runs/designs-$(notdir $(DATA)) $(if $(PEER),--peer $(PEER))

support: .venv/ready ## Measure every encoder in every kind of artefact, write docs/encoders.md
	$(PY) -m conversion support

check: .venv/ready ## Lint, format and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test: .venv/ready ## All tests
	$(PY) -m pytest -q

clean: ## Delete the environment and rendered data; runs stay
	rm -rf .venv .venv-mediapipe data

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
	@echo; echo "DATA=folder (photos/, masks/)  PHOTOS=folder  RECIPE=name or .yaml  RUN=folder  key=value for any knob of the recipe"

# uv installs in a quarter of pip's time. tflite-runtime exists up to Python 3.11 only; its marker leaves it out above.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	$(PY) -m uv pip install --python $(PY) -e '.[demo,dev,teachers,trackers,tflite-runtime]'
	touch $@

# Apart, since MediaPipe brings opencv-contrib, which overwrites the headless OpenCV. Debian: libgl1 libegl1 libgles2.
.venv-mediapipe/ready: .venv/ready
	$(PY) -m uv venv --clear --python $(PY) .venv-mediapipe
	$(PY) -m uv pip install --python .venv-mediapipe mediapipe==1.2.2
	touch $@
