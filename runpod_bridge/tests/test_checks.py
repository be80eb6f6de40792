from __future__ import annotations

import pytest
from django.core.checks import run_checks

RUNPOD = "runpod_bridge.runpod.RunpodProvider"
WHOLE = {"RUNPOD_API_KEY": "rpa_key", "RUNPOD_ENDPOINT_ID": "ep", "COMPUTE_PROVIDER": RUNPOD}
HTTPS = {"PUBLIC_BASE_URL": "https://faceswap.example"}


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({}, []),
        (HTTPS, []),
        ({"PUBLIC_BASE_URL": "http://faceswap.example"}, ["W001"]),
        ({"PUBLIC_BASE_URL": "http://127.0.0.1:8000"}, []),
        ({"PUBLIC_BASE_URL": "http://[::1]:8000"}, []),
        ({"PUBLIC_BASE_URL": "http://localhost:8000"}, []),
        ({"RUNPOD_API_KEY": "rpa_key"}, ["W002"]),
        ({"RUNPOD_ENDPOINT_ID": "ep"}, ["W002"]),
        ({"OPEN_LOCAL_MODE": True}, []),
        ({"OPEN_LOCAL_MODE": True, **HTTPS}, ["W003"]),
        ({**WHOLE, **HTTPS}, []),
        (WHOLE, ["E001"]),
        ({"COMPUTE_PROVIDER": RUNPOD, **HTTPS}, ["E002"]),
        ({**WHOLE, "PUBLIC_BASE_URL": "http://localhost:8000"}, ["W004"]),
        ({**WHOLE, "PUBLIC_BASE_URL": "http://[::1]:8", "RUNPOD_API_BASE": "http://127.0.0.1:9/v2"}, []),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings, given, ids):
    for name, value in given.items():
        setattr(settings, name, value)

    found = [message for message in run_checks() if message.id.startswith("runpod_bridge.")]

    assert [message.id for message in found] == [f"runpod_bridge.{name}" for name in ids]
    assert all(message.hint for message in found)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "but RUNPOD_API_KEY and RUNPOD_ENDPOINT_ID are not set."),
        ("rpa_key", "but RUNPOD_ENDPOINT_ID is not set."),
    ],
)
def test_one_variable_is_not_set_and_two_are_not_set(settings, key, words):
    settings.COMPUTE_PROVIDER, settings.PUBLIC_BASE_URL = RUNPOD, HTTPS["PUBLIC_BASE_URL"]
    settings.RUNPOD_API_KEY, settings.RUNPOD_ENDPOINT_ID = key, ""

    assert any(message.msg.endswith(words) for message in run_checks())
