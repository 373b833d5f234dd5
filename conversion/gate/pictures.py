"""Pictures of the photos on which a student does worst, for the report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from conversion.gate.forms import Photo, Prediction
from training.data.photos import read_photo
from training.data.preview import preview
from training.student.atomic_write import atomic_path
from training.student.contract import Contract
from training.student.effects import Pixels, overlay

WORST = 6
_SIDE = 360
"""Pixels of a picture's longer side."""
_TILE = 224

_FLIP = np.array([255, 0, 80])


def draw_worst(
    photos: Sequence[Photo], seen: Mapping[str, Sequence[Prediction]], contract: Contract, folder: Path
) -> None:
    """Into folder/pictures: RANK-teacher.jpg, RANK-student.jpg, RANK-flips.jpg and an index, worst photo first.

    Flips are the pixels that any form changes against torch, thickened so that a single one can be seen.
    """
    student, classes = seen["torch"], len(contract.classes)
    order = sorted(range(len(photos)), key=lambda i: student[i].teacher_iou)[:WORST]
    with atomic_path(folder / "pictures") as temporary:
        temporary.mkdir()
        index = []
        for rank, i in enumerate(order):
            photo = read_photo(photos[i].path)
            flipped = np.any([views[i].mask != student[i].mask for views in seen.values()], axis=0)
            for name, picture in (
                ("teacher", preview(photo, photos[i].teacher_mask, classes, side=_SIDE)),
                ("student", preview(photo, student[i].mask, classes, side=_SIDE)),
                ("flips", _flips(photo, flipped)),
            ):
                _save(picture, temporary / f"{rank}-{name}.jpg")
            index.append({"name": photos[i].name, "iou": student[i].teacher_iou, "flipped": int(flipped.sum())})
        (temporary / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def draw_errors(errors: Mapping[str, tuple[Photo, NDArray[np.float64]]], folder: Path) -> None:
    """Into folder/errors: FORM-photo.jpg, and FORM-error.jpg, the error (rows, columns) over the photo's own frame.

    Black is none, white the largest; what is no number is white.
    """
    with atomic_path(folder / "errors") as temporary:
        temporary.mkdir()
        for form, (photo, error) in errors.items():
            picture = _small(read_photo(photo.path))
            finite = np.nan_to_num(error, nan=np.inf, posinf=np.inf)
            top = np.max(finite, where=np.isfinite(finite), initial=np.finfo(np.float32).tiny)
            levels: Any = (finite.clip(0, top) / top * 255).astype(np.uint8)
            levels = cv2.resize(levels, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            heat: Any = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
            _save(picture, temporary / f"{form}-photo.jpg")
            _save(heat, temporary / f"{form}-error.jpg")


def draw_sheet(
    photos: Sequence[Photo], seen: Sequence[Prediction], contract: Contract, path: Path, columns: int = 4
) -> None:
    """Photos with a form's masks drawn over them, side by side, as one JPEG; rows that would not fill are left out."""
    size, classes = (_TILE, _TILE), len(contract.classes)
    tiles = [
        overlay(
            _pixels(cv2.resize(read_photo(photo.path), size, interpolation=cv2.INTER_AREA)),
            _pixels(cv2.resize(view.mask, size, interpolation=cv2.INTER_NEAREST_EXACT)),
            classes,
        )
        for photo, view in zip(photos, seen, strict=True)
    ]
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles) - columns + 1, columns)]
    with atomic_path(path) as temporary:
        sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(temporary), sheet, [cv2.IMWRITE_JPEG_QUALITY, 82])


def _pixels(picture: Any) -> Pixels:
    """OpenCV's stubs promise no type of elements."""
    return np.asarray(picture, np.uint8)


def _flips(photo: NDArray[np.uint8], flipped: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The photo, faded, with flipped pixels marked."""
    picture = (photo.astype(np.float32) * 0.4 + 140).clip(0, 255)
    thick = cv2.dilate(flipped.astype(np.uint8), np.ones((5, 5), np.uint8))
    picture[thick > 0] = _FLIP
    return picture.astype(np.uint8)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shrink = min(1.0, _SIDE / max(picture.shape[:2]))
    small: Any = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.asarray(small)


def _save(picture: NDArray[np.uint8], path: Path) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(_small(picture), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
