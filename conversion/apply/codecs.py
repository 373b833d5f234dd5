"""The video codecs that results are written in, as data, and PyAV, the library that runs them.

PyAV binds FFmpeg. It is an optional extra, so it is imported only when there is a video.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from training.student import installation


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to write a video file; every name is FFmpeg's."""

    suffix: str
    """Of the file, and so its container."""
    encoder: str
    pixel_format: str
    encoder_options: Mapping[str, str]
    container_options: Mapping[str, str]
    copied_audio: tuple[str, ...] | None
    """Audio codecs that are copied as they are; all others are converted to AAC. None: every codec is copied."""
    needs_even_size: bool = False
    """Whether height and width must be even; an odd last row or column is then cut off."""


_PLAYED = ("aac", "ac3", "alac", "eac3", "mp3", "opus")

CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        # Every player and phone shows it.
        "h264": Codec(
            suffix=".mp4",
            encoder="libx264",
            pixel_format="yuv420p",
            encoder_options=MappingProxyType({"crf": "18", "preset": "veryfast"}),
            container_options=MappingProxyType({"movflags": "+faststart"}),
            copied_audio=_PLAYED,
            needs_even_size=True,
        ),
        # Video editors read transparency from it.
        "prores": Codec(
            suffix=".mov",
            encoder="prores_ks",
            pixel_format="yuva444p10le",
            encoder_options=MappingProxyType({"profile": "4444", "alpha_bits": "16"}),
            container_options=MappingProxyType({}),
            copied_audio=(*_PLAYED, "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32le"),
        ),
        # Lossless, because the values of a mask have a meaning.
        "ffv1": Codec(
            suffix=".mkv",
            encoder="ffv1",
            pixel_format="gray",
            encoder_options=MappingProxyType({}),
            container_options=MappingProxyType({}),
            copied_audio=None,
        ),
    }
)


def load_pyav() -> Any:
    """The module `av`.

    Raises:
        BadInput: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise installation.missing("a video", "av") from error
    return av
