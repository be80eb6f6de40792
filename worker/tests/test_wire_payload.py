from __future__ import annotations

import copy
import json

import pytest

from worker.errors import BadPayload
from worker.wire import AspectRatio, Callback, Inputs, Mode, OutputTarget, Payload, Quality

FIXED = {
    "job_id": "5d2b7bd4-2f38-4c5e-8e0b-8f5c34c2b0a1",
    "mode": "video_swap",
    "quality": "balanced",
    "enable_4k": False,
    "aspect_ratio": "9:16",
    "assets": {
        "reference_video_url": "https://host.example/v1/assets/video",
        "source_image_url": "https://host.example/v1/assets/image",
    },
    "callback": {"url": "https://host.example/v1/runpod/callback", "secret": "s3cret"},
}
OURS = {
    "output_target": {
        "upload_url": "https://host.example/v1/assets/upload",
        "output_url": "https://host.example/v1/assets/result",
        "max_bytes": 1000,
    },
    "attempt": 2,
    "schema_version": 1,
}
FULL = Payload(
    job_id=FIXED["job_id"],
    mode=Mode.VIDEO_SWAP,
    quality=Quality.BALANCED,
    enable_4k=False,
    aspect_ratio=AspectRatio.PORTRAIT,
    assets=Inputs(
        source_image_url="https://host.example/v1/assets/image",
        reference_video_url="https://host.example/v1/assets/video",
    ),
    callback=Callback(url="https://host.example/v1/runpod/callback", secret="s3cret"),
    output_target=OutputTarget(
        upload_url="https://host.example/v1/assets/upload",
        output_url="https://host.example/v1/assets/result",
        max_bytes=1000,
    ),
    attempt=2,
)


def changed(path: str, value: object) -> dict:
    """Return the full input with one value set, or left out if that value is `...`."""
    given = copy.deepcopy(FIXED | OURS)
    *parents, last = path.split(".")
    place = given
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return given


def test_what_is_sent_is_the_contracts_input():
    assert json.loads(json.dumps(FULL.as_input())) == FIXED | OURS


def test_an_audio_stands_in_the_input_only_if_there_is_one():
    audio = "https://host.example/v1/assets/audio"
    given = changed("assets.driving_audio_url", audio)

    assert Payload.from_input(given).as_input()["assets"]["driving_audio_url"] == audio
    assert "driving_audio_url" not in FULL.as_input()["assets"]


def test_what_was_sent_is_read_back():
    assert Payload.from_input(FULL.as_input()) == FULL


def test_the_fixed_part_alone_is_enough():
    payload = Payload.from_input(FIXED)

    assert payload.output_target is None
    assert payload.attempt == 1


def test_keys_we_do_not_know_are_passed_over():
    assert Payload.from_input({**FULL.as_input(), "faces": [], "trim": None, "webhook": None}) == FULL


def test_a_null_audio_counts_as_none():
    assert Payload.from_input(changed("assets.driving_audio_url", None)) == FULL


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("job_id", ..., "job_id must be a text of 1 to 200 characters and is None"),
        ("job_id", "x" * 201, "job_id must be"),
        ("mode", ..., "mode is None; it must be one of video_swap, photo_sing"),
        ("mode", "dance", "mode is 'dance'"),
        ("mode", ["video_swap"], "mode is"),
        ("quality", "best", "quality is 'best'; it must be one of fast, balanced, max"),
        ("aspect_ratio", "16:9", "aspect_ratio is '16:9'"),
        ("enable_4k", "yes", "enable_4k must be true or false and is 'yes'"),
        ("assets", None, "assets must be an object and is None"),
        ("assets.source_image_url", ..., "assets.source_image_url is missing"),
        ("assets.source_image_url", "file:///etc/passwd", "must be an http or https address"),
        ("assets.source_image_url", "https://[", "must be an http or https address"),
        ("assets.reference_video_url", ..., "video_swap needs a video"),
        ("callback", "https://host.example", "callback must be an object"),
        ("callback.url", 7, "callback.url must be an http or https address"),
        ("callback.secret", "", "callback.secret is missing"),
        ("output_target", [], "output_target must be an object"),
        ("output_target.max_bytes", -1, "output_target.max_bytes must be a whole number above 0 and is -1"),
        ("attempt", True, "attempt must be a whole number above 0 and is True"),
    ],
)
def test_a_bad_value_is_named(path, value, sentence):
    with pytest.raises(BadPayload) as failure:
        Payload.from_input(changed(path, value))

    assert sentence in str(failure.value)


@pytest.mark.parametrize("given", [None, [], "input", 1])
def test_an_input_that_is_no_object_is_refused(given):
    with pytest.raises(BadPayload, match="input must be an object"):
        Payload.from_input(given)


def test_a_photo_may_sing_to_a_sound_alone():
    given = changed("assets.reference_video_url", ...) | {"mode": "photo_sing"}

    with pytest.raises(BadPayload, match="photo_sing needs one of them"):
        Payload.from_input(given)

    given["assets"]["driving_audio_url"] = "https://host.example/v1/assets/audio"
    assert Payload.from_input(given).assets.reference_video_url is None


def test_a_bad_address_is_not_quoted_with_its_token():
    with pytest.raises(BadPayload) as failure:
        Payload.from_input(changed("output_target.upload_url", "ftp://host.example/v1/assets/t0ken"))

    assert "t0ken" not in str(failure.value)


def test_a_secret_does_not_show_in_a_log():
    assert "s3cret" not in repr(FULL)


PHOTOS = ["https://host.example/v1/assets/one", "https://host.example/v1/assets/two"]
FACES = [
    {"target": {"time": 1.5, "box": [0.1, 0.2, 0.3, 0.6]}, "source": 1},
    {"target": {"time": 0.0, "box": [0.6, 0.2, 0.9, 0.6]}, "source": None},
]


def with_faces(*faces: object) -> dict:
    return {**changed("assets.source_image_urls", PHOTOS), "faces": list(faces)}


def test_several_photos_and_who_gets_which_are_read_and_said_again():
    payload = Payload.from_input(with_faces(*FACES))

    assert payload.assets.photo_urls == tuple(PHOTOS)
    assert [casting.source for casting in payload.faces] == [1, None]
    assert payload.faces[0].box == (0.1, 0.2, 0.3, 0.6)
    assert payload.as_input() == with_faces(*FACES)


def test_one_photo_counts_as_the_first():
    payload = Payload.from_input({**FULL.as_input(), "faces": [{**FACES[0], "source": 0}]})

    assert payload.assets.photo_urls == (FULL.assets.source_image_url,)
    assert payload.faces[0].source == 0


@pytest.mark.parametrize("source", [2, -1, True, "0", 0.0])
def test_a_photo_that_is_not_there_is_refused(source):
    with pytest.raises(BadPayload, match=rf"faces\[0\].source must be null or 0 to 1 and is {source!r}"):
        Payload.from_input(with_faces({**FACES[0], "source": source}))


def test_a_face_without_a_source_is_refused():
    with pytest.raises(BadPayload, match="source"):
        Payload.from_input(with_faces({"target": FACES[0]["target"]}))


@pytest.mark.parametrize(
    "target",
    [
        None,
        {"time": -1, "box": [0, 0, 1, 1]},
        {"time": "1", "box": [0, 0, 1, 1]},
        {"time": float("nan"), "box": [0, 0, 1, 1]},
        {"time": 10**400, "box": [0, 0, 1, 1]},
        {"time": True, "box": [0, 0, 1, 1]},
        {"time": 1, "box": [0, 0, 1]},
        {"time": 1, "box": [0, 0, 1, 1.5]},
        {"time": 1, "box": [0.5, 0, 0.5, 1]},
        {"time": 1, "box": [0, 0.7, 1, 0.2]},
        {"time": 1, "box": "all"},
    ],
)
def test_a_target_that_is_nowhere_is_refused(target):
    with pytest.raises(BadPayload, match=r"faces\[1\].target"):
        Payload.from_input(with_faces(FACES[0], {"target": target, "source": 0}))


@pytest.mark.parametrize("faces", [{}, "all", [FACES[1]] * 13])
def test_faces_that_are_no_short_list_are_refused(faces):
    with pytest.raises(BadPayload, match="faces must be a list of up to 12"):
        Payload.from_input({**FULL.as_input(), "faces": faces})


@pytest.mark.parametrize("urls", [[], "https://host.example/a", [PHOTOS[0]] * 13])
def test_photos_that_are_no_short_list_are_refused(urls):
    with pytest.raises(BadPayload, match="source_image_urls must be a list of 1 to 12"):
        Payload.from_input(changed("assets.source_image_urls", urls))


def test_a_photo_whose_address_is_none_is_refused():
    with pytest.raises(BadPayload, match=r"source_image_urls\[1\] must be an http or https address"):
        Payload.from_input(changed("assets.source_image_urls", [PHOTOS[0], "file:///etc/passwd"]))


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [({"start": 1, "end": 2.5}, 1.0, 2.5), ({"start": 0.5}, 0.5, None), ({"end": 3, "start": 0}, 0.0, 3.0)],
)
def test_a_part_is_read_and_written(given, start, end):
    payload = Payload.from_input({**FULL.as_input(), "trim": given, "preview": True})

    assert (payload.trim.start, payload.trim.end, payload.preview) == (start, end, True)
    assert Payload.from_input(payload.as_input()) == payload


@pytest.mark.parametrize(
    ("trim", "sentence"),
    [
        ([1, 2], r"trim must be an object and is \[1, 2\]"),
        ({"start": -1}, "trim.start must be seconds from 0 on and is -1"),
        ({"start": float("nan")}, "trim.start .* is nan"),
        ({"start": 2, "end": 2}, "trim.end must be null or after 2 s and is 2"),
        ({"start": 0, "end": True}, "trim.end .* is True"),
        ({"start": 0, "end": 1e9}, "trim.end .* is 1000000000.0"),
    ],
)
def test_a_wrong_part_is_refused(trim, sentence):
    with pytest.raises(BadPayload, match=sentence):
        Payload.from_input({**FULL.as_input(), "trim": trim})


def test_what_is_whole_is_sent_without_a_word_of_parts():
    assert not {"trim", "preview"} & FULL.as_input().keys()
