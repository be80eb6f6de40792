"""Brings a file's sound into a result: its own AAC packets where they fit, else encoded anew.

The file is read as the pictures are written, so nothing grows with its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av

from worker.errors import NoAudio
from worker.media.containers import SOUND_FORMATS, open_safely, origin_of, sound_stream, start_of, tick_of

# These keep AAC's decoder configuration in the header, as mp4 wants it; ADTS streams do not.
COPYABLE_FORMATS = {"mov", "matroska"}
AAC_RATES = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
FALLBACK_RATE = 48000
BITS_PER_CHANNEL = 96_000
# Gaps are filled with silence and overlaps cut, so that late parts stay where their times put them.
KEEP_TIME = "async=1:min_hard_comp=0.05:first_pts=0"


class Sound:
    """The sound of one file, to be muxed beside pictures.

    Its time zero is the file's origin (see `origin_of`), or its own first sample if `alone`.
    Call `attach` once, then `advance` as the pictures' time goes on, then `finish`.
    """

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        self._source = open_safely(path, SOUND_FORMATS)
        stream = sound_stream(self._source)
        if stream is None:
            self._source.close()
            raise NoAudio(f"The file {path.name} has no sound.")
        self._stream = stream
        self._zero = (start_of(stream) if alone else origin_of(self._source)) or Fraction(0)

    def attach(self, output: av.container.OutputContainer) -> None:
        self._output = output
        if is_copyable(self._source, self._stream):
            track = output.add_stream_from_template(self._stream)
            self._packets = self._copied(track)
        else:
            self._packets = self._encoded(add_aac(output, self._stream))
        self._waiting = next(self._packets, None)

    def advance(self, seconds: Fraction) -> None:
        """Write all packets that begin before that time."""
        while self._waiting is not None and start_of_packet(self._waiting) < seconds:
            self._output.mux_one(self._waiting)
            self._waiting = next(self._packets, None)

    def finish(self) -> None:
        """Write what is left."""
        while self._waiting is not None:
            self._output.mux_one(self._waiting)
            self._waiting = next(self._packets, None)

    def close(self) -> None:
        self._source.close()

    def _copied(self, track: av.AudioStream) -> Iterator[av.Packet]:
        zero = round(self._zero / tick_of(self._stream))
        for packet in packets_of(self._source, self._stream):
            if packet.pts is None or packet.size == 0:
                continue
            packet.pts -= zero
            packet.dts = packet.pts  # AAC is never reordered
            packet.stream = track
            yield packet

    def _encoded(self, track: av.AudioStream) -> Iterator[av.Packet]:
        context = track.codec_context
        steadied = Steadied(self._stream, rate=context.sample_rate, layout=context.layout.name)
        for frame in steadied.frames(decoded(self._source, self._stream, zero=self._zero)):
            yield from track.encode(frame)
        yield from track.encode(None)


class Steadied:
    """Frames of any pts made one unbroken run of samples from time zero on."""

    def __init__(
        self, stream: av.AudioStream, *, rate: int, layout: str, sample_format: str = "fltp"
    ) -> None:
        self._graph = av.filter.Graph()
        chain = (
            self._graph.add_abuffer(template=stream),
            self._graph.add("aresample", KEEP_TIME),
            self._graph.add(
                "aformat", f"sample_fmts={sample_format}:sample_rates={rate}:channel_layouts={layout}"
            ),
            self._graph.add("abuffersink"),
        )
        self._graph.link_nodes(*chain).configure()

    def frames(self, decoded: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        for frame in decoded:
            self._graph.push(frame)
            yield from self._ready()
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            yield frame


def packets_of(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.Packet]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return  # a torn end: the sound up to here is all there is


def decoded(
    container: av.container.InputContainer, stream: av.AudioStream, *, zero: Fraction
) -> Iterator[av.AudioFrame]:
    """Decode, with times counted from `zero` seconds, leaving out the packets that are damaged."""
    for packet in packets_of(container, stream):
        with suppress(av.FFmpegError):
            for frame in stream.decode(packet):
                if frame.pts is not None:
                    frame.pts -= round(zero / tick_of(frame))
                yield frame


def add_aac(output: av.container.OutputContainer, like: av.AudioStream) -> av.AudioStream:
    """Add a track of AAC with as many channels, up to two, and the same rate if AAC has it."""
    rate = like.codec_context.sample_rate
    channels = min(2, like.codec_context.layout.nb_channels)
    options = {"b": str(BITS_PER_CHANNEL * channels)}
    track = output.add_stream("aac", rate=rate if rate in AAC_RATES else FALLBACK_RATE, options=options)
    track.codec_context.layout = "mono" if channels == 1 else "stereo"
    return track


def start_of_packet(packet: av.Packet) -> Fraction:
    return (packet.pts or 0) * packet.time_base


def is_copyable(source: av.container.InputContainer, stream: av.AudioStream) -> bool:
    return (
        stream.codec_context.name.startswith("aac")
        and bool(stream.codec_context.extradata)
        and not COPYABLE_FORMATS.isdisjoint(source.format.name.split(","))
    )
