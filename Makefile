.DEFAULT_GOAL := help
.PHONY: help mobile teach-mobile teach-coins tune train-mobile export-coreml export-tflite export parity report demo bench bench-emitters baseline bench-emission rival bench-training transfer golden apps bench-apps conformance mediapipe designs bench-encoders support check check-gpu test test-all clean install

# What somebody gives here or in the environment. Any other key=value on the command line is an option of the recipe.
DATA     ?=
PEER     ?=
PHOTOS   ?=
PHRASE   ?= coin
PYTHON   ?= python3
RECIPE   ?=
RUN      ?=
SETTINGS ?= training/teacher/settings/coins.yaml
PY       := .venv/bin/python
OURS     := DATA PEER PHOTOS PHRASE PY PYTHON RECIPE RUN SETTINGS
GIVEN    := $(sort $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name))))

# It is text: make expands no $ in it, and `q` hands it to a program as one argument, which no shell reads.
$(foreach name,$(OURS) $(GIVEN),$(eval override $(name) := $$(value $(name))))
# Each is an `override`, since an option of the recipe might bear its name.
override empty :=
override space := $(empty) $(empty)
override tab   := $(empty)	$(empty)
override define newline


endef
export NEWLINE := $(newline)
override q       = '$(subst $(newline),'"$$NEWLINE"',$(subst ','\'',$1))'
override options = $(foreach key,$(filter-out $(OURS),$(GIVEN)),$(call q,$(key)=$($(key))))

# The last part of a path, with and without its suffix. Make's own functions split at blanks, so they get none to see.
override encoded = $(subst $(newline),%0A,$(subst $(tab),%09,$(subst $(space),%20,$(subst %,%25,$1))))
override decoded = $(subst %25,%,$(subst %20,$(space),$(subst %09,$(tab),$(subst %0A,$(newline),$1))))
override last    = $(lastword $(subst /, ,$(call encoded,$1)))
override name    = $(call decoded,$(call last,$1))
override stem    = $(call decoded,$(basename $(call last,$1)))

# What the commands below take, quoted. The run is named as `Run.default_folder` does.
override usual   = mobile
override recipe  = $(call q,$(or $(RECIPE),$(usual)))
override run     = $(call q,$(or $(RUN),runs/$(call stem,$(or $(RECIPE),$(usual)))$(if $(DATA),-$(call name,$(DATA)))))
override photos  = $(call q,$(PHOTOS))
override data    = $(if $(DATA),--data $(call q,$(DATA)))
override planned = $(if $(or $(DATA),$(filter-out $(usual),$(call encoded,$(RECIPE))),$(filter minutes epochs scales,$(GIVEN))),,minutes=10)
override teacher = --phrase $(call q,$(PHRASE)) $(if $(SETTINGS),--settings $(call q,$(SETTINGS)))

# One thread a worker, or workers would take one another's cores.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -q -n auto --maxprocesses 4

.NOTPARALLEL:

##@ For your project

mobile: train-mobile export parity ## Train, export and verify: from DATA to phone files and a report. Start here

teach-mobile: given-PHOTOS .venv/ready ## Train from photos alone: label PHOTOS, train a student, judge both on DATA
	$(PY) -m training teach $(recipe) $(photos) $(options) $(teacher) $(data) $(if $(RUN),--run $(call q,$(RUN)))

train-mobile: .venv/ready ## Train the student of RECIPE on DATA, after a trial conversion
	$(PY) -m conversion rehearse $(recipe) $(options)
	$(PY) -m training fit $(recipe) $(options) $(planned) $(data) --run $(run)

export: .venv/ready ## Export RUN's student to ONNX, Core ML and TFLite, in fp32 and fp16
	$(PY) -m conversion export $(run)

export-coreml: .venv/ready ## Export RUN's student to ONNX and Core ML alone
	$(PY) -m conversion export $(run) --to onnx --to coreml
	@printf 'into the iOS app, once it is verified: make parity apps RUN=%s\n' $(call q,$(run))

export-tflite: .venv/ready ## Export RUN's student to ONNX and TFLite alone
	$(PY) -m conversion export $(run) --to onnx --to tflite
	@printf 'into the Android app, once it is verified: make parity apps RUN=%s\n' $(call q,$(run))

parity: .venv/ready ## Verify RUN's files on held-out photos, and write the report
	$(PY) -m conversion verify $(run)
	@printf 'into the apps: make apps RUN=%s\n' $(call q,$(run))

report: .venv/ready ## Write RUN's report and model card again, without running models
	$(PY) -m conversion report $(run)

demo: .venv/ready ## Serve a local page that shows the masks of all RUN's files for a photo
	$(PY) -m conversion demo $(run)

bench: .venv/ready ## Measure size and speed of RUN's files, beside the usual UNet
	$(PY) -m conversion bench $(run)

apps: .venv/ready ## Copy RUN's verified files into the sample apps; without RUN, the newest
	$(PY) -m conversion apps $(if $(RUN)$(RECIPE)$(DATA),$(run))

##@ For maintainers of this repository

golden: .venv/ready ## Write the test vectors that Swift and Kotlin must reproduce, to golden/
	$(PY) -m conversion golden golden

conformance: .venv/ready ## Run ONNX's own node tests through both emitters, and write docs/operators.md
	$(PY) -m conversion conformance --out docs/operators.md

mediapipe: .venv/ready-all .venv-mediapipe/ready ## Compare MediaPipe's masks with ours, also on RUN's photos where there is a RUN
	RUN=$(run) $(PY) -m pytest -q -rs parity_tests/test_mediapipe.py

baseline: given-DATA .venv/ready ## Train RECIPE's student and the usual UNet alike on DATA, and print both IoUs
	$(PY) -m training baseline $(recipe) $(options) $(data)

transfer: given-DATA .venv/ready ## Train on rendered coins alone, and judge on the real photos of DATA
	$(PY) -m training fit coins $(options) --run runs/coins
	$(PY) -m training evaluate runs/coins $(data)

teach-coins: given-PHOTOS .venv/ready ## Train on rendered coins, then on PHOTOS where that student and a teacher agree
	$(PY) -m training fit $(recipe) $(options) --run $(rendered)
	$(PY) -m training teach $(recipe) $(photos) $(options) $(teacher) --agree-with $(rendered) $(data) $(if $(RUN),--run $(call q,$(RUN)))
teach-coins: override usual = coins
teach-coins: override rendered = $(call q,runs/$(call stem,$(or $(RECIPE),coins))-rendered)

tune: given-DATA .venv/ready-teachers ## Tune the classical teacher on each half of DATA, and judge it on the other
	$(PY) -m training tune classical shape=ellipse --phrase $(call q,$(PHRASE)) $(data) --half both --trials 80

designs: given-DATA .venv/ready ## Train and measure every design of training/designs.yaml on DATA, for latency_ms
	$(PY) -m training designs $(recipe) $(options) $(data) --out $(folder)
	$(PY) -m conversion bench-designs $(folder) $(if $(PEER),--peer $(call q,$(PEER)))
designs: override folder = $(call q,runs/designs-$(call name,$(DATA)))

bench-training: given-DATA .venv/ready ## Measure the training loop's photos per second on DATA, beside a plain loop
	$(PY) -m training bench $(recipe) $(options) $(data)

bench-emitters: .venv/ready ## Measure time and memory of emitting the usual UNet, for each target
	$(PY) -m conversion bench-emitters

bench-encoders: .venv/ready ## Measure every encoder in every kind of file, and write docs/encoders.md
	$(PY) -m conversion bench-encoders

bench-apps: .venv/ready-all ## Measure the apps' arithmetic here, step by step: Swift, and Kotlin on the JVM
	ios_sample/toolchain.sh
	android_sample/toolchain.sh
	$(PY) -m pytest -q -rP parity_tests/test_swift.py parity_tests/test_kotlin.py -k milliseconds

check-gpu: .venv/ready-all ## Compare training, resuming and labelling on this machine's GPU and processor
	$(PY) -m pytest -q -rP training/accelerator_test.py

check: .venv/ready-all ## Check style, format and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test: .venv/ready-all ## Run the quick tests: a few minutes, no toolchain, no browser
	$(PYTEST) -m "not slow and not toolchain and not browser"

test-all: .venv/ready-all ## Run all tests, with toolchains and browser where they are installed
	$(PYTEST) --durations=15

install: .venv/ready ## Install for training and verifying; install-teachers, -trackers, -video add more

clean: ## Delete the environment and rendered data; keep the runs
	rm -rf .venv .venv-mediapipe data

help: ## List these targets
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "Give DATA=folder (photos/, masks/)  PHOTOS=folder  PHRASE=text  RECIPE=name or .yaml  RUN=folder"
	@echo "and key=value for any option of the recipe, such as epochs=30; training/recipe.py lists them."

# Comes before all else, so that nothing is set up for a line that lacks something.
given-%:
	@$(if $($*),:,$(error make $(MAKECMDGOALS) needs $*: add $*=folder))

# Old names, for one version.
rival: renamed-baseline baseline
bench-emission: renamed-bench-emitters bench-emitters
support: renamed-bench-encoders bench-encoders
renamed-%:
	@echo "note: this is now called make $*; the old name goes with the next version" >&2

# An extra of pyproject.toml; tests and type checks need them all. tflite-runtime exists up to Python 3.11 only; its
# marker leaves it out above. uv reads UV_TORCH_BACKEND=cpu: PyTorch without CUDA.
.PRECIOUS: .venv/ready-%
install-%: .venv/ready-%
	@:
.venv/ready: pyproject.toml | .venv/bin/uv
	$(PY) -m uv pip install --python $(PY) -e .
	touch $@
.venv/ready-all: pyproject.toml | .venv/bin/uv
	$(PY) -m uv pip install --python $(PY) -e '.[dev,teachers,trackers,tflite-runtime,video]'
	touch $@
.venv/ready-%: pyproject.toml | .venv/bin/uv
	$(PY) -m uv pip install --python $(PY) -e '.[$*]'
	touch $@

# It installs in a quarter of pip's time.
.venv/bin/uv:
	$(call q,$(PYTHON)) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv

# Apart, since MediaPipe brings opencv-contrib, which overwrites the headless OpenCV. Debian: libgl1 libegl1 libgles2.
.venv-mediapipe/ready: .venv/ready
	$(PY) -m uv venv --clear --python $(PY) .venv-mediapipe
	$(PY) -m uv pip install --python .venv-mediapipe mediapipe==1.2.2
	touch $@
