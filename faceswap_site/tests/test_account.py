"""A person's settings: keys, devices, password, and the machines that compute."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from faceswap_site.devices import name_of
from jobs.dispatch import dispatch
from jobs.models import ApiKey, Attempt
from runpod_bridge.models import Worker, WorkerToken

pytestmark = pytest.mark.django_db
SETTINGS = "/settings/"


@pytest.fixture
def signed_in(client, alice) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def staff(signed_in, alice) -> Client:
    alice.is_staff = True
    alice.save()
    return signed_in


def make_key(client: Client, name: str = "my program") -> str:
    answer = client.post("/settings/keys/", {"name": name, "accepted": "on"})
    return re.search(r"fsk_[\w-]+", answer.content.decode())[0]


def test_a_stranger_is_led_to_the_door(client):
    assert client.get(SETTINGS)["Location"].startswith("/login/")


def test_a_key_is_shown_once_and_lets_a_program_in(signed_in, alice):
    value = make_key(signed_in)

    program = Client(headers={"Authorization": f"Bearer {value}"})
    assert program.get("/v1/jobs").status_code == 200
    assert value not in signed_in.get(SETTINGS).content.decode()
    assert "my program" in signed_in.get(SETTINGS).content.decode()


def test_what_the_page_came_back_for_has_the_focus(staff):
    def focused(**sent: str) -> list[str]:
        path = {"name": "keys", "worker_name": "workers", "old_password": "password"}[next(iter(sent))]
        return re.findall(r"<[^>]* autofocus", staff.post(f"/settings/{path}/", sent).text)

    (key,) = focused(name="x", accepted="on")
    (machine,) = focused(worker_name="gpu-box")
    (unnamed,) = focused(name="", accepted="on")
    wrong = focused(old_password="wrong", new_password1="one", new_password2="two")

    assert 'class="secret"' in key
    assert 'class="secret"' in machine
    assert 'name="name"' in unnamed
    assert 'name="old_password"' in wrong[0]


def test_the_page_that_shows_a_key_is_not_kept_by_the_browser(signed_in):
    answer = signed_in.post("/settings/keys/", {"name": "x", "accepted": "on"})

    assert "no-store" in answer["Cache-Control"]


def test_a_key_records_what_its_holder_accepted(signed_in):
    make_key(signed_in)

    assert "every face" in ApiKey.objects.get().accepted


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "", "accepted": "on"}, "Say what the key is for"),
        ({"name": "x"}, "Tick this box"),
        ({"name": "x" * 81, "accepted": "on"}, "at most 80"),
    ],
)
def test_a_key_without_a_name_or_consent_is_not_made(signed_in, form, words):
    answer = signed_in.post("/settings/keys/", form)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_revoked_key_is_refused(signed_in):
    value = make_key(signed_in)

    signed_in.post(f"/settings/keys/{ApiKey.objects.get().pk}/revoke/")

    program = Client(headers={"Authorization": f"Bearer {value}"})
    assert program.get("/v1/jobs").status_code == 401
    assert "No program can act as you yet" in signed_in.get(SETTINGS).content.decode()


def test_nobody_sees_or_revokes_anothers_key(signed_in, bob):
    theirs, _ = ApiKey.objects.issue(owner=bob, name="bob's own", accepted="yes")

    assert "bob's own" not in signed_in.get(SETTINGS).content.decode()
    assert signed_in.post(f"/settings/keys/{theirs.pk}/revoke/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


@pytest.fixture
def phone(alice) -> Client:
    """Alice's other device."""
    alice.set_password("a long pass phrase")
    alice.save()
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1"
    phone = Client(headers={"User-Agent": agent})
    phone.post("/login/", {"username": "alice", "password": "a long pass phrase"})
    return phone


def test_another_device_is_named_and_can_be_signed_out(phone, alice, client):
    client.force_login(alice)
    page = client.get(SETTINGS).content.decode()
    assert "Safari on iPhone" in page

    address = re.search(r"/settings/devices/\w+/end/", page)[0]
    client.post(address)

    assert phone.get(SETTINGS).status_code == 302
    assert client.get(SETTINGS).status_code == 200


def test_a_device_is_named_by_what_it_says_of_itself():
    edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36 Edg/130.0"
    assert name_of(edge) == "Edge on Windows"
    assert name_of("Mozilla/5.0 (iPhone; like Mac OS X) Version/18.0 Safari/604.1") == "Safari on iPhone"
    assert name_of("") == "A browser"


def test_nobody_ends_anothers_session(phone, bob, client):
    client.force_login(bob)

    client.post(f"/settings/devices/{phone.session.session_key[:8]}/end/")

    assert phone.get(SETTINGS).status_code == 200


def test_a_session_is_never_shown_whole(phone):
    assert phone.session.session_key not in phone.get(SETTINGS).content.decode()


def test_a_new_password_ends_every_other_session(phone, client):
    client.login(username="alice", password="a long pass phrase")
    new = {"old_password": "a long pass phrase", "new_password1": "another 1 phrase"}

    answer = client.post("/settings/password/", new | {"new_password2": "another 1 phrase"})

    assert answer.status_code == 302
    assert client.get(SETTINGS).status_code == 200
    assert phone.get(SETTINGS).status_code == 302
    assert Client().login(username="alice", password="another 1 phrase")


def test_a_wrong_password_changes_nothing(phone):
    new = {"old_password": "wrong", "new_password1": "another 1 phrase", "new_password2": "another 1 phrase"}

    answer = phone.post("/settings/password/", new)

    assert answer.status_code == 422
    assert Client().login(username="alice", password="a long pass phrase")


def test_machines_are_the_staffs_business(signed_in):
    token, _ = WorkerToken.objects.issue("gpu-box")

    assert "Machines that compute" not in signed_in.get(SETTINGS).content.decode()
    assert signed_in.post("/settings/workers/", {"worker_name": "mine"})["Location"] == SETTINGS
    signed_in.post(f"/settings/workers/{token.pk}/revoke/")
    assert WorkerToken.objects.get().revoked_at is None


def test_a_new_machine_is_let_in_by_the_line_that_is_shown(staff):
    page = staff.post("/settings/workers/", {"worker_name": "gpu-box"}).content.decode()
    value = re.search(r"WORKER_TOKEN=(\S+) python -m worker --server http://testserver --name gpu-box", page)[
        1
    ]

    answer = Client(headers={"Authorization": value}).get("/runpod/v2/pool/ping/gpu-box?job_id=x")

    assert answer.status_code == 200
    assert value not in staff.get(SETTINGS).content.decode()


@pytest.mark.parametrize("name", ["", "two words", "x" * 49, "known"])
def test_a_machine_needs_a_new_and_plain_name(staff, name):
    WorkerToken.objects.issue("known")

    assert staff.post("/settings/workers/", {"worker_name": name}).status_code == 422
    assert WorkerToken.objects.count() == 1


def test_a_machine_that_was_removed_gets_no_more_work(staff):
    token, value = WorkerToken.objects.issue("gpu-box")

    staff.post(f"/settings/workers/{token.pk}/revoke/")

    answer = Client(headers={"Authorization": value}).get("/runpod/v2/pool/job-take/gpu-box")
    assert answer.status_code == 401


def test_what_each_machine_is_at_can_be_seen(staff, job, settings):
    settings.COMPUTE_PROVIDER = "runpod_bridge.pool.PoolProvider"
    token, _ = WorkerToken.objects.issue("gpu-box")
    for name, ago in (("busy", 0), ("idle", 5), ("gone", 500)):
        Worker.objects.create(token=token, name=name, seen_at=now() - timedelta(seconds=ago))
    dispatch(job.pk)
    Attempt.objects.update(worker="gpu-box/busy", lease_until=now(), percent=40)

    page = " ".join(staff.get(SETTINGS).content.decode().split())

    assert re.search(r"busy: at <a href=[^>]*>a job</a>, 40 % · connected since <time", page)
    assert "idle: waiting for a job · connected since <time" in page
    assert re.search(r"gone: last seen <time[^>]*>[^<]*</time> </li>", page)


def test_the_page_costs_as_many_queries_with_many_of_everything(staff, alice, django_assert_max_num_queries):
    for number in range(12):
        ApiKey.objects.issue(owner=alice, name=f"key {number}", accepted="yes")
        token, _ = WorkerToken.objects.issue(f"box-{number}")
        Worker.objects.create(token=token, name="w", seen_at=now())

    with django_assert_max_num_queries(10):
        staff.get(SETTINGS)


def test_a_worker_says_how_fast_it_was_lately(staff, job):
    token, _ = WorkerToken.objects.issue("box")
    worker, _ = Worker.objects.see(token, "gpu-1", None, now())
    dispatch(job.pk)
    at = now()
    Attempt.objects.update(
        worker=str(worker),
        outcome="completed",
        started_at=at - timedelta(seconds=10),
        closed_at=at,
        metrics={"frames": 425},
    )

    assert "42.5 frames a second lately" in staff.get(SETTINGS).text
