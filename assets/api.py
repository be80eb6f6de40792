from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.timezone import now
from ninja import Router

from assets.models import Token
from assets.receiving import receive
from assets.serving import serve

router = Router(tags=["assets"], auth=None)


@router.api_operation(["GET", "HEAD"], "/{token}", summary="Fetch an input")
def fetch(request: HttpRequest, token: str) -> HttpResponseBase:
    """The bytes of one asset, whole or ranged (`Range`, `If-Range`). 404 for any token not live."""
    asset = Token.objects.redeem(token, Token.Purpose.DOWNLOAD, now()).asset
    return serve(request, asset, filename=str(asset.pk))


@router.put("/{token}", summary="Deliver a result")
def deliver(request: HttpRequest, token: str) -> HttpResponse:
    """Store the body as the result. Needs `Content-Length`; may be repeated; 201 when all of it is kept.

    Refusals: `not_found` (404), `no_length` (411), `too_large` (413), `incomplete_body` (400).
    """
    asset = receive(request, Token.objects.redeem(token, Token.Purpose.UPLOAD, now()))
    return HttpResponse(status=201, headers={"ETag": f'"{asset.sha256}"'})
