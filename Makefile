.DEFAULT_GOAL := help
.PHONY: help mobile teach-mobile teach-coins tune train-mobile export-coreml export-tflite export parity report demo bench bench-emitters baseline bench-emission rival bench-training transfer golden apps bench-apps conformance mediapipe designs bench-encoders support check test test-all clean

RECIPE ?= mobile
DATA   ?=
PHOTOS ?=
PHRASE ?= coin
SETTINGS ?= training/teacher/settings/coins.yaml
RUN    ?= runs/$(basename $(notdir $(RECIPE)))$(if $(DATA),-$(notdir $(patsubst %/,%,$(DATA))))

# Whatever else is said on the command line as key=value overrides an option of the recipe.
OPTIONS  := $(filter-out DATA=% PHOTOS=% PHRASE=% SETTINGS=% RECIPE=% RUN=% PEER=% PYTHON=%,$(MAKEOVERRIDES))
PYTHON ?= python3
PY     := .venv/bin/python
# One thread a worker, or workers would take one another's cores.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -q -n auto --maxprocesses 4

.NOTPARALLEL:

##@ For your project

mobile: train-mobile export parity ## Train, export and verify: from DATA to phone files and a report. Start here

teach-mobile: .venv/ready ## Train from photos alone: label PHOTOS, train a student, judge both on DATA
	$(PY) -m training teach $(RECIPE) $(PHOTOS) $(OPTIONS) --phrase "$(PHRASE)" $(if $(SETTINGS),--settings $(SETTINGS)) $(if $(DATA),--data $(DATA))

train-mobile: .venv/ready ## Train the student of RECIPE on DATA, after a trial conversion
	$(PY) -m conversion rehearse $(RECIPE) $(OPTIONS)
	$(PY) -m training fit $(RECIPE) $(OPTIONS) $(if $(DATA),--data $(DATA)) --run $(RUN)

export: .venv/ready ## Export RUN's student to ONNX, Core ML and TFLite, in fp32 and fp16
	$(PY) -m conversion export $(RUN)

export-coreml: .venv/ready ## Export RUN's student to ONNX and Core ML alone
	$(PY) -m conversion export $(RUN) --to onnx --to coreml
	@echo "into the iOS app, once it is verified: make parity apps RUN=$(RUN)"

export-tflite: .venv/ready ## Export RUN's student to ONNX and TFLite alone
	$(PY) -m conversion export $(RUN) --to onnx --to tflite
	@echo "into the Android app, once it is verified: make parity apps RUN=$(RUN)"

parity: .venv/ready ## Verify RUN's files on held-out photos, and write the report
	$(PY) -m conversion verify $(RUN)
	@echo "into the apps: make apps RUN=$(RUN)"

report: .venv/ready ## Write RUN's report and model card again, without running models
	$(PY) -m conversion report $(RUN)

demo: .venv/ready ## Serve a local page that shows the masks of all RUN's files for a photo
	$(PY) -m conversion demo $(RUN)

bench: .venv/ready ## Measure size and speed of RUN's files, beside the usual UNet
	$(PY) -m conversion bench $(RUN)

apps: .venv/ready ## Copy RUN's verified files into the sample apps; without RUN, the newest
	$(PY) -m conversion apps $(if $(filter command environment,$(foreach name,RUN RECIPE DATA,$(origin $(name)))),$(RUN))

##@ For maintainers of this repository

golden: .venv/ready ## Write the test vectors that Swift and Kotlin must reproduce, to golden/
	$(PY) -m conversion golden golden

conformance: .venv/ready ## Run ONNX's own node tests through both emitters, and write docs/operators.md
	$(PY) -m conversion conformance --out docs/operators.md

mediapipe: .venv/ready .venv-mediapipe/ready ## Compare MediaPipe's masks with ours, also on RUN's photos where there is a RUN
	$(if $(wildcard $(RUN)/export),RUN=$(RUN)) $(PY) -m pytest -q -rs parity_tests/test_mediapipe.py

baseline: .venv/ready ## Train RECIPE's student and the usual UNet alike on DATA, and print both IoUs
	$(PY) -m training baseline $(RECIPE) $(OPTIONS) --data $(DATA)

transfer: .venv/ready ## Train on rendered coins alone, and judge on the real photos of DATA
	$(PY) -m training fit coins $(OPTIONS) --run runs/coins
	$(PY) -m training evaluate runs/coins --data $(DATA)

teach-coins: RECIPE = coins
teach-coins: .venv/ready ## Train on rendered coins, then on PHOTOS where that student and a teacher agree
	$(PY) -m training fit $(RECIPE) $(OPTIONS) --run runs/$(basename $(notdir $(RECIPE)))-rendered
	$(PY) -m training teach $(RECIPE) $(PHOTOS) $(OPTIONS) --phrase "$(PHRASE)" --settings $(SETTINGS) --agree-with runs/$(basename $(notdir $(RECIPE)))-rendered $(if $(DATA),--data $(DATA))

tune: .venv/ready ## Tune the classical teacher on each half of DATA, and judge it on the other
	$(PY) -m training tune classical shape=ellipse --phrase "$(PHRASE)" --data $(DATA) --half both --trials 80

designs: .venv/ready ## Train and measure every design of training/designs.yaml on DATA, for latency_ms
	$(PY) -m training designs $(RECIPE) $(OPTIONS) --data $(DATA)
	$(PY) -m conversion bench-designs runs/designs-$(notdir $(DATA)) $(if $(PEER),--peer $(PEER))

bench-training: .venv/ready ## Measure the training loop's photos per second on DATA, beside a plain loop
	$(PY) -m training bench $(RECIPE) $(OPTIONS) --data $(DATA)

bench-emitters: .venv/ready ## Measure time and memory of emitting the usual UNet, for each target
	$(PY) -m conversion bench-emitters

bench-encoders: .venv/ready ## Measure every encoder in every kind of file, and write docs/encoders.md
	$(PY) -m conversion bench-encoders

bench-apps: .venv/ready ## Measure the apps' arithmetic here, step by step: Swift, and Kotlin on the JVM
	ios_sample/toolchain.sh
	android_sample/toolchain.sh
	$(PY) -m pytest -q -rP parity_tests/test_swift.py parity_tests/test_kotlin.py -k milliseconds

check: .venv/ready ## Check style, format and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test: .venv/ready ## Run the quick tests: a few minutes, no toolchain, no browser
	$(PYTEST) -m "not slow and not toolchain and not browser"

test-all: .venv/ready ## Run all tests, with toolchains and browser where they are installed
	$(PYTEST) --durations=15

clean: ## Delete the environment and rendered data; keep the runs
	rm -rf .venv .venv-mediapipe data

help: ## List these targets
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "Give DATA=folder (photos/, masks/)  PHOTOS=folder  PHRASE=text  RECIPE=name or .yaml  RUN=folder"
	@echo "and key=value for any option of the recipe, such as epochs=30; training/recipe.py lists them."

# Old names, for one version.
rival bench-emission support:
	@echo "note: make $@ is now called make $(NEW); the old name goes with the next version" >&2
	@$(MAKE) --no-print-directory $(NEW)
rival: NEW = baseline
bench-emission: NEW = bench-emitters
support: NEW = bench-encoders

# uv installs in a quarter of pip's time. tflite-runtime exists up to Python 3.11 only; its marker leaves it out above.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	$(PY) -m uv pip install --python $(PY) -e '.[dev,teachers,trackers,tflite-runtime]'
	touch $@

# Apart, since MediaPipe brings opencv-contrib, which overwrites the headless OpenCV. Debian: libgl1 libegl1 libgles2.
.venv-mediapipe/ready: .venv/ready
	$(PY) -m uv venv --clear --python $(PY) .venv-mediapipe
	$(PY) -m uv pip install --python .venv-mediapipe mediapipe==1.2.2
	touch $@
