"""The effects that can be drawn with a mask: from each name to a small function over `training.student.effects`."""

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

DEFAULT_EFFECT = "overlay"
BACKGROUND = "background"

_BAND = 512
"""Rows that are drawn at once, so that the widest effect needs less than 1 GB for a photo of 50 megapixels."""


@dataclass(frozen=True, slots=True)
class EffectOptions:
    """How an effect is drawn."""

    classes: tuple[str, ...]
    foreground: tuple[int, ...]
    """The mask values that are kept; all others are background."""
    feather: int | None = None
    """Width of the soft edge, in pixels to either side; None: a 640th of the photo's longer side."""
    blur: int | None = None
    """Radius of the blurred background in pixels; None: a 60th of the photo's longer side."""
    background: Pixels | None = None
    """(rows, columns, 3) RGB of any size, which replaces the photo's own background."""

    def feather_and_blur(self, photo: Pixels) -> tuple[int, int]:
        """Feather and blur for this photo, in pixels."""
        side = max(photo.shape[:2])
        feather = max(1, round(side / 640)) if self.feather is None else self.feather
        return feather, max(1, round(side / 60)) if self.blur is None else self.blur

    def foreground_mask(self, mask: Mask) -> Mask:
        """(rows, columns) of 0 and 1: 1 where a pixel is foreground."""
        return np.isin(mask, self.foreground).astype(np.uint8)

    def digest(self) -> str:
        """A SHA-256 over all options, to tell whether a result was made with them."""
        picture = None if self.background is None else [self.background.shape, self.background.tobytes().hex()]
        values = [self.classes, self.foreground, self.feather, self.blur, picture]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


Draw = Callable[[Pixels, Mask, Pixels, EffectOptions, tuple[int, int]], Pixels]
"""Draws a picture from a photo, its mask, the background behind it, the options, and (feather, blur) in pixels.

The picture is (rows, columns) grey, (rows, columns, 3) RGB or (rows, columns, 4) RGBA."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One way to draw with a mask."""

    draw: Draw
    is_exact: bool
    """Whether results must be lossless; otherwise the result of a JPEG is a JPEG."""
    codec: Literal["h264", "prores", "ffv1"]
    """The key of `codecs.CODECS` for videos of this effect."""
    needs_foreground: bool
    """Whether a student of several classes must be told which of them are kept."""


def _mask(photo: Pixels, mask: Mask, behind: Pixels, options: EffectOptions, sizes: tuple[int, int]) -> Pixels:
    return levels_of(mask, binary=len(options.classes) == 1)


def _overlay(photo: Pixels, mask: Mask, behind: Pixels, options: EffectOptions, sizes: tuple[int, int]) -> Pixels:
    return effects.overlay(photo, mask, len(options.classes))


def _cut_out(photo: Pixels, mask: Mask, behind: Pixels, options: EffectOptions, sizes: tuple[int, int]) -> Pixels:
    return effects.cut_out(photo, options.foreground_mask(mask), sizes[0])


def _blur(photo: Pixels, mask: Mask, behind: Pixels, options: EffectOptions, sizes: tuple[int, int]) -> Pixels:
    return effects.blurred_background(photo, options.foreground_mask(mask), *sizes)


def _background(photo: Pixels, mask: Mask, behind: Pixels, options: EffectOptions, sizes: tuple[int, int]) -> Pixels:
    return effects.composed(photo, behind, effects.alpha(photo, options.foreground_mask(mask), sizes[0]))


EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "mask": Effect(_mask, is_exact=True, codec="ffv1", needs_foreground=False),
        "overlay": Effect(_overlay, is_exact=False, codec="h264", needs_foreground=False),
        "cut-out": Effect(_cut_out, is_exact=True, codec="prores", needs_foreground=True),
        "blur": Effect(_blur, is_exact=False, codec="h264", needs_foreground=True),
        "background": Effect(_background, is_exact=False, codec="h264", needs_foreground=True),
    }
)


def choose_effect(name: str | None, background: str | None) -> str:
    """The name of the effect: as given, or `background` where a background is given, or else the default.

    Raises:
        BadInput: The effect and the background do not go together.
    """
    chosen = name or (BACKGROUND if background else DEFAULT_EFFECT)
    if (chosen == BACKGROUND) != bool(background):
        wish = (
            "give it one with --background" if chosen == BACKGROUND else f"leave out --background, or --effect {chosen}"
        )
        raise BadInput(f"effect '{chosen}' {'needs a' if chosen == BACKGROUND else 'has no'} background; {wish}")
    return chosen


def resolve_options(
    contract: Contract,
    name: str,
    *,
    foreground: Sequence[str] = (),
    feather: int | None = None,
    blur: int | None = None,
    background: str | None = None,
) -> EffectOptions:
    """Check the options of an effect against a contract.

    Args:
        contract: Says which classes there are.
        name: The effect, a key of `EFFECTS`.
        foreground: Names of the classes that are kept; a binary student's one class when left out.
        feather: As `EffectOptions.feather`.
        blur: As `EffectOptions.blur`.
        background: A photo's path, or a colour such as white, #fafafa or rgb(0,128,0).

    Raises:
        BadInput: A class is unknown, no class is named where the effect needs one, or the background is neither a photo
            nor a colour.
    """
    classes = contract.classes
    if unknown := [one for one in foreground if one not in classes]:
        raise BadInput(f"unknown class '{unknown[0]}'; the artefact has {', '.join(classes)}")
    if EFFECTS[name].needs_foreground and not (foreground or contract.is_binary):
        raise BadInput(f"effect '{name}' needs to know what to keep; give --foreground one of {', '.join(classes)}")
    kept = (1,) if contract.is_binary else tuple(sorted({classes.index(one) for one in foreground}))
    return EffectOptions(classes, kept, feather, blur, None if background is None else _read_background(background))


def draw_effect(effect: Effect, photo: Pixels, mask: Mask, options: EffectOptions) -> Pixels:
    """Draw an effect band by band: bit-identical to drawing it at once, in less memory.

    Args:
        effect: One of `EFFECTS`.
        photo: (rows, columns, 3) RGB.
        mask: (rows, columns) class indices.
        options: How it is drawn.

    Returns:
        The picture, as `Draw` says.
    """
    feather, blur = options.feather_and_blur(photo)
    # How far away a pixel can change another: an outline by one pixel, the feather once, the blur twice (two passes).
    reach = 1 + feather + 2 * blur
    behind = photo if options.background is None else _resize_to_cover(options.background, *photo.shape[:2])
    bands = []
    for top in range(0, len(photo), _BAND):
        first = max(0, top - reach)
        around = slice(first, top + _BAND + reach)
        band = effect.draw(photo[around], mask[around], behind[around], options, (feather, blur))
        bands.append(band[top - first : top - first + _BAND])
    return np.concatenate(bands)


def blur_background(photo: Pixels, mask: Mask, contract: Contract) -> Pixels:
    """The photo with the background of a binary student's mask blurred, by the defaults of the effect `blur`.

    Raises:
        BadInput: The student has several classes.
    """
    return draw_effect(EFFECTS["blur"], photo, mask, resolve_options(contract, "blur"))


def _read_background(background: str) -> Pixels:
    if Path(background).is_file():
        return read_photo(Path(background))
    try:
        colour = ImageColor.getrgb(background)
    except ValueError as error:
        raise BadInput(
            f"background '{background}' is neither a file nor a colour; give a photo, or white or #fafafa"
        ) from error
    return np.array([[colour[:3]]], np.uint8)


def _resize_to_cover(picture: Pixels, rows: int, columns: int) -> Pixels:
    """Scale a picture to cover `rows` × `columns`, and crop its centre."""
    if picture.shape[:2] == (1, 1):
        return np.broadcast_to(picture, (rows, columns, 3))
    height, width = picture.shape[:2]
    scale = max(rows / height, columns / width)
    cut_rows, cut_columns = min(height, max(1, round(rows / scale))), min(width, max(1, round(columns / scale)))
    top, left = (height - cut_rows) // 2, (width - cut_columns) // 2
    middle = np.ascontiguousarray(picture[top : top + cut_rows, left : left + cut_columns])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(middle, (columns, rows), interpolation=kind), np.uint8)
