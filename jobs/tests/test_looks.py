"""Quick looks at files: asked for once, done once, brought back, and believed only where they make sense."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now
from django_q.models import OrmQ

from assets.models import Asset
from conftest import keep
from jobs import looks
from jobs.analyses import Analysis
from jobs.deletion import delete_files
from jobs.models import Job
from jobs.sweep import reconcile

pytestmark = pytest.mark.django_db
PERSON = {
    "number": 1,
    "time": 1.5,
    "box": [0.1, 0.2, 0.3, 0.4],
    "seen": 0.5,
    "path": [[0, 0.1, 0.2, 0.3, 0.4], [1.5, 0.2, 0.2, 0.4, 0.4]],
    "picture": b64encode(b"\xff\xd8\xff\xe0picture").decode(),
}


def queued() -> int:
    return sum(row.func() == "jobs.looks.look" for row in OrmQ.objects.filter(key="outputs"))


@pytest.fixture
def asked(stored_asset) -> Analysis:
    looks.ask(stored_asset, now())
    return Analysis.objects.get()


@pytest.fixture
def says(monkeypatch):
    """Let the process print this."""

    def printing(said: Any) -> list[tuple[str, str]]:
        calls: list[tuple[str, str]] = []
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        monkeypatch.setattr(looks, "ask_the_worker", lambda *asked: calls.append(asked) or raw)
        return calls

    return printing


def test_a_look_is_queued_once_and_not_in_the_way_of_dispatch(stored_asset):
    looks.ask(stored_asset, now())
    looks.ask(stored_asset, now())

    assert Analysis.objects.count() == 1
    assert queued() == 1


def test_nobody_is_looked_for_in_a_sound(alice, sound_bytes):
    looks.ask(keep(alice, "audio", "song.wav", sound_bytes), now())

    assert not Analysis.objects.exists()


def test_what_is_seen_is_kept(asked, says):
    calls = says({"people": [PERSON]})

    looks.look(asked.pk)

    asked.refresh_from_db()
    assert calls == [("video", asked.asset.file.path)]
    assert asked.done_at
    assert asked.people[0]["box"] == PERSON["box"]
    assert asked.people[0]["time"] == 1.5
    assert asked.people[0]["path"] == PERSON["path"]


def test_a_look_that_is_done_is_not_done_again(asked, says):
    says({"people": [PERSON]})
    looks.look(asked.pk)

    calls = says({"people": []})
    looks.look(asked.pk)

    asked.refresh_from_db()
    assert calls == []
    assert len(asked.people) == 1


def test_the_second_of_two_at_once_changes_nothing(asked, says, monkeypatch):
    def slow(*asked_for: str) -> bytes:
        looks.end(asked.pk, looks.Answer(people=[]))  # the other one ends meanwhile
        return json.dumps({"people": [PERSON]}).encode()

    monkeypatch.setattr(looks, "ask_the_worker", slow)

    looks.look(asked.pk)

    asked.refresh_from_db()
    assert asked.people == []


def test_a_refusal_is_kept_with_its_code_and_sentence(asked, says):
    says({"error": {"code": "no_face_in_video", "message": "No face was found in any of 12 pictures."}})

    looks.look(asked.pk)

    asked.refresh_from_db()
    assert (asked.error_code, asked.error_message) == (
        "no_face_in_video",
        "No face was found in any of 12 pictures.",
    )
    assert asked.done_at


def test_what_was_tried_too_often_is_not_tried_again(asked, says):
    calls = says({"people": [PERSON]})
    Analysis.objects.update(tries=looks.MOST_TRIES)

    looks.look(asked.pk)

    assert calls == []


STRANGE = {
    "nothing": b"",
    "no JSON": b"Traceback (most recent call last):",
    "no object": [PERSON],
    "a deep one": b"[" * 100_000,
    "people who are none": {"people": "everybody"},
    "too many": {"people": [PERSON] * 13},
    "a time of nowhere": {"people": [{**PERSON, "time": float("inf")}]},
    "a time before the beginning": {"people": [{**PERSON, "time": -1}]},
    "a box beyond the picture": {"people": [{**PERSON, "box": [0, 0, 1, 2]}]},
    "a box inside out": {"people": [{**PERSON, "box": [0.5, 0, 0.1, 1]}]},
    "a path that is none": {"people": [{**PERSON, "path": [[0, 0.1, 0.2, 0.3]]}]},
    "a path without a time": {"people": [{**PERSON, "path": [[]]}]},
    "a path too long": {"people": [{**PERSON, "path": 101 * PERSON["path"]}]},
    "a number as a string": {"people": [{**PERSON, "seen": "0.5"}]},
    "a page for a picture": {"people": [{**PERSON, "picture": b64encode(b"<script>").decode()}]},
    "a picture that is no base64": {"people": [{**PERSON, "picture": "/9j/ %"}]},
    "a huge picture": {"people": [{**PERSON, "picture": b64encode(b"\xff\xd8\xff" * 20_000).decode()}]},
    "a long sentence": {"error": {"code": "decode_error", "message": "x" * 5000}},
    "a code that is none": {"error": {"code": "<b>", "message": "x"}},
    "what no database takes": {"error": {"code": "decode_error", "message": "\x00"}},
}


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE)
def test_a_strange_answer_is_a_look_that_failed(asked, says, said):
    says(said)

    looks.look(asked.pk)

    asked.refresh_from_db()
    assert (asked.error_code, asked.people) == ("look_failed", [])
    assert asked.error_message == "The file could not be looked at within the limits on time and memory."


def test_a_file_that_was_removed_meanwhile_is_not_looked_at(asked, says):
    calls = says({"people": [PERSON]})
    Asset.objects.update(deleted_at=now())

    looks.look(asked.pk)

    asked.refresh_from_db()
    assert calls == []
    assert asked.error_code == "not_found"


def test_a_look_that_is_gone_by_then_is_no_error(asked, says):
    says({"people": [PERSON]})
    key = asked.pk
    asked.delete()

    looks.look(key)


def test_the_sweep_brings_back_a_lost_look_and_leaves_a_fresh_one_alone(asked, settings):
    later = now() + settings.LOOK_LOST_AFTER + timedelta(seconds=1)

    assert reconcile(now())["unseen"] == 0
    assert reconcile(later)["unseen"] == 1
    assert reconcile(later)["unseen"] == 0
    assert queued() == 2


def test_a_look_at_which_processes_die_is_given_up(asked, settings, monkeypatch):
    def dies(*asked_for: str) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(looks, "ask_the_worker", dies)

    for tries in range(1, looks.MOST_TRIES + 1):
        with pytest.raises(KeyboardInterrupt):
            looks.look(asked.pk)
        reconcile(now() + tries * 2 * settings.LOOK_LOST_AFTER)

    asked.refresh_from_db()
    assert (asked.tries, asked.error_code) == (looks.MOST_TRIES, "look_failed")


def test_the_pictures_of_faces_go_with_the_file(job, says):
    looks.ask(job.source_image, now())
    says({"people": [{**PERSON, "time": None, "seen": None}]})
    looks.look(Analysis.objects.get().pk)

    delete_files(Job.objects.get(), reason="deleted")

    assert not Analysis.objects.exists()


def test_the_process_itself_tells_the_people_of_a_photo(alice, face_photo):
    looks.ask(keep(alice, "image", "face.png", Path(face_photo).read_bytes()), now())

    looks.look(Analysis.objects.get().pk)

    analysis = Analysis.objects.get()
    assert (analysis.error_code, [face["usable"] for face in analysis.people]) == ("", [True])


def test_the_process_itself_refuses_a_photo_without_a_face(alice, photo_bytes):
    looks.ask(keep(alice, "image", "face.jpg", photo_bytes), now())

    looks.look(Analysis.objects.get().pk)

    assert Analysis.objects.get().error_code == "no_face_in_source"


def test_a_process_that_does_not_end_in_time_is_ended(asked, settings):
    settings.LOOK_TIMEOUT = timedelta(milliseconds=1)

    looks.look(asked.pk)

    asked.refresh_from_db()
    assert asked.error_code == "look_failed"
