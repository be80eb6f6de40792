"""Slows down whoever guesses passwords: after a few wrong ones they wait, longer each time, minutes at most.

Wrong ones are counted by name and address together, so that nobody far away keeps an owner out; and, with
more patience, by address alone, for whoever tries one password on many names. A browser in which a name has
signed in before is counted by itself for that name: addresses are shared, behind a proxy by all, and nobody
keeps an owner out of it from there either.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models, transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from faceswap_site.callers import address_of, browser_of, comes_through_unnamed_proxy, warn_of_proxy

FREE_OF_NAME, FREE_OF_ADDRESS = 5, 30  # wrong ones before the first wait
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=5)  # each wait is twice the one before
FORGOTTEN_AFTER = timedelta(hours=1)


class GuessesQuerySet(models.QuerySet["Guesses"]):
    @transaction.atomic
    def take(self, request: HttpRequest, name: str, at: datetime) -> timedelta:
        """Count a try before its password is looked at, or return how long to wait before the next one.

        Before, so that a hundred tries at once are a hundred, not one.
        """
        if comes_through_unnamed_proxy(request):
            warn_of_proxy()
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
        of_name, *of_address = keys(request, name)
        self.filter(key=of_name).delete()
        self.filter(key__in=of_address, count__gt=0).update(count=models.F("count") - 1)


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
    """What counts a try: the browser that the name is known in; else name and address, then the address."""
    if browser := browser_of(request, name):
        return [f"name:{digest(browser)}"]
    address = address_of(request)
    # A capital letter more is the same name to whoever guesses; a password typed as a name is not kept.
    both = f"{name.casefold()}\n{address}"
    return [f"name:{digest(both)}", f"from:{digest(address)}"]


def digest(text: str) -> str:
    return salted_hmac("faceswap_site.guesses", text, algorithm="sha256").hexdigest()
