"""Brings all sound of a file into a result: its own AAC packets where they fit, else encoded anew.

The file is read as the pictures are written, so nothing grows with its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Discard, Disposition

from worker.errors import DecodeError, NoAudio, WorkError
from worker.media.containers import (
    SOUND_FORMATS,
    open_safely,
    origin_of,
    readable_sounds,
    sound_stream,
    start_of,
    tick_of,
)
from worker.media.span import Span

# These keep AAC's decoder configuration in the header, as mp4 wants it; ADTS streams do not.
COPYABLE_FORMATS = TIMED_FORMATS = {"mov", "matroska"}
AAC_RATES = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
FALLBACK_RATE = 48000
BITS_PER_CHANNEL = 96_000
LEAD = Fraction(1, 2)  # seconds decoded before what is wanted; Opus wants 0.08, MP3 a few frames
# Gaps are filled with silence and overlaps cut, so that late parts stay where their times put them.
KEEP_TIME = "async=1:min_hard_comp=0.05:first_pts=0"


class Sound:
    """All the sound of one file, track by track in its order, to be muxed beside pictures.

    Its time zero is the file's origin (see `origin_of`). If `alone`, it is the main track's first sample,
    and there is only that track. Tracks that nothing here decodes are left out, unless there is no other.
    Of a `span`, in seconds from that zero, only the sound within is written, from the result's zero on.
    Call `attach` once, then `advance` as the pictures' time goes on, then `finish`.
    """

    def __init__(self, path: Path, *, alone: bool = False, span: Span | None = None) -> None:
        with open_safely(path, SOUND_FORMATS) as source:
            main = sound_stream(source)
            if main is None:
                raise silence_of(source, path)
            zero = (start_of(main) if alone else origin_of(source)) or Fraction(0)
            tracks = readable_sounds(source)
            places = [tracks.index(main)] if alone else range(len(tracks))
        self._tracks = [Track(path, place, zero, span) for place in places]

    def attach(self, output: OutputContainer) -> None:
        for track in self._tracks:
            track.attach(output)
        for track in self._tracks:  # encoding may begin only when the file knows all its tracks
            track.begin()

    def advance(self, seconds: Fraction) -> None:
        """Write all packets that begin before that time."""
        for track in self._tracks:
            track.advance(seconds)

    def finish(self, tell: Callable[[], object] = lambda: None) -> None:
        """Write what is left; `tell` is called after each packet, and may raise."""
        for track in self._tracks:
            track.advance(None, tell)

    def close(self) -> None:
        for track in self._tracks:
            track.close()


class Track:
    """The `place`th track of sound that can be read, with a handle of its own: none waits for others.

    `zero` is the file's time in seconds that becomes zero. Of a `span`, counted from there, its begin does.
    """

    def __init__(self, path: Path, place: int, zero: Fraction, span: Span | None = None) -> None:
        self._source = open_safely(path, SOUND_FORMATS)
        self._stream = readable_sounds(self._source)[place]
        self._span, self._zero = span, zero + (span.begin if span else 0)
        for other in self._source.streams:
            if other is not self._stream:
                other.discard = Discard.all  # not even read, where the format allows
        if span:
            go_near(self._source, self._stream, self._zero)

    def attach(self, output: OutputContainer) -> None:
        self._output = output
        self._is_copied = is_copyable(self._source, self._stream)
        if self._is_copied:
            self._track = output.add_stream_from_template(self._stream)
        else:
            self._track = add_aac(output, self._stream)
        describe(self._track, self._stream)

    def begin(self) -> None:
        self._packets = self._copied() if self._is_copied else self._encoded()
        self._waiting = next(self._packets, None)

    def advance(self, seconds: Fraction | None, tell: Callable[[], object] = lambda: None) -> None:
        """Write the packets that begin before that time, or all."""
        while self._waiting is not None and (seconds is None or start_of_packet(self._waiting) < seconds):
            self._output.mux_one(self._waiting)
            self._waiting = next(self._packets, None)
            tell()

    def close(self) -> None:
        self._source.close()

    def _copied(self) -> Iterator[av.Packet]:
        zero = round(self._zero / tick_of(self._stream))
        for packet in packets_of(self._source, self._stream):
            if packet.pts is None or packet.size == 0:
                continue
            packet.pts -= zero
            packet.dts = packet.pts  # AAC is never reordered
            packet.stream = self._track
            if self._span is None or self._is_within(packet, self._span):
                yield packet

    def _is_within(self, packet: av.Packet, span: Span) -> bool:
        """Whether the packet is heard, or the next is: each is decoded with the help of the one before.

        What is heard before zero and after the end is hidden by the file's edit list, to the sample.
        """
        begin, length = packet.pts or 0, packet.duration or 0
        if span.length is None:
            return begin + 2 * length > 0
        left = round(span.length / tick_of(self._stream)) - begin
        packet.duration = min(length, max(left, 0))
        return begin + 2 * length > 0 and left > 0

    def _encoded(self) -> Iterator[av.Packet]:
        context = self._track.codec_context
        rate, layout = context.sample_rate, context.layout.name
        steadied = Steadied(self._stream, rate=rate, layout=layout, span=self._span)
        for frame in steadied.frames(decoded(self._source, self._stream, zero=self._zero, span=self._span)):
            yield from self._track.encode(frame)
        yield from self._track.encode(None)


class Steadied:
    """Frames of any pts made one unbroken run of samples from time zero on, of a `span` as long as that."""

    def __init__(
        self,
        stream: av.AudioStream,
        *,
        rate: int,
        layout: str,
        sample_format: str = "fltp",
        span: Span | None = None,
    ) -> None:
        self._graph = av.filter.Graph()
        cut = [self._graph.add("atrim", atrim_of(span))] if span else []
        chain = (
            self._graph.add_abuffer(template=stream),
            *cut,
            self._graph.add("aresample", KEEP_TIME),
            self._graph.add(
                "aformat", f"sample_fmts={sample_format}:sample_rates={rate}:channel_layouts={layout}"
            ),
            self._graph.add("abuffersink"),
        )
        self._graph.link_nodes(*chain).configure()

    def frames(self, decoded: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        with suppress(av.EOFError):  # raised once a span is full
            for frame in chain(decoded, [None]):
                self._graph.push(frame)
                yield from self._ready()
        yield from self._ready()

    def _ready(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            yield frame


def packets_of(container: InputContainer, stream: av.AudioStream) -> Iterator[av.Packet]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return  # a torn end: the sound up to here is all there is


def decoded(
    container: InputContainer, stream: av.AudioStream, *, zero: Fraction, span: Span | None = None
) -> Iterator[av.AudioFrame]:
    """Decode, with times counted from `zero` seconds, leaving out the packets that are damaged.

    Of a `span` that begins at zero, what is far from it is passed over.
    """
    for packet in packets_of(container, stream):
        if span and packet.pts is not None:
            at = packet.pts * tick_of(stream) - zero
            if at < -LEAD:
                continue
            if span.length is not None and at > span.length + LEAD:
                return
        with suppress(av.FFmpegError):
            for frame in stream.decode(packet):
                if frame.pts is not None:
                    frame.pts -= round(zero / tick_of(frame))
                yield frame


def go_near(container: InputContainer, stream: av.AudioStream, seconds: Fraction) -> None:
    """Seek to a little before that time where the format keeps times; else all before it is read over."""
    if not TIMED_FORMATS.isdisjoint(container.format.name.split(",")):
        with suppress(av.FFmpegError):
            container.seek(round((seconds - LEAD) / tick_of(stream)), stream=stream)


def atrim_of(span: Span) -> str:
    end = "" if span.length is None else f":end={float(span.length):.6f}"
    return f"start=0{end}"


def add_aac(output: OutputContainer, like: av.AudioStream) -> av.AudioStream:
    """Add a track of AAC with as many channels, up to two, and the same rate if AAC has it."""
    rate = like.codec_context.sample_rate
    channels = min(2, like.codec_context.layout.nb_channels)
    options = {"b": str(BITS_PER_CHANNEL * channels)}
    track = output.add_stream("aac", rate=rate if rate in AAC_RATES else FALLBACK_RATE, options=options)
    track.codec_context.layout = "mono" if channels == 1 else "stereo"
    return track


def describe(track: av.AudioStream, like: av.AudioStream) -> None:
    """Say of the track what the file says of it: language, title, whether it is the one to be played."""
    said = like.metadata
    title = said.get("title") or said.get("name")  # MP4's word for it
    words = {"language": said.get("language"), "title": title}
    track.metadata.update({name: word for name, word in words.items() if word})
    track.disposition = like.disposition & Disposition.default


def silence_of(source: InputContainer, path: Path) -> WorkError:
    """Return why a file without a track that can be decoded gives no sound."""
    if source.streams.audio:
        return DecodeError(f"The sound of {path.name} is in a format that cannot be read here.")
    return NoAudio(f"The file {path.name} has no sound.")


def start_of_packet(packet: av.Packet) -> Fraction:
    return (packet.pts or 0) * packet.time_base


def is_copyable(source: InputContainer, stream: av.AudioStream) -> bool:
    return (
        stream.codec_context.name.startswith("aac")
        and bool(stream.codec_context.extradata)
        and not COPYABLE_FORMATS.isdisjoint(source.format.name.split(","))
    )
