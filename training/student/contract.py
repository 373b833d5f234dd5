"""The contract: everything that a caller must know to run a student without torch.

Written beside every checkpoint, inside every artefact and into every manifest; both sample apps read only
this. Keep it free of heavy imports.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from training.student.bounded_read import brief, parse_json
from training.student.errors import BadInput, escaped

SCHEMA = 1
STRIDES = (1, 2, 4, 8, 16)

# What a contract can ask for, whoever wrote it: memory and time are spent by it before a model says no.
MOST_SIDE = 8192
MOST_PIXELS = 2**24
"""Of the input; a phone's camera has fewer than twice as many."""
MOST_OPEN = 255
MOST_CLASSES = 256
"""As many as an 8-bit mask has values, with one left for what is not judged."""
LONGEST_NAME = 200
"""Characters of a class."""

# What every student promises, spelled out so that a reader in another language can refuse anything else.
CONVENTIONS: Mapping[str, Any] = {
    "schema": SCHEMA,
    "input": "image",
    "output": "logits",
    "colour": "rgb",
    "range": [0, 255],
    "resize": "stretch-bilinear-half-pixel",
    "upsample": "bilinear-half-pixel",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """Sizes and conventions that every form of one student shares."""

    height: int
    """Rows of the input, in pixels."""
    width: int
    """Columns of the input, in pixels."""
    stride: int
    """Input pixels per logit along each axis; above 1, upsampling is left to post-processing."""
    classes: tuple[str, ...]
    """One name: a binary student with one channel of logits. More: one channel each, the mask is their argmax."""
    threshold: float = 0.0
    """Binary students: a pixel is foreground where its upsampled logit is above this."""
    open: int = 0
    """Binary students: side in pixels of the ellipse that the mask is opened with; 0 or 1 leaves it alone."""

    def __post_init__(self) -> None:
        """Refuse what no student can have."""
        if self.stride not in STRIDES:
            raise BadInput(f"stride {self.stride} is unknown; expected one of {', '.join(map(str, STRIDES))}")
        for side, length in (("height", self.height), ("width", self.width)):
            if length > MOST_SIDE:
                raise BadInput(f"{side} {length} is more than {MOST_SIDE}; use less")
            if length < self.stride or length % self.stride:
                smaller = max(length - length % self.stride, self.stride)
                raise BadInput(
                    f"{side} {length} is not a multiple of stride {self.stride}; "
                    f"use {smaller} or {smaller + self.stride}"
                )
        if self.height * self.width > MOST_PIXELS:
            raise BadInput(f"height {self.height} times width {self.width} is more than {MOST_PIXELS} pixels; use less")
        self._check_classes()
        self._check_decision()

    def _check_classes(self) -> None:
        if len(self.classes) > MOST_CLASSES:
            raise BadInput(f"{len(self.classes)} classes are too many; at most {MOST_CLASSES} fit an 8-bit mask")
        if odd := [name for name in self.classes if len(name) > LONGEST_NAME or escaped(name) != name]:
            raise BadInput(
                f"class '{brief(odd[0], 40)}' must be printable text of at most {LONGEST_NAME} characters; rename it"
            )
        if not self.classes or not all(self.classes) or len(set(self.classes)) != len(self.classes):
            raise BadInput(f"classes {list(self.classes)} must be one or more names, each its own")

    def _check_decision(self) -> None:
        most = min(MOST_OPEN, max(self.height, self.width))
        if self.open > most:
            raise BadInput(f"open {self.open} is more than {most}; use less")
        if self.open < 0 or (self.open > 1 and self.open % 2 == 0):
            nearest = max(self.open + 1, 0)
            raise BadInput(f"open {self.open} must be 0 or odd, so that its ellipse has a centre; use {nearest}")
        if not math.isfinite(self.threshold):
            raise BadInput(f"threshold {self.threshold} must be a finite number, which JSON can hold")
        if not self.is_binary and (self.open > 1 or self.threshold != 0):
            raise BadInput("threshold and open are for binary students; with several classes the argmax decides")

    @property
    def is_binary(self) -> bool:
        """Whether one channel of logits is compared with the threshold."""
        return len(self.classes) == 1

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Rows, columns, RGB of the input that `preprocess` makes."""
        return self.height, self.width, 3

    @property
    def logits_shape(self) -> tuple[int, int, int]:
        """Channels, rows, columns of the logits, in ONNX's order."""
        return len(self.classes), self.height // self.stride, self.width // self.stride

    def to_json(self) -> str:
        """One flat object: the conventions, then the fields."""
        return json.dumps({**CONVENTIONS, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "contract") -> "Contract":
        """Read what `to_json` wrote.

        Args:
            text: As it was found.
            where: What it is, for messages.

        Raises:
            BadInput: Not JSON, of another schema, or with a convention, field or type other than ours.
        """
        return cls.from_plain(parse_json(text, where, "export the model again"), where)

    @classmethod
    def from_plain(cls, found: Any, where: str = "contract") -> "Contract":
        """The same from what the JSON held.

        Raises:
            BadInput: Likewise.
        """
        if not isinstance(found, dict):
            raise BadInput(f"{where} must be a JSON object, found {type(found).__name__}")
        for key, expected in CONVENTIONS.items():
            if found.get(key) != expected:
                raise BadInput(f"{where} has {key} {brief(repr(found.get(key)))}, this version expects {expected!r}")
        fields = {key: value for key, value in found.items() if key not in CONVENTIONS}
        if set(fields) != set(_FIELD_TYPES):
            raise BadInput(f"{where} has fields {brief(sorted(fields))}, expected {sorted(_FIELD_TYPES)}")
        for key, kinds in _FIELD_TYPES.items():
            if not isinstance(fields[key], kinds) or isinstance(fields[key], bool):
                raise BadInput(f"{where} has {key} {brief(repr(fields[key]))}, expected {kinds[0].__name__}")
        if not all(isinstance(name, str) for name in fields["classes"]):
            raise BadInput(f"{where} has classes {brief(fields['classes'])}, expected names")
        try:
            return cls(**{**fields, "classes": tuple(fields["classes"]), "threshold": float(fields["threshold"])})
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from error


_FIELD_TYPES: Mapping[str, tuple[type, ...]] = {
    "height": (int,),
    "width": (int,),
    "stride": (int,),
    "classes": (list,),
    "threshold": (float, int),
    "open": (int,),
}
