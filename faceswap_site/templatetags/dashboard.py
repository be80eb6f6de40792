"""What an operator wants to see first: the queue, the work, what fails, and the room that is left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Sum
from django.db.models.functions import TruncHour
from django.template import Library
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets import space
from assets.models import Asset
from jobs.models import Attempt, Job
from runpod_bridge.models import Worker

register = Library()

HOURS = 24
DAYS = 7
CODES_MOST = 8
KINDS = {
    Asset.Kind.VIDEO: _("Clips"),
    Asset.Kind.IMAGE: _("Photos"),
    Asset.Kind.AUDIO: _("Sounds"),
    Asset.Kind.OUTPUT: _("Results"),
}
BAR, TALLEST = 20, 80  # of the drawing, in its own units


@register.inclusion_tag("admin/_dashboard.html")
def dashboard() -> dict[str, Any]:
    """Nine queries, however many jobs there are."""
    at = now()
    open_jobs = Job.objects.open()
    waiting = open_jobs.filter(status=Job.Status.QUEUED)
    return {
        "at": at,
        "waiting": waiting.count() + Attempt.objects.working().filter(started_at=None).count(),
        "working": Attempt.objects.working().exclude(started_at=None).count(),
        "oldest": open_jobs.aggregate(at=Min("queued_at"))["at"],
        "oldest_job": open_jobs.order_by("queued_at").first(),
        "workers": Worker.objects.around(at).count(),
        "bars": bars(at),
        "failures": failures(at),
        "kinds": kinds(),
        "free": space.free_bytes(),
        "hours": HOURS,
        "days": DAYS,
        "width": BAR * HOURS,
        "tallest": TALLEST,
    }


def kinds() -> list[dict[str, Any]]:
    """Return how much of the storage each kind of file takes up, the most first."""
    rows = Asset.objects.available().values_list("kind").annotate(bytes=Sum("size")).order_by("-bytes")
    return [{"name": KINDS[Asset.Kind(kind)], "bytes": size} for kind, size in rows]


def bars(at: datetime) -> list[dict[str, Any]]:
    """Return a bar for each of the last hours: how many jobs ended well in it, and how many not."""
    first = at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    ended = Job.objects.filter(finished_at__gte=first, status__in=[Job.Status.DONE, Job.Status.FAILED])
    rows = ended.annotate(hour=TruncHour("finished_at")).values_list("hour", "status")
    counts = {(hour, status): count for hour, status, count in rows.annotate(count=Count("pk")).order_by()}
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    told = [
        [counts.get((hour, status), 0) for status in (Job.Status.DONE, Job.Status.FAILED)] for hour in hours
    ]
    most = max(map(sum, told), default=0) or 1
    return [
        {
            "hour": hour,
            "done": done,
            "failed": failed,
            "x": number * BAR,
            "done_height": TALLEST * done / most,
            "failed_height": TALLEST * failed / most,
            "top": TALLEST * (1 - (done + failed) / most),
            "middle": TALLEST * (1 - done / most),
        }
        for number, (hour, (done, failed)) in enumerate(zip(hours, told, strict=True))
    ]


def failures(at: datetime) -> list[dict[str, Any]]:
    """Return the commonest codes of jobs that failed within the last days, each with a list of them."""
    lately = Job.objects.filter(status=Job.Status.FAILED, finished_at__gte=at - timedelta(days=DAYS))
    rows = lately.values_list("error_code").annotate(count=Count("pk")).order_by("-count", "error_code")
    listed = reverse("admin:jobs_job_changelist")
    return [
        {
            "code": code or gettext("unknown"),
            "count": count,
            "url": f"{listed}?{urlencode({'status__exact': Job.Status.FAILED, 'error_code__exact': code})}",
        }
        for code, count in rows[:CODES_MOST]
    ]
