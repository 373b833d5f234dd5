"""The sound of a video on its way into another: copied where the form allows it, AAC otherwise."""

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from conversion.apply import pyav
from conversion.apply.codecs import Form
from conversion.apply.frames import Told

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

_LAYOUTS = MappingProxyType({1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"})


class Sound:
    """One of the sounds of a video, on its way into another."""

    def __init__(self, source: Any, made: "OutputContainer", form: Form, told: Told) -> None:
        self._av, self._made, self._told = pyav.load(), made, told
        context = source.codec_context
        name = context.name if context else "unknown"
        self._is_copied = form.sound is None or name in form.sound
        self._lost = 0
        self._stream: Any = None
        try:
            if self._is_copied:
                self._stream = made.add_stream_from_template(source)
            else:
                # By name, since a file that only counts its channels gives the encoder nothing to open with.
                layout = _LAYOUTS.get(context.layout.nb_channels, "stereo")
                self._stream = made.add_stream("aac", rate=context.sample_rate, layout=layout)
                told.notes.append(f"sound was {name}, now AAC")
        except (self._av.FFmpegError, ValueError, AttributeError) as error:
            told.notes.append(f"sound ({name}) left out: {' '.join(str(error).split())}")

    def take(self, packet: "av.Packet[Any]") -> None:
        """Copy it, or what it decodes to; an empty one ends the stream."""
        if self._stream is None:
            return
        try:
            if not self._is_copied:
                for frame in packet.decode():
                    self._made.mux(self._stream.encode(frame))
            elif packet.dts is not None:
                packet.stream = self._stream
                self._made.mux(packet)
        except self._av.FFmpegError:
            self._lost += 1

    def end(self) -> None:
        """Write what the encoder still holds; tell how much was lost."""
        if self._stream is not None and not self._is_copied:
            self._made.mux(self._stream.encode(None))
        if self._lost:
            self._told.notes.append(f"{self._lost} broken packets of sound left out")
