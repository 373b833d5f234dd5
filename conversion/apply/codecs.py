"""The kinds of video file that results come in, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of video file."""

    suffix: str
    codec: str
    pixels: str
    """FFmpeg's name of the format of its pixels."""
    options: Mapping[str, str]
    container: Mapping[str, str]
    sound: tuple[str, ...] | None
    """Codecs that are copied as they are, all others becoming AAC; None: every codec is."""
    is_even: bool = False
    """Whether rows and columns have to be even: one is cut off where they are not."""


_PLAYED = ("aac", "ac3", "alac", "eac3", "mp3", "opus")

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        # What every player and phone shows.
        "h264": Form(
            suffix=".mp4",
            codec="libx264",
            pixels="yuv420p",
            options=MappingProxyType({"crf": "18", "preset": "veryfast"}),
            container=MappingProxyType({"movflags": "+faststart"}),
            sound=_PLAYED,
            is_even=True,
        ),
        # What editors take for a picture that can be seen through.
        "prores": Form(
            suffix=".mov",
            codec="prores_ks",
            pixels="yuva444p10le",
            options=MappingProxyType({"profile": "4444", "alpha_bits": "16"}),
            container=MappingProxyType({}),
            sound=(*_PLAYED, "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32le"),
        ),
        # Without loss: the values of a mask mean something.
        "ffv1": Form(
            suffix=".mkv",
            codec="ffv1",
            pixels="gray",
            options=MappingProxyType({}),
            container=MappingProxyType({}),
            sound=None,
        ),
    }
)
