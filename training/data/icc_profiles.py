"""What the ICC profile of a photo says of its colours, as a conversion to sRGB."""

import io
from functools import lru_cache

from PIL import Image, ImageCms

_SPACES = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}
"""By Pillow's mode: the colour space of its data that a profile names in its header (ICC.1, 7.2)."""

_ROUNDING = 1
"""Levels of 255: a profile that changes no colour by more is sRGB's own, and costs nothing."""


@lru_cache(maxsize=32)
def to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion of a photo's colours; None where there is none to make.

    That is where the profile is sRGB's own, damaged, or of another kind of colour than the photo's: such a one says
    nothing, and everybody's viewer takes these photos for sRGB.

    Args:
        profile: As it lies in the photo.
        mode: Pillow's, of the photo: RGB, L or CMYK.
    """
    if profile[16:20] != _SPACES[mode]:
        return None
    try:
        found = ImageCms.buildTransform(
            io.BytesIO(profile),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            # White stays white, black stays black: what photo editors do unless told otherwise.
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return None if mode != "CMYK" and _changes_nothing(found, mode) else found
    except ImageCms.PyCMSError:
        return None


def _changes_nothing(conversion: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """On nine levels of each channel, all of them combined."""
    levels = range(0, 256, 255 // 8)
    if mode == "L":
        given = Image.frombytes("L", (len(levels), 1), bytes(levels))
    else:
        colours = [(red, green, blue) for red in levels for green in levels for blue in levels]
        given = Image.frombytes("RGB", (len(colours), 1), bytes(level for colour in colours for level in colour))
    before, after = given.convert("RGB").tobytes(), conversion.apply(given).tobytes()
    return max(abs(one - other) for one, other in zip(before, after, strict=True)) <= _ROUNDING
