import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from training.data import photos
from training.data.photos import levels_of, read_mask, read_photo, read_thumbnail
from training.student.errors import BadInput, OutOfMemory
from training.student.metrics import IGNORED

ORIENTATION = 0x112
# Rows 2, columns 3, all values far apart.
PHOTO = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14


def saved(tmp_path, image, name="photo.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def png(tmp_path, *, depth, colour, rows, name="photo.png"):
    """A PNG that Pillow itself cannot write."""
    height, width = len(rows), len(rows[0]) * 8 // (depth * {0: 1, 2: 3, 4: 2, 6: 4}[colour])
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


# What a viewer must do to show each orientation upright (EXIF 2.32, table 6), and undo to store it.
@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, PHOTO),
        (2, PHOTO[:, ::-1]),
        (3, PHOTO[::-1, ::-1]),
        (4, PHOTO[::-1]),
        (5, PHOTO.transpose(1, 0, 2)),
        (6, np.rot90(PHOTO)),
        (7, PHOTO[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(PHOTO, 3)),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation, stored, suffix):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path, Image.fromarray(np.ascontiguousarray(stored)), f"photo.{suffix}", exif=exif, **options)

    assert np.array_equal(read_photo(path), PHOTO)


@pytest.mark.parametrize("mode", ["L", "P", "1 bit", "LA", "RGBA", "P with tRNS"])
def test_a_photo_of_any_plain_mode_is_read_as_rgb(tmp_path, mode):
    grey = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    image = Image.fromarray(grey)
    if mode == "P with tRNS":
        path = saved(tmp_path, image.convert("P"), transparency=b"\xff" * 256)
    elif mode == "1 bit":
        path = saved(tmp_path, image.convert("P"), bits=1)
    else:
        path = saved(tmp_path, image.convert(mode))

    photo = read_photo(path)

    assert photo.dtype == np.uint8
    if mode != "1 bit":
        assert np.array_equal(photo, np.repeat(grey[..., None], 3, axis=2))
    assert photo.shape == (2, 3, 3)


def test_a_phone_s_jpeg_with_a_second_picture_behind_it_is_the_first_picture(tmp_path):
    first, second = Image.new("RGB", (16, 8), (200, 10, 10)), Image.new("RGB", (4, 4))
    path = saved(tmp_path, first, "photo.jpg", format="MPO", save_all=True, append_images=[second])

    photo = read_photo(path)

    assert photo.shape == (8, 16, 3)
    assert np.abs(photo.astype(int) - (200, 10, 10)).max() <= 2


def animated(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 4), (value, 0, 0)) for value in (0, 255)]
    return saved(tmp_path, frames[0], f"photo.{suffix}", save_all=True, append_images=frames[1:], duration=100)


def transparent(tmp_path):
    return saved(tmp_path, Image.new("RGBA", (4, 4), (1, 2, 3, 254)))


def truncated(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), f"photo.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def written(tmp_path, content, name="photo.jpg"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def bomb(tmp_path, side):
    # The header alone claims the size; that must be enough to refuse it.
    path = png(tmp_path, depth=8, colour=0, rows=[b"\0"])
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    found = bytearray(path.read_bytes())
    found[16:29] = header
    found[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return written(tmp_path, bytes(found), "photo.png")


REFUSED = {
    "missing": (lambda folder: folder / "photo.jpg", "does not exist"),
    "a folder": (lambda folder: folder, "it is a folder"),
    "zero bytes": (lambda folder: written(folder, b""), "is empty"),
    "text": (lambda folder: written(folder, b"not an image"), "not an image that can be read, expected JPEG"),
    "gif": (lambda folder: saved(folder, Image.new("L", (2, 2)), "photo.gif"), "is GIF, expected JPEG, PNG or WebP"),
    "truncated jpeg": (lambda folder: truncated(folder, "jpg"), "damaged"),
    "truncated png": (lambda folder: truncated(folder, "png"), "damaged"),
    "truncated webp": (lambda folder: truncated(folder, "webp"), "damaged|not an image"),
    "16-bit grey": (lambda folder: png(folder, depth=16, colour=0, rows=[b"\1\2"]), "16-bit, expected 8-bit"),
    "16-bit colour": (lambda folder: png(folder, depth=16, colour=2, rows=[b"\1\2" * 3]), "16-bit, expected 8-bit"),
    "16-bit alpha": (lambda folder: png(folder, depth=16, colour=6, rows=[b"\xff" * 8]), "16-bit, expected 8-bit"),
    "cmyk": (lambda folder: saved(folder, Image.new("CMYK", (4, 4)), "photo.jpg"), "is CMYK, expected 8-bit RGB"),
    "black and white": (lambda folder: saved(folder, Image.new("1", (4, 4))), "is 1, expected 8-bit RGB"),
    "animated png": (lambda folder: animated(folder, "png"), r"animated \(2 frames\)"),
    "animated webp": (lambda folder: animated(folder, "webp"), r"animated \(2 frames\)"),
    "a bomb": (lambda folder: bomb(folder, 30_000), "more than 89 megapixels"),
    "a smaller bomb": (lambda folder: bomb(folder, 10_000), "more than 89 megapixels"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("read", [read_photo, lambda path: read_thumbnail(path, side=8)], ids=["photo", "thumbnail"])
def test_an_unusable_photo_is_refused_by_name(tmp_path, make, message, read):
    path = make(tmp_path)

    with pytest.raises(BadInput, match=message) as refusal:
        read(path)

    assert str(path) in str(refusal.value)


def test_transparency_is_refused_because_its_colour_would_be_a_guess(tmp_path):
    with pytest.raises(BadInput, match="transparent pixels"):
        read_photo(transparent(tmp_path))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of the damage done here to EXIF
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from(["jpeg", "png", "webp"]),
    kept=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
)
def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path, suffix, kept, changes):
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(np.tile(PHOTO, (8, 8, 1))).save(stream, suffix, exif=exif)
    content = bytearray(stream.getvalue()[: round(len(stream.getvalue()) * kept)])
    for place, value in changes:
        if content:
            content[int(place * len(content))] = value
    path = written(tmp_path, bytes(content))

    try:
        photo = read_photo(path)
    except BadInput:
        return

    assert photo.ndim == 3
    assert photo.dtype == np.uint8


DISC = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
@pytest.mark.parametrize("foreground", [1, 255])
def test_a_binary_mask_of_any_form_becomes_zero_and_one(tmp_path, mode, foreground):
    if mode == "1":
        image = Image.fromarray(DISC.astype(bool))
    else:
        image = Image.fromarray(DISC * np.uint8(foreground)).convert(mode)

    mask = read_mask(saved(tmp_path, image), size=(2, 3), classes=1)

    assert mask.dtype == np.uint8
    assert np.array_equal(mask, DISC)


def test_a_coloured_palette_is_read_by_index_and_a_grey_one_by_level(tmp_path):
    image = Image.fromarray(DISC, "L").convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    coloured = saved(tmp_path, image, "coloured.png")
    image.putpalette([255, 255, 255, 0, 0, 0])
    grey = saved(tmp_path, image, "grey.png")

    assert np.array_equal(read_mask(coloured, size=(2, 3), classes=1), DISC)
    assert np.array_equal(read_mask(grey, size=(2, 3), classes=1), 1 - DISC)


@pytest.mark.parametrize(("binary", "classes"), [(True, 1), (False, 3)])
def test_a_mask_that_is_written_reads_the_same_with_what_nobody_judged(tmp_path, binary, classes):
    mask = np.array([[0, 1, IGNORED], [1, IGNORED, 0]], np.uint8)

    levels = levels_of(mask, binary=binary)

    assert levels.tolist() == ([[0, 255, 128], [255, 128, 0]] if binary else mask.tolist())
    assert np.array_equal(read_mask(saved(tmp_path, Image.fromarray(levels)), size=(2, 3), classes=classes), mask)


VOC = [0, 0, 0, 128, 0, 0, 0, 128, 0]
CAMVID = [128, 128, 128, 128, 0, 0, 192, 192, 128]


@pytest.mark.parametrize("palette", [VOC, CAMVID, [0, 0, 0, 255, 255, 255, 255, 0, 0]], ids=["voc", "camvid", "plain"])
@pytest.mark.parametrize("shown", [(0,), (1,), (0, 1), (0, 1, 2)])
def test_a_palette_that_colours_classes_is_read_by_index_whichever_of_them_a_mask_shows(tmp_path, palette, shown):
    stored = np.resize(np.array(shown, np.uint8), (2, 3))
    image = Image.fromarray(stored, "P")
    image.putpalette(palette)

    assert np.array_equal(read_mask(saved(tmp_path, image), size=(2, 3), classes=3), stored)


def test_a_palette_that_only_packs_grey_levels_is_read_by_level(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8), "P")
    image.putpalette([0, 0, 0, 2, 2, 2, 255, 255, 255])

    mask = read_mask(saved(tmp_path, image), size=(2, 3), classes=3)

    assert mask.tolist() == [[0, 2, 255], [255, 2, 0]]


def test_class_indices_and_ignored_pixels_are_kept(tmp_path):
    stored = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)

    mask = read_mask(saved(tmp_path, Image.fromarray(stored)), size=(2, 3), classes=3)

    assert np.array_equal(mask, stored)


REFUSED_MASKS = {
    "soft edge": (Image.fromarray(DISC * np.uint8(254)), 1, "values 0, 254, expected only 0 and 255"),
    "class indices": (Image.fromarray(DISC + np.uint8(1)), 1, "values 1, 2, expected only 0 and 255"),
    "three levels": (Image.fromarray(DISC + np.eye(2, 3, dtype=np.uint8) * 255), 1, "values 0, 1, 255, expected only"),
    "many levels": (Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)), 1, "0, 1, 2, 3, 4 and 1 more"),
    "unknown class": (Image.fromarray(DISC * np.uint8(3)), 3, "values 3, expected class indices 0 to 2, or 255"),
    "black and white": (Image.fromarray(DISC.astype(bool)), 3, "mode 1, expected L or P"),
    "colour": (
        Image.fromarray(PHOTO),
        1,
        "mode RGB, expected 1 or L or P; save it as 8-bit grey, or list .* colours.t",
    ),
    "classes without names": (Image.fromarray(DISC * np.uint8(7)), 1, "values 0, 7, .* or name its classes in classes"),
    "colour of several": (Image.fromarray(PHOTO), 3, r"mode RGB, expected L or P; .* or list .* in colours\.txt"),
    "alpha": (Image.new("LA", (3, 2)), 1, "mode LA"),
    "16 bits": (Image.new("I;16", (3, 2)), 1, "mode I;16"),
    "16 bits of several": (Image.new("I;16", (3, 2)), 3, "mode I;16, expected L or P; save it as 8-bit grey"),
    "other size of several": (
        Image.new("L", (4, 2)),
        3,
        r"has 2 × 4 pixels .*, its photo 2 × 3; draw it at the photo's",
    ),
    "other size": (Image.new("L", (4, 2)), 1, r"has 2 × 4 pixels \(rows × columns\), its photo 2 × 3"),
    "turned": (Image.new("L", (2, 3)), 1, "EXIF orientation"),
}


@pytest.mark.parametrize(("image", "classes", "message"), REFUSED_MASKS.values(), ids=REFUSED_MASKS)
def test_a_mask_that_nobody_drew_so_is_refused(tmp_path, image, classes, message):
    with pytest.raises(BadInput, match=message):
        read_mask(saved(tmp_path, image, "mask.png"), size=(2, 3), classes=classes)


def test_a_mask_saved_with_loss_is_refused_whatever_its_suffix(tmp_path):
    path = saved(tmp_path, Image.fromarray(DISC * np.uint8(255)), "mask.png", format="JPEG")

    with pytest.raises(BadInput, match="is JPEG, expected PNG"):
        read_mask(path, size=(2, 3), classes=1)


def test_a_thumbnail_of_a_large_jpeg_is_what_averaging_it_gives(tmp_path):
    ramp = np.linspace(0, 255, 1024).astype(np.uint8)
    path = saved(tmp_path, Image.fromarray(np.repeat(ramp[None], 512, axis=0)).convert("RGB"), "photo.jpg", quality=95)

    thumbnail = read_thumbnail(path, side=16)

    assert thumbnail.shape == (16, 16)
    assert np.abs(thumbnail - ramp.reshape(16, 64).mean(axis=1)).max() < 2


def test_a_photo_in_memory_reads_as_its_file_does(tmp_path):
    path = saved(tmp_path, Image.fromarray(PHOTO))
    assert np.array_equal(read_photo(Path("this photo"), path.read_bytes()), PHOTO)
    for encoded, message in ((b"", "this photo is empty"), (b"text", "this photo is not an image")):
        with pytest.raises(BadInput, match=message):
            read_photo(Path("this photo"), encoded)


def test_a_photo_for_which_memory_does_not_suffice_is_named(tmp_path, monkeypatch):
    def run_out(*_):
        raise MemoryError

    Image.new("RGB", (8, 8)).save(tmp_path / "vast.png")
    monkeypatch.setattr(photos, "_upright", run_out)

    with pytest.raises(OutOfMemory, match=r"vast\.png takes more memory than there is; shrink it"):
        read_photo(tmp_path / "vast.png")
