"""The way in for bytes: bodies bounded before they are read, files streamed to disk, hashed, proved, kept."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.timezone import now
from django.utils.translation import gettext as _

from assets import space
from assets.errors import EmptyFile, NoLength, Refusal, StorageFull, TooLarge
from assets.models import Asset
from assets.probe import Question, probe
from assets.problems import problem

MIB = 1024 * 1024
DRAIN_SECONDS = 5
REFUSED_UPLOAD = "refused_upload"  # where a request keeps the refusal of a file that was cut off
FORM_BYTES = 1 * MIB
FILES_AT_ONCE = 20  # that the form for several jobs takes


class Bounds(NamedTuple):
    """What a body may have, in bytes, and how often over the disk must have room for it."""

    limit: Callable[[], int]
    room: int = 0


# The first pattern that fits a path bounds its bodies; nothing else may send more than a form.
BODIES: list[tuple[re.Pattern[str], Bounds]] = [
    # The files, the clean copy of a photo with the thumbnails, and the result.
    (
        re.compile(r"^/v1/jobs/?$|^/new/?$"),
        Bounds(lambda: 3 * settings.MAX_UPLOAD_BYTES + FORM_BYTES, room=3),
    ),
    # One file, and the clean copy of a photo with the thumbnails.
    (
        re.compile(r"^/(v1/)?files/?$|^/faces/?$"),
        Bounds(lambda: settings.MAX_UPLOAD_BYTES + FORM_BYTES, room=2),
    ),
    (
        re.compile(r"^/batches/new/?$"),
        Bounds(lambda: FILES_AT_ONCE * settings.MAX_UPLOAD_BYTES + FORM_BYTES, room=2),
    ),
    (re.compile(r"^/v1/assets/"), Bounds(lambda: settings.MAX_UPLOAD_BYTES, room=1)),
    # A result in base64 lies on the disk as it came and as what it means. What is small stays in memory.
    (
        re.compile(r"^/v1/runpod/callback$|/job-(done|stream)/"),
        Bounds(lambda: settings.CALLBACK_MAX_BYTES, room=2),
    ),
]
A_FORM = Bounds(lambda: FORM_BYTES)


def bounds_of(path: str) -> Bounds:
    return next((bounds for pattern, bounds in BODIES if pattern.search(path)), A_FORM)


def drain(request: HttpRequest, seconds: float = DRAIN_SECONDS) -> None:
    """Read on for a while, so that a client in the middle of sending gets to read the answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and request.read(MIB):
        pass


class BodyLimit:
    """Refuse, before anything is read, a body too large, one without room, or one of no stated length.

    Django takes a chunked body for an empty one under WSGI, so that its sender would be told
    that fields are missing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = self.refusal(request)
        if refusal is None:
            return self.get_response(request)
        if refusal.status in (TooLarge.status, StorageFull.status):
            drain(request)
        return self.answer(request, refusal)

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        """What a page or a worker's address wrote when the disk ran full; the API's root says it itself."""
        return self.answer(request, StorageFull(_(space.RAN_FULL))) if space.is_full(exc) else None

    def answer(self, request: HttpRequest, refusal: Refusal) -> HttpResponse:
        if "text/html" in request.headers.get("Accept", ""):  # a browser's own form: a person reads this
            return render(request, "refused.html", {"refusal": refusal}, status=refusal.status)
        return problem(request, refusal)

    def refusal(self, request: HttpRequest) -> Refusal | None:
        length = request.META.get("CONTENT_LENGTH") or ""
        is_upload = request.content_type == "multipart/form-data" or request.method == "PUT"
        if "HTTP_TRANSFER_ENCODING" in request.META or (is_upload and not length):
            return NoLength(_("The body has no Content-Length; send one, not a chunked body."))
        size, bounds = int(length) if length.isdigit() else 0, bounds_of(request.path)
        if size > (limit := bounds.limit()):
            said = _("The body has %(size)d bytes; the limit here is %(limit)d.")
            return TooLarge(said, size=size, limit=limit)
        goes_to_disk = bounds.room and (is_upload or size > FORM_BYTES)
        if goes_to_disk and (shortage := space.shortage(bounds.room * size)):
            return StorageFull(shortage)
        return None


class HashedUpload(TemporaryUploadedFile):
    """What a request's form holds for each of its files, after `HashingUploadHandler`."""

    sha256 = ""


class HashingUploadHandler(TemporaryFileUploadHandler):
    """Write each file of a form to disk as it comes, hashing it, and stop at the cap or at a full disk."""

    file: HashedUpload

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        FileUploadHandler.new_file(self, *args, **kwargs)  # not our parent's, which would open another file
        with self.cutting_off():
            space.require(0)
            self.file = HashedUpload(
                self.file_name or "", self.content_type, 0, self.charset, self.content_type_extra
            )
        self.digest = hashlib.sha256()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self.cutting_off():
            if start + len(raw_data) > settings.MAX_UPLOAD_BYTES:
                limit = settings.MAX_UPLOAD_BYTES // MIB
                said = _("%(name)r is larger than %(limit)d MB, the limit for a file.")
                raise TooLarge(said, name=self.file_name, limit=limit)
            self.digest.update(raw_data)
            super().receive_data_chunk(raw_data, start)
            # What waits in a buffer would find the disk full when the file is closed, where nobody listens.
            self.file.flush()

    @contextmanager
    def cutting_off(self) -> Iterator[None]:
        """End the reading of the form at a refusal, and leave that where `refused_upload` finds it."""
        try:
            with space.full_disk_refused():
                yield
        except Refusal as refusal:
            setattr(self.request, REFUSED_UPLOAD, refusal.on(self.field_name or ""))
            raise StopUpload(connection_reset=True) from refusal

    def file_complete(self, file_size: int) -> UploadedFile | None:
        self.file.sha256 = self.digest.hexdigest()
        return super().file_complete(file_size)


def refused_upload(request: HttpRequest) -> Refusal | None:
    """The refusal of a file that was cut off: there the reading of the form ended; the rest was not read."""
    return getattr(request, REFUSED_UPLOAD, None)


def cut_off(request: HttpRequest) -> Refusal | None:
    """The same for a page, whose browser has to have sent on before it shows the answer."""
    if refusal := refused_upload(request):
        drain(request)
    return refusal


class OwnFile(File):
    """A file of ours in the temp folder, which storage may move instead of copying."""

    def temporary_file_path(self) -> str:
        return self.name or ""


KINDS = {
    "reference_video": Asset.Kind.VIDEO,
    "source_image": Asset.Kind.IMAGE,
    "source_images": Asset.Kind.IMAGE,
    "driving_audio": Asset.Kind.AUDIO,
}


def question_about(path: str, kind: str, name: str) -> Question:
    """Ask the probe for facts, a thumbnail and, of a picture, a clean copy; both beside the file."""
    is_image = kind == Asset.Kind.IMAGE
    max_pixels: dict[str, int] = {
        Asset.Kind.IMAGE: settings.MAX_IMAGE_PIXELS,
        Asset.Kind.OUTPUT: settings.MAX_OUTPUT_PIXELS,
    }
    return Question(
        path=path,
        kind="video" if kind == Asset.Kind.OUTPUT else kind,
        name=name,
        max_seconds=settings.MAX_VIDEO_SECONDS,
        max_pixels=max_pixels.get(kind, settings.MAX_VIDEO_PIXELS),
        thumbnail=None if kind == Asset.Kind.AUDIO else temp_path(".jpg"),
        clean=temp_path(".clean.jpg") if is_image else None,
    )


def temp_path(suffix: str) -> str:
    return str(settings.FILE_UPLOAD_TEMP_DIR / f"{uuid4().hex}{suffix}")


def in_words(refusal: Refusal) -> Refusal:
    """Say it in the language of the page, with its decimal point."""
    shown = {
        name: number_format(value) if isinstance(value, float) else value
        for name, value in refusal.values.items()
    }
    return type(refusal)(_(refusal.sentence), **shown)


def take_in(files: Sequence[tuple[str, HashedUpload]], *, owner: Any) -> list[Asset]:
    """Prove the files of a form, each with its field, and keep them in that order.

    All, or none of them and a Refusal that names the field.
    """
    for field, file in files:
        if not file.size:
            raise EmptyFile(_("%(name)r is empty."), name=file.name).on(field)
    questions = [
        question_about(file.temporary_file_path(), KINDS[field], file.name or field) for field, file in files
    ]
    assets: list[Asset] = []
    try:
        answers = probe(questions, timeout=settings.PROBE_TIMEOUT.total_seconds())
        for (field, _file), answer in zip(files, answers, strict=True):
            if isinstance(answer, Refusal):
                raise in_words(answer).on(field)
        for (field, file), question, facts in zip(files, questions, answers, strict=True):
            asset = Asset.objects.expect(owner=owner, kind=KINDS[field], name=question.name)
            assets.append(asset)
            with open(question.clean or question.path, "rb") as source:
                content = OwnFile(source)
                asset.keep(content, size=content.size, sha256=file.sha256)
            describe(asset, facts, question)
    except BaseException:
        for asset in assets:
            asset.erase(now())
        raise
    else:
        return assets
    finally:
        for question in questions:
            discard(question.thumbnail, question.clean)


def describe(asset: Asset, facts: Any, question: Question) -> None:
    """Hand the probe's facts, and its thumbnail if it made one, to the asset."""
    if question.thumbnail and Path(question.thumbnail).exists():
        with open(question.thumbnail, "rb") as picture:
            asset.describe(facts, OwnFile(picture))
    else:
        asset.describe(facts, None)


def discard(*paths: str | None) -> None:
    for path in paths:
        if path:
            Path(path).unlink(missing_ok=True)
