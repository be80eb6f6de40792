"""Made footage of every kind that cameras, phones and recorders give: a table, and how a clip is written.

All show one scene: a face, a mark in the top left corner, and a lamp in the top right one that flashes in a
single picture, just as the sound beeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition

from worker.tests import hdrlight
from worker.tests.clipmaking import RATE, of_fields
from worker.tests.faceclips import FACE_AT, portrait

SIZE = (240, 200)  # width, height as seen
FRAMES = 12
FLASH = 7  # the picture that flashes
CORNER = 26  # pixels: the side of mark and lamp
MARK = (150, 80, 60)  # RGB, dark enough to stay itself when HDR becomes SDR
LAMP_OFF, LAMP_ON = 40, 190
BEEP_SECONDS = 0.06
FPS25 = Fraction(1, 25)

SD, SD_625, HD = (6, 2, 2), (5, 2, 2), (1, 1, 1)  # space, primaries, transfer by ISO/IEC 23091-2
BT2020_SDR, PQ, HLG = (9, 9, 14), (9, 9, 16), (9, 9, 18)
UNSAID = (2, 2, 2)

X264 = {"preset": "ultrafast", "crf": "12", "g": "6"}
X265 = {"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none:keyint=6"}
# A display of BT.2020 and 4000 cd/m2, content of up to 1000.
LIGHTS = "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(40000000,1):max-cll=1000,400"


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A track of sound: silence, a beep of its own pitch as the lamp flashes, silence. Times are seconds."""

    codec: str = "aac"
    begin: float = 0.0
    end: float = 0.48
    pitch: int = 1000
    language: str = "und"
    title: str = ""
    default: bool = True


@dataclass(frozen=True, kw_only=True)
class Clip:
    """How a clip is made, and what is to come out where that is something else."""

    suffix: str = "mp4"
    codec: str = "libx264"
    options: dict[str, str] | None = None
    muxer: dict[str, str] | None = None
    pix_fmt: str = "yuv420p"
    tick: Fraction = FPS25
    times: Sequence[int] = range(FRAMES)  # in ticks
    turn: tuple[int, bool, bool] = (0, False, False)  # degrees counter-clockwise, then mirrored, flipped
    squeeze: Fraction = Fraction(1)  # pixels are that much wider than high, as the player shows them
    tags: tuple[int, int, int] = UNSAID
    full_range: bool = False
    fields: str = ""  # x264's flag for the order of interlaced fields
    voices: tuple[Voice, ...] = (Voice(),)
    harm: Callable[[bytes], bytes] | None = None

    colour: tuple[int, int, int] = SD
    mark: tuple[int, int, int] = MARK
    size: tuple[int, int] = SIZE
    first: int = 0  # of `times`, the place of the first that is seen
    origin: int = 0  # the tick that becomes zero
    at_least: int | None = None  # pictures, where not all survive
    last_ticks: int = 1  # for how long the last picture is seen

    @property
    def seen(self) -> list[Fraction]:
        """When each picture is seen, in seconds."""
        return [(time - self.origin) * self.tick for time in self.times[self.first :]]

    @property
    def flash(self) -> Fraction:
        return self.seen[FLASH - self.first]


def late_voice(**changes) -> tuple[Voice, ...]:
    return (Voice(**changes),)


STILLS = (0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 40, 60)

CORPUS = {
    "plain": Clip(),
    "no sound": Clip(voices=()),
    # Held any way.
    "turned left": Clip(turn=(90, False, False)),
    "turned over": Clip(turn=(180, False, False)),
    "turned right": Clip(turn=(270, False, False)),
    "mirrored": Clip(turn=(0, True, False)),
    "upside down": Clip(turn=(0, False, True)),
    "turned and mirrored": Clip(turn=(90, True, False)),
    # Pixels of any shape, pictures of any size.
    "wide pixels": Clip(squeeze=Fraction(4, 3)),
    "high pixels": Clip(squeeze=Fraction(4, 5)),
    "wide pixels, turned": Clip(squeeze=Fraction(4, 3), turn=(90, False, False)),
    "odd size": Clip(suffix="mkv", pix_fmt="yuv444p", size=(241, 201)),
    # Any rate.
    "variable rate": Clip(
        suffix="mkv",
        tick=Fraction(1, 1000),
        times=[0, 40, 51, 120, 133, 170, 230, 234, 300, 360, 401, 450],
        last_ticks=37,
    ),
    "screen recording": Clip(times=STILLS, voices=late_voice(end=2.6), last_ticks=10),
    "film rate": Clip(tick=Fraction(1001, 24000), voices=late_voice(end=0.5)),
    "60 a second": Clip(tick=Fraction(1, 60)),
    # Any depth and sampling.
    "H.264 of 10 bits": Clip(pix_fmt="yuv420p10le"),
    "HEVC of 10 bits": Clip(codec="libx265", options=X265, pix_fmt="yuv420p10le"),
    "AV1 of 10 bits": Clip(
        codec="libsvtav1",
        options={"preset": "11", "crf": "20", "g": "6", "svtav1-params": "lp=1"},
        pix_fmt="yuv420p10le",
    ),
    "VP9": Clip(
        suffix="webm",
        codec="libvpx-vp9",
        options={"deadline": "realtime", "cpu-used": "8", "crf": "15", "b": "0", "g": "6"},
        voices=late_voice(codec="libopus"),
    ),
    "ProRes 4:2:2": Clip(
        suffix="mov",
        codec="prores_ks",
        options={},
        pix_fmt="yuv422p10le",
        voices=late_voice(codec="pcm_s16le"),
    ),
    "4:4:4": Clip(pix_fmt="yuv444p"),
    "grey": Clip(codec="libx265", options=X265, pix_fmt="gray", mark=(99, 99, 99)),
    "alpha": Clip(suffix="mov", codec="prores_ks", options={}, pix_fmt="yuva444p10le"),
    "RGB": Clip(suffix="mkv", codec="ffv1", options={}, pix_fmt="bgr0", colour=(1, 2, 2)),
    "motion JPEG": Clip(
        suffix="mov",
        codec="mjpeg",
        options={"qmin": "1", "qmax": "3"},
        pix_fmt="yuvj420p",
        full_range=True,
        colour=SD_625,
    ),
    # Any colour.
    "full range": Clip(pix_fmt="yuvj420p", full_range=True),
    "BT.601": Clip(tags=(6, 6, 6), colour=(6, 6, 6)),
    "BT.601 of 625 lines": Clip(tags=(5, 5, 6), colour=(5, 5, 6)),
    "BT.709": Clip(tags=HD, colour=HD),
    "BT.2020": Clip(codec="libx265", options=X265, pix_fmt="yuv420p10le", tags=BT2020_SDR, colour=HD),
    "HDR as HLG": Clip(codec="libx265", options=X265, pix_fmt="yuv420p10le", tags=HLG, colour=HD),
    "HDR as PQ": Clip(
        codec="libx265",
        options=X265 | {"x265-params": f"{X265['x265-params']}:{LIGHTS}"},
        pix_fmt="yuv420p10le",
        tags=PQ,
        colour=HD,
    ),
    # Fields.
    "interlaced": Clip(fields="tff"),
    "interlaced, lower field first": Clip(fields="bff", tags=HD, colour=HD),
    # Any sound.
    "three sounds": Clip(
        suffix="mkv",
        voices=(
            Voice(language="deu", title="Deutsch", default=False),
            Voice(codec="libopus", language="eng", title="English", pitch=1500),
            Voice(codec="flac", language="fra", title="Commentaire", pitch=2000, default=False, begin=0.2),
        ),
    ),
    "sound is longer": Clip(suffix="mkv", voices=late_voice(end=1.5)),
    "sound is shorter": Clip(voices=late_voice(end=0.38)),
    "sound begins late": Clip(voices=late_voice(begin=0.2)),
    "sound begins first": Clip(
        suffix="mkv",
        tick=Fraction(1, 1000),
        times=range(400, 880, 40),
        last_ticks=40,
        voices=late_voice(end=1.0),
    ),
    # Any file.
    "fragments": Clip(muxer={"movflags": "frag_keyframe+empty_moov+default_base_moof"}, voices=()),
    "recorded by a browser": Clip(
        suffix="webm",
        muxer={"live": "1"},  # neither length nor index
        codec="libvpx",
        options={"deadline": "realtime", "cpu-used": "8", "crf": "8", "b": "2000000", "g": "6"},
        voices=late_voice(codec="libopus"),
        colour=SD_625,
    ),
    "edit list": Clip(options=X264 | {"g": "4"}, first=6, origin=6),
    "counts from five seconds": Clip(
        suffix="mkv", times=range(125, 137), origin=125, voices=late_voice(begin=5, end=5.48)
    ),
    "torn end": Clip(
        suffix="mkv",
        times=range(16),
        voices=late_voice(end=0.64),
        harm=lambda content: content[: len(content) * 4 // 5],
        at_least=10,
    ),
    "open GOP": Clip(
        options={
            "preset": "veryfast",
            "crf": "12",
            "x264-params": "open-gop=1:bframes=3:b-adapt=0:keyint=8:scenecut=0",
        }
    ),
}


def scene(index: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return the (height, width, 3) RGB picture, upright; the face goes right by a pixel a picture."""
    width, height = size
    move = np.float32([[1, 0, width * 0.4 - FACE_AT[0] + index], [0, 1, height * 0.55 - FACE_AT[1]]])
    image = cv2.warpAffine(portrait(), move, size, borderMode=cv2.BORDER_REPLICATE)
    image[:CORNER, :CORNER] = MARK
    image[:CORNER, -CORNER:] = LAMP_ON if int(index) == FLASH else LAMP_OFF
    return image


def stored(image: np.ndarray, clip: Clip) -> np.ndarray:
    """Return the picture as the file has it: not yet turned, pixels not yet square."""
    degrees, is_mirrored, is_flipped = clip.turn
    image = image[:, ::-1] if is_mirrored else image
    image = image[::-1] if is_flipped else image
    image = np.ascontiguousarray(np.rot90(image, -degrees // 90))
    height, width = image.shape[:2]
    if clip.squeeze > 1:
        return cv2.resize(image, (round(width / clip.squeeze), height), interpolation=cv2.INTER_AREA)
    return cv2.resize(image, (width, round(height * clip.squeeze)), interpolation=cv2.INTER_AREA)


def picture(index: int, clip: Clip) -> np.ndarray:
    image = scene(index, clip.size)
    if clip.fields:
        later = slice(1, None, 2) if clip.fields == "tff" else slice(0, None, 2)
        image[later] = scene(index + 0.5, clip.size)[later]
    return stored(image, clip)


def frame_of(image: np.ndarray, clip: Clip) -> av.VideoFrame:
    if clip.tags in (BT2020_SDR, PQ, HLG):
        return deep_frame(hdrlight.codes_of(hdrlight.signal_of(image, clip.tags[2])))
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
        format=clip.pix_fmt,
        dst_colorspace="ITU709" if clip.tags == HD else "ITU601",
        dst_color_range=2 if clip.full_range else 1,
    )
    if clip.pix_fmt == "gray":  # swscale makes it of full range, the tag of the file will not say so
        for plane in frame.planes:
            lines = np.frombuffer(plane, np.uint8)
            lines[:] = np.rint(16 + lines * (219 / 255)).astype(np.uint8)
    return of_fields(frame, clip.fields) if clip.fields else frame


def deep_frame(codes: Sequence[np.ndarray]) -> av.VideoFrame:
    """Return a frame of yuv420p10le from full-size planes."""
    height, width = codes[0].shape
    frame = av.VideoFrame(width, height, "yuv420p10le")
    for plane, values in zip(frame.planes, codes, strict=True):
        small = cv2.resize(values, (plane.width, plane.height), interpolation=cv2.INTER_AREA)
        lines = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        lines[:, : plane.width] = np.rint(small).astype(np.uint16)
    return frame


def write(clip: Clip, path: Path) -> Path:
    """Write the clip to the path, whose suffix is to be the clip's."""
    with av.open(str(path), "w", options=clip.muxer or {}) as output:
        track = picture_track(output, clip)
        voices = [voice_track(output, voice) for voice in clip.voices]
        for index, time in enumerate(clip.times):
            frame = frame_of(picture(index, clip), clip)
            frame.pts, frame.time_base = time, clip.tick
            output.mux(track.encode(frame))
        output.mux(lengthened(track.encode(None), clip))
        for voice, sound in zip(voices, clip.voices, strict=True):
            write_voice(output, voice, sound, flash=float(clip.times[FLASH] * clip.tick))
    if clip.first:
        path.write_bytes(with_edit(path.read_bytes(), clip))
    if clip.harm:
        path.write_bytes(clip.harm(path.read_bytes()))
    return path


def lengthened(packets: list[av.Packet], clip: Clip) -> list[av.Packet]:
    """Return the last packets, of which the very last says for how long its picture is shown."""
    if packets:
        packets[-1].duration = round(clip.last_ticks * clip.tick / packets[-1].time_base)
    return packets


def picture_track(output: av.container.OutputContainer, clip: Clip) -> av.VideoStream:
    options = X264 if clip.options is None else clip.options
    if clip.fields:
        options = options | {"x264-params": f"{clip.fields}=1"}
    track = output.add_stream(clip.codec, rate=1 / clip.tick, options=options)
    context = track.codec_context
    context.height, context.width = stored(scene(0, clip.size), clip).shape[:2]
    context.pix_fmt, context.time_base = clip.pix_fmt, clip.tick
    context.colorspace, context.color_primaries, context.color_trc = clip.tags
    context.color_range = 2 if clip.full_range else 1
    context.sample_aspect_ratio = clip.squeeze
    if clip.turn != (0, False, False):
        degrees, is_mirrored, is_flipped = clip.turn
        track.set_display_rotation(degrees, hflip=is_mirrored, vflip=is_flipped)
    return track


def voice_track(output: av.container.OutputContainer, voice: Voice) -> av.AudioStream:
    track = output.add_stream(voice.codec, rate=RATE, layout="mono")
    track.metadata["language"] = voice.language
    if voice.title:
        track.metadata["title"] = voice.title
    track.disposition = Disposition.default if voice.default else Disposition(0)
    return track


def write_voice(output, track: av.AudioStream, voice: Voice, *, flash: float) -> None:
    times = np.arange(round(voice.begin * RATE), round(voice.end * RATE))
    beeps = (times >= flash * RATE) & (times < (flash + BEEP_SECONDS) * RATE)
    samples = np.where(beeps, 0.5 * np.sin(2 * np.pi * voice.pitch * times / RATE), 0).astype(np.float32)
    resampler = av.AudioResampler(format=track.codec_context.format, layout="mono", rate=RATE)
    for start in range(0, len(samples), 960):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 960], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), int(times[start])
        for fitting in resampler.resample(frame):
            output.mux(track.encode(fitting))
    output.mux(track.encode(None))


def with_edit(content: bytes, clip: Clip) -> bytes:
    """Return the mp4 with `clip.first` pictures cut off every track by its edit list (ISO/IEC 14496-12)."""
    edited = bytearray(content)
    seconds = clip.first * clip.tick
    at = -1
    while (at := edited.find(b"elst", at + 1)) >= 0:
        scale_at = edited.find(b"mdhd", at) + 16  # version 0: flags, created, changed, timescale
        scale = int.from_bytes(edited[scale_at : scale_at + 4], "big")
        start = int.from_bytes(edited[at + 16 : at + 20], "big") + round(seconds * scale)
        length = int.from_bytes(edited[at + 12 : at + 16], "big") - round(seconds * 1000)
        edited[at + 12 : at + 16] = length.to_bytes(4, "big")
        edited[at + 16 : at + 20] = start.to_bytes(4, "big")
    return bytes(edited)
