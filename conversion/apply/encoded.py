"""Pictures as the frames of a video file."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from conversion.apply import pyav
from conversion.apply.codecs import Form
from conversion.apply.frames import First
from training.student.arrays import Pixels

if TYPE_CHECKING:
    from av.container import OutputContainer

_LIMITED = 1  # FFmpeg's AVCOL_RANGE_MPEG, what players expect of a video
_UNSPECIFIED = 2  # for a colour space, its primaries and its transfer alike


def stream_of(made: "OutputContainer", first: First, form: Form, rate: Fraction, tick: Fraction) -> Any:
    """The stream that takes them, of the size and colours of the source's first frame."""
    stream: Any = made.add_stream(form.codec, rate=rate, options=dict(form.options))
    stream.width, stream.height, stream.pix_fmt = first.columns, first.rows, form.pixels
    stream.time_base = stream.codec_context.time_base = tick
    if first.shape:
        stream.codec_context.sample_aspect_ratio = first.shape
    if form.pixels != "gray":
        stream.codec_context.color_range = _LIMITED
        for name, value in first.colours.items():
            setattr(stream.codec_context, name, value)
    return stream


def frame_of(picture: Pixels, form: Form, number: int, tick: Fraction, first: First) -> Any:
    """A picture, (rows, columns), or with 3 or 4 channels, at a time of so many ticks."""
    av = pyav.load()
    layout = {2: "gray", 3: "rgb24", 4: "rgba"}[picture.ndim if picture.ndim == 2 else picture.shape[2]]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=layout)
    if layout != form.pixels:
        space = first.colours["colorspace"]
        frame = frame.reformat(
            format=form.pixels,
            dst_colorspace=None if space == _UNSPECIFIED else space,
            dst_color_range=_LIMITED,
        )
    frame.pts, frame.time_base = number, tick
    return frame
