"""Every page as a person meets it: for whoever cannot see it well, on any width, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from faceswap_site.studio import NAME, NEWCOMER, PASSWORD, studio
from faceswap_site.tests.windows import watched

pytestmark = pytest.mark.browser

WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},  # 2.5.8; by itself axe leaves it out
    "resultTypes": ["violations"],
}
# What width and colours alone decide.
SEEN = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size"]}}
WIDTHS = [360, 390, 768, 1280, 1920, 2560]
PAGES = [
    *("/", "/?q=nothing-of-that-name", "last", "done", "failed", "processing", "queued", "batch", "/new/"),
    *("/batches/new/", "/faces/", "/settings/", "/help/", "/help/api/", "/no/such/page/"),
]
OPEN = ["/login/", "/password/", "/password/x/y/", "share", "setup"]
LONGEST_WAIT = 11_000  # milliseconds between two questions of a page


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses in a studio of forty jobs, and the one to set up a studio that nobody has set up."""
    folder = tmp_path_factory.mktemp("studios")
    with studio(folder / "bare", jobs=0) as bare, studio(folder / "full", jobs=40) as full:
        yield {
            **{name: full[0].url + path for name, path in full[1].items()},
            "home": full[0].url,
            "setup": bare[0].url + bare[1]["setup"],
        }


@pytest.fixture(scope="module")
def sign_in(browser: Browser, links: dict[str, str]):
    """The cookies of who is signed in, by name."""

    def state(name: str) -> dict:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{links['home']}/login/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{links['home']}/")
        kept = context.storage_state()
        context.close()
        return kept

    return {"": None} | {name: state(name) for name in (NAME, NEWCOMER)}


@pytest.fixture
def window(browser: Browser, links: dict[str, str], sign_in: dict, request) -> Iterator[Page]:
    """The page of the test's parameters, before the person who may see it. Nothing moves."""
    who, path = request.param
    address = links.get(path) or links["home"] + path
    home = address[: address.index("/", len("http://"))]
    context = browser.new_context(storage_state=sign_in[who], reduced_motion="reduce")
    with watched(context, home) as page:
        page.goto(address)
        yield page


EVERY_PAGE = pytest.mark.parametrize(
    "window",
    [*product([NAME], PAGES), *product([NEWCOMER], ["/"]), *product([""], OPEN)],
    indirect=True,
    ids=lambda param: f"{param[0] or 'anybody'} {param[1]}",
)


@EVERY_PAGE
def test_a_page_meets_wcag_and_fits_its_window(window):
    faults = []
    window.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    for width, scheme, rules in [
        (390, "light", WCAG),
        (390, "dark", SEEN),
        (1280, "light", SEEN),
        (1280, "dark", WCAG),
    ]:
        window.set_viewport_size({"width": width, "height": 900})
        window.emulate_media(color_scheme=scheme)
        for violation in Axe().run(window, options=rules).response["violations"]:
            for node in violation["nodes"]:
                faults.append(f"{width} {scheme}: {violation['id']}: {node['html']} {node['failureSummary']}")
    assert not faults

    for width in WIDTHS:
        window.set_viewport_size({"width": width, "height": 900})
        assert window.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), width


# Rules of which these elements, all of Django's own making, are let off.
LET_OFF = {
    "aria-prohibited-attr": ("help-tooltip",),  # made by its script; a screen reader ignores that label
    "label": ("vDateField", "vTimeField"),  # of two that are one field; the legend names both
    "scrollable-region-focusable": (
        "inline-group",
    ),  # browsers let the keyboard scroll what cannot have the focus
}


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), pytest.param(1280, "dark", marks=pytest.mark.slow)]
)
def test_every_list_and_row_of_the_admin_meets_wcag(owners, width, scheme):
    page = owners("/admin/", viewport={"width": width, "height": 900}, color_scheme=scheme)
    faults = admin_faults(page)
    lists = page.locator("#content-main th a:not(.addlink)")
    addresses = {link.get_attribute("href") for link in lists.all()}
    assert len(addresses) >= 13

    for address in sorted(addresses):
        page.goto(address)
        faults += admin_faults(page)
        page.locator("#result_list a[href*='/change/']").first.click()
        faults += admin_faults(page)

    assert faults == []


def admin_faults(page: Page) -> list[str]:
    options = {**WCAG, "preload": False}  # axe would write a style of its own, which the policy forbids
    return [
        f"{page.url}: {violation['id']}: {node['html']}"
        for violation in Axe().run(page, options=options).response["violations"]
        for node in violation["nodes"]
        if not any(each in node["html"] for each in LET_OFF.get(violation["id"], ()))
    ]


AT_ONCE = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
WATCH_FOR_JUMPS = """
  window.jumped = 0;
  new PerformanceObserver((list) => { for (const each of list.getEntries()) jumped += each.value; })
    .observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize(("width", "height"), [(390, 844), pytest.param(1280, 900, marks=pytest.mark.slow)])
def test_no_page_jumps_while_it_and_its_pictures_and_videos_come(owners, links, width, height):
    """Each comes so slowly that it is painted in parts."""
    page, jumps = owners("/", viewport={"width": width, "height": height}), {}
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    page.add_init_script(WATCH_FOR_JUMPS)
    for path in [*PAGES, "tall"]:
        network.send("Network.emulateNetworkConditions", {**AT_ONCE, "downloadThroughput": 40_000})
        page.goto(links.get(path) or path, wait_until="domcontentloaded")
        network.send("Network.emulateNetworkConditions", AT_ONCE)
        page.wait_for_timeout(700)
        jumps[path] = page.evaluate("jumped")

    assert {path: jump for path, jump in jumps.items() if jump > 0.02} == {}


def test_every_page_brings_less_than_50_kb_of_styles_and_scripts(links, sign_in):
    """As the server sends them, compressed, and htmx among them."""
    session = requests.Session()
    session.cookies.update({cookie["name"]: cookie["value"] for cookie in sign_in[NAME]["cookies"]})

    def size(address: str) -> int:
        answer = session.get(links["home"] + address, headers={"Accept-Encoding": "br, gzip"}, stream=True)
        assert answer.headers["Content-Encoding"] in ("br", "gzip"), address
        return len(answer.raw.read(decode_content=False))

    for path in [*PAGES, "share"]:
        html = session.get(links.get(path) or links["home"] + path).text
        brought = set(re.findall(r'(?:src|href)="(/static/[^"]+\.(?:css|js))"', html))
        assert brought, path
        assert sum(map(size, brought)) < 50_000, path


# What has the focus, whether one sees that it has, and whether the page has it in view.
FOCUS = """() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  return {
    lost: at === document.body,
    seen: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || at.matches("main"),
    inView: box.bottom > 0 && box.top < innerHeight,
    name: at.outerHTML.slice(0, 160),
  };
}"""


def reach(page: Page, wanted: str) -> None:
    """Press Tab until what is wanted has the focus; whatever has it on the way shows it."""
    for _ in range(200):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        assert focus["lost"] or (focus["seen"] and focus["inView"]), focus["name"]
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"{wanted} cannot be reached with Tab alone.")


def keeps_focus(page: Page) -> bool:
    return not page.evaluate(FOCUS)["lost"]


# Presses what was swapped in before the browser does anything else.
HURRY = """(wanted) => document.addEventListener(
  "htmx:afterSwap", () => Promise.resolve().then(() => document.querySelector(wanted).click()), { once: true }
)"""


def test_what_was_swapped_in_works_at_once(browser, links, sign_in):
    with watched(browser.new_context(storage_state=sign_in[NAME]), links["home"]) as page:
        page.goto(links["done"])
        page.evaluate("window.isTheSame = true")
        page.evaluate(HURRY, "[hx-post$='/end/'] button")

        with page.expect_response("**/end/"):
            page.get_by_role("button", name="Make a link").click()

        expect(page.locator(".share-link")).to_have_count(1)
        assert page.evaluate("window.isTheSame"), "The form was sent as one without scripts."


def test_whoever_has_no_mouse_watches_shares_deletes_and_takes_that_back(browser, links):
    with watched(browser.new_context(base_url=links["home"], reduced_motion="reduce"), links["home"]) as page:
        page.goto("/")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type(NAME)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{links['home']}/")

        reach(page, f"[href='{links['done'].removeprefix(links['home'])}']")
        page.keyboard.press("Enter")
        page.wait_for_url(links["done"])
        moment = "document.querySelector('#result video').currentTime"
        page.wait_for_function("() => document.querySelector('#result video').readyState >= 1")
        page.keyboard.press(".")
        page.wait_for_function(f"() => {moment} > 0")
        reach(page, "[data-view=slider]")
        page.keyboard.press("Enter")
        reach(page, ".cut input")
        page.keyboard.press("ArrowLeft")
        assert page.locator(".cut input").input_value() == "49"

        reach(page, "[hx-post$='/share/'] button")
        page.keyboard.press("Enter")
        expect(page.locator(".share-link")).to_have_count(2)
        assert keeps_focus(page)
        reach(page, "[hx-post$='/end/'] button")
        page.keyboard.press("Enter")
        expect(page.locator(".share-link")).to_have_count(1)
        assert keeps_focus(page)

        page.goto("/")
        for number in range(2):
            reach(page, f".card:nth-child({number + 3}) .card-pick input")
            page.keyboard.press("Space")
        page.keyboard.press("Shift+Tab")
        for _ in range(40):
            if page.evaluate("document.activeElement.matches('[formaction$=\"/delete/\"]')"):
                break
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#undo")).to_contain_text("2 jobs deleted")
        reach(page, "#undo button")
        page.keyboard.press("Enter")
        expect(page.locator("#undo form")).to_have_count(0)
        expect(page.locator(".card")).to_have_count(24)


@pytest.fixture
def owners(browser: Browser, links: dict[str, str], sign_in: dict):
    """Open a page of the studio as its owner, with settings of one's own."""
    with ExitStack() as stack:

        def open_window(path: str, **settings) -> Page:
            context = browser.new_context(base_url=links["home"], storage_state=sign_in[NAME], **settings)
            page = stack.enter_context(watched(context, links["home"]))
            page.goto(links.get(path) or path)
            return page

        yield open_window


def test_a_result_plays_while_it_is_pointed_at_unless_movement_is_unwanted(owners):
    for motion, videos in (("no-preference", 1), ("reduce", 0)):
        page = owners("/", reduced_motion=motion)
        page.clock.install()
        page.locator(".card-link:has([data-play])").first.hover()
        page.clock.run_for(1000)
        expect(page.locator(".card video")).to_have_count(videos)
        page.locator("h1").hover()
        expect(page.locator(".card video")).to_have_count(0)


def test_all_jobs_of_a_page_are_chosen_at_once_and_counted(owners):
    page = owners("/")
    page.route("**/live/*", lambda route: route.abort())  # no news come, after which it is counted anew
    count = page.locator("#chosen-count")
    page.locator(".card-pick input").first.check()
    expect(count).to_have_text("1")
    page.get_by_role("button", name="All on this page").click()
    expect(count).to_have_text("24")
    page.get_by_role("button", name="None").click()
    expect(count).to_have_text("0")


def test_shift_chooses_all_in_between_with_the_mouse_and_with_the_keyboard(owners):
    page = owners("/")
    page.route("**/live/*", lambda route: route.abort())  # no news come, after which it is counted anew
    count, boxes = page.locator("#chosen-count"), page.locator(".card-pick input")

    boxes.nth(4).check()
    boxes.nth(1).click(modifiers=["Shift"])
    expect(count).to_have_text("4")
    assert page.evaluate("getSelection().toString()") == ""
    boxes.nth(7).focus()
    page.keyboard.press("Shift+Space")
    expect(count).to_have_text("7")
    boxes.nth(5).click(modifiers=["Shift"])
    expect(count).to_have_text("4")
    boxes.nth(9).check()
    expect(count).to_have_text("5")
    page.get_by_role("link", name="Done").first.click()
    page.wait_for_url("**state=done**")
    boxes.nth(3).click(modifiers=["Shift"])
    expect(count).to_have_text("1")


def test_the_offer_to_undo_moves_nothing_when_it_comes_and_goes(owners):
    page = owners("/")
    first = page.locator(".card").first
    before = first.bounding_box()
    page.locator(".card").nth(5).hover()
    page.locator(".card-pick input").nth(5).check()

    page.get_by_role("button", name="Delete").click()

    expect(page.locator("#undo form")).to_be_in_viewport()
    assert first.bounding_box() == before
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#undo form")).to_have_count(0)
    assert first.bounding_box() == before


def test_a_page_says_when_nobody_answers_and_looks_anew_at_what_is_gone(owners):
    page = owners("processing")
    page.clock.install()
    page.reload()
    expect(page.locator("time[data-local]")).to_have_count(0)
    page.context.set_offline(True)
    page.clock.run_for(LONGEST_WAIT)
    expect(page.locator("#offline")).to_be_visible()
    page.context.set_offline(False)
    page.clock.run_for(LONGEST_WAIT)
    expect(page.locator("#offline")).to_be_hidden()
    page.route("**/status/*", lambda route: route.fulfill(status=404))
    with page.expect_navigation():
        page.clock.run_for(LONGEST_WAIT)


def test_on_a_phone_a_result_lies_on_its_original_and_a_gap_leads_to_its_place(owners):
    page = owners("done", viewport={"width": 390, "height": 844})
    expect(page.get_by_role("button", name="Slider")).to_have_attribute("aria-pressed", "true")
    pull_line(page, 0.5, 0.2)
    page.get_by_role("button", name="Side by side").click()
    page.evaluate("document.querySelector('#original video').dispatchEvent(new Event('loadedmetadata'))")
    expect(page.get_by_role("button", name="Side by side")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-seek]").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-time]")).to_have_text("0:03.00")
    times = "[...document.querySelectorAll('.screen video')].map((video) => video.currentTime)"
    assert page.evaluate(times) == [3, 3]

    page.set_viewport_size({"width": 1280, "height": 900})
    page.reload()
    expect(page.get_by_role("button", name="Side by side")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Slider").press("Space")  # which is not meant for the video
    expect(page.get_by_role("button", name="Slider")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.querySelector('#result video').paused")


def test_where_a_slider_would_not_do_the_page_says_why(owners, links):
    page = owners("done")
    why = page.get_by_text("Result and original differ in shape")
    expect(page.get_by_role("button", name="Slider")).to_be_visible()
    expect(why).to_be_hidden()

    def crop(route):
        page_of_job = route.fetch()
        route.fulfill(response=page_of_job, body=page_of_job.text().replace('width="720"', 'width="506"', 1))

    page.route(links["done"], crop)
    page.reload()

    expect(why).to_be_visible()
    expect(page.get_by_role("button", name="Slider")).to_be_hidden()


def pull_line(page: Page, start: float, stop: float) -> None:
    """Pull the line between both on the picture itself, which plays only when it is pressed."""
    picture, cut = page.locator("#result video"), page.locator(".cut input")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + stop * box["width"], middle, steps=4)
    page.mouse.up()
    assert float(cut.input_value()) == pytest.approx(100 * stop, abs=1)
    assert page.evaluate("document.querySelector('#result video').paused")
    page.mouse.move(0, 0)
    assert float(cut.input_value()) == pytest.approx(100 * stop, abs=1)
    page.mouse.click(box["x"] + start * box["width"], middle)
    page.wait_for_function("!document.querySelector('#result video').paused")
    page.keyboard.press("Space")


def test_what_is_in_the_works_has_no_bars_and_stays_where_it_was_while_it_waited(owners):
    page = owners("processing")
    bars = """() => {
      const { clientWidth, clientHeight, width, height } = document.querySelector("#original video");
      return clientWidth - (clientHeight * width) / height;
    }"""
    assert page.evaluate(bars) == pytest.approx(0, abs=1)

    height = "document.getElementById('status').offsetHeight"
    working = page.evaluate(height)
    page.evaluate("for (const each of document.querySelectorAll('.status-head ~ *')) each.remove()")
    assert page.evaluate(height) == working


def test_the_bar_leads_to_the_settings_in_two_lines_on_a_phone_in_german_too(owners):
    page = owners("/", viewport={"width": 360, "height": 740}, locale="de")
    bar = page.locator(".bar")

    assert bar.bounding_box()["height"] < 120
    page.get_by_role("link", name="Einstellungen").click()
    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    expect(page.get_by_role("link", name="TrueFaceSwapVideo")).to_be_visible()


def test_a_wide_window_shows_more_cards_and_keeps_what_is_compared_together(owners, links):
    page = owners("/", viewport={"width": 2560, "height": 1300})
    columns = "getComputedStyle(document.querySelector('.cards')).gridTemplateColumns.split(' ').length"
    assert page.evaluate(columns) == 6
    page.goto(links["done"])
    page.wait_for_function("() => document.querySelector('#result video').readyState >= 1")
    result, original = (page.locator(f"#{name} video").bounding_box() for name in ("result", "original"))
    assert original["x"] - result["x"] - result["width"] < 30


def test_a_shared_video_that_stands_upright_has_no_bars_beside_it(owners):
    page = owners("done")
    count = page.locator(".share-link").count()
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator(".share-link")).to_have_count(count + 1)
    page.goto(page.locator(".share-link").first.input_value())

    box = page.locator("video").bounding_box()

    assert box["width"] / box["height"] == pytest.approx(720 / 900, abs=0.01)


def test_a_link_is_copied_or_said_to_be_copied_by_hand(owners):
    page = owners("done", permissions=["clipboard-read", "clipboard-write"])
    page.locator("[data-copy]").first.click()
    expect(page.locator("[data-copy]").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".share-link").first.input_value()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    page.locator("[data-copy]").first.click()
    expect(page.locator("[data-copy]").first).to_have_text("Select it and copy it by hand")


NOTE = """() => {
  window.notes = [];
  window.Notification = class { constructor(title) { notes.push(title); } };
  Notification.permission = "granted";
  Notification.requestPermission = async () => window.answer;
}"""
END = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  const elt = Object.assign(document.createElement("p"), { id: "card" });
  elt.dataset.ended = "Done: clip.mp4";
  document.body.append(elt);
  elt.dispatchEvent(new CustomEvent("htmx:oobAfterSwap", { bubbles: true, detail: { elt } }));
  return notes.length;
}"""


def test_whoever_wants_it_is_told_of_an_end_while_looking_elsewhere(owners):
    page = owners("/settings/")
    page.evaluate(NOTE)
    box, refused = page.locator("#notify"), page.locator("#notify-refused")
    assert page.evaluate(END, True) == 0

    page.evaluate("answer = 'denied'")
    box.click()
    expect(refused).to_be_visible()
    expect(box).not_to_be_checked()
    page.evaluate("answer = 'granted'")
    box.click()
    expect(refused).to_be_hidden()
    expect(box).to_be_checked()
    assert page.evaluate(END, False) == 0
    assert page.evaluate(END, True) == 1
    box.click()
    expect(box).not_to_be_checked()
    assert page.evaluate(END, True) == 1
