"""Photos and masks from disk, upright and checked; the only module that decodes image files.

Photos become sRGB here, by the profile that they carry, so that a colour is the same number to training, to every
artefact and on a phone. Anything whose pixels would have to be guessed at is refused: transparency has no colour, 16
bits and inks without a profile have several renderings, and a mask that was scaled or saved with loss has values that
nobody drew.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from training.data import icc_profiles
from training.data.colours import FILE as COLOURS
from training.data.colours import Colours
from training.student.arrays import Pixels
from training.student.bounded_read import brief, open_file
from training.student.errors import BadInput, OutOfMemory, one_line
from training.student.metrics import IGNORED

MOST_PIXELS = 2**30 // 4 // 3
"""Larger files are taken for decompression bombs; Pillow's own limit, about 89 megapixels."""

UNJUDGED = 128
"""In the file of a binary mask, whose 255 is foreground: a pixel that nobody judged, as trimaps have it."""

# MPO is a phone's JPEG with a gain map or a preview behind it: its first frame is the photo.
_PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "MPO")
_PHOTO_MODES = ("RGB", "L", "P", "RGBA", "LA", "PA")
_MASK_MODES = ("1", "L", "P")
_COLOURED_MODES = ("1", *_PHOTO_MODES)

_BINARY_LEVELS = np.zeros(256, np.uint8)
_BINARY_LEVELS[[1, IGNORED]] = 255, UNJUDGED

# What Pillow's readers raise on damaged files, found by truncating and corrupting one at every byte and tag.
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError),
    *(struct.error, zlib.error),
)

_TURNS: Mapping[Any, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF's orientation: what makes a photo upright."""


def read_photo(path: Path, encoded: bytes | None = None) -> Pixels:
    """(rows, columns, 3) sRGB with the EXIF orientation applied; grey and palette photos become RGB.

    Colours are converted by the photo's ICC profile; without one, or by one that cannot be used, they are taken for
    sRGB. An alpha channel is dropped where it is opaque everywhere.

    Args:
        path: The file.
        encoded: What the file holds, where that is in memory already; `path` then only names it in messages.

    Raises:
        BadInput: The file is missing, empty, damaged, animated, too large, no 8-bit RGB or grey image nor one of inks
            with a profile, or has transparent pixels.
    """
    with _opened(path, _PHOTO_FORMATS, encoded) as image:
        _check_photo_mode(path, image)
        profile = image.info.get("icc_profile")
        found = _opaque(path, _upright(image))
        mode = found.mode if found.mode in ("L", "CMYK") else "RGB"
        conversion = icc_profiles.to_srgb(profile, mode) if profile else None
        if conversion:
            return np.array(conversion.apply(_as(mode, found)))
        if mode == "CMYK":
            raise BadInput(f"{path} has a profile that does not tell what its inks look like; convert it to sRGB")
        return np.array(_as("RGB", found))


def read_mask(path: Path, *, size: tuple[int, int], classes: int, colours: Colours | None = None) -> Pixels:
    """(rows, columns) of class indices, checked against the photo that the mask belongs to.

    Of a palette mask, grey levels count where its palette is grey, and indices otherwise, which is how annotation
    tools colour their classes.

    Args:
        path: A PNG: black and white, 8-bit grey or with a palette; with `colours`, 8-bit RGB as well.
        size: (rows, columns) of the photo, after its EXIF orientation.
        classes: 1 for a binary mask, whose values are 0 and 255 or 0 and 1 and become 0 and 1; beside 0 and 255,
            128 is where nobody judged and becomes 255. Otherwise values are class indices below it, or 255 where
            nobody judged.
        colours: What the mask's colours mean, which then count instead.

    Raises:
        BadInput: As `read_photo`, or the format, mode, size, a value or a colour is none of these.
    """
    with _opened(path, ("PNG",)) as image:
        if colours:
            _check_mode(path, image, _COLOURED_MODES)
        else:
            _check_mask_mode(path, image, classes)
        found = image.height, image.width
        if found != size:
            turned = ", or was it drawn ignoring the photo's EXIF orientation?" if found == size[::-1] else ""
            raise BadInput(
                f"{path} has {found[0]} × {found[1]} pixels (rows × columns), its photo {size[0]} × {size[1]}; "
                f"draw it at the photo's own size{turned}"
            )
        if colours:
            return colours.indices(np.array(_opaque(path, image).convert("RGB")), path)
        levels = _levels(image, classes)
    present = np.flatnonzero(np.bincount(levels.reshape(-1), minlength=256)).tolist()
    if classes == 1:
        if not (set(present) <= {0, UNJUDGED, 255} or set(present) <= {0, 1}):
            raise BadInput(
                f"{path} has values {_listed(present)}, expected only 0 and 255, or {UNJUDGED} to ignore; threshold it "
                "first, or name its classes in classes.txt if it has several"
            )
        mask = (levels > 0).astype(np.uint8)
        mask[levels == UNJUDGED] = IGNORED
        return mask
    unknown = [value for value in present if value >= classes and value != IGNORED]
    if unknown:
        raise BadInput(
            f"{path} has values {_listed(unknown)}, expected class indices 0 to {classes - 1}, or {IGNORED} to "
            "ignore; mend the mask or add to classes.txt"
        )
    return levels


def levels_of(mask: Pixels, *, binary: bool) -> Pixels:
    """What the file of a mask holds; `read_mask` makes the mask of it again."""
    return _BINARY_LEVELS[mask] if binary else mask


def read_thumbnail(path: Path, *, side: int) -> Pixels:
    """(side, side) grey levels of a photo, stretched and as stored, many times faster than `read_photo`.

    Args:
        path: As for `read_photo`.
        side: Rows and columns, in pixels.

    Raises:
        BadInput: The file is missing, empty, damaged, animated, too large, or no 8-bit RGB or grey image.
    """
    with _opened(path, _PHOTO_FORMATS) as image:
        _check_photo_mode(path, image)
        # A JPEG decodes straight to an eighth of its size; twice the side leaves something to average.
        image.draft("L", (2 * side, 2 * side))
        opaque = image.convert("RGBA") if image.has_transparency_data else image
        return np.array(opaque.convert("L").resize((side, side), Image.Resampling.BOX))


@contextmanager
def _opened(path: Path, formats: tuple[str, ...], encoded: bytes | None = None) -> Iterator[ImageFile.ImageFile]:
    """The image, its header checked; damage that shows only while the block decodes it is a BadInput as well."""
    expected = " or ".join(("JPEG, PNG", "WebP") if len(formats) > 1 else formats)
    try:
        opened = open_file(path) if encoded is None else io.BytesIO(encoded)
        with opened as file, Image.open(_not_empty(path, file)) as image:
            if image.format not in formats:
                raise BadInput(f"{path} is {image.format}, expected {expected}; convert it")
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":
                raise BadInput(f"{path} is animated ({frames} frames), expected a single one; save one of them")
            if image.width * image.height > MOST_PIXELS:
                raise BadInput(_too_large(path))
            yield image
    except UnidentifiedImageError as error:
        raise BadInput(f"{path} is not an image that can be read, expected {expected}; convert or remove it") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInput(_too_large(path)) from error
    except MemoryError as error:
        raise OutOfMemory(f"{path} takes more memory than there is; shrink it, or end other programs") from error
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist") from error
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise BadInput(f"cannot read {path}: {error.strerror}") from error
        raise BadInput(f"{path} is damaged ({brief(one_line(error))}); copy or export it again") from error


def _not_empty(path: Path, file: IO[bytes]) -> IO[bytes]:
    if not file.read(1):
        raise BadInput(f"{path} is empty (0 bytes); copy it again")
    file.seek(0)
    return file


def _upright(image: Image.Image) -> Image.Image:
    """The same as EXIF's orientation says; as stored where it says nothing that can be read, as other programs do.

    Pillow's own `exif_transpose` writes all other tags again, which fails on odd ones.
    """
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except (*_DAMAGE, UserWarning):
        return image
    return image if turn is None else image.transpose(turn)


def _too_large(path: Path) -> str:
    return f"{path} has more than {MOST_PIXELS // 10**6} megapixels; shrink it, and its mask with it"


def _check_mode(path: Path, image: ImageFile.ImageFile, modes: tuple[str, ...]) -> None:
    # Of a 16-bit colour PNG, Pillow would drop the lower half of every value without a word; only its tiles tell.
    is_16_bit = "16" in image.mode or (image.format == "PNG" and any("16" in str(tile[3]) for tile in image.tile))
    if is_16_bit or image.mode not in modes:
        found = "16-bit" if is_16_bit else image.mode
        raise BadInput(f"{path} is {found}, expected 8-bit RGB or grey; convert it to 8-bit sRGB")


def _check_photo_mode(path: Path, image: ImageFile.ImageFile) -> None:
    _check_mode(path, image, (*_PHOTO_MODES, "CMYK") if image.info.get("icc_profile") else _PHOTO_MODES)


def _check_mask_mode(path: Path, image: Image.Image, classes: int) -> None:
    # Black and white would read as class 0 and "ignore" where there are several classes.
    modes = _MASK_MODES if classes == 1 else _MASK_MODES[1:]
    if image.mode not in modes:
        coloured = f", or list what its colours mean in {COLOURS}" if image.mode in ("RGB", "RGBA") else ""
        raise BadInput(f"{path} has mode {image.mode}, expected {' or '.join(modes)}; save it as 8-bit grey{coloured}")


def _opaque(path: Path, image: Image.Image) -> Image.Image:
    """The same without transparency, which has no colour."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() != (255, 255):
        raise BadInput(f"{path} has transparent pixels, whose colour would be a guess; flatten it onto a background")
    return image


def _as(mode: str, image: Image.Image) -> Image.Image:
    """The same in that mode; Pillow would copy even what has it already."""
    return image if image.mode == mode else image.convert(mode)


def _levels(image: Image.Image, classes: int) -> Pixels:
    if image.mode == "1":
        return np.array(image.convert("L"))
    stored = np.array(image)
    if image.mode == "L":
        return stored
    palette = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    palette[: len(given)] = given
    # One of several classes may happen to be grey where a mask shows no other: the palette of all decides.
    deciding = palette[np.unique(stored)] if classes == 1 else given
    return palette[stored, 0] if (deciding == deciding[:, :1]).all() else stored


def _listed(values: list[int]) -> str:
    return ", ".join(map(str, values[:5])) + (f" and {len(values) - 5} more" if len(values) > 5 else "")
