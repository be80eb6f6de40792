from __future__ import annotations

from django.db import models

from assets.models import Asset


class MorePhoto(models.Model):
    """A photo beyond a job's first. `number` is what `Job.faces` knows it by."""

    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="more_photos")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="one_photo_of_a_number"),
        ]

    def __str__(self) -> str:
        return f"photo {self.number} of {self.job_id}"
