"""Pictures of photos and their masks, for the report and the README."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from conversion.gate.predictions import Photo, Prediction
from training.data.photos import levels_of, read_photo
from training.data.preview import draw_preview
from training.student.arrays import Pixels
from training.student.atomic_write import atomic_path
from training.student.contract import Contract
from training.student.effects import overlay
from training.student.errors import BadInput
from training.student.postprocess import Mask

WORST = 6
_SIDE = 360
"""Pixels of a picture's longer side."""
_TILE = 224

_FLIP = np.array([255, 0, 80])

_STRIP_SIDE = 300
_STRIP_TEXT = 22
"""Height of a caption's letters in pixels."""
_STRIP_GAP = 8


def draw_worst(
    photos: Sequence[Photo], predictions: Mapping[str, Sequence[Prediction]], contract: Contract, folder: Path
) -> None:
    """Into folder/pictures: RANK-teacher.jpg, RANK-student.jpg, RANK-flips.jpg and an index, worst photo first.

    Flips are the pixels that any backend changes against torch, thickened so that a single one can be seen.
    """
    student, classes = predictions["torch"], len(contract.classes)
    order = sorted(range(len(photos)), key=lambda i: student[i].teacher_iou)[:WORST]
    with atomic_path(folder / "pictures") as temporary:
        temporary.mkdir()
        index = []
        for rank, i in enumerate(order):
            photo = read_photo(photos[i].path)
            flipped = np.any([one[i].mask != student[i].mask for one in predictions.values()], axis=0)
            for name, picture in (
                ("teacher", draw_preview(photo, photos[i].teacher_mask, classes, side=_SIDE)),
                ("student", draw_preview(photo, student[i].mask, classes, side=_SIDE)),
                ("flips", _flips(photo, flipped)),
            ):
                _save(picture, temporary / f"{rank}-{name}.jpg")
            index.append({"name": photos[i].name, "iou": student[i].teacher_iou, "flipped": int(flipped.sum())})
        (temporary / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def draw_errors(errors: Mapping[str, tuple[Photo, NDArray[np.float64]]], folder: Path) -> None:
    """Into folder/errors: FORM-photo.jpg, and FORM-error.jpg, the error (rows, columns) over the photo's own frame.

    Black is no error, white the largest; NaN is white.
    """
    with atomic_path(folder / "errors") as temporary:
        temporary.mkdir()
        for backend, (photo, error) in errors.items():
            picture = _small(read_photo(photo.path))
            finite = np.nan_to_num(error, nan=np.inf, posinf=np.inf)
            top = np.max(finite, where=np.isfinite(finite), initial=np.finfo(np.float32).tiny)
            levels: Any = (finite.clip(0, top) / top * 255).astype(np.uint8)
            levels = cv2.resize(levels, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            heat: Any = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
            _save(picture, temporary / f"{backend}-photo.jpg")
            _save(heat, temporary / f"{backend}-error.jpg")


def draw_sheet(
    photos: Sequence[Photo], predictions: Sequence[Prediction], contract: Contract, path: Path, columns: int = 4
) -> None:
    """Photos with a backend's masks drawn over them, as one JPEG; a last row that is not full is left out."""
    size, classes = (_TILE, _TILE), len(contract.classes)
    tiles = [
        overlay(
            _pixels(cv2.resize(read_photo(photo.path), size, interpolation=cv2.INTER_AREA)),
            _pixels(cv2.resize(view.mask, size, interpolation=cv2.INTER_NEAREST_EXACT)),
            classes,
        )
        for photo, view in zip(photos, predictions, strict=True)
    ]
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles) - columns + 1, columns)]
    with atomic_path(path) as temporary:
        sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(temporary), sheet, [cv2.IMWRITE_JPEG_QUALITY, 82])


def draw_strip(
    photos: Sequence[Photo],
    predictions: Sequence[Prediction],
    contract: Contract,
    path: Path,
    blur: Callable[[Pixels, Mask, Contract], Pixels],
) -> None:
    """Two rows as one JPEG: the photo of median IoU and the worst, each with its masks and blurred background.

    Args:
        photos: At least two.
        predictions: What one backend made of each.
        contract: The student's.
        path: Of the JPEG.
        blur: From a photo, (rows, columns, 3), its mask and the contract to the photo with its background blurred.

    Raises:
        BadInput: The student has several classes, or there is one photo.
    """
    if not contract.is_binary or len(photos) < 2:
        raise BadInput("--strip needs a student of one class, and two held-out photos; leave it out")
    order = sorted(range(len(photos)), key=lambda i: -predictions[i].teacher_iou)
    rows = [_captions(["photo", "teacher mask", "mask of the phone's file", "background blurred by it"])]
    for name, i in (("typical", order[len(order) // 2]), (f"hardest of {len(order)}", order[-1])):
        photo = read_photo(photos[i].path)
        masks = [
            np.dstack([levels_of(mask, binary=True)] * 3) for mask in (photos[i].teacher_mask, predictions[i].mask)
        ]
        tiles = [_square(picture) for picture in (photo, *masks, blur(photo, predictions[i].mask, contract))]
        rows += [_beside(tiles), _captions([f"{name}: IoU {predictions[i].teacher_iou:.2f}", "", "", ""])]
    with atomic_path(path) as temporary:
        Image.fromarray(np.vstack(rows)).save(temporary, "JPEG", quality=85)


def _beside(tiles: Sequence[Pixels]) -> Pixels:
    gap = np.full((len(tiles[0]), _STRIP_GAP, 3), 255, np.uint8)
    return np.hstack([part for tile in tiles for part in (tile, gap)][:-1])


def _square(picture: Pixels) -> Pixels:
    """The middle of a picture, as large as it goes."""
    rows, columns = picture.shape[:2]
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    middle = picture[top : top + side, left : left + side]
    return _pixels(cv2.resize(middle, (_STRIP_SIDE, _STRIP_SIDE), interpolation=cv2.INTER_AREA))


def _captions(texts: Sequence[str]) -> Pixels:
    """A line of text over or under tiles."""
    line = Image.new("RGB", (len(texts) * (_STRIP_SIDE + _STRIP_GAP) - _STRIP_GAP, _STRIP_TEXT * 3 // 2), "white")
    draw, font = ImageDraw.Draw(line), ImageFont.load_default(_STRIP_TEXT)
    for column, text in enumerate(texts):
        draw.text((column * (_STRIP_SIDE + _STRIP_GAP) + 2, 2), text, fill="black", font=font)
    return np.asarray(line)


def _pixels(picture: Any) -> Pixels:
    """OpenCV's stubs promise no type of elements."""
    return np.asarray(picture, np.uint8)


def _flips(photo: Pixels, flipped: NDArray[np.bool_]) -> Pixels:
    """The photo, faded, with flipped pixels marked."""
    picture = (photo.astype(np.float32) * 0.4 + 140).clip(0, 255)
    thick = cv2.dilate(flipped.astype(np.uint8), np.ones((5, 5), np.uint8))
    picture[thick > 0] = _FLIP
    return picture.astype(np.uint8)


def _small(picture: Pixels) -> Pixels:
    shrink = min(1.0, _SIDE / max(picture.shape[:2]))
    small: Any = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.asarray(small)


def _save(picture: Pixels, path: Path) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(_small(picture), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
