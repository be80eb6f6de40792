"""Every page in German: no sentence of the English one is left, and every figure for scripts is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.timezone import now
from django.utils.translation import override

from assets.errors import Refusal, UnreadableMedia
from assets.models import Asset
from assets.uploads import in_words
from faceswap_site.setup import owner_token
from faceswap_site.studio import NAME
from faceswap_site.studio_rows import CLIPS, NO_FACE, PHOTOS, fill
from faceswap_site.tests.test_translations import catalogue
from jobs.faces import read_faces
from jobs.models import Analysis, Job, KeptFace, Mode
from jobs.submission import check_parts
from jobs.trim import read_trim

pytestmark = pytest.mark.django_db
SHOWN = {"alt", "aria-label", "placeholder", "title"}
VOID = {"br", "hr", "img", "input", "link", "meta", "source"}
UNREAD = {"code", "pre", "script", "style", "svg"}
A_WORD = re.compile(r"[^\W\d_]{2,}")
# Names, and what is kept in the words in which it was written.
NAMES = {
    *("TrueFaceSwapVideo", "API", "Runpod", "curl", "Python", "/v1/docs", "JPEG, PNG, WebP."),
    *("alice", NAME, *CLIPS, *PHOTOS, "speech.m4a", "fsk_1", "this-machine", "this-machine:"),
    *("One face, six clips", "Ada, in the sun", "Grace"),
    *("Agreed.", "English", "Deutsch", "Django Q", "no_face_in_video"),
}
NUMBER = re.compile(r"^\d{5} ")  # before the name of a file in the studio
HERE = [
    *("/", "/?q=nothing-of-that-name", "/?state=failed", "/new/", "/batches/new/", "/faces/", "/storage/"),
    *("/settings/", "/help/", "/help/api/", "/no/such/page/", "/admin/"),
]


class Read(HTMLParser):
    """What a page says, and what its attributes tell scripts in figures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.words: set[str] = set()
        self.figures: set[tuple[str, str]] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SHOWN or re.match(r"data-.*=[^{]* ", f"{name}={value}"):
                self.handle_data(value or "")
            elif re.fullmatch(r"-?\d+[.,]\d+", value or ""):
                self.figures.add((name, value or ""))
        if tag not in VOID:
            self.open.append((tag, tag in UNREAD or any(skip for _, skip in self.open)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1][1]):
            self.words |= {part.strip() for part in re.split(r" · |\s{2,}", data) if A_WORD.search(part)}


def english_left(english: str, german: str) -> set[str]:
    same = {entry.msgid for entry in catalogue("de") if entry.msgid == entry.msgstr}
    said = Read(english).words & Read(german).words
    return {words for words in said - same if NUMBER.sub("", words) not in NAMES}


def both(client: Client, address: str, **form: object) -> Iterator[str]:
    for language in ("en", "de"):
        client.cookies["django_language"] = language
        answer = client.post(address, form) if form else client.get(address, headers={"Accept": "text/html"})
        yield answer.text


@pytest.fixture
def staff(client, alice) -> Client:
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    return client


def looked_at() -> list[Asset]:
    """A photo of a face that serves badly, one of none, and a clip of nobody; the photos are kept faces."""
    photo, blank = (kept.asset for kept in KeptFace.objects.all())
    clip = Asset.objects.filter(kind=Asset.Kind.VIDEO).earliest("created_at")
    flaw = "The face is only 40 pixels high; it needs 64 to be made out well."
    bad = {"box": [0, 0, 1, 1], "picture": "", "taken": True, "usable": False, "sentence": flaw}
    Analysis.objects.create(asset=photo, done_at=now(), people=[bad])
    for asset, code, sentence in (
        (blank, "no_face_in_source", "No face was found in the photo of 60x40 pixels."),
        (clip, "no_face_in_video", NO_FACE),
    ):
        Analysis.objects.create(asset=asset, done_at=now(), error_code=code, error_message=sentence)
    return [photo, blank, clip]


def test_no_page_speaks_english_in_german(client):
    links = fill(10)
    owner = get_user_model().objects.get(username=NAME)
    client.force_login(owner)
    Job.objects.filter(mode=Mode.PHOTO_SING).first().hide("deleted", at=now())
    looks = [f"/files/{asset.pk}/look/" for asset in looked_at()]

    left = {}
    for address in [*HERE, *looks, *links.values(), f"/new/?again={Job.objects.first().pk}"]:
        english, german = both(client, address)
        left[address] = english_left(english, german)
        assert Read(english).figures == Read(german).figures, address

    assert {address: words for address, words in left.items() if words} == {}


def test_the_pages_before_signing_in_neither(client, alice):
    link = f"{urlsafe_base64_encode(force_bytes(alice.pk))}/{default_token_generator.make_token(alice)}"

    for address in ("/login/", "/password/", "/password/x/x/", f"/password/{link}/"):
        english, german = both(client, address)
        assert not english_left(english, german), address


def test_nor_the_first_page_of_all():
    english, german = both(Client(), f"/setup/{owner_token()}/")

    assert not english_left(english, german)


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/new/", {"mode": "video_swap", "quality": "nonsense"}),
        ("/batches/new/", {"quality": "nonsense"}),
        ("/settings/keys/", {"name": ""}),
        ("/settings/workers/", {"worker_name": "a b"}),
        ("/settings/password/", {"old_password": "x", "new_password1": "y", "new_password2": "z"}),
        ("/settings/profile/", {"email": "x", "language": "xx"}),
        ("/help/api/", {"key": "x"}),
    ],
)
def test_what_is_wrong_with_a_form_is_said_in_german(staff, address, form):
    english, german = both(staff, address, **form)

    assert "field-error" in english
    assert not english_left(english, german)


def test_a_file_is_refused_in_the_language_of_the_page_and_of_the_api_in_english(staff, api):
    def nonsense() -> SimpleUploadedFile:
        return SimpleUploadedFile("clip.mp4", b"nonsense", "video/mp4")

    staff.cookies["django_language"] = "de"
    page = staff.post("/files/", {"reference_video": nonsense()}, headers={"Accept": "text/html"})
    answer = api.post(
        "/v1/jobs",
        {"mode": "video_swap", "reference_video": nonsense(), "source_image": nonsense(), "consent": "true"},
        headers={"Accept-Language": "de"},
    )

    assert "ist keine Videodatei" in page.text
    assert answer.json()["detail"] == "'clip.mp4' is not a video file of a kind that is taken here."
    assert "Accept-Language" not in answer.get("Vary", "")


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda: read_trim('{"start": 1.5, "end": 1.6}', Asset(seconds=2.5)), "von 1,5 s bis 1,6 s"),
        (lambda: read_trim('{"start": 2.4}', Asset(seconds=2.5)), "bis zum Ende bei 2,5 s"),
        (lambda: read_trim('{"start": "x"}', Asset(seconds=2.5)), "eine Sekunde des Videos von 2,5 s"),
        (lambda: read_faces("{", photos=1, seconds=1), "ist kein JSON"),
        (lambda: read_faces('[{"target": {}, "source": 0}]', photos=1, seconds=1), "eine Sekunde des Videos"),
        (lambda: check_parts(Mode.VIDEO_SWAP, ["source_image"], ""), "Es fehlt ein Video"),
        (lambda: Job(status="processing").retry("once more"), "den Status „in Arbeit“"),
    ],
)
def test_a_refusal_speaks_german_with_its_decimal_point(refused, said):
    with override("de"), pytest.raises(Refusal, match=said):
        refused()


def test_what_a_probe_refuses_does_too():
    sentence = "%(name)r is cut short: it says %(seconds)s s, but its end is missing."

    with override("de"):
        refusal = in_words(UnreadableMedia(sentence, name="clip.mp4", seconds=12.5))

    assert str(refusal) == "'clip.mp4' ist abgeschnitten: Es sollten 12,5 s sein, aber das Ende fehlt."


def test_a_failure_is_told_by_its_code_with_the_kept_sentence_beside_it(staff, job):
    Job.objects.update(status="failed", error_code="no_face_in_video", error_message="No face in 'clip.mp4'.")

    english, german = both(staff, job.get_absolute_url())

    assert '<p class="why">No face in &#x27;clip.mp4&#x27;.</p>' in english
    assert '<p class="why">Im Video wurde kein Gesicht gefunden.</p>' in german
    assert '<p class="hint" lang="en">No face in &#x27;clip.mp4&#x27;.</p>' in german
