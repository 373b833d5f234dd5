"""How a video asks to be turned before it is shown, by FFmpeg's display matrix, and frames turned so."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Pixels

if TYPE_CHECKING:
    import av

Turn = NDArray[np.int32]
"""(2, 2), from columns and rows as stored to those as shown."""


def turn_of(frame: "av.VideoFrame") -> Turn | None:
    """Of all frames, by the display matrix of one.

    Asked of one alone: a frame and its side data refer to each other, so that each frame that was asked stays in memory
    until Python looks for such cycles.
    """
    held: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if held is None else np.frombuffer(bytes(held), np.int32).reshape(3, 3)[:2, :2]


def is_quarter(turn: Turn | None) -> bool:
    """Whether rows become columns."""
    return turn is not None and abs(int(turn[0, 1])) > abs(int(turn[0, 0]))


def turned(photo: NDArray[Any], turn: Turn | None) -> Pixels:
    """Upright, by the nearest of the eight ways to turn and mirror a picture."""
    if turn is None:
        return photo
    if is_quarter(turn):
        photo, across, down = photo.transpose(1, 0, 2), turn[1, 0], turn[0, 1]
    else:
        across, down = turn[0, 0], turn[1, 1]
    return np.ascontiguousarray(photo[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
