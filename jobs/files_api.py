"""Files over the API: sent before there is a job, and what a quick look at them found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from ninja import File, Router, Status
from ninja.files import UploadedFile

from assets.models import Asset
from jobs import looks
from jobs.analyses import Analysis
from jobs.auth import ApiRequest
from jobs.files import keep_one
from jobs.schemas import FileOut

router = Router(tags=["files"])


@router.post("", response={201: FileOut}, summary="Send a file")
def send_file(
    request: ApiRequest,
    response: HttpResponse,
    reference_video: File[UploadedFile | None] = None,
    source_image: File[UploadedFile | None] = None,
    driving_audio: File[UploadedFile | None] = None,
):
    """Keep one file, and have a photo or video looked at for people: its `id` is what a job can be made of.

    Of a file that no job was made of nothing is kept after a while (`STAGED_UPLOAD_HOURS`, 24 by default).
    Refusals: as of a job's files, and `missing_field` or `invalid_choice` for none or several.
    """
    _, asset = keep_one(request, owner=request.auth.user)
    response["Location"] = request.build_absolute_uri(f"/v1/files/{asset.pk}")
    return Status(201, file_out(asset))


@router.get("/{uuid:file_id}", response=FileOut, summary="Look at a file")
def get_file(request: ApiRequest, file_id: UUID):
    """What is known of a file of yours, the people in it among that; 404 once it has been deleted.

    A file that came with a job is looked at when it is first asked for here: ask again while `look.status`
    is queued, a few seconds as a rule. A sound, and a result, has no look.
    """
    mine = Asset.objects.owned_by(request.auth.user).available().select_related("analysis")
    asset = get_object_or_404(mine, pk=file_id)
    if not hasattr(asset, "analysis"):
        looks.ask(asset, now())
    return file_out(asset)


def file_out(asset: Asset) -> dict[str, Any]:
    names = [name for name in FileOut.model_fields if name != "look"]
    return {**{name: getattr(asset, name) for name in names}, "look": look_out(asset)}


def look_out(asset: Asset) -> dict[str, Any] | None:
    if asset.kind not in looks.KINDS:
        return None
    analysis: Analysis | None = getattr(asset, "analysis", None)
    if analysis is None or analysis.done_at is None:
        return {"status": "queued", "people": [], "error": None}
    if analysis.error_code:
        error = {"code": analysis.error_code, "message": analysis.error_message}
        return {"status": "failed", "people": [], "error": error}
    people = [person_out(number, person) for number, person in enumerate(analysis.people, 1)]
    return {"status": "done", "people": people, "error": None}


def person_out(number: int, person: dict[str, Any]) -> dict[str, Any]:
    """Somebody as the look kept them; what there is no reason for, and its sentence, are null."""
    absent = {name: None for name in ("reason", "sentence") if not person.get(name)}
    return {"number": number, **person, **absent}
