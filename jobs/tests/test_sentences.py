"""Kept sentences, which are English, in the language of whoever reads them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

import worker.errors
from jobs.models import Event, Job, Preferences
from jobs.notices import tell
from jobs.sentences import told
from jobs.templatetags.wording import headline, particulars

KEEPING = {"reason", "error_message", "consent_via"}  # arguments that end up in rows
NOTING = {"move", "note", "hide", "cancel", "retry"}  # methods whose arguments do
# What a code says of these is enough: they are for whoever set a worker up.
FOR_OPERATORS = {"BadPayload", "BadMessage", "BadEngine", "EngineError", "UnsupportedPlatform"}
OF_THE_DISK = "The result came and found no room. 7"  # and how much room there is


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    with translation.override("de"):
        yield


def sentence_of(node: ast.expr) -> str | None:
    """Return a written text with a 7 for every value that is put into it; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return None


def calls(*rooms: str) -> Iterator[tuple[str, ast.Call]]:
    for room in rooms:
        for path in (settings.BASE_DIR / room).rglob("*.py"):
            if "tests" not in path.parts:
                yield from calls_in(path)


def calls_in(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def test_every_note_in_a_history_is_known():
    kept = set()
    for name, call in calls("jobs", "runpod_bridge"):
        given = [keyword.value for keyword in call.keywords if keyword.arg in KEEPING]
        kept |= {sentence_of(node) for node in [*given, *(call.args if name in NOTING else ())]}

    assert len(kept) > 20
    unknown = {sentence for sentence in kept if sentence and not told(sentence.removeprefix("7: "))}
    assert unknown == {OF_THE_DISK}


def test_every_sentence_of_a_worker_is_known():
    errors = {name for name, error in vars(worker.errors).items() if hasattr(error, "code")}
    told_of = [call for name, call in calls("worker") if call.args and name in errors - FOR_OPERATORS]
    said = {sentence_of(call.args[0]) for call in told_of}

    assert len(said) > 25
    assert {sentence for sentence in said if sentence and not told(sentence)} == set()


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        (
            "No face was found in the reference video, which is 12.5 s long.",
            "Im Referenzvideo, das 12,5 s dauert, wurde kein Gesicht gefunden.",
        ),
        (
            "The reference video could not be downloaded: the server answered 503.",
            "Eine Datei ließ sich nicht herunterladen (Referenzvideo): der Server antwortete 503.",
        ),
        (
            "submitted by alice (after its preview; key ab12 (my (own) program))",
            "eingereicht von alice (nach der Vorschau; Schlüssel ab12 (my (own) program))",
        ),
        ("The GPU of a stranger is on fire.", ""),
        ("", ""),
    ],
)
def test_a_sentence_is_told_with_its_own_values(kept, shown):
    assert told(kept) == shown


def test_what_is_longer_than_any_sentence_is_not_looked_at():
    assert told("a; " * 1000) == ""


def test_in_english_it_stays_word_for_word():
    with translation.override("en"):
        assert told("The GPU of a stranger is on fire.") == "The GPU of a stranger is on fire."


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("result reported (callback)", "Ergebnis gemeldet"),
        ("attempt 2 (pool)", "Versuch 2"),
        ("the clip was deleted after 3 days (retention)", "Das Video wurde nach 3 Tagen gelöscht"),
        ("collect queued again by the sweep", "Abholung von der Aufsicht erneut eingereiht"),
    ],
)
def test_a_note_becomes_a_headline(reason, shown):
    assert headline(Event(reason=reason)) == shown


def test_what_is_not_known_is_marked_as_english():
    events = [
        Event(old="processing", new="failed", reason=f"callback: {sentence}")
        for sentence in ("The worker stopped answering.", "The GPU is on fire.")
    ]

    html = render_to_string("jobs/_events.html", {"events": events})

    assert particulars(events[1]) == "The GPU is on fire."
    assert '<span class="event-more" >Der Rechner meldete sich nicht mehr.</span>' in html
    assert '<span class="event-more" lang="en">The GPU is on fire.</span>' in html


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("The job was cancelled.", "Der Auftrag wurde abgebrochen."),
        ("Out of patience.", "Es dauerte länger als erlaubt."),
    ],
)
def test_a_mail_tells_the_failure_in_the_language_of_its_reader(alice, failed_job, mailoutbox, kept, shown):
    alice.email = "alice@example.org"
    alice.save()
    Preferences.objects.create(user=alice, email_when_done=True, language="de")
    Job.objects.update(error_code="timed_out", error_message=kept)

    tell(failed_job.pk)

    assert shown in mailoutbox[0].body
    assert mailoutbox[0].subject.startswith("Fehlgeschlagen: ")
