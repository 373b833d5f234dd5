"""Runs an artefact on one photo and writes the picture of an effect."""

from pathlib import Path

from PIL import Image

from conversion.apply.effect import Effect, EffectOptions, draw_effect
from conversion.apply.predictor import Predictor
from training.data.photos import read_photo
from training.data.preview import shrunk

_JPEG = (".jpg", ".jpeg")


def suffix_of(source: Path, effect: Effect) -> str:
    """The suffix of a result: .jpg for a JPEG, unless the effect must be lossless; .png for all others."""
    return ".jpg" if source.suffix.lower() in _JPEG and not effect.is_exact else ".png"


def apply_to_photo(
    source: Path, target: Path, predictor: Predictor, effect: Effect, options: EffectOptions, biggest_side: int | None
) -> None:
    """Write the picture of an effect to `target`: upright, in sRGB, and in the photo's own size unless it is limited.

    The result has none of the photo's metadata, such as its location, and no colour profile, since `read_photo`
    has converted the photo to sRGB.

    Args:
        source: The photo.
        target: Its suffix is that of `suffix_of`.
        predictor: The artefact.
        effect: One of `effect.EFFECTS`.
        options: How the effect is drawn.
        biggest_side: Pixels of the longer side, at most.

    Raises:
        BadInput: The photo cannot be read.
    """
    photo = read_photo(source)
    if biggest_side:
        photo = shrunk(photo, biggest_side)
    picture = Image.fromarray(draw_effect(effect, photo, predictor.mask(photo), options))
    if target.suffix in _JPEG:
        picture.save(target, quality=95, subsampling=0)
    else:
        picture.save(target)
