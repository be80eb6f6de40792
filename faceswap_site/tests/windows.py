"""A browser window that is watched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Page


@contextmanager
def watched(context: BrowserContext, home: str) -> Iterator[Page]:
    """A page that may call nobody but the service, break no policy and raise no error."""
    page, faults = context.new_page(), []
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if "Security Policy" in line.text else None)
    page.on("request", lambda r: None if r.url.startswith((home, "blob:", "data:")) else faults.append(r.url))
    yield page
    context.close()
    assert not faults
