"""The clip of a new swap in Chromium: its frame, its part, and how long it will take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from faceswap_site.tests.test_browser import CLIP
from faceswap_site.tests.test_browser_new import OTHER_FACE, seen
from worker.media.camera import placed, subject
from worker.media.framing import crop_size, output_size

pytestmark = pytest.mark.browser


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
    assert small != large  # a large clip takes long, however little of it is kept


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
