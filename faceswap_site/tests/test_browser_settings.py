"""The settings and the admin in Chromium, against the real processes."""

from __future__ import annotations

import re

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from faceswap_site.copies import Copy
from faceswap_site.tests.conftest import PASSWORD
from faceswap_site.tests.test_browser import LONG_CLIP, choose, status, submit
from faceswap_site.tests.test_studio import WCAG

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
ACTS = [
    ("Retry the selected failed or cancelled jobs", "Queued"),
    ("Cancel the selected open jobs", "Cancelled"),
]


def faults_of(page: Page, *, within: str = "main") -> list[str]:
    found = Axe().run(page, context=within, options=WCAG).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


def test_a_key_is_shown_in_view_copied_used_and_revoked(visit, running_service: Copy):
    page = visit("/settings/", viewport=PHONE, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("What the new key is for").fill("backups")
    page.get_by_label("every face and every video").check()
    page.get_by_role("button", name="Make a key").click()

    expect(page.locator("#new-key")).to_be_in_viewport()
    assert faults_of(page) == []
    page.locator("[data-copy=new-key]").click()
    expect(page.locator("[data-copy=new-key]")).to_have_text("Copied")
    bearer = {"Authorization": f"Bearer {page.evaluate('navigator.clipboard.readText()')}"}
    asked = requests.get(f"{running_service.url}/v1/jobs", headers=bearer, timeout=20)
    assert asked.status_code == 200
    page.goto("/settings/")
    expect(page.locator("#new-key")).to_have_count(0)
    page.get_by_role("button", name="Revoke backups").click()
    expect(page.locator("#notices")).to_contain_text("“backups” was revoked")
    asked = requests.get(f"{running_service.url}/v1/jobs", headers=bearer, timeout=20)
    assert asked.status_code == 401


def test_a_machine_is_let_in_and_the_one_here_says_what_it_does_and_since_when(visit):
    page = visit("/settings/")
    machines = page.locator("section", has=page.get_by_role("heading", name="Machines that compute"))
    told = re.compile(r"this-machine:\s+(waiting for|at)\s+a job\s+· connected since\s+\w+")
    expect(machines).to_contain_text(told)

    page.get_by_label("Name of another machine").fill("gpu-box")
    page.get_by_role("button", name="Let it take jobs").click()

    line = page.locator("#new-worker")
    expect(line).to_contain_text(re.compile(r"WORKER_TOKEN=fsw_\S+ python -m worker --server"))
    expect(line).to_be_in_viewport()
    page.get_by_role("button", name="Remove gpu-box").click()
    expect(page.locator("#notices")).to_contain_text("“gpu-box” gets no more work.")


def test_the_test_of_runpod_says_what_is_missing_where_one_looks(visit):
    page = visit("/settings/", viewport=PHONE)
    page.get_by_role("button", name="Test the connection").click()

    said = page.get_by_text("RUNPOD_API_KEY and RUNPOD_ENDPOINT_ID are not set")
    expect(said).to_be_in_viewport()


def test_an_operator_retries_and_cancels_many_at_once_from_the_dashboard(visit):
    page = visit("/new/")
    choose(page, clip=LONG_CLIP)
    submit(page)
    page.get_by_role("button", name="Cancel").click()
    expect(status(page)).to_have_text("Cancelled")
    job = page.url.rstrip("/").rpartition("/")[2]

    page.get_by_role("link", name="Admin").click()
    expect(page.get_by_text("Free on the disk")).to_be_visible()
    assert faults_of(page, within=".board") == []
    for action, said in ACTS:
        page.goto(f"/admin/jobs/job/?q={job}")
        page.locator("[name=_selected_action]").check()
        page.locator("[name=action]").select_option(label=action)
        page.get_by_role("button", name="Go").click()
        expect(page.locator(".messagelist")).to_contain_text(said)


def change_password(page: Page, old: str, new: str) -> None:
    page.get_by_label("The password until now").fill(old)
    page.get_by_label("The new one", exact=True).fill(new)
    page.get_by_label("The new one again").fill(new)
    page.get_by_role("button", name="Change the password").click()


# The last one: it ends the session that the others came with.
def test_a_password_is_changed_after_a_wrong_one_was_said_beside_its_field(visit):
    page, other = visit("/settings/", viewport=PHONE), "another long and uncommon password"
    change_password(page, "wrong", other)
    expect(page.locator("#error-old_password")).to_be_in_viewport()
    expect(page.get_by_label("The password until now")).to_be_focused()
    assert faults_of(page) == []

    for old, new in ((PASSWORD, other), (other, PASSWORD)):  # back again, for the other tests
        change_password(page, old, new)
        expect(page.locator("#notices")).to_contain_text("Your password was changed")
