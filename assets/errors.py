"""Refusals: what a client did wrong, in a sentence, with a code that programs may rely on.

The codes are listed in docs/errors.md; one is never reused for another meaning.
"""

from __future__ import annotations

import errno


def gettext_noop(sentence: str) -> str:
    """Mark a sentence for `makemessages`; this file and the probe's process know no Django."""
    return sentence


class Refusal(Exception):
    """Answered as a problem document: `status` and `code` for programs, the message for people."""

    code = "invalid"
    status = 400
    title = "The request cannot be carried out."
    field: str | None = None
    retry_after: int | None = None  # seconds

    def __init__(self, sentence: str, **values: object) -> None:
        """`values` are put into the sentence, which whoever speaks to people has translated before."""
        super().__init__(sentence % values if values else str(sentence))
        self.sentence, self.values = sentence, values

    def on(self, field: str) -> Refusal:
        """Say which form field was at fault; the page shows the sentence beside it."""
        self.field = field
        return self


class NotFound(Refusal):
    code, status, title = "not_found", 404, "There is nothing here."


class MissingField(Refusal):
    code, status, title = "missing_field", 422, "A part of the form is missing."


class InvalidChoice(Refusal):
    code, status, title = "invalid_choice", 422, "A value is not among the choices."


class EmptyFile(Refusal):
    code, status, title = "empty_file", 422, "The file is empty."


class UnsupportedMedia(Refusal):
    code, status, title = "unsupported_media", 415, "This kind of file is not taken."


class UnreadableMedia(Refusal):
    code, status, title = "unreadable_media", 422, "The file cannot be read."


class TooLarge(Refusal):
    code, status, title = "too_large", 413, gettext_noop("The upload is too large.")


class TooLong(Refusal):
    code, status, title = "too_long", 422, "The media is too long."


class TooManyPixels(Refusal):
    code, status, title = "too_many_pixels", 422, "The picture is too large."


class NoLength(Refusal):
    code, status, title = "no_length", 411, gettext_noop("The length of the body is not stated.")


class IncompleteBody(Refusal):
    code, status, title = "incomplete_body", 400, "The body ended early."


class StorageFull(Refusal):
    code, status, title = "storage_full", 507, gettext_noop("The disk is full.")
    ERRNOS = {errno.ENOSPC, errno.EDQUOT}


# What the probe's process may answer; anything else from it counts as unreadable.
BY_CODE = {
    error.code: error for error in (UnsupportedMedia, UnreadableMedia, TooLong, TooManyPixels, StorageFull)
}
