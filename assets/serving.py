"""Serve the bytes of an asset, whole or a range of them, as the hostile content they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files import File
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date

from assets.errors import NotFound
from assets.models import Asset
from assets.ranges import Unsatisfiable, parse_range

BLOCK = 256 * 1024
SAFETY = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Slice:
    """A file that ends after `length` bytes."""

    def __init__(self, file: File, length: int) -> None:
        self.file, self.left = file, length

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        return data

    def close(self) -> None:
        self.file.close()


def serve(
    request: HttpRequest, asset: Asset, *, filename: str, as_attachment: bool = False
) -> HttpResponseBase:
    """Answer GET and HEAD with 200, 206, 304 or 416. `filename` is what a browser saves it under."""
    if asset.stored_at is None or asset.deleted_at is not None:
        raise NotFound(asset.epitaph or "The bytes of this file have not come yet.")
    headers = {**SAFETY, "ETag": f'"{asset.sha256}"', "Last-Modified": http_date(asset.stored_at.timestamp())}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponse(status=304, headers=headers)
    try:
        part = requested_part(request, headers, asset.size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{asset.size}"})
    file = opened(asset.file)
    start, stop = part or (0, asset.size)
    file.seek(start)
    response = FileResponse(
        Slice(file, stop - start),
        status=206 if part else 200,
        as_attachment=as_attachment,
        filename=filename,
        content_type=asset.content_type or "application/octet-stream",
        headers={**headers, "Content-Length": str(stop - start)},
    )
    response.block_size = BLOCK
    if part:
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{asset.size}"
    return response


def requested_part(request: HttpRequest, headers: dict[str, str], size: int) -> tuple[int, int] | None:
    """The range asked for, unless `If-Range` names a version that is no more."""
    condition = request.headers.get("If-Range")
    if condition is not None and condition not in (headers["ETag"], headers["Last-Modified"]):
        return None
    return parse_range(request.headers.get("Range", ""), size)


def serve_thumbnail(asset: Asset) -> HttpResponseBase:
    """The picture for lists; a page may keep it, for its address changes when it does."""
    headers = {**SAFETY, "Cache-Control": "private, max-age=86400"}
    return FileResponse(opened(asset.thumbnail), content_type="image/jpeg", headers=headers)


def opened(file: FieldFile) -> File:
    """Open a stored file of its own for this answer: two answers must not share one position."""
    try:
        return file.storage.open(file.name or "")
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("This file is not there, or has been deleted.") from None


@contextmanager
def gone_is_404() -> Iterator[None]:
    """For pages: what is not there is the site's own page of that name."""
    try:
        yield
    except NotFound as refusal:
        raise Http404(str(refusal)) from refusal
