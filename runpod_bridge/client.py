"""Runpod's REST API for one serverless endpoint: which requests are repeated, and what a refusal means."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from jobs.compute import ProviderError

TIMEOUT = (5, 15)  # seconds to connect, and between bytes
# Seconds until the last try begins. Then it is the sweep's turn: while the queue waits here, it
# sends nothing else.
PATIENCE = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
MIB = 1024 * 1024
ANSWER_MOST = 64 * MIB  # Runpod itself keeps at most 20 MB of a result.
BUSY = 429
REFUSALS = {
    401: "Runpod refused the API key ({status}). Check RUNPOD_API_KEY.",
    403: "Runpod refused the API key ({status}). Check RUNPOD_API_KEY and what it may do.",
    404: "Runpod knows no endpoint {endpoint!r} ({status}). Check RUNPOD_ENDPOINT_ID.",
}


class BearerToken(AuthBase):
    """As `auth`, so that no .netrc replaces it."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.key}"
        return request


class Unknown(ProviderError):
    """Runpod knows no job of this id, or no longer."""


class Client:
    """Raises ProviderError, whose sentence holds neither the key nor an address of ours."""

    def __init__(self, base: str, *, endpoint: str, key: str) -> None:
        self.base = base
        self.endpoint = endpoint
        self.session = requests.Session()
        self.session.auth = BearerToken(key)

    def run(self, job: dict[str, Any]) -> str:
        """Queue a job and return Runpod's id of it. There is no way to ask whether one was queued.

        So it is sent again only if it certainly was not taken; else `maybe_started` is set.
        """
        response = self._send("POST", "run", json=job, may_repeat=False)
        self._check(response, maybe_started=response.status_code >= 500)
        job_id = _object(response, maybe_started=True).get("id")
        if not isinstance(job_id, str) or not job_id:
            raise ProviderError("Runpod took the job but named no id for it.", maybe_started=True)
        return job_id

    def status(self, job_id: str) -> dict[str, Any]:
        """Return what Runpod knows of a job, or raise Unknown."""
        response = self._send("GET", f"status/{job_id}")
        if response.status_code == 404:
            raise Unknown(f"Runpod no longer knows the job {job_id}.")
        self._check(response)
        return _object(response)

    def cancel(self, job_id: str) -> None:
        response = self._send("POST", f"cancel/{job_id}")
        if response.status_code != 404:  # ended, or forgotten: nothing to stop
            self._check(response)

    def health(self) -> dict[str, Any]:
        response = self._send("GET", "health")
        self._check(response)
        return _object(response)

    def _send(self, method: str, path: str, *, may_repeat: bool = True, **parts: Any) -> requests.Response:
        """Ask until the answer is worth having or patience ends, and return the last answer."""
        until, failures = time.monotonic() + PATIENCE, 0
        while True:
            response, trouble = self._try(method, path, **parts)
            if response is not None:
                is_passing = response.status_code == BUSY or (may_repeat and response.status_code >= 500)
            else:
                is_passing = may_repeat or _never_left(trouble)
            failures += 1
            pause = _pause(failures, response)
            if is_passing and time.monotonic() + pause < until:
                time.sleep(pause)
            elif response is not None:
                return response
            else:
                raise _no_answer(trouble, maybe_started=not is_passing) from trouble

    def _try(
        self, method: str, path: str, **parts: Any
    ) -> tuple[requests.Response | None, requests.RequestException | None]:
        url = f"{self.base}/{self.endpoint}/{path}"
        try:
            answer = self.session.request(
                method, url, timeout=TIMEOUT, allow_redirects=False, stream=True, **parts
            )
        except requests.RequestException as exc:
            return None, exc
        return answer, None

    def _check(self, response: requests.Response, *, maybe_started: bool = False) -> None:
        """Raise ProviderError unless the answer is a good one."""
        status = response.status_code
        if 200 <= status < 300:
            return
        if status in REFUSALS:
            sentence = REFUSALS[status].format(status=status, endpoint=self.endpoint)
            raise ProviderError(sentence, is_transient=False)
        if status == BUSY:
            raise ProviderError("Runpod takes no more requests at the moment (429).")
        if status >= 500:
            raise ProviderError(f"Runpod has trouble ({status}).", maybe_started=maybe_started)
        raise ProviderError(f"Runpod refused the request ({status}).", is_transient=False)


def _never_left(exc: requests.RequestException | None) -> bool:
    """Did it fail before a byte of the request was sent? Then nobody can have acted on it."""
    if isinstance(
        exc, (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError)
    ):
        return True
    cause = exc.args[0] if exc and exc.args else None
    # Refused, and names that cannot be resolved, are both NewConnectionErrors.
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _no_answer(exc: requests.RequestException | None, *, maybe_started: bool) -> ProviderError:
    what = "did not answer in time" if isinstance(exc, requests.ReadTimeout) else "could not be reached"
    return ProviderError(f"Runpod {what} ({type(exc).__name__}).", maybe_started=maybe_started)


def _pause(failures: int, response: requests.Response | None) -> float:
    """Return the seconds to wait after so many failures; Runpod's own Retry-After goes before ours."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    if asked.isascii() and asked.isdigit():
        return float(asked)
    # Apart from each other, so that many tasks do not come back as one.
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1)) * random.uniform(0.5, 1.0)


def _object(response: requests.Response, *, maybe_started: bool = False) -> dict[str, Any]:
    """Read the answer's JSON object, or raise ProviderError."""
    try:
        content = b""
        for piece in response.iter_content(MIB):
            content += piece
            if len(content) > ANSWER_MOST:
                raise ValueError("too long")
        said = json.loads(content)
        if isinstance(said, dict):
            return said
    except (requests.RequestException, ValueError, RecursionError) as exc:
        raise ProviderError("Runpod's answer cannot be read.", maybe_started=maybe_started) from exc
    raise ProviderError("Runpod's answer is no JSON object.", maybe_started=maybe_started)
