"""What was measured of a result, laid out for its page: how much of it shows the new face, and how like."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from jobs.models import Job, Mode

WIDTH, HEIGHT = 1000, 120  # of the drawings, in their own units
NARROWEST = 6  # units: a gap of one frame can be seen, and hit
SAME_PERSON = 0.6  # dlib's embedding: two pictures of one person are nearer than this
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
    """`share` is of the frames, in percent; `likeness` the mean distance to the source, `dots` its course.

    Both drawings are as long as the result, `seconds`.
    """

    seconds: float
    share: float | None
    gaps: list[Gap]
    likeness: float | None
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
    return Findings(
        seconds=seconds,
        share=None if swapped is None else min(100.0, 100 * swapped / metrics["frames"]),
        gaps=[gap(start, end, seconds) for start, end in metrics.get("missed") or []],
        likeness=sum(distance for _, distance in looks) / len(looks) if looks else None,
        dots=[(min(WIDTH, WIDTH * at / seconds), height_of(distance)) for at, distance in looks],
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


def steadiness(flicker: float | None) -> str:
    if flicker is None:
        return ""
    if flicker <= STEADY:
        return _("as steady as the video itself")
    if flicker <= LIVELY:
        return _("a little livelier than the video")
    return _("it trembles more than the video")
