"""What was measured of a result, laid out for its page: how much of it shows the new face, and how like."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from jobs.models import Job, Mode

WIDTH, HEIGHT = 1000, 120  # of the drawings, in their own units
NARROWEST = 6  # units: a gap of one frame can be seen, and hit
SAME_PERSON = 0.6  # dlib's embedding: two pictures of one person are mostly nearer than this
# Up to these distances a result is very like, like and somewhat like. So near to 0.6 nothing is decided:
# glasses alone take a person's own clip from 0.36 to 0.62.
VERY_LIKE, LIKE, SOMEWHAT_LIKE = 0.45, 0.55, 0.65
FARTHEST = 0.9
# Up to which of the video's own flicker a result looks as steady as the video.
STEADY, LIVELY = 1.25, 1.6


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A stretch without the new face: in seconds, and where a strip of `WIDTH` shows it."""

    start: float
    end: float
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Findings:
    """`share` is of the frames, in percent; `distance` the mean one to the source, `dots` its course.

    Both drawings are as long as the result, `seconds`.
    """

    seconds: float
    share: float | None
    gaps: list[Gap]
    distance: float | None
    likeness: str
    dots: list[tuple[float, float]]
    threshold: float
    flicker: float | None
    steadiness: str

    @property
    def line(self) -> str:
        """From end to end: the first and the last look stand for what is before and after them."""
        ends = [(0, self.dots[0][1]), *self.dots, (WIDTH, self.dots[-1][1])]
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)

    @property
    def marks(self) -> str:
        """Strokes without length, whose round caps are dots however the drawing is stretched."""
        return "".join(f"M{x:.1f},{y:.1f}h0" for x, y in self.dots)


def findings_of(job: Job) -> Findings | None:
    """Return what is known of a finished result, or None of one that nothing was measured of."""
    metrics = job.latest.metrics if job.latest else {}
    seconds = job.output.seconds if job.output else None
    if (
        job.status != Job.Status.DONE
        or job.mode != Mode.VIDEO_SWAP
        or not metrics.get("frames")
        or not seconds
    ):
        return None
    looks = metrics.get("identity") or []
    flicker = metrics.get("flicker")
    swapped = metrics.get("swapped")
    distance = sum(each for _, each in looks) / len(looks) if looks else None
    return Findings(
        seconds=seconds,
        share=None if swapped is None else min(100.0, 100 * swapped / metrics["frames"]),
        gaps=[gap(start, end, seconds) for start, end in metrics.get("missed") or []],
        distance=distance,
        likeness=likeness(distance),
        dots=[(min(WIDTH, WIDTH * at / seconds), height_of(each)) for at, each in looks],
        threshold=height_of(SAME_PERSON),
        flicker=flicker,
        steadiness=steadiness(flicker),
    )


def gap(start: float, end: float, seconds: float) -> Gap:
    width = max(NARROWEST, WIDTH * (end - start) / seconds)
    return Gap(start=start, end=end, x=min(WIDTH * start / seconds, WIDTH - width), width=width)


def height_of(distance: float) -> float:
    """The nearer to the source's face, the higher."""
    return round(HEIGHT * min(distance, FARTHEST) / FARTHEST, 1)


def likeness(distance: float | None) -> str:
    if distance is None:
        return ""
    told = round(distance, 2)  # as the page shows it, so that both agree
    if told <= VERY_LIKE:
        return _("very like")
    if told <= LIKE:
        return _("like")
    if told <= SOMEWHAT_LIKE:
        return _("somewhat like")
    return _("hardly like")


def steadiness(flicker: float | None) -> str:
    if flicker is None:
        return ""
    if flicker <= STEADY:
        return _("as steady as the video itself")
    if flicker <= LIVELY:
        return _("a little livelier than the video")
    return _("it trembles more than the video")
