"""Take a worker's result: a PUT streamed to a temp file, hashed, complete, then put in place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from assets import space
from assets.errors import EmptyFile, IncompleteBody, TooLarge
from assets.models import Asset, Token
from assets.uploads import MIB, OwnFile, discard, drain, temp_path


def receive(request: HttpRequest, token: Token) -> Asset:
    """Store the body as the token's asset, or raise a Refusal and leave nothing behind."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > token.max_bytes:
        drain(request)
        raise TooLarge(f"The body has {length} bytes; this link takes {token.max_bytes}.")
    chunks = iter(lambda: request.read(min(MIB, length)), b"")
    with spooled(chunks, expected=length) as keep:
        keep(token.asset)
    return token.asset


@contextmanager
def spooled(chunks: Iterator[bytes], *, expected: int | None = None) -> Iterator[Callable[[Asset], None]]:
    """Write the chunks to a temp file and yield a function that makes it an asset's bytes.

    The temp file is gone afterwards, whatever happened.
    """
    path = temp_path(".part")
    digest, size = hashlib.sha256(), 0
    try:
        space.require(expected or 0)
        with space.full_disk_refused(), open(path, "wb") as file:
            for chunk in chunks:
                space.require(len(chunk))
                digest.update(chunk)
                size += file.write(chunk)
        if expected is not None and size != expected:
            raise IncompleteBody(f"The body ended after {size} of {expected} bytes.")
        if size == 0:
            raise EmptyFile("The body is empty.")

        def keep(asset: Asset) -> None:
            with space.full_disk_refused(), open(path, "rb") as source:
                asset.keep(OwnFile(source), size=size, sha256=digest.hexdigest())

        yield keep
    finally:
        discard(path)
