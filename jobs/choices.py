"""The words that a job is asked for and told of in."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Mode(models.TextChoices):
    VIDEO_SWAP = "video_swap", _("Swap a face in a video")
    PHOTO_SING = "photo_sing", _("Make a photo sing")


class Quality(models.TextChoices):
    FAST = "fast", _("Fast")
    BALANCED = "balanced", _("Balanced")
    MAX = "max", _("Best")


class AspectRatio(models.TextChoices):
    PORTRAIT = "9:16", _("9:16 portrait")
    SQUARE = "1:1", _("1:1 square")
    TALL = "4:5", _("4:5 tall")
    ORIGINAL = "original", _("As it is")


class Stage(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    PREPROCESSING = "preprocessing", _("Looking at the files")
    GENERATING = "generating", _("Making the frames")
    ENHANCING = "enhancing", _("Refining")
    PACKAGING = "packaging", _("Packing the result")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
