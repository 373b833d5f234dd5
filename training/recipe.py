"""A recipe: every option of one training run, typed, from a YAML file and `key=value` overrides."""

import math
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from training import designs, options
from training.student.contract import Contract
from training.student.encoders import DEPTH
from training.student.errors import BadInput
from training.student.network import MOST_BLOCKS, MOST_CHANNELS, Architecture, check_size
from training.student.renamed import RENAMED, with_new_names

RECIPES = Path(__file__).parent / "recipes"

Share = Annotated[float, Field(ge=0, le=1)]
# The upper bounds keep a slip of the keyboard, or a stranger's file, from asking for what no machine has.
Count = Annotated[int, Field(ge=1, le=10**6)]
Channels = Annotated[int, Field(ge=1, le=MOST_CHANNELS)]
Side = Annotated[int, Field(ge=1, le=4096)]
MOST_ACTIVATIONS = 2**30
"""Height times width times channels of the widest block: 4 GB a photo in float32."""
Magnification = Annotated[float, Field(gt=0, le=10)]
Spread = Annotated[float, Field(gt=0)]

Arithmetic = Literal[
    "fp32", "fp32-strided", "fp32-channels-last", "fp32-channels-last-strided", "bf16", "bf16-strided", "fp16"
]
"""Number format, memory order and way of strided depthwise convolutions; `training.loop.arithmetic.WAYS` has them."""


class Recipe(BaseModel):
    """All options of a run, its data apart. An option that a recipe leaves out has the default given here.

    Where a default was measured, the comment beside it names the entry of docs/experiments.md.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    # The student.
    encoder: Annotated[str, Field(max_length=200)] = "tu-mobilenetv2_100"
    """A name of `training.student.encoders.ENCODERS`."""
    encoder_weights: Annotated[str, Field(max_length=4096)] = "none"
    """`none`: from scratch; `hub`: timm's or torchvision's own, downloaded; else a .safetensors file."""
    encoder_mean: tuple[float, float, float] | float | None = None
    """Per RGB channel of inputs scaled to [0, 1]; what the encoder's weights were trained with. Needed with a file."""
    encoder_std: tuple[Spread, Spread, Spread] | Spread | None = None
    """Likewise."""
    depth: Annotated[int, Field(ge=2, le=DEPTH)] = DEPTH
    """Halvings of the resolution that the encoder goes through: its deeper stages are left out."""
    width_multiplier: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(max_length=MOST_BLOCKS)] = ()
    """Shares of hidden channels that the encoder's stages keep, from the first; inverted residuals only."""
    # Within .005 IoU of smp.Unet("mobilenet_v2") and 7.2 times as fast: "Student against the usual UNet".
    decoder: Annotated[tuple[Channels, ...], Field(min_length=1, max_length=MOST_BLOCKS)] = (64, 64, 48)
    """Channels of the decoder's blocks, deepest first, each of which doubles the resolution up to the stride.

    Where the stride asks for more than they reach, the head gives several logits for each of their pixels.
    """
    decoder_type: Literal["unet", "mlp"] = "unet"
    """`unet`: scale by scale; `mlp`: all scales at once as SegFormer does, in the first of the decoder's widths."""
    separable: bool = True
    """Whether decoder convolutions are depthwise separable."""
    height: Side = 256
    """Rows of the input, in pixels."""
    width: Side = 256
    """Columns of the input, in pixels."""
    # Stride 4 costs .018 IoU; stride 2 costs no time, as the head shuffles pixels apart: the same entry.
    stride: int = 2
    """Input pixels per logit."""
    threshold: float = 0.0
    """On logits, binary students only."""
    opening: int = 0
    """Side of the ellipse that masks are opened with, binary students only; 0 leaves them alone.

    The contract calls it `open`.
    """
    latency_ms: Annotated[float, Field(gt=0)] | None = None
    """Takes decoder, depth, sizes from the most accurate of `training/designs.yaml` that is measured to be so fast."""
    single_partition: bool = True
    """Whether to refuse, before training, a student that XNNPACK would run in several pieces."""

    # The loss.
    bce_share: Share = 0.5
    """w in w · BCE + (1 − w) · (−log dice)."""
    border_width: Annotated[int, Field(ge=0, le=1024)] = 4
    """Pixels of the input on each side of the teacher mask's edge."""
    border_weight: Annotated[float, Field(ge=0)] = 1.0
    """What a pixel of the border band counts beyond its 1 in the BCE."""
    border_side: Literal["both", "inner"] = "both"
    """`inner` with width 8 is the band that border-weighted losses began with."""
    balance: Share = 0.0
    """How far rare classes are raised in the BCE: 0 counts pixels, 1 counts classes."""

    # Augmentation.
    zoom: tuple[Magnification, Magnification] = (0.7, 1.5)
    """Least and largest magnification of the photo, rows and columns apart."""
    turn: Literal["mirror", "any"] = "mirror"
    """`mirror`: left and right alone; `any`: quarter turns as well, for things that lie on a table."""
    colour: Share = 0.4
    """How far brightness, contrast, gamma, saturation and hue may stray."""
    degrade: Share = 0.3
    """Chance each of blur, noise and JPEG."""

    # The run.
    minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None
    """Time for the whole of `fit`: `epochs` and `scales` are planned by the pace of this machine to fill it.

    After a stop the plan goes on, however long it then takes. `teach` and `designs` count from where training begins.
    """
    epochs: Count = 12
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1, max_length=100)] = (1.0,)
    """Shares of the input's sides, for as many equal parts of the epochs: `[0.75, 1]` begins with small photos."""
    photos_per_epoch: Count = 700
    """About as many as an epoch shows at least: a small folder is gone through several times, augmented anew."""
    batch: Annotated[int, Field(ge=2, le=4096)] = 16
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    """Peak of the one-cycle schedule, for the decoder and for encoders from scratch."""
    encoder_rate: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of it that an encoder with weights gets."""
    encoder_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What each of its stages gets of the rate of the stage behind it, counted from the photo."""
    freeze: Annotated[int, Field(ge=0)] = 0
    """Epochs for which an encoder with weights stays as it is, statistics included, while the decoder learns."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    gradient_clip: Annotated[float, Field(ge=0)] = 0.0
    """Largest norm of all gradients together; 0: any."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the exponential moving average of the weights, per step; that average is validated and kept. 0: none.

    0.998 averages over about 500 steps.
    """
    patience: Count = 10
    """Epochs without a better validation IoU after which training stops."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of pairs held out to choose the best epoch, near-duplicates kept together."""
    test: str | None = None
    """`1/5` keeps the first of five parts for the final judgement, where it chooses nothing; 2/5 to 5/5 likewise.

    Each part is the same for every seed.
    """
    arithmetic: Literal["auto", Arithmetic] = "auto"
    """bf16, and fp16 on a GPU, mean autocast with channels-last memory; auto takes what is fastest here.

    `fp32-channels-last` has that memory order without autocast. `-strided` leaves strided depthwise convolutions as
    they are, which else are computed at stride 1 on a processor.
    """
    accelerator: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where to train: an NVIDIA or AMD GPU, Apple's GPU, or the processor; auto takes the first that there is."""
    workers: Annotated[int, Field(ge=0, le=1024)] | Literal["auto"] = "auto"
    """Processes that augment beside the training; auto takes some where there are more than two cores."""
    cache: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    """GB of memory for decoded photos to learn from, as much again to validate with; auto: half of what is free.

    Beyond it they go into a temporary file, and where the disk is half full are decoded each time.
    """
    devices: Count | Literal["auto"] = "auto"
    """Processes a machine that share each batch, one a GPU; auto: as torchrun or srun started, else one."""
    nodes: Count = 1
    """Machines, likewise."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    track: Literal["tensorboard", "mlflow", "wandb"] | None = None
    """Who is told of each epoch, beside metrics.csv: on this machine, in a folder of that name within the run's."""
    pairs: Count = 900
    """How many coins to render when no data folder is given."""

    @field_validator("zoom")
    @classmethod
    def _ascend(cls, zoom: tuple[float, float]) -> tuple[float, float]:
        if zoom[0] > zoom[1]:
            raise ValueError(f"the least comes first; use [{zoom[1]}, {zoom[0]}]")
        return zoom

    @field_validator("scales")
    @classmethod
    def _end_at_full_size(cls, scales: tuple[float, ...]) -> tuple[float, ...]:
        if scales[-1] != 1:
            raise ValueError(f"the last is 1, the size that phones run; use {[*scales, 1]}")
        return scales

    @field_validator("test")
    @classmethod
    def _within(cls, test: str | None) -> str | None:
        match = re.fullmatch(r"(\d+)/(\d+)", test or "1/2")
        if not match or not 1 <= int(match[1]) <= int(match[2]) >= 2:
            raise ValueError("expected k/n with k from 1 to n and n at least 2, such as 1/5")
        return test

    @model_validator(mode="after")
    def _fit_a_machine(self) -> "Recipe":
        widest = max(self.decoder)
        if self.height * self.width * widest > MOST_ACTIVATIONS:
            raise ValueError(
                f"height={self.height} times width={self.width} times {widest} channels of the decoder is more than "
                f"{MOST_ACTIVATIONS}, which no machine holds; use less of one"
            )
        return self

    @model_validator(mode="after")
    def _freeze_only_an_encoder_with_weights(self) -> "Recipe":
        if self.freeze and self.encoder_weights == "none":
            raise ValueError(f"freeze={self.freeze} needs an encoder with weights; set encoder_weights, or freeze=0")
        return self

    def scale(self, epoch: int) -> float:
        """The share of the input's sides that an epoch, counted from 0, is trained at; 1 from the last epoch on."""
        return self.scales[min(math.ceil((epoch + 1) * len(self.scales) / self.epochs), len(self.scales)) - 1]

    def contract(self, classes: tuple[str, ...]) -> Contract:
        """The contract of a student of this recipe for these classes.

        Raises:
            BadInput: The sizes suit neither stride nor encoder.
        """
        # First: the sizes that the contract itself would suggest suit the stride alone.
        check_size(self.height, self.width, self.depth)
        return Contract(self.height, self.width, self.stride, classes, self.threshold, self.opening)

    def architecture(self, mean: tuple[float, ...], std: tuple[float, ...]) -> Architecture:
        """The network to build, with the normalisation that its weights expect."""
        return Architecture(
            self.encoder,
            self.decoder,
            self.separable,
            mean,
            std,
            self.depth,
            self.width_multiplier,
            self.decoder_type,
        )


def read_recipe(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """The recipe of that name in training/recipes, or in a YAML file of that path, with overrides applied.

    Args:
        name: Such as `mobile`, or a path that ends in .yaml.
        overrides: `key=value`, the value read as YAML.

    Raises:
        BadInput: No such recipe, an unknown key, or a value that does not fit.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else RECIPES / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(entry.stem for entry in RECIPES.glob("*.yaml")))
        raise BadInput(f"no recipe '{name}'; expected one of {known}, or the path of a .yaml file")
    overrides = list(overrides)
    given = {override.partition("=")[0].strip() for override in overrides}
    if planned := [key for key in ("epochs", "scales") if key in given]:
        if "minutes" in given:
            raise BadInput(f"minutes plans epochs and scales; leave {planned[0]}= out, or minutes=")
        # What is typed goes before what a file says.
        overrides.append("minutes=null")
    recipe = options.read(Recipe, "recipe", path, overrides, RENAMED)
    return recipe if recipe.latency_ms is None else _with_fast_design(recipe, recipe.latency_ms, overrides)


def read_design_recipes(name: str, overrides: Iterable[str] = ()) -> dict[str, Recipe]:
    """The recipe with the options of each design of designs.yaml, by the design's name.

    A fifth of the pairs is held out as test set, on which designs are compared. Where an override names an option of a
    design, the design's value holds.

    Args:
        name: As in `read_recipe`.
        overrides: As in `read_recipe`.

    Raises:
        BadInput: As `read_recipe`.
    """
    overrides = [*overrides, "test=1/5"]
    return {
        design: read_recipe(name, [*_without(own, overrides), *(f"{key}={value}" for key, value in own.items())])
        for design, own in designs.options().items()
    }


def _without(options: Collection[str], overrides: Iterable[str]) -> list[str]:
    """The overrides of other options, also where one is given by its old name."""
    names = [(override, override.partition("=")[0].strip()) for override in overrides]
    return [override for override, name in names if RENAMED.get(name, name) not in options]


def _with_fast_design(recipe: Recipe, latency_ms: float, overrides: Iterable[str]) -> Recipe:
    chosen = designs.choose(latency_ms)
    own = designs.options()[chosen.design]
    given = {override.partition("=")[0].strip() for override in overrides}
    if both := [key for key in own if key in {RENAMED.get(name, name) for name in given}]:
        raise BadInput(f"latency_ms chooses {', '.join(own)}; leave {both[0]}= out, or latency_ms=")
    return recipe_from_mapping({**recipe.model_dump(mode="json"), **own}, f"design {chosen.design}")


def recipe_from_mapping(given: dict[str, Any], where: str) -> Recipe:
    """A recipe as a run's folder records it.

    Raises:
        BadInput: An unknown key, or a value that does not fit.
    """
    return options.check(Recipe, with_new_names(given, where), "recipe", where)
