"""The page of a new swap in Chromium: files sent at once, faces found, and what is chosen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from conftest import SAMPLES
from faceswap_site.tests.test_browser import CLIP, FACE, MADE_WITHIN, SEEN_WITHIN, choose
from worker.media.camera import placed, subject
from worker.media.framing import crop_size, output_size

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


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of somebody who crosses the picture from left to right; 720x360."""
    path = tmp_path_factory.mktemp("walker") / "walker.mp4"
    portrait = np.asarray(Image.open(OTHER_FACE).convert("RGB").resize((300, 360)))
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=20, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 720, 360, "yuv420p"
        for step in range(60):
            picture = np.full((360, 720, 3), 128, np.uint8)
            picture[:, 7 * step : 7 * step + 300] = portrait
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def seen(page: Page, kind: str, count: int = 1) -> None:
    expect(page.locator(f"[data-drop={kind}] .person-picture")).to_have_count(count, timeout=SEEN_WITHIN)


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
    page.get_by_label("I have the right to use this face and this video.").check()
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


def test_the_frame_of_the_shape_follows_the_face_while_the_clip_plays(visit, walker):
    page = visit("/new/")
    page.locator("#id_reference_video").set_input_files(walker)
    seen(page, "video")
    crop, player = page.locator(".crop"), page.locator(".player")
    expect(crop).to_be_hidden()

    page.get_by_label("1:1 square").check()

    box, whole = crop.bounding_box(), page.locator(".picture").bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=1)
    assert box["x"] - whole["x"] < 0.1 * whole["width"]
    assert player.bounding_box()["y"] >= whole["y"] + whole["height"]
    player.get_by_role("button", name="Sound").click()
    assert video(page, "muted")
    player.get_by_role("button", name="Play").click()
    page.wait_for_function(
        """() => {
             const [video, crop] = document.querySelector(".picture").children;
             const places = (window.places ??= new Set());
             if (!video.paused) places.add(crop.style.left);
             return places.size > 10; // more often than a video tells its time
           }"""
    )
    player.get_by_role("button", name="Pause").click()
    expect(player.get_by_role("button", name="Play")).to_be_visible()
    assert not video(page, "ended")
    player.get_by_label("Place in the video").focus()
    page.keyboard.press("End")
    page.wait_for_function("() => parseFloat(document.querySelector('.crop').style.left) > 40")


@pytest.mark.parametrize("size", [(1280, 720), (720, 900), (4096, 2304)])
def test_the_page_frames_and_measures_as_the_camera_does(visit, size):
    near = [(0.4, 0.3, 0.5, 0.5), (0.52, 0.2, 0.6, 0.4)]
    apart = [(0.02, 0.7, 0.12, 0.95), (0.8, 0.1, 0.95, 0.4)]
    page = visit("/new/")

    for aspect, boxes in product(("original", "9:16", "1:1", "4:5"), (near, near[:1], apart)):
        crop = crop_size(*size, aspect)
        box, _ = subject([pixels(each, size) for each in boxes], crop, together=False)
        place = placed(box, crop, (size[0] - crop[0], size[1] - crop[1]))
        paths = [[[0, *each], [2, *each]] for each in boxes]
        told = page.evaluate(
            "([paths, size, aspect]) => cropAt(paths, 1, cropSize(...size, aspect))", [paths, size, aspect]
        )
        assert pixels(told, size) == pytest.approx([*place, *crop], abs=2), (aspect, boxes)
        for enable_4k in (False, True):
            width, height = output_size(*crop, enable_4k=enable_4k)
            told = page.evaluate("(asked) => megapixels(...asked)", [*size, aspect, enable_4k])
            assert told == pytest.approx(width * height / 1e6, rel=0.01), (aspect, enable_4k)


def pixels(box: Sequence[float], size: tuple[int, int]) -> tuple[float, ...]:
    return tuple(share * side for share, side in zip(box, 2 * size, strict=True))


def test_of_people_who_come_and_go_the_frame_follows_who_is_there(visit):
    early, late = [[0, 0, 0, 0.1, 0.1], [2, 0.1, 0, 0.2, 0.1]], [[6, 0.8, 0, 0.9, 0.1], [8, 0.8, 0, 0.9, 0.1]]
    page = visit("/new/")

    middles = [
        page.evaluate(
            """([paths, time]) => {
                 const [left, , width] = cropAt(paths, time, [0.1, 1]);
                 return left + width / 2;
               }""",
            [[late, early], time],
        )
        for time in (1, 3, 5, 7, 9)
    ]

    assert middles == pytest.approx([0.1, 0.15, 0.85, 0.85, 0.85])


def test_a_time_is_told_as_a_range_in_the_unit_of_its_longer_end(visit):
    page = visit("/new/")

    ranges = [(3.2, 4.4), (41, 48), (46, 47), (70, 130), (4000, 7000)]
    told = [page.evaluate("(range) => inWords(...range)", each) for each in ranges]
    small, large = page.evaluate(
        """[0.1, 8].map((clip) => {
             const work = { seconds: 600, fps: 25, width: 100, height: 100, clip };
             new Estimates(document.getElementById("new")).show(work);
             return document.getElementById("send-time").textContent;
           })"""
    )

    units = ["about 3 to 4 s", "about 40 to 50 s", "about 45 s", "about 1 to 2 min", "about 1 to 2 h"]
    assert told == units
    assert small.endswith("s")
    assert large.endswith("min")  # a large clip takes long, however little of it is kept


def test_the_handles_choose_the_part_that_is_made_and_played(visit, walker):
    page = visit("/new/")
    expect(page.locator("#part")).to_be_hidden()
    page.locator("#id_reference_video").set_input_files(walker)
    begin, end = page.get_by_label("Beginning of the part"), page.get_by_label("End of the part")
    first, last = page.get_by_label("From second"), page.get_by_label("to second")
    length, play = page.locator("#part-length"), page.get_by_role("button", name="Play")
    expect(length).to_have_text("3.0 s of 3.0 s")

    begin.press("End")
    expect(length).to_have_text("0.2 s of 3.0 s")
    expect(begin).to_have_attribute("aria-valuetext", "2.8 s")
    assert video(page, "currentTime") == pytest.approx(2.8)
    first.fill("2.98")
    drag(page, begin, 1, 2 / 3)  # from where the other handle lies too
    assert float(first.input_value()) == pytest.approx(2, abs=0.1)
    first.fill("2")
    end.press("Home")
    expect(last).to_have_value("2.2")
    end.press("End")
    expect(last).to_have_value("")
    end.press("ArrowLeft")
    expect(last).to_have_value("2.9")
    play.click()
    page.wait_for_function("() => document.querySelector('.picture video').played.length > 0")
    page.wait_for_function("() => document.querySelector('.picture video').paused")
    assert video(page, "played.start(0)") == pytest.approx(2, abs=0.1)
    assert video(page, "played.end(0)") < 3
    page.get_by_role("button", name="All of it").click()
    expect(length).to_have_text("3.0 s of 3.0 s")
    play.click()
    begin.press("ArrowRight")
    expect(play).to_be_visible()
    assert not video(page, "ended")
    expect(first).to_have_value("0.1")
    page.locator("#id_reference_video").set_input_files(CLIP)
    expect(length).to_have_text("1.5 s of 1.5 s")
    expect(page.locator(".picture")).to_have_count(1)


def video(page: Page, what: str) -> Any:
    return page.evaluate(f"document.querySelector('.picture video').{what}")


def drag(page: Page, handle: Locator, start: float, stop: float) -> None:
    """Pull a handle from one share of its track to another with the mouse."""
    handle.scroll_into_view_if_needed()
    track, thumb = handle.bounding_box(), 24
    from_x, to_x = (track["x"] + thumb / 2 + share * (track["width"] - thumb) for share in (start, stop))
    y = track["y"] + track["height"] / 2
    page.mouse.move(from_x, y)
    page.mouse.down()
    page.mouse.move(to_x, y, steps=4)
    page.mouse.up()


def test_a_clip_that_the_browser_cannot_show_is_taken_all_the_same(visit, tmp_path):
    with av.open(str(tmp_path / "old.mkv"), "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            output.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        output.mux(stream.encode(None))
    page = visit("/new/")

    page.locator("#id_reference_video").set_input_files(tmp_path / "old.mkv")

    expect(page.get_by_text("No preview of this kind of file.")).to_be_visible()
    expect(page.locator("[data-drop=video] .file-name")).to_have_text("old.mkv")
    expect(page.locator(".player")).to_have_count(0)
    box = page.locator(".picture").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(64 / 48, abs=0.01)
    assert box["width"] == page.locator(".drop-preview video").locator("../..").bounding_box()["width"]


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


def sent(page: Page) -> list[str]:
    """Return by which fields the form names files."""
    names = page.evaluate("[...new FormData(document.getElementById('new'))].map(([name]) => name)")
    return sorted(name for name in names if name.endswith(("_id", "_ids")))
