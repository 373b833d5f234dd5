"""One photo through an artefact, into a file."""

from pathlib import Path

from PIL import Image

from conversion.apply.effect import Effect, Look, draw
from conversion.apply.opened import Opened
from training.data.photos import read_photo
from training.data.preview import shrunk

_JPEG = (".jpg", ".jpeg")


def suffix_of(source: Path, effect: Effect) -> str:
    """Of a result: JPEG stays JPEG where a little loss does no harm; all else becomes PNG."""
    return ".jpg" if source.suffix.lower() in _JPEG and not effect.is_exact else ".png"


def apply_to_photo(
    source: Path, target: Path, opened: Opened, effect: Effect, look: Look, biggest_side: int | None
) -> None:
    """Write the picture of an effect to `target`: upright, the photo's own size, sRGB.

    The photo's metadata, such as where it was taken, is left behind, its profile as well: `read_photo` has followed it.

    Raises:
        BadInput: The photo cannot be used.
    """
    photo = read_photo(source)
    if biggest_side:
        photo = shrunk(photo, biggest_side)
    picture = Image.fromarray(draw(effect, photo, opened.mask(photo), look))
    if target.suffix in _JPEG:
        picture.save(target, quality=95, subsampling=0)
    else:
        picture.save(target)
