"""Makes docs/screenshots anew, of real jobs in a copy of the service: `python -m benchmarks.screenshots`."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from faceswap_site.copies import BASE_DIR, Copy
from faceswap_site.studio import NAME, PASSWORD

SAMPLES = BASE_DIR / "worker" / "samples"
FOLDER = BASE_DIR / "docs" / "screenshots"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
TALL: ViewportSize = {"width": 1280, "height": 1410}  # as much of a result's page as tells of it
MADE_WITHIN = 400.0  # seconds
SEEN_WITHIN = 60_000.0  # milliseconds
FACES = ("astronaut.png", "grace_hopper.jpg")
SWAP = {"reference_video": "hopper.mp4", "source_image": "astronaut.png"}
SONG = {"driving_audio": "speech.m4a", "source_image": "astronaut.png"}


class Client:
    def __init__(self, copy: Copy) -> None:
        self.url = f"{copy.url}/v1/jobs"
        copy.manage("createsuperuser", "--noinput", "--username", NAME, "--email", "olivia@example.org")
        key = copy.manage("createapikey", NAME).strip()
        self.headers = {"Authorization": f"Bearer {key}"}

    def submit(self, files: dict[str, str], **fields: str) -> str:
        sent = {field: (name, (SAMPLES / name).read_bytes()) for field, name in files.items()}
        fields = {"aspect_ratio": "original", "quality": "fast"} | fields
        answer = requests.post(self.url, headers=self.headers, data=fields, files=sent, timeout=120)
        answer.raise_for_status()
        return answer.json()["id"]

    def wait(self, job: str, *, status: str) -> None:
        deadline = time.monotonic() + MADE_WITHIN
        while time.monotonic() < deadline:
            told = requests.get(f"{self.url}/{job}", headers=self.headers, timeout=60).json()
            if told["status"] == status and (status != "processing" or told["progress"]["percent"]):
                return
            time.sleep(0.5)
        raise RuntimeError(f"Job {job} is {told['status']}, not {status}: {told['error_message']}")


def main() -> None:
    environ = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    with tempfile.TemporaryDirectory() as folder, Copy(Path(folder), environ=environ) as copy:
        client = Client(copy)
        done = client.submit(SWAP, mode="video_swap")
        others = [client.submit(SONG, mode="photo_sing"), client.submit(SWAP, mode="video_swap")]
        for job in (done, *others):
            client.wait(job, status="done")
        working = client.submit(SWAP, mode="video_swap", quality="max")
        client.wait(working, status="processing")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=installed(), args=["--no-sandbox"])
            shutil.rmtree(FOLDER, ignore_errors=True)
            FOLDER.mkdir()
            take(browser, copy.url, done=done, working=working)
            browser.close()


def installed() -> str | None:
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def take(browser: Browser, url: str, *, done: str, working: str) -> None:
    page = signed_in(browser, url, viewport=DESK)
    shoot(page, "job-open", f"/jobs/{working}/")
    shoot(page, "library", "/")
    shoot(page, "settings", "/settings/")
    keep_faces(page)
    shoot(page, "faces")
    begin_batch(page)
    shoot(page, "batch")
    page.set_viewport_size(TALL)
    fill_in(page)
    shoot(page, "new-job")
    open_result(page, f"/jobs/{done}/")
    page.click("[data-view=slider]")
    shoot(page, "job-done")
    phone = signed_in(browser, url, viewport=PHONE, color_scheme="dark")
    open_result(phone, f"/jobs/{done}/")
    shoot(phone, "job-done-phone-dark")


def signed_in(browser: Browser, url: str, **settings) -> Page:
    page = browser.new_context(base_url=url, reduced_motion="reduce", **settings).new_page()
    page.goto("/login/")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")
    return page


def keep_faces(page: Page) -> None:
    page.goto("/faces/")
    for count, name in enumerate(FACES, start=1):
        page.locator("[name=source_image]").set_input_files(SAMPLES / name)
        page.locator(".face img").nth(count - 1).wait_for(timeout=SEEN_WITHIN)
    page.get_by_text("Looking at the face").first.wait_for(state="hidden", timeout=SEEN_WITHIN)


def begin_batch(page: Page) -> None:
    """Have two clips made with one face, and go to where one sees how far they are."""
    page.goto("/batches/new/")
    page.locator("#id_reference_video").set_input_files([SAMPLES / "hopper.mp4", SAMPLES / "tiny.mp4"])
    page.locator("#id_source_image").set_input_files(SAMPLES / "astronaut.png")
    page.get_by_label("I have the right to use this face and this video.").check()
    page.get_by_role("button", name="Make 2 videos").click(timeout=SEEN_WITHIN)
    page.wait_for_url("**/batches/*-*/")
    page.get_by_text("1 of 2 done").wait_for(timeout=1000 * MADE_WITHIN)


def fill_in(page: Page) -> None:
    page.goto("/new/")
    page.locator("#id_reference_video").set_input_files(SAMPLES / "hopper.mp4")
    page.locator("#id_source_image").set_input_files(SAMPLES / "astronaut.png")
    for kind in ("video", "image"):
        page.locator(f"[data-drop={kind}] .person-picture").wait_for(timeout=SEEN_WITHIN)
    page.get_by_label("1:1 square").check()
    page.get_by_label("I have the right to use this face and this video.").check()


def open_result(page: Page, path: str) -> None:
    """Open it in the middle, where the face has begun to speak."""
    page.goto(path)
    page.wait_for_function("() => document.querySelector('#result video').readyState >= 1")
    page.evaluate("document.querySelector('#result video').currentTime = 2")
    page.wait_for_function("() => document.querySelector('#result video').readyState >= 2")


def shoot(page: Page, name: str, path: str = "") -> None:
    if path:
        page.goto(path)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)  # for pictures, and the second video that follows the first
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
