"""PyAV, which binds FFmpeg: an optional extra, imported where a video is at hand."""

from typing import Any

from training.student.errors import BadInput


def load() -> Any:
    """The module.

    Raises:
        BadInput: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise BadInput("videos need PyAV, which is not installed: pip install 'av>=18'") from error
    return av
