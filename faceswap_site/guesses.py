"""Slows down whoever guesses passwords: after a few wrong ones they wait, longer each time, minutes at most.

Wrong ones are counted by name and address together, so that nobody far away keeps an owner out; and, with
more patience, by address alone, for whoever tries one password on many names.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

FREE_OF_NAME, FREE_OF_ADDRESS = 5, 30  # wrong ones before the first wait
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=5)  # each wait is twice the one before
FORGOTTEN_AFTER = timedelta(hours=1)
NEIGHBOURS = 64  # bits: of IPv6, a whole household or one rented machine


class GuessesQuerySet(models.QuerySet["Guesses"]):
    @transaction.atomic
    def take(self, request: HttpRequest, name: str, at: datetime) -> timedelta:
        """Count a try before its password is looked at, or return how long to wait before the next one.

        Before, so that a hundred tries at once are a hundred, not one.
        """
        self.filter(last_at__lt=at - FORGOTTEN_AFTER).delete()
        for key in keys(request, name):
            self.get_or_create(key=key, defaults={"last_at": at})
        # In one order, so that two do not wait for each other.
        rows = self.select_for_update().filter(key__in=keys(request, name)).order_by("key")
        wait = max(row.wait(at) for row in rows)
        if not wait:
            self.filter(key__in=keys(request, name)).update(count=models.F("count") + 1, last_at=at)
        return wait

    def forgive(self, request: HttpRequest, name: str) -> None:
        """The password was right: the name starts anew, while of the address only this try does not count."""
        of_name, of_address = keys(request, name)
        self.filter(key=of_name).delete()
        self.filter(key=of_address, count__gt=0).update(count=models.F("count") - 1)


class Guesses(models.Model):
    """How many passwords in a row were wrong. The key tells neither the name nor the address."""

    key = models.CharField(max_length=70, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    objects = GuessesQuerySet.as_manager()

    class Meta:
        indexes = [
            # For forgetting.
            models.Index(fields=["last_at"], name="guesses_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.count} until {self.last_at:%Y-%m-%d %H:%M:%S}"

    def wait(self, at: datetime) -> timedelta:
        free = FREE_OF_NAME if self.key.startswith("name:") else FREE_OF_ADDRESS
        if self.count < free:
            return timedelta()
        # No power beyond what the longest wait needs: the count has no end.
        doubled = FIRST_WAIT * 2 ** min(self.count - free, 10)
        return max(self.last_at + min(doubled, LONGEST_WAIT) - at, timedelta())


def keys(request: HttpRequest, name: str) -> list[str]:
    """What counts a try: the name and the address together, then the address."""
    address = address_of(request)
    # A capital letter more is the same name to whoever guesses; a password typed as a name is not kept.
    both = salted_hmac("faceswap_site.guesses", f"{name.casefold()}\n{address}", algorithm="sha256")
    alone = salted_hmac("faceswap_site.guesses", address, algorithm="sha256")
    return [f"name:{both.hexdigest()}", f"from:{alone.hexdigest()}"]


def address_of(request: HttpRequest) -> str:
    """Where a request came from; behind a proxy of one's own, the address that it saw, which it put last."""
    given = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        given = request.headers.get("X-Forwarded-For", given).rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given
    if address.version == 6:
        return str(ipaddress.ip_network((address, NEIGHBOURS), strict=False))
    return str(address)
