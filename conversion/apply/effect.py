"""What is drawn with a mask: a table from the name of an effect to a small function over `training.student.effects`."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import cv2
import numpy as np
from PIL import ImageColor

from training.data.photos import levels_of, read_photo
from training.student import effects
from training.student.arrays import Pixels
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.postprocess import Mask

DEFAULT = "overlay"
REPLACED = "background"

_BAND = 512
"""Rows that are drawn at once: what the widest effect needs for a photo of 50 megapixels stays below 1 GB."""


@dataclass(frozen=True, slots=True)
class Look:
    """How an effect is to look."""

    classes: tuple[str, ...]
    foreground: tuple[int, ...]
    """Values of a mask that stay; the rest is background."""
    feather: int | None = None
    """Pixels to either side of an edge over which it fades; None: by the photo's size."""
    blur: int | None = None
    """Radius of the blurred background in pixels; None: by the photo's size."""
    background: Pixels | None = None
    """(rows, columns, 3) RGB of any size, in place of the photo's own."""

    def sizes(self, photo: Pixels) -> tuple[int, int]:
        """Feather and blur for a photo, in pixels: a 640th and a 60th of its longer side, unless given."""
        side = max(photo.shape[:2])
        feather = max(1, round(side / 640)) if self.feather is None else self.feather
        return feather, max(1, round(side / 60)) if self.blur is None else self.blur

    def kept(self, mask: Mask) -> Mask:
        """(rows, columns) of 0 and 1: the foreground."""
        return np.isin(mask, self.foreground).astype(np.uint8)

    def digest(self) -> str:
        """A hash of all this, to know a result by."""
        picture = None if self.background is None else [self.background.shape, self.background.tobytes().hex()]
        told = [self.classes, self.foreground, self.feather, self.blur, picture]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


Draw = Callable[[Pixels, Mask, Pixels, Look, tuple[int, int]], Pixels]
"""From a photo, its mask, what replaces its background, the look, and feather and blur in pixels, to a picture:
(rows, columns) grey, (rows, columns, 3) RGB or (rows, columns, 4) RGBA."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One way to draw with a mask."""

    draw: Draw
    is_exact: bool
    """Whether a photo's result has to be kept without loss; a JPEG otherwise where the photo is one."""
    video: Literal["h264", "prores", "ffv1"]
    """A key of `forms.FORMS`: what can hold this effect's frames."""
    needs_foreground: bool


def _mask(photo: Pixels, mask: Mask, behind: Pixels, look: Look, sizes: tuple[int, int]) -> Pixels:
    return levels_of(mask, binary=len(look.classes) == 1)


def _overlay(photo: Pixels, mask: Mask, behind: Pixels, look: Look, sizes: tuple[int, int]) -> Pixels:
    return effects.overlay(photo, mask, len(look.classes))


def _cut_out(photo: Pixels, mask: Mask, behind: Pixels, look: Look, sizes: tuple[int, int]) -> Pixels:
    return effects.cut_out(photo, look.kept(mask), sizes[0])


def _blur(photo: Pixels, mask: Mask, behind: Pixels, look: Look, sizes: tuple[int, int]) -> Pixels:
    return effects.blurred_background(photo, look.kept(mask), *sizes)


def _background(photo: Pixels, mask: Mask, behind: Pixels, look: Look, sizes: tuple[int, int]) -> Pixels:
    return effects.composed(photo, behind, effects.alpha(photo, look.kept(mask), sizes[0]))


EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "mask": Effect(_mask, is_exact=True, video="ffv1", needs_foreground=False),
        "overlay": Effect(_overlay, is_exact=False, video="h264", needs_foreground=False),
        "cut-out": Effect(_cut_out, is_exact=True, video="prores", needs_foreground=True),
        "blur": Effect(_blur, is_exact=False, video="h264", needs_foreground=True),
        "background": Effect(_background, is_exact=False, video="h264", needs_foreground=True),
    }
)


def choose(name: str | None, background: str | None) -> str:
    """The effect that is meant, where a background alone says enough.

    Raises:
        BadInput: One is given without the other.
    """
    chosen = name or (REPLACED if background else DEFAULT)
    if (chosen == REPLACED) != bool(background):
        wish = (
            "give it one with --background" if chosen == REPLACED else f"leave out --background, or --effect {chosen}"
        )
        raise BadInput(f"effect '{chosen}' {'needs a' if chosen == REPLACED else 'has no'} background; {wish}")
    return chosen


def look_of(
    contract: Contract,
    name: str,
    *,
    foreground: Sequence[str] = (),
    feather: int | None = None,
    blur: int | None = None,
    background: str | None = None,
) -> Look:
    """How an effect is to look.

    Args:
        contract: Says which classes there are.
        name: Of the effect.
        foreground: Names of classes that stay; a binary student's one class when left out.
        feather: As `Look.feather`.
        blur: As `Look.blur`.
        background: A photo's path, or a colour such as white, #fafafa or rgb(0,128,0).

    Raises:
        BadInput: A class is unknown, or not said where it has to be; or the background is neither photo nor colour.
    """
    classes = contract.classes
    if unknown := [one for one in foreground if one not in classes]:
        raise BadInput(f"unknown class '{unknown[0]}'; the artefact has {', '.join(classes)}")
    if EFFECTS[name].needs_foreground and not (foreground or contract.is_binary):
        raise BadInput(f"effect '{name}' has to know what stays; give --foreground one of {', '.join(classes)}")
    kept = (1,) if contract.is_binary else tuple(sorted({classes.index(one) for one in foreground}))
    return Look(classes, kept, feather, blur, None if background is None else _picture(background))


def draw(effect: Effect, photo: Pixels, mask: Mask, look: Look) -> Pixels:
    """The picture of an effect, drawn band by band: the same to the bit as at once, in less memory.

    Args:
        effect: One of `EFFECTS`.
        photo: (rows, columns, 3) RGB.
        mask: (rows, columns) class indices.
        look: How it is to look.
    """
    feather, blur = look.sizes(photo)
    # As far as any pixel of an effect sees: an outline one, a feather once, a blur twice.
    reach = 1 + feather + 2 * blur
    behind = photo if look.background is None else _covering(look.background, photo.shape[0], photo.shape[1])
    bands = []
    for top in range(0, len(photo), _BAND):
        first = max(0, top - reach)
        around = slice(first, top + _BAND + reach)
        band = effect.draw(photo[around], mask[around], behind[around], look, (feather, blur))
        bands.append(band[top - first : top - first + _BAND])
    return np.concatenate(bands)


def _picture(background: str) -> Pixels:
    if Path(background).is_file():
        return read_photo(Path(background))
    try:
        colour = ImageColor.getrgb(background)
    except ValueError as error:
        raise BadInput(
            f"background '{background}' is no file and no colour; give a photo, or white or #fafafa"
        ) from error
    return np.array([[colour[:3]]], np.uint8)


def _covering(picture: Pixels, rows: int, columns: int) -> Pixels:
    """Scaled to cover `rows` × `columns`, what juts out cut away alike on both sides."""
    if picture.shape[:2] == (1, 1):
        return np.broadcast_to(picture, (rows, columns, 3))
    height, width = picture.shape[:2]
    scale = max(rows / height, columns / width)
    cut_rows, cut_columns = min(height, max(1, round(rows / scale))), min(width, max(1, round(columns / scale)))
    top, left = (height - cut_rows) // 2, (width - cut_columns) // 2
    middle = np.ascontiguousarray(picture[top : top + cut_rows, left : left + cut_columns])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(middle, (columns, rows), interpolation=kind), np.uint8)
