"""The contract: everything that a caller must know to run a student without torch.

Written beside every checkpoint, inside every artefact and into every manifest; both sample apps read only
this. Keep it free of heavy imports.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from training.student.errors import BadInput

SCHEMA = 1
STRIDES = (1, 2, 4, 8, 16)

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
            if length < self.stride or length % self.stride:
                smaller = max(length - length % self.stride, self.stride)
                raise BadInput(
                    f"{side} {length} is not a multiple of stride {self.stride}; "
                    f"use {smaller} or {smaller + self.stride}"
                )
        if not self.classes or not all(self.classes) or len(set(self.classes)) != len(self.classes):
            raise BadInput(f"classes {list(self.classes)} must be one or more names, each its own")
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
    def from_json(cls, text: str) -> "Contract":
        """Read what `to_json` wrote.

        Raises:
            BadInput: Not JSON, of another schema, or with a convention, field or type other than ours.
        """
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise BadInput(f"contract is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise BadInput(f"contract must be a JSON object, found {type(found).__name__}")
        for key, expected in CONVENTIONS.items():
            if found.get(key) != expected:
                raise BadInput(f"contract has {key} {found.get(key)!r}, this version expects {expected!r}")
        fields = {key: value for key, value in found.items() if key not in CONVENTIONS}
        if set(fields) != set(_FIELD_TYPES):
            raise BadInput(f"contract has fields {sorted(fields)}, expected {sorted(_FIELD_TYPES)}")
        for key, kinds in _FIELD_TYPES.items():
            if not isinstance(fields[key], kinds) or isinstance(fields[key], bool):
                raise BadInput(f"contract has {key} {fields[key]!r}, expected {kinds[0].__name__}")
        if not all(isinstance(name, str) for name in fields["classes"]):
            raise BadInput(f"contract has classes {fields['classes']!r}, expected names")
        return cls(**{**fields, "classes": tuple(fields["classes"]), "threshold": float(fields["threshold"])})


_FIELD_TYPES: Mapping[str, tuple[type, ...]] = {
    "height": (int,),
    "width": (int,),
    "stride": (int,),
    "classes": (list,),
    "threshold": (float, int),
    "open": (int,),
}
