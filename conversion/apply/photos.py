"""One photo through an artefact, into a file."""

from pathlib import Path

from PIL import Image

from conversion.apply.effect import Effect, Look, draw
from conversion.apply.opened import Opened
from training.data.photos import read_photo, read_profile
from training.data.preview import shrunk

_JPEG = (".jpg", ".jpeg")


def suffix_of(source: Path, effect: Effect) -> str:
    """Of a result: JPEG stays JPEG where a little loss does no harm; all else becomes PNG."""
    return ".jpg" if source.suffix.lower() in _JPEG and not effect.is_exact else ".png"


def apply_to_photo(
    source: Path, target: Path, opened: Opened, effect: Effect, look: Look, biggest_side: int | None
) -> None:
    """Write the picture of an effect to `target`, upright, in the photo's own size and colour profile.

    Pixels are never converted to another profile, as nowhere between a photo and its training: the picture carries
    the photo's, and so shows the same colours. Other metadata, such as where it was taken, is left behind.

    Raises:
        BadInput: The photo cannot be used.
    """
    photo = read_photo(source)
    if biggest_side:
        photo = shrunk(photo, biggest_side)
    picture = Image.fromarray(draw(effect, photo, opened.mask(photo), look))
    # A mask has no colours that a profile could tell.
    profile = read_profile(source) if picture.mode != "L" else None
    if target.suffix in _JPEG:
        picture.save(target, quality=95, subsampling=0, icc_profile=profile)
    else:
        picture.save(target, icc_profile=profile)
