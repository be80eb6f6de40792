"""What a person does, in Chromium, against the real processes, from the owner's link to the video."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from conftest import SAMPLES
from faceswap_site.copies import Copy
from faceswap_site.tests.conftest import NAME, PASSWORD
from faceswap_site.tests.windows import watched

pytestmark = pytest.mark.browser

CLIP, FACE = SAMPLES / "tiny.mp4", SAMPLES / "astronaut.png"
LONG_CLIP = SAMPLES / "hopper.mp4"
MADE_WITHIN = 120_000  # milliseconds, on a slow machine
SEEN_WITHIN = 60_000


def choose(page: Page, *, clip: Path = CLIP, face: Path = FACE) -> None:
    page.locator("#id_reference_video").set_input_files(clip)
    page.locator("#id_source_image").set_input_files(face)


def drop(page: Page, selector: str, name: str, content_type: str) -> None:
    page.evaluate(
        """([selector, name, type]) => {
             const files = new DataTransfer();
             files.items.add(new File(["any"], name, { type }));
             const event = new DragEvent("drop", { dataTransfer: files, bubbles: true });
             document.querySelector(selector).dispatchEvent(event);
           }""",
        [selector, name, content_type],
    )


def submit(page: Page) -> None:
    page.get_by_label("I have the right to use this face and this video.").check()
    page.get_by_role("button", name="Make the video").click()
    page.wait_for_url("**/jobs/*/")


def status(page: Page) -> Locator:
    return page.locator("#status .badge")


def test_a_person_signs_in_with_the_keyboard_alone(browser: Browser, session: dict, running_service: Copy):
    with watched(browser.new_context(base_url=running_service.url), running_service.url) as page:
        page.goto("/new/")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type(NAME)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="New job")).to_be_visible()


def test_from_two_files_to_a_result_that_plays_beside_the_original(visit):
    page = visit("/new/")
    choose(page)
    expect(page.locator(".drop-preview video")).to_be_visible()
    expect(page.locator("[data-drop=image] .file-picture")).to_be_visible()
    page.get_by_label("Fast", exact=True).check()
    submit(page)

    expect(status(page)).to_have_text("Done", timeout=MADE_WITHIN)
    assert page.title().startswith("Done")
    page.locator("h1").click()
    page.keyboard.press("Space")
    page.wait_for_function(
        """() => ["result", "original"].every((id) => {
             const video = document.querySelector(`#${id} video`);
             return video.readyState >= 2 && video.currentTime > 0.2 && !video.paused;
           })"""
    )
    page.keyboard.press("Space")
    step_and_compare(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes()[4:8] == b"ftyp"


def step_and_compare(page: Page) -> None:
    """Frame by frame, both videos stay together, and a slider uncovers one beneath the other.

    Neither has bars beside its picture, whose place was kept before anything of it was here.
    """
    times = "[...document.querySelectorAll('.screen video')].map((video) => video.currentTime)"
    before, _ = page.evaluate(times)
    page.keyboard.press(".")
    page.wait_for_timeout(200)
    result, original = page.evaluate(times)
    assert 0 < result - before < 0.1
    assert 30 * result % 1 == pytest.approx(0.5, abs=0.05)  # in the middle of a frame
    assert result == pytest.approx(original, abs=0.002)

    page.get_by_role("button", name="Slider").click()
    page.get_by_label("How much of the original is shown, in percent").fill("30")
    bars = """() => [...document.querySelectorAll(".screen video")].map((video) =>
      [video.clientWidth - video.clientHeight * (video.videoWidth / video.videoHeight),
       video.width - video.videoWidth, video.height - video.videoHeight])"""
    assert page.evaluate(bars) == [[pytest.approx(0, abs=1), 0, 0]] * 2
    videos = page.locator(".screen video")
    assert page.evaluate("document.querySelector('#original video').muted")  # they have the same sound
    assert videos.nth(0).bounding_box() == videos.nth(1).bounding_box()
    clipped = "getComputedStyle(document.querySelector('#original video')).clipPath"
    assert page.evaluate(clipped) == "inset(0px 70% 0px 0px)"


def test_a_shared_result_is_watched_by_a_stranger_until_the_link_is_ended(
    visit, browser: Browser, running_service: Copy
):
    page = visit("/")
    page.locator(".card", has_text="Done").first.locator(".card-link").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator(".share-link").first.input_value()

    with watched(browser.new_context(), running_service.url) as stranger:
        stranger.goto(link)
        expect(stranger.get_by_text("was replaced by AI")).to_be_visible()
        stranger.wait_for_function("document.querySelector('video').readyState >= 1")
        page.get_by_role("button", name="End it").first.click()
        expect(page.locator(".share-link")).to_have_count(0)
        assert stranger.goto(link).status == 404


def test_the_library_follows_an_open_job_to_its_end(visit):
    page = visit("/new/")
    choose(page)
    submit(page)
    card = f"#card-{page.url.rstrip('/').rpartition('/')[2]}"

    page.get_by_role("link", name="Library").first.click()

    expect(page.locator(f"{card} .badge")).to_have_text("Done", timeout=MADE_WITHIN)
    expect(page.locator(f"{card} img")).to_have_js_property("complete", True)


def test_one_face_goes_into_two_clips_and_is_kept_for_the_next(visit, tiny_photo):
    page = visit("/batches/new/")
    clips = [
        {"name": name, "mimeType": "video/mp4", "buffer": CLIP.read_bytes()} for name in ("a.mp4", "b.mp4")
    ]
    page.locator("#id_reference_video").set_input_files(clips)
    page.locator("#id_source_image").set_input_files([FACE, tiny_photo])
    unused = page.get_by_text("Nothing is made of it.").locator("visible=true")
    expect(unused).to_have_count(1, timeout=SEEN_WITHIN)
    expect(page.locator("#submit")).to_have_text("Make 2 videos")
    page.evaluate("document.getElementById('several').dataset.jobsMost = 1")
    with page.expect_response("**/remove/"):
        page.get_by_role("button", name="Remove photo.jpg").click()
    expect(page.locator("#error-form")).to_contain_text("these would be 2")
    expect(page.locator("#submit")).to_be_disabled()
    page.evaluate("document.getElementById('several').dataset.jobsMost = 40")
    page.locator("#id_source_image").set_input_files(FACE)
    expect(page.locator("#submit")).to_have_text("Make 4 videos")
    page.get_by_role("button", name="Remove astronaut.png").last.click()
    page.get_by_label("Quality").select_option("fast")
    page.get_by_label("I have the right to use this face and this video.").check()
    page.get_by_role("button", name="Make 2 videos").click()
    page.wait_for_url("**/batches/*-*/")

    expect(page.locator("#batch")).to_contain_text("2 of 2 done", timeout=MADE_WITHIN)
    expect(page.locator(".card .badge")).to_have_text(["Done", "Done"])
    expect(page.locator(".card-download")).to_have_count(2)
    expect(page.locator("#batch[hx-get]")).to_have_count(0)
    page.locator(".card-link").first.click()
    page.get_by_role("button", name="Keep this face").click()
    page.get_by_role("link", name="In your face library").click()
    page.locator(".face", has_text="astronaut").first.get_by_role("link", name="Use it").click()
    expect(page.locator(".file-name", has_text="astronaut.png")).to_be_visible()


def test_of_several_files_it_is_said_beside_each_what_becomes_of_it(visit):
    page, held = visit("/batches/new/"), []
    page.route("**/files/", lambda route: held.append(route))
    zones = page.locator("[data-zone]")
    clips, button = zones.nth(0).locator(".sent"), page.locator("#submit")
    chosen = [
        {"name": name, "mimeType": "video/mp4", "buffer": b"any"} for name in ("a.mp4", "b.mp4", "c.mp4")
    ]

    page.locator("#id_reference_video").set_input_files(chosen)
    expect(button).to_have_text("Files left to send: 3")
    expect(button).to_be_disabled()
    assert len(held) == 2
    held.pop(0).abort()
    expect(clips.nth(0)).to_contain_text("The connection broke off.")
    page.evaluate("Object.assign(document.getElementById('several').dataset, { filesMost: 4 })")
    clips.nth(0).get_by_role("button", name="Send again").click()
    for each in held:
        each.continue_()
    expect(clips.nth(1)).to_contain_text("'b.mp4' is not a video")
    expect(clips.nth(1).get_by_role("button", name="Send again")).to_be_hidden()
    clips.nth(1).get_by_role("button", name="Remove").click()
    expect(clips).to_have_count(2)
    page.evaluate("document.getElementById('several').dataset.maxBytes = 2")
    for name in ("a.png", "b.png", "c.png"):
        drop(page, "body", name, "image/png")
    expect(zones.nth(1).locator(".sent").first).to_contain_text("The limit for a file is")
    expect(zones.nth(1)).to_contain_text("At most 20 files are taken at once.")
    expect(page.locator(".sent")).to_have_count(4)


def test_a_clip_without_a_face_fails_in_words_and_can_be_retried(visit, tiny_clip):
    page = visit("/new/")
    choose(page, clip=tiny_clip)
    submit(page)

    expect(status(page)).to_have_text("Failed", timeout=MADE_WITHIN)
    expect(page.locator("#status .why")).to_have_text(re.compile(r"face.*\.", re.IGNORECASE))
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#events")).to_contain_text("Queued again")
    expect(page.locator("#status")).to_contain_text("Attempt 2", timeout=MADE_WITHIN)
    expect(status(page)).to_have_text("Failed", timeout=MADE_WITHIN)


def test_a_job_is_cancelled_and_then_deleted(visit):
    page = visit("/new/")
    choose(page, clip=LONG_CLIP)
    page.get_by_label("Best", exact=True).check()
    submit(page)

    page.get_by_role("button", name="Cancel").click()

    expect(status(page)).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    gone = page.url
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 job deleted.")).to_be_visible()
    assert page.request.get(gone).status == 404
    page.get_by_role("button", name="Undo").click()
    assert page.goto(gone).status == 200


def test_without_scripts_the_form_complains_and_then_works(visit):
    page = visit("/new/", java_script_enabled=False)
    page.locator("#id_reference_video").set_input_files(CLIP)
    page.get_by_label("I have the right to use this face and this video.").check()
    page.get_by_role("button", name="Make the video").click()
    expect(page.get_by_text("Choose a photo that shows the face.")).to_be_visible()
    expect(page.get_by_text("please choose them once more")).to_be_visible()

    choose(page)
    page.get_by_role("button", name="Make the video").click()

    page.wait_for_url("**/jobs/*/")
    page.get_by_role("button", name="Cancel").click()
    expect(status(page)).to_have_text("Cancelled")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#events")).to_contain_text("Queued again")


def test_no_page_is_wider_than_a_phone(visit):
    page = visit("/new/", viewport={"width": 360, "height": 800})
    choose(page)
    expect(page.locator(".player")).to_be_visible()
    page.locator(".player [data-words]").evaluate("(words) => { words.textContent = 'Abspielen'; }")
    assert page.locator(".player").evaluate("(player) => player.scrollWidth <= player.clientWidth")
    assert is_within(page)
    page.get_by_label("Make a photo sing").check()
    page.get_by_text("As code").click()
    expect(page.locator("#code-curl")).to_contain_text("curl")
    assert is_within(page)
    page.get_by_label("Swap a face in a video").check()
    submit(page)
    assert is_within(page)
    page.goto("/")
    assert is_within(page)


def is_within(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
