"""What a pool worker hands in at job-done, in Runpod's words."""

from __future__ import annotations

from jobs import outcomes
from jobs.models import Attempt
from runpod_bridge.bodies import Body
from runpod_bridge.reports import message_of, progress_message, report_of

CAUSE = "job-done"


def judge(attempt: Attempt, body: Body) -> bool:
    """Let the judge hear it, and say whether it changed anything; may raise NoMessage."""
    said = body.read()
    if not Attempt.objects.working().filter(pk=attempt.pk).exists():
        return False  # told before, most likely by callback
    if said.get("status") == "IN_PROGRESS":
        message = progress_message(attempt, said.get("output"))
    else:
        message = message_of(attempt, said.get("output"), said.get("error"))
    return outcomes.apply(attempt, report_of(attempt, message, cause=CAUSE, body=body))
