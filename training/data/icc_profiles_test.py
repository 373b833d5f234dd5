"""Against the formulas of the colour spaces, on profiles written here byte by byte (ICC.1:2001-04)."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from training.data.icc_profiles import to_srgb
from training.data.photos import read_photo, read_thumbnail
from training.student.errors import BadInput

# Of red, green and blue, as columns: XYZ adapted to D50, as profiles hold them.
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
DISPLAY_P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
D50 = (0.9642, 1.0, 0.8249)
GAMMA = 563 / 256

WITHIN = np.array([[(128, 128, 128), (200, 150, 120)], [(90, 110, 100), (255, 255, 255)]], np.uint8)
"""Colours that sRGB has as well."""


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def profile(space, connection, tags):
    """An ICC profile of tags, each a four-letter name and its bytes."""
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"test", 0x02400000, b"mntr", space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(*D50)
    return head.ljust(128, b"\0") + table + body


def of_primaries(primaries, gamma=GAMMA):
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed(*D50)}
    for channel, column in zip(b"rgb", primaries.T, strict=True):
        tags[bytes([channel]) + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*column)
        tags[bytes([channel]) + b"TRC"] = curve
    return profile(b"RGB ", b"XYZ ", tags)


def of_inks():
    """Inks that are all grey: CIE lightness falls from 100 as their mean rises, and black alone takes it to 0."""
    linear = bytes(range(256))
    corners = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    table = b"".join(bytes([0 if k else round(255 * (1 - (c + m + y) / 6)), 128, 128]) for c, m, y, k in corners)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + linear * 4 + table + linear * 3
    return profile(b"CMYK", b"Lab ", {b"wtpt": b"XYZ " + bytes(4) + fixed(*D50), b"A2B0": lut})


def encoded(linear):
    """Levels of sRGB (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255


def expected(photo, primaries):
    return encoded((photo / 255.0) ** GAMMA @ primaries.T @ np.linalg.inv(SRGB).T)


@pytest.mark.parametrize("primaries", [ADOBE, DISPLAY_P3], ids=["adobe-rgb", "display-p3"])
@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_colours_are_what_their_profile_says(tmp_path, primaries, suffix):
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(WITHIN).save(
        path, icc_profile=of_primaries(primaries), **({"lossless": True} if suffix == "webp" else {})
    )

    found = read_photo(path)

    assert np.abs(found - expected(WITHIN, primaries)).max() < 1.5
    assert np.abs(found.astype(int) - WITHIN).max() > 5


def test_a_photo_is_turned_and_converted_whatever_its_mode(tmp_path):
    exif, whole = Image.Exif(), Image.fromarray(WITHIN)
    exif[0x112] = 6
    whole.convert("RGBA").save(tmp_path / "alpha.png", icc_profile=of_primaries(ADOBE), exif=exif)
    whole.quantize(4).save(tmp_path / "palette.png", icc_profile=of_primaries(ADOBE), exif=exif)

    for name in ("alpha.png", "palette.png"):
        assert np.abs(read_photo(tmp_path / name) - np.rot90(expected(WITHIN, ADOBE), -1)).max() < 4


def test_grey_follows_its_own_curve(tmp_path):
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 256)
    linear = profile(b"GRAY", b"XYZ ", {b"wtpt": b"XYZ " + bytes(4) + fixed(*D50), b"kTRC": curve})
    levels = np.array([[0, 60, 128, 255]], np.uint8)
    Image.fromarray(levels).save(tmp_path / "grey.png", icc_profile=linear)

    found = read_photo(tmp_path / "grey.png")

    assert np.abs(found - encoded(levels / 255)[..., None]).max() < 1.5


def test_inks_need_a_profile_and_follow_it(tmp_path):
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:, 4:, 3] = 128
    whole = Image.frombytes("CMYK", (8, 8), inks.tobytes())
    whole.save(tmp_path / "inks.jpg", quality=100, icc_profile=of_inks())
    whole.save(tmp_path / "bare.jpg")
    whole.save(tmp_path / "other.jpg", icc_profile=of_primaries(ADOBE))

    found = read_photo(tmp_path / "inks.jpg")

    lightness = 100 * (1 - 128 / 255)
    assert np.abs(found[:, :4].astype(int) - 255).max() <= 1
    assert np.abs(found[:, 4:] - encoded(((lightness + 16) / 116) ** 3)).max() < 2.5
    assert read_thumbnail(tmp_path / "inks.jpg", side=4).shape == (4, 4)
    with pytest.raises(BadInput, match="is CMYK, expected"):
        read_photo(tmp_path / "bare.jpg")
    with pytest.raises(BadInput, match="does not tell what its inks look like"):
        read_photo(tmp_path / "other.jpg")


@pytest.mark.parametrize(
    "kept",
    [
        None,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        b"no profile",
        of_primaries(ADOBE)[:200],
        of_inks(),
    ],
    ids=["none", "srgb", "nonsense", "cut short", "of inks"],
)
def test_without_a_profile_that_says_more_not_a_level_changes(tmp_path, kept):
    photo = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png", **({"icc_profile": kept} if kept else {}))

    assert np.array_equal(read_photo(tmp_path / "photo.png"), photo)


def test_a_profile_is_understood_once():
    to_srgb.cache_clear()
    first = to_srgb(of_primaries(ADOBE), "RGB")

    assert to_srgb(of_primaries(ADOBE), "RGB") is first
    assert to_srgb.cache_info().misses == 1
