"""What can go wrong with a piece of work. The message is a sentence for the person who asked for it."""

from __future__ import annotations


class WorkError(Exception):
    """Ends one job. `code` is for programs and never changes; `retry`: the same again may succeed."""

    code = "work_error"
    retry = False


class BadPayload(WorkError):
    code = "bad_payload"


class BadMessage(WorkError):
    """What was received is no message of the contract."""

    code = "bad_message"


class NoFaceInSource(WorkError):
    code = "no_face_in_source"


class NoFaceInVideo(WorkError):
    code = "no_face_in_video"


class DecodeError(WorkError):
    code = "decode_error"


class NoAudio(WorkError):
    code = "no_audio"


class BadEngine(WorkError):
    """What the operator has set up to compute with cannot be used."""

    code = "bad_engine"


class UnsupportedPlatform(WorkError):
    code = "unsupported_platform"


class FetchFailed(WorkError):
    """An input could not be downloaded. Only what the server says is gone for good is not worth a repeat."""

    code = "fetch_failed"
    retry = True

    def __init__(self, sentence: str, *, retry: bool = True) -> None:
        super().__init__(sentence)
        self.retry = retry


class DeliveryFailed(WorkError):
    """The result, or the word of it, did not reach the service."""

    code = "delivery_failed"
    retry = True

    def __init__(self, sentence: str, *, retry: bool = True) -> None:
        super().__init__(sentence)
        self.retry = retry


class DiskFull(WorkError):
    code = "storage_full"
    retry = True


class EngineError(WorkError):
    """The engine stopped for a reason that nobody foresaw."""

    code = "engine_error"
    retry = True


class Cancelled(WorkError):
    code = "cancelled"

    def __init__(self, sentence: str = "The job was cancelled.") -> None:
        super().__init__(sentence)
