"""Tell a job's owner by e-mail that it has ended, if that is what they chose. Once for each time it ends."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.timezone import now

from jobs.models import Job


def tell(job_pk: UUID) -> None:
    job = Job.objects.with_parts().select_related("owner__preferences").get(pk=job_pk)
    wishes = getattr(job.owner, "preferences", None)
    if not (wishes and wishes.email_when_done and job.owner.email) or job.is_open or job.hidden_at:
        return
    untold = Job.objects.filter(Q(told_at=None) | Q(told_at__lt=F("finished_at")), pk=job.pk)
    if untold.update(told_at=now()) != 1:
        return  # Queued twice.
    with translation.override(wishes.language or settings.LANGUAGE_CODE):
        text = render_to_string("jobs/ended.txt", {"job": job, "server": settings.SITE_URL})
    subject, _, body = text.strip().partition("\n")
    send_mail(subject, body.strip(), None, [job.owner.email])
