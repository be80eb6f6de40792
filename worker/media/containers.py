"""Opens files that strangers sent, so that they can name no other file and no address."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.frame import Frame
from av.stream import Stream

from worker.errors import DecodeError

VIDEO_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
SOUND_FORMATS = VIDEO_FORMATS + ",mp3,wav,w64,flac,ogg,aac,aiff"

# Encoders put up to some 50 ms of priming samples before the first picture; that is no offset to keep.
PRIMING = Fraction(1, 10)


def open_safely(path: Path, formats: str = VIDEO_FORMATS) -> InputContainer:
    """Open a file by path; playlists, concat lists and session descriptions are refused.

    Such files would make the demuxer read other files or open connections, whatever their
    names end in. The whitelists reach nested demuxers too.
    """
    guard = {"format_whitelist": formats, "protocol_whitelist": "file"}
    try:
        return av.open(str(path), options=guard, metadata_errors="replace")
    except (av.FFmpegError, OSError) as exc:
        raise DecodeError(f"The file {path.name} cannot be read as video or sound: {exc}.") from exc


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """Return the main moving picture; a cover picture is none."""
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream) or stream.disposition & av.stream.Disposition.attached_pic:
        return None
    return stream


def readable_sounds(container: InputContainer) -> list[av.AudioStream]:
    """Return the tracks of sound that can be decoded; phones add ones that only their makers read."""
    return [stream for stream in container.streams.audio if is_readable(stream.codec_context)]


def is_readable(context: av.AudioCodecContext | None) -> bool:
    """Is there a decoder, and did it find out, from the header or a first try, what it decodes to?"""
    if context is None or context.format is None:
        return False
    return context.sample_rate > 0 and context.layout.nb_channels > 0


def sound_stream(container: InputContainer) -> av.AudioStream | None:
    """Return the main sound."""
    readable = readable_sounds(container)
    best = container.streams.best("audio")
    return best if best in readable else next(iter(readable), None)


def tick_of(timed: Stream | Frame) -> Fraction:
    """Return the seconds that one count of its times stands for; a time without a base counts seconds."""
    return timed.time_base or Fraction(1)


def start_of(stream: Stream | None) -> Fraction | None:
    if stream is None or stream.start_time is None:
        return None
    return stream.start_time * tick_of(stream)


def origin_of(container: InputContainer) -> Fraction:
    """Return the file's time in seconds that becomes zero in the result.

    It is the first picture's, unless some sound begins well before it; pictures and sound
    both count from it, so their offset stays what it was.
    """
    video = start_of(video_stream(container))
    starts = [start_of(stream) for stream in readable_sounds(container)]
    sound = min((start for start in starts if start is not None), default=None)
    if video is None or sound is None:
        return video or sound or Fraction(0)
    return sound if sound < video - PRIMING else video
