"""Reads from FFmpeg's display matrix how a video must be rotated to be upright, and rotates its frames."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Pixels

if TYPE_CHECKING:
    import av

Rotation = NDArray[np.int32]
"""(2, 2): from columns and rows as stored to columns and rows as shown."""


def rotation_of(frame: "av.VideoFrame") -> Rotation | None:
    """The rotation of a video, from the display matrix of one of its frames; None where it has no matrix.

    Call it for one frame only: a frame and its side data refer to each other, so that a frame whose side data was read
    stays in memory until Python collects such cycles.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if matrix is None else np.frombuffer(bytes(matrix), np.int32).reshape(3, 3)[:2, :2]


def swaps_axes(rotation: Rotation | None) -> bool:
    """Whether rows become columns."""
    return rotation is not None and abs(int(rotation[0, 1])) > abs(int(rotation[0, 0]))


def rotate(photo: NDArray[Any], rotation: Rotation | None) -> Pixels:
    """Make a frame upright, by the nearest of the eight ways to rotate and mirror a picture."""
    if rotation is None:
        return photo
    if swaps_axes(rotation):
        photo, across, down = photo.transpose(1, 0, 2), rotation[1, 0], rotation[0, 1]
    else:
        across, down = rotation[0, 0], rotation[1, 1]
    return np.ascontiguousarray(photo[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
