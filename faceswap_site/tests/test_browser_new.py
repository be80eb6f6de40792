"""The page of a new swap in Chromium: files sent at once, faces found, and what is chosen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from conftest import SAMPLES
from faceswap_site.tests.conftest import NAME
from faceswap_site.tests.test_browser import CLIP, FACE, MADE_WITHIN, SEEN_WITHIN, choose, drop

pytestmark = pytest.mark.browser
OTHER_FACE = SAMPLES / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of two people side by side, who keep still; 720x360."""
    path = tmp_path_factory.mktemp("pair") / "Two people, both of whom are looking this way.mp4"
    portraits = [Image.open(each).convert("RGB").resize((360, 360)) for each in (OTHER_FACE, FACE)]
    picture = np.hstack([np.asarray(each) for each in portraits])
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 720, 360, "yuv420p"
        for _ in range(30):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def seen(page: Page, kind: str, count: int = 1) -> None:
    expect(page.locator(f"[data-drop={kind}] .person-picture")).to_have_count(count, timeout=SEEN_WITHIN)


def test_of_two_people_one_is_chosen_with_the_keyboard_and_previewed(visit, pair):
    page = visit("/new/")
    choose(page, clip=pair)
    seen(page, "video", 2)
    seen(page, "image")
    people = page.locator("#casting .cast")
    expect(people).to_have_count(2)
    expect(people.nth(0).get_by_label("Photo 1")).to_be_checked()
    expect(people.nth(1).get_by_label("Leave alone")).to_be_checked()
    page.locator("#id_source_image").set_input_files(OTHER_FACE)
    expect(people.nth(1).get_by_label("Photo 2")).to_be_checked()
    page.get_by_role("button", name="Remove grace_hopper.jpg").click()
    expect(people.nth(1).get_by_label("Leave alone")).to_be_checked()
    page.get_by_label("9:16 portrait").check()
    left = "parseFloat(document.querySelector('.crop').style.left)"
    before = page.evaluate(left)

    people.nth(0).get_by_label("Photo 1").focus()
    page.keyboard.press("ArrowRight")
    expect(people.nth(0).get_by_label("Leave alone")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(people.nth(1).get_by_label("Photo 1")).to_be_checked()
    assert abs(page.evaluate(left) - before) > 30
    page.locator("#id_source_image").set_input_files(OTHER_FACE)
    expect(people.nth(1).get_by_label("Photo 2")).to_be_visible()
    expect(people.nth(1).get_by_label("Photo 1")).to_be_checked()
    page.get_by_role("button", name="Remove grace_hopper.jpg").click()
    page.get_by_label("Fast", exact=True).check()
    page.locator("#trim-from").focus()
    page.keyboard.press("Home")
    page.get_by_label("to second").fill("0.6")
    expect(page.locator("#part-length")).to_have_text("0.6 s of 2.0 s")
    expect(page.locator("#send-time")).to_contain_text(re.compile(r"about \d+"))
    page.get_by_label("I have the right to use this face and this video.").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="3-second preview").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*/")

    expect(page.locator("#status .badge-done")).to_be_visible(timeout=MADE_WITHIN)
    page.route("**/look/", lambda route: route.abort())
    page.goto(f"/new/?again={page.url.rstrip('/').rpartition('/')[2]}")
    expect(page.get_by_label("to second")).to_have_value("0.6")
    assert "target" in page.locator("[name=faces]").input_value()
    page.unroute("**/look/")
    page.reload()
    expect(page.locator("#casting .cast")).to_have_count(2)
    expect(page.locator(".cast").nth(0).get_by_label("Leave alone")).to_be_checked()
    expect(page.locator(".cast").nth(1).get_by_label("Photo 1")).to_be_checked()
    expect(page.get_by_label("to second")).to_have_value("0.6")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("#part-length")).to_have_text("0,6 s von 2,0 s")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_label("I have the right to use this face and this video.")).not_to_be_checked()
    page.locator("#id_source_image").set_input_files(OTHER_FACE)
    expect(page.locator(".cast").nth(0).get_by_label("Photo 1")).to_be_checked()


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("width", [1280, 1440])
def test_what_starts_a_job_is_in_view_and_stays_where_it_is_when_files_are_chosen(visit, width, locale):
    page = visit("/new/", viewport={"width": width, "height": 900}, locale=locale)
    buttons = page.locator(".send")
    before = buttons.bounding_box()

    choose(page)
    seen(page, "video")
    seen(page, "image")
    expect(page.locator("#send-time")).not_to_be_empty()

    assert buttons.bounding_box() == before
    consent = page.locator(".consent").bounding_box()
    assert consent["y"] + consent["height"] <= before["y"]
    for name in ("#submit", "#preview", "#send-time"):
        expect(page.locator(name)).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [390, 1024])
def test_in_a_low_window_what_starts_a_job_stays_at_hand_and_hides_nothing_that_has_the_focus(visit, width):
    page = visit("/new/", viewport={"width": width, "height": 600})
    bar = page.locator(".send")
    expect(page.locator("#preview")).to_be_in_viewport(ratio=1)

    for name in ("quality", "aspect_ratio", "enable_4k", "consent"):
        page.evaluate("scrollTo(0, 0)")
        page.locator(f"[name={name}]").first.focus()
        box = page.locator(".choice:has(:focus), .check:has(:focus)").bounding_box()
        assert box["y"] + box["height"] <= bar.bounding_box()["y"], name


def test_a_photo_without_a_face_is_refused_before_the_wait_and_replaced(visit, tiny_photo):
    page = visit("/new/")
    choose(page, face=tiny_photo)
    expect(page.locator("[data-code=no_face_in_source]")).to_be_visible(timeout=SEEN_WITHIN)

    page.get_by_label("I have the right to use this face and this video.").check()
    page.get_by_role("button", name="Make the video").click()

    expect(page.locator("#id_source_image")).to_be_focused()
    assert page.url.endswith("/new/")
    with page.expect_response("**/remove/"):
        page.get_by_role("button", name="Remove photo.jpg").click()
    expect(page.locator("[data-drop=image] .file")).to_have_count(0)
    expect(page.locator("#id_source_image")).to_be_focused()
    page.locator("#id_source_image").set_input_files(FACE)
    seen(page, "image")
    seen(page, "video")
    expect(page.locator("#casting")).to_be_hidden()  # there is nothing to choose
    page.get_by_role("button", name="Make the video").click()
    page.wait_for_url("**/jobs/*/")


def test_an_upload_shows_how_far_it_is_and_can_be_stopped(visit):
    page = visit("/new/")
    network = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 50_000}
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", limits)
    video = page.locator("[data-drop=video]")

    page.locator("#id_reference_video").set_input_files(CLIP)
    expect(video.get_by_text(" of ")).to_be_visible()
    video.get_by_role("button", name="Stop").click()

    expect(page.locator("#error-reference_video")).to_have_text("Stopped. Nothing of “tiny.mp4” was kept.")
    expect(page.locator("#id_reference_video")).to_be_focused()
    expect(video.locator(".file")).to_have_count(0)


def test_what_cannot_be_sent_is_refused_in_words_and_what_is_on_its_way_is_not_lost_unasked(visit):
    page, held = visit("/new/"), []
    page.route("**/files/", lambda route: held.append(route))  # nothing arrives
    photos, clips = page.locator("#id_source_image"), page.locator("#id_reference_video")
    wrong, name = page.locator("#error-reference_video"), page.locator("[data-drop=video] .drop-going-name")

    photos.set_input_files([made(f"{number}.png", "image/png") for number in range(9)])
    expect(page.locator("#error-source_image")).to_have_text("At most 8 photos are taken.")
    page.locator("[data-drop=image]").get_by_role("button", name="Stop").click()
    expect(page.locator("#error-source_image")).to_contain_text("Stopped.")
    expect(page.locator("[data-drop=image] .drop-going")).to_be_hidden()
    clips.set_input_files(made("void.mp4", "video/mp4", b""))
    expect(wrong).to_have_text("“void.mp4” is empty.")
    page.evaluate("document.getElementById('new').dataset.maxBytes = 3")
    clips.set_input_files(made("long.mp4", "video/mp4", b"long"))
    expect(wrong).to_contain_text("“long.mp4” has 1 kB; the limit is")
    clips.set_input_files(made("a.mp4", "video/mp4"))
    expect(name).to_have_text("a.mp4")
    clips.set_input_files(made("b.mp4", "video/mp4"))
    expect(name).to_have_text("b.mp4")
    with page.expect_event("dialog") as dialog:
        page.close(run_before_unload=True)
    dialog.value.dismiss()
    held[-1].abort()
    expect(wrong).to_have_text("The connection broke off at “b.mp4”: choose it once more.")


def made(name: str, content_type: str, content: bytes = b"any") -> Any:
    return {"name": name, "mimeType": content_type, "buffer": content}


def test_a_form_that_is_sent_too_early_waits_for_its_files(visit):
    page, held = visit("/new/"), []
    page.route("**/files/", lambda route: held.append(route))
    choose(page)
    page.get_by_label("I have the right to use this face and this video.").check()

    page.get_by_role("button", name="Make the video").click()

    expect(page.get_by_text("It is sent as soon as the files are here.")).to_be_visible()
    for each in held:
        each.continue_()
    page.wait_for_url("**/jobs/*/")


def test_what_is_wrong_with_a_file_is_said_beside_its_place_and_the_rest_stays(visit, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("This is no video. " * 100)
    page = visit("/new/")
    choose(page, clip=text)

    expect(page.locator("#error-reference_video")).to_contain_text("'notes.mp4' is not a video")
    expect(page.locator("#id_reference_video")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-drop=image] .file")).to_be_visible()
    page.get_by_role("button", name="Make the video").click()
    expect(page.locator("#error-consent")).to_contain_text("Tick this box")
    page.get_by_label("I have the right to use this face and this video.").check()
    expect(page.locator("#error-consent")).to_be_empty()
    page.get_by_role("button", name="Make the video").click()
    expect(page.locator("#error-reference_video")).to_have_text("Choose the video that the face goes into.")
    expect(page.locator("#id_reference_video")).to_be_focused()
    page.locator("#id_reference_video").set_input_files(CLIP)
    expect(page.locator("#error-reference_video")).to_be_empty()
    expect(page.locator("[data-drop=video] .file")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Make the video").click()
    expect(page.locator("#error-form")).to_contain_text("The connection broke off. The files are kept")
    page.context.set_offline(False)
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Make the video").click()
    expect(page.locator("#error-form")).to_contain_text("The page was open for too long")


def test_a_pasted_photo_becomes_the_face_and_what_is_none_is_refused(visit):
    page = visit("/new/")

    page.evaluate(
        """() => {
             const files = new DataTransfer();
             files.items.add(new File(["any"], "pasted.png", { type: "image/png" }));
             document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: files, bubbles: true }));
           }"""
    )

    expect(page.locator("#error-source_image")).to_contain_text("'pasted.png'")


def test_a_dropped_song_chooses_the_mode_that_sings(visit):
    page = visit("/new/")
    expect(page.get_by_text("Song or speech", exact=True)).to_be_hidden()

    drop(page, "body", "song.m4a", "audio/mp4")

    expect(page.get_by_label("Make a photo sing")).to_be_checked()
    expect(page.locator("#error-driving_audio")).to_contain_text("'song.m4a'")
    drop(page, "[data-drop=image]", "notes", "")
    expect(page.locator("#error-source_image")).to_contain_text("'notes'")


def test_a_kept_face_is_chosen_instead_of_a_file(visit):
    page = visit("/faces/")
    page.locator("input[type=file]").set_input_files(OTHER_FACE)
    expect(page.locator(".face", has_text="grace_hopper").first).to_be_visible()
    page.goto("/new/")

    page.get_by_role("button", name="grace_hopper", exact=True).first.click()

    expect(page.locator("[data-drop=image] .file")).to_have_count(1)
    seen(page, "image")
    page.get_by_role("button", name="grace_hopper", exact=True).first.click()
    page.locator("#id_source_image").set_input_files(FACE)
    photos = page.locator("[data-drop=image] .file")
    expect(photos).to_have_count(2)
    page.get_by_label("Make a photo sing").check()
    expect(photos.nth(1)).to_be_hidden()
    page.locator("#id_driving_audio").set_input_files(SAMPLES / "speech.m4a")
    sound = page.locator("[name=driving_audio_id]")
    expect(sound).to_be_enabled()
    assert sent(page) == ["driving_audio_id", "source_image_ids"]
    page.get_by_label("Swap a face in a video").check()
    assert sent(page) == ["source_image_ids", "source_image_ids"]


def test_the_form_as_code_follows_what_is_chosen_and_works_as_it_stands(visit, running_service):
    page = visit("/new/", permissions=["clipboard-read", "clipboard-write"])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/code/" in request.url else None)
    choose(page)
    seen(page, "video")
    seen(page, "image")
    assert not asked
    curl, python = page.locator("#code-curl"), page.locator("#code-python")

    page.get_by_text("As code").click()
    expect(curl).to_contain_text("-F reference_video_id=")
    expect(curl).to_contain_text("-F quality=balanced")
    page.get_by_label("Fast", exact=True).check()
    expect(curl).to_contain_text("-F quality=fast")
    page.locator("#trim-to").focus()
    page.keyboard.press("ArrowLeft")
    expect(curl).to_contain_text(re.compile(r"-F 'trim=\{\"end\": [\d.]+\}'"))
    page.get_by_role("button", name="All of it").click()
    expect(curl).not_to_contain_text("trim")
    page.get_by_role("button", name="Remove astronaut.png").click()
    expect(python).to_contain_text('"source_image": open("face.jpg", "rb")')
    page.locator("#id_source_image").set_input_files(FACE)
    expect(python).to_contain_text("source_image_ids")
    seen(page, "image")
    page.wait_for_timeout(500)
    settled = len(asked)
    page.wait_for_timeout(1000)
    assert len(asked) == settled

    page.locator(".code", has=curl).get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == curl.text_content()
    environ = {**os.environ, "API_KEY": running_service.manage("createapikey", NAME).strip()}
    for command in (["bash", "-euc", curl.text_content()], [sys.executable, "-c", python.text_content()]):
        said = subprocess.run(command, env=environ, check=True, timeout=60, stdout=subprocess.PIPE).stdout
        assert b"queued" in said


def sent(page: Page) -> list[str]:
    """Return by which fields the form names files."""
    names = page.evaluate("[...new FormData(document.getElementById('new'))].map(([name]) => name)")
    return sorted(name for name in names if name.endswith(("_id", "_ids")))
