"""When nobody kept the time for a while: the machine slept, its clock was set, or the service was down.

Workers could not be heard meanwhile, so what ran out in that time ran out for nobody's fault.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from assets.models import Token
from jobs.models import Attempt, Job

# So long after the last sweep the time has jumped. A worker pings every few seconds, so that
# a sleep too short to be seen here leaves it enough of its lease to ping once more.
JUMP = 1.5 * settings.SWEEP_EVERY


def has_jumped(before: datetime, at: datetime) -> bool:
    return not -JUMP < at - before < JUMP


def mend(before: datetime, at: datetime) -> int:
    """Give every worker a whole lease to be heard again, and back the time that nobody counted.

    Returns how many attempts were given it. Safe to repeat: what is granted twice ends a lease later.
    """
    working = Attempt.objects.working()
    # After a clock that was set back, too: a lease that reaches far ahead would keep a dead worker's job.
    working.exclude(lease_until=None).update(lease_until=at + settings.LEASE)
    lost = max(at - before, timedelta())
    subjects = [attempt.subject for attempt in working]
    Token.objects.filter(subject__in=subjects, revoked_at=None).update(expires_at=F("expires_at") + lost)
    Attempt.objects.open().filter(collecting_at__gt=at + settings.COLLECT_LEASE).update(collecting_at=at)
    waiting = Job.objects.filter(status=Job.Status.QUEUED)
    waiting.filter(queued_at__gt=at).update(queued_at=at)
    waiting.filter(due_at__gt=at + max(settings.RETRY_PAUSES)).update(due_at=at)
    return working.update(deadline=F("deadline") + lost)
