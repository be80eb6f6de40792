"""Characters and things for every room's tests."""

from __future__ import annotations

import hashlib
import os
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.translation import override
from PIL import Image

from faceswap_site import copies
from faceswap_site.copies import BASE_DIR, Copy

SAMPLES = BASE_DIR / "worker" / "samples"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
TINY = (160, 120)
SOUND_RATE = 48_000


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A page leaves its language with the thread, where the next test would begin with it."""
    with override("en"):
        yield


@pytest.fixture
def alice(db: None, django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("alice", password="alice's long password")


@pytest.fixture
def bob(db: None, django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("bob", password="bob's long password")


@pytest.fixture(scope="session")
def tiny_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def tiny_clip(tiny_media: Path) -> Path:
    """One second of moving grey, 160x120, 25 frames, H.264 with a tone in AAC. Nobody's face is in it."""
    path = tiny_media / "clip.mp4"
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = *TINY, "yuv420p"
        sound = output.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for index in range(25):
            image = np.full((TINY[1], TINY[0], 3), 60 + 4 * index, np.uint8)
            output.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        for start in range(0, SOUND_RATE, 960):
            frame = av.AudioFrame.from_ndarray(tone(1.0)[None, start : start + 960], "fltp", "mono")
            frame.sample_rate, frame.pts = SOUND_RATE, start
            output.mux(sound.encode(frame))
        output.mux(picture.encode(None))
        output.mux(sound.encode(None))
    return path


@pytest.fixture(scope="session")
def tiny_sound(tiny_media: Path) -> Path:
    """One second of a 440 Hz tone, mono WAV."""
    path = tiny_media / "sound.wav"
    with wave.open(str(path), "wb") as output:
        output.setnchannels(1)
        output.setsampwidth(2)
        output.setframerate(SOUND_RATE)
        output.writeframes((tone(1.0) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def tiny_photo(tiny_media: Path) -> Path:
    """A plain JPEG, 160x120. Nobody's face is in it."""
    path = tiny_media / "photo.jpg"
    Image.new("RGB", TINY, (180, 150, 120)).save(path)
    return path


@pytest.fixture(scope="session")
def face_photo() -> Path:
    """A portrait of a real person, in the public domain."""
    return SAMPLES / "astronaut.png"


def tone(seconds: float) -> np.ndarray:
    """Return a 440 Hz tone as (n,) float32, -0.5..0.5."""
    times = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


@pytest.fixture(scope="session")
def clip_bytes(tiny_clip: Path) -> bytes:
    return tiny_clip.read_bytes()


@pytest.fixture(scope="session")
def faststart_bytes(tiny_clip: Path, tiny_media: Path) -> bytes:
    """The clip with its index before its pictures, as the web prefers it."""
    path = tiny_media / "faststart.mp4"
    with (
        av.open(str(tiny_clip)) as source,
        av.open(str(path), "w", options={"movflags": "faststart"}) as output,
    ):
        copies = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    return path.read_bytes()


@pytest.fixture(scope="session")
def photo_bytes(tiny_photo: Path) -> bytes:
    return tiny_photo.read_bytes()


@pytest.fixture(scope="session")
def sound_bytes(tiny_sound: Path) -> bytes:
    return tiny_sound.read_bytes()


@pytest.fixture
def video_file(clip_bytes: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("clip.mp4", clip_bytes, "video/mp4")


@pytest.fixture
def photo_file(photo_bytes: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("face.jpg", photo_bytes, "image/jpeg")


@pytest.fixture
def sound_file(sound_bytes: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("song.wav", sound_bytes, "audio/wav")


@pytest.fixture
def api(alice: Any) -> Client:
    """A program that has a key of alice's."""
    from jobs import consent
    from jobs.models import ApiKey

    _, key = ApiKey.objects.issue(owner=alice, name="a program", accepted=consent.OPERATOR)
    return Client(headers={"Authorization": f"Bearer {key}"})


def keep(owner: Any, kind: str, name: str, content: bytes) -> Any:
    from assets.models import Asset

    asset = Asset.objects.expect(owner=owner, kind=kind, name=name)
    asset.keep(ContentFile(content), size=len(content), sha256=hashlib.sha256(content).hexdigest())
    return asset


@pytest.fixture
def stored_asset(alice: Any, clip_bytes: bytes) -> Any:
    return keep(alice, "video", "clip.mp4", clip_bytes)


@pytest.fixture
def job(alice: Any, stored_asset: Any, photo_bytes: bytes) -> Any:
    """A job of alice's, just submitted: the tiny clip and the plain photo."""
    from jobs import consent
    from jobs.models import Job

    return Job.objects.submit(
        owner=alice,
        consent=consent.STATEMENT,
        consent_via="web form",
        mode="video_swap",
        reference_video=stored_asset,
        source_image=keep(alice, "image", "face.jpg", photo_bytes),
    )


@pytest.fixture
def fresh_database() -> Iterator[dict[str, str]]:
    """What to put into the environment of a `Copy` that one starts oneself."""
    with copies.fresh_database(os.environ) as environ:
        yield environ


@pytest.fixture(scope="session")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The whole service in its real processes, ready for jobs: `.url`, `.data_dir`, `.manage(command)`."""
    folder = tmp_path_factory.mktemp("service")
    with copies.fresh_database(os.environ) as environ, Copy(folder, environ=environ) as copy:
        yield copy


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is. Without one the test is skipped, unless REQUIRE_BROWSER says that it must run."""
    for name in CHROMIUM:
        if path := shutil.which(name):
            return path
    reason = f"BROWSER TEST SKIPPED: none of {', '.join(CHROMIUM)} is installed."
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)
