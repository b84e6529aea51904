"""The report in a browser: it opens in silence, sorts, replays, and shows something."""

import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.report.folder import STEPS, plant, read, write_folder
from trading_env.report import write_report

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
PROGRAM = next((path for name in NAMES if (path := shutil.which(name))), None)
if PROGRAM is None:
    pytest.skip("no Chromium: the report is not opened in a browser", allow_module_level=True)

pytestmark = pytest.mark.proof
PHONE, DESK = (390, 844), (1300, 900)
ROWS = "#score-table tbody tr:not([hidden])"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    return write_report(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=PROGRAM, args=FLAGS.split())
        yield opened
        opened.close()


class Tab:
    """One tab, with what it asked of the network and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file anew."""
        self.page.goto("about:blank")
        self.requests.clear()
        self.complaints.clear()
        self.page.goto(path.as_uri() + fragment)

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def column(self, key: str) -> list[str]:
        """Values by which the visible rows are sorted, from top to bottom."""
        heads = self.page.locator("#score-table thead th")
        keys = heads.evaluate_all("heads => heads.map((head) => head.dataset.key)")
        script = "(rows, k) => rows.map((row) => row.cells[k].dataset.value ?? '')"
        found: list[str] = self.page.locator(ROWS).evaluate_all(script, keys.index(key))
        return found

    def picture(self) -> Any:
        return np.asarray(Image.open(BytesIO(self.page.screenshot())).convert("RGB"))


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    yield Tab(context.new_page())
    context.close()


@pytest.mark.proof
@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_complaint_and_asks_the_network_for_nothing(
    tab: Tab, report: Path, size: tuple[int, int], scheme: Any
) -> None:
    tab.resize(size)
    tab.page.emulate_media(color_scheme=scheme)
    tab.open(report)
    tab.page.click("#play")
    tab.page.click("#play")
    assert tab.complaints == []
    assert tab.requests == [report.as_uri()]
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_no_table_and_no_chart_scrolls_sideways_on_a_desk(tab: Tab, report: Path) -> None:
    tab.open(report)
    tab.page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
    boxes = tab.page.locator(".scroll, .chart")
    assert boxes.count() > 10
    assert boxes.evaluate_all("all => all.filter((x) => x.scrollWidth > x.clientWidth)") == []


def test_on_a_phone_three_metrics_fit_and_the_others_are_a_tap_away(tab: Tab, report: Path) -> None:
    tab.resize(PHONE)
    tab.open(report, "#scenario=calm")
    heads = tab.page.locator("#score-table thead th:visible")
    names = heads.evaluate_all("heads => heads.map((head) => head.dataset.key)")
    assert names == ["policy", "severity", "return", "max_drawdown", "shortfall_bps"]
    wide = "x => x.parentElement.scrollWidth > x.parentElement.clientWidth"
    assert not tab.page.locator("#score-table").evaluate(wide)
    tab.page.click("#narrow")
    assert heads.count() > 8
    tab.resize(DESK)
    expect(tab.page.locator("#narrow")).to_be_hidden()


def test_columns_are_sorted_and_the_episode_is_moved_by_the_keyboard_alone(
    tab: Tab, report: Path
) -> None:
    tab.open(report, "#step=3&scenario=calm")
    tab.page.focus("th[data-key=return] button")
    tab.page.keyboard.press("Enter")
    found = [float(value) for value in tab.column("return")]
    assert found == sorted(found, reverse=True)
    tab.page.focus("#step")
    tab.page.keyboard.press("ArrowRight")
    expect(tab.page.locator("#moment")).to_contain_text("step 4 of")


def test_the_test_sees_requests_and_complaints(tab: Tab, tmp_path: Path) -> None:
    planted = tmp_path / "planted.html"
    planted.write_text('<img src="missing.png"><script>console.error("here"); throw 1</script>')
    tab.open(planted)
    assert any(url.endswith("missing.png") for url in tab.requests)
    assert len(tab.complaints) >= 2


def test_a_column_is_sorted_from_the_address_and_by_a_click(tab: Tab, report: Path) -> None:
    tab.open(report, "#scenario=calm&sort=sharpe")
    falling = tab.column("sharpe")
    defined = [float(value) for value in falling if value]
    assert len(falling) == 12 and len(defined) == 9  # the flat policy has no Sharpe ratio
    assert defined == sorted(defined, reverse=True) and falling[9:] == ["", "", ""]
    tab.page.click("th[data-key=sharpe] button")
    rising = tab.column("sharpe")
    assert rising[:9] == falling[:9][::-1] and rising[9:] == ["", "", ""]
    assert "sort=-sharpe" in tab.page.url
    tab.page.click("th[data-key=policy] button")
    names = tab.column("policy")
    assert names == sorted(names, key=str.lower, reverse=True)


def test_the_table_narrows_to_one_scenario(tab: Tab, report: Path) -> None:
    tab.open(report, "#scenario=price_shock")
    assert set(tab.column("scenario")) == {"price_shock"}
    tab.open(report, "#scenario=")
    assert set(tab.column("scenario")) == {"calm", "price_shock"}


def test_a_step_shows_the_ledger_of_that_step(tab: Tab, report: Path, folder: Path) -> None:
    episode = read(folder, "evaluation/replay.json")[1]
    step = next(k for k in range(STEPS) if episode["assets"][0]["filled"][k] != 0.0)
    tab.open(report, f"#episode=1&asset=1&step={step}")
    cells = "rows => rows.map((row) => [row.cells[0].textContent, row.cells[1].textContent])"
    rows = dict(tab.page.locator("#ledger tbody tr").evaluate_all(cells))
    shown = float(rows["filled, units"].replace(",", ""))
    assert shown == pytest.approx(episode["assets"][0]["filled"][step], rel=1e-5)
    assert rows["status"] == episode["assets"][0]["status"][step]
    expect(tab.page.locator("#moment")).to_contain_text(f"step {step} of {STEPS}")
    expect(tab.page.locator("#stage")).to_contain_text("S2, price in money a unit")


@pytest.mark.proof
def test_the_stage_shows_what_has_happened_so_far(tab: Tab, report: Path, folder: Path) -> None:
    asset = read(folder, "evaluation/replay.json")[0]["assets"][0]

    def count(look: str) -> int:
        return tab.page.locator(f"#stage .{look}").count()

    for step in (0, 11, STEPS):
        tab.open(report, f"#step={step}")
        fills = sum(quantity != 0.0 for quantity in asset["filled"][: step + 1])
        assert sum(count(look) for look in ("buy", "sell", "exit")) == fills
        pairs = zip(asset["seen_close"], asset["close"], strict=True)
        bent = [seen != true for seen, true in pairs]
        assert count("seen") == sum(bent[1 : step + 1])
        assert count("order") == sum(q != 0.0 for q in asset["sent"][: step + 1])
        assert count("shock") == len(asset["events"]) > 0


def test_the_area_of_a_fill_grows_with_its_quantity(tab: Tab, report: Path, folder: Path) -> None:
    asset = read(folder, "evaluation/replay.json")[0]["assets"][0]
    fills = [abs(quantity) for quantity in asset["filled"] if quantity != 0.0]
    tab.open(report, f"#step={STEPS}")
    marks = tab.page.locator("#stage .buy, #stage .sell, #stage .exit")
    widths = marks.evaluate_all("marks => marks.map((mark) => mark.getBBox().width)")
    expected = [max(6.0, 22.0 * (quantity / max(fills)) ** 0.5) for quantity in fills]
    assert widths == pytest.approx(expected, abs=0.01)


@pytest.mark.proof
def test_play_moves_on_by_itself_and_stops_when_told(tab: Tab, report: Path) -> None:
    tab.open(report, "#step=3")
    tab.page.click("#play")
    expect(tab.page.locator("#step")).not_to_have_value(re.compile("^[0-5]$"))
    tab.page.click("#play")
    where = tab.page.input_value("#step")
    tab.page.wait_for_timeout(300)
    assert tab.page.input_value("#step") == where
    assert f"step={where}" in tab.page.url
    expect(tab.page.locator("#play")).to_have_text("Play")


def test_play_from_the_end_begins_anew_and_ends_at_the_end(tab: Tab, report: Path) -> None:
    tab.open(report, f"#step={STEPS}")
    started = "document.getElementById('play').click(), document.getElementById('step').value"
    assert tab.page.evaluate(started) == "0"
    tab.page.evaluate(f"document.getElementById('step').value = {STEPS - 2}")
    expect(tab.page.locator("#play")).to_have_text("Play")
    assert tab.page.input_value("#step") == str(STEPS)


@pytest.mark.parametrize("fragment", ["#step=1e9", "#step=x&episode=-4&asset=77", "#sort=nothing"])
def test_an_address_that_makes_no_sense_does_no_harm(tab: Tab, report: Path, fragment: str) -> None:
    tab.open(report, fragment)
    assert tab.complaints == []
    expect(tab.page.locator("#moment")).to_contain_text("step ")


def test_no_text_of_a_run_folder_becomes_script(tab: Tab, folder: Path, tmp_path: Path) -> None:
    tab.open(write_report(plant(folder, tmp_path / "hostile")), "#step=3")
    tab.page.select_option("#episode", "1")
    tab.page.hover("#score-table th button")
    assert tab.page.evaluate("window.planted") is None
    assert tab.complaints == [] and len(tab.requests) == 1
    expect(tab.page.locator("h1")).to_contain_text("<script>window.planted")


def test_a_script_in_the_page_that_is_not_its_own_does_not_run(
    tab: Tab, report: Path, tmp_path: Path
) -> None:
    strange = tmp_path / "strange.html"
    for script in ("<script>window.planted = 1</script>", "<p onclick='window.planted = 1'>x</p>"):
        strange.write_text(report.read_text().replace("</nav>", f"</nav>{script}"))
        tab.open(strange)
        tab.page.evaluate("document.querySelector('nav + *').click()")
        assert tab.page.evaluate("window.planted") is None
        assert any("Content Security Policy" in text for text in tab.complaints)


@pytest.mark.proof
def test_the_picture_is_not_blank_at_any_width_and_dark_is_dark(tab: Tab, report: Path) -> None:
    schemes: tuple[tuple[Any, bool], ...] = (("light", True), ("dark", False))
    for size in (PHONE, DESK):
        tab.resize(size)
        for scheme, is_light in schemes:
            tab.page.emulate_media(color_scheme=scheme)
            tab.open(report)
            shot = tab.picture()
            assert shot.shape == (size[1], size[0], 3)
            assert len(np.unique(shot @ np.array([65536, 256, 1]))) > 100
            assert (np.median(shot) > 128) == is_light


def test_on_paper_every_part_is_open_and_the_controls_are_gone(tab: Tab, report: Path) -> None:
    tab.page.emulate_media(color_scheme="dark", media="print")
    tab.open(report)
    tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.page.locator("details:not([open])").count() == 0
    expect(tab.page.locator(".controls").first).to_be_hidden()
    assert np.median(tab.picture()) > 200  # paper is white even if the screen is dark
    printed = tab.page.pdf(format="A4", print_background=True)
    assert printed.startswith(b"%PDF") and len(printed) > 20_000


@pytest.mark.proof
def test_without_script_the_numbers_are_still_there(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(ROWS).count() == 24
    context.close()
