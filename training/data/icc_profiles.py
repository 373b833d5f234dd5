"""ICC colour profiles of photos: conversion to sRGB."""

import io
from functools import lru_cache

from PIL import Image, ImageCms

_SPACES = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}
"""By Pillow's mode: the colour space that the header of a matching profile names (ICC.1, 7.2)."""

_ROUNDING = 1
"""In levels of 255: a profile that changes no colour by more is treated as sRGB."""


@lru_cache(maxsize=32)
def to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion of a photo's colours to sRGB; None if the photo should be taken as sRGB.

    That is so if the profile is sRGB itself, is damaged, or is for another colour space than the photo's. Image viewers
    treat such photos as sRGB too.

    Args:
        profile: The profile's bytes, from the photo.
        mode: The photo's mode in Pillow: RGB, L or CMYK.
    """
    if profile[16:20] != _SPACES[mode]:
        return None
    try:
        found = ImageCms.buildTransform(
            io.BytesIO(profile),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            # White stays white and black stays black: the default of photo editors.
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return None if mode != "CMYK" and _changes_nothing(found, mode) else found
    except ImageCms.PyCMSError:
        return None


def _changes_nothing(conversion: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the conversion is the identity, on a grid of nine levels per channel."""
    levels = range(0, 256, 255 // 8)
    if mode == "L":
        given = Image.frombytes("L", (len(levels), 1), bytes(levels))
    else:
        colours = [(red, green, blue) for red in levels for green in levels for blue in levels]
        given = Image.frombytes("RGB", (len(colours), 1), bytes(level for colour in colours for level in colour))
    before, after = given.convert("RGB").tobytes(), conversion.apply(given).tobytes()
    return max(abs(one - other) for one, other in zip(before, after, strict=True)) <= _ROUNDING
