"""The report in a browser: it opens in silence, sorts, replays, and shows something.

Skipped only where no Chromium is installed.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.report.browser import Page, find_chromium
from tests.report.folder import STEPS, read, write_folder
from trading_env.report import write_report

PHONE, DESK = (390, 844), (1200, 900)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    return write_report(folder)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed: the report was not opened in a browser")
    opened = Page(program, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


def shown_column(page: Page, key: str) -> list[str]:
    """Values by which the visible rows are sorted, from top to bottom."""
    script = f"""(() => {{
        const table = document.getElementById("score-table");
        const column = [...table.tHead.rows[0].cells].findIndex((c) => c.dataset.key === "{key}");
        return [...table.tBodies[0].rows].filter((row) => !row.hidden)
            .map((row) => row.cells[column].dataset.value ?? "");
    }})()"""
    found: list[str] = page.run(script)
    return found


def picture(page: Page, *, whole: bool = False) -> Any:
    return np.asarray(Image.open(BytesIO(page.photograph(whole=whole))).convert("RGB"))


def text_of(page: Page, selector: str) -> str:
    return str(page.run(f"document.querySelector('{selector}').textContent"))


@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_complaint_and_asks_the_network_for_nothing(
    page: Page, report: Path, size: tuple[int, int], scheme: str
) -> None:
    page.resize(*size)
    page.emulate(scheme=scheme)
    page.open(report)
    page.run("document.getElementById('play').click()")
    page.run("document.getElementById('play').click()")
    assert page.complaints == []
    assert page.requests == [report.as_uri()]
    assert page.run("document.documentElement.scrollWidth") <= size[0]


def test_the_test_sees_requests_and_complaints(page: Page, tmp_path: Path) -> None:
    planted = tmp_path / "planted.html"
    planted.write_text('<img src="missing.png"><script>console.error("here"); throw 1</script>')
    page.open(planted)
    page.wait_for("document.images[0].complete")
    assert any(url.endswith("missing.png") for url in page.requests)
    assert len(page.complaints) >= 2


def test_a_column_is_sorted_from_the_address_and_by_a_click(page: Page, report: Path) -> None:
    page.resize(*DESK)
    page.open(report, "#scenario=calm&sort=sharpe")
    falling = shown_column(page, "sharpe")
    defined = [float(value) for value in falling if value]
    assert len(falling) == 12 and len(defined) == 9  # the flat policy has no Sharpe ratio
    assert defined == sorted(defined, reverse=True) and falling[9:] == ["", "", ""]
    page.run("document.querySelector('th[data-key=sharpe] button').click()")
    rising = shown_column(page, "sharpe")
    assert rising[:9] == falling[:9][::-1] and rising[9:] == ["", "", ""]
    assert "sort=-sharpe" in page.run("location.hash")
    page.run("document.querySelector('th[data-key=policy] button').click()")
    names = shown_column(page, "policy")
    assert names == sorted(names, key=str.lower, reverse=True)


def test_the_table_narrows_to_one_scenario(page: Page, report: Path) -> None:
    page.open(report, "#scenario=price_shock")
    assert set(shown_column(page, "scenario")) == {"price_shock"}
    page.open(report, "#scenario=")
    assert set(shown_column(page, "scenario")) == {"calm", "price_shock"}


def test_a_step_shows_the_ledger_of_that_step(page: Page, report: Path, folder: Path) -> None:
    episode = read(folder, "evaluation/replay.json")[1]
    step = next(k for k in range(STEPS) if episode["assets"][0]["filled"][k] != 0.0)
    page.open(report, f"#episode=1&asset=1&step={step}")
    rows = dict(
        page.run(
            "[...document.querySelectorAll('#ledger tbody tr')]"
            ".map((row) => [row.cells[0].textContent, row.cells[1].textContent])"
        )
    )
    shown = float(rows["filled"].replace(",", ""))
    assert shown == pytest.approx(episode["assets"][0]["filled"][step], rel=1e-5)
    assert rows["status"] == episode["assets"][0]["status"][step]
    assert f"step {step} of {STEPS}" in text_of(page, "#moment")
    assert "S2, price" in text_of(page, "#stage")


def test_the_stage_shows_what_has_happened_so_far(page: Page, report: Path, folder: Path) -> None:
    asset = read(folder, "evaluation/replay.json")[0]["assets"][0]
    for step in (0, 11, STEPS):
        page.open(report, f"#step={step}")
        count = "document.querySelectorAll('#stage .{}').length"
        fills = sum(quantity != 0.0 for quantity in asset["filled"][: step + 1])
        assert sum(page.run(count.format(look)) for look in ("buy", "sell", "exit")) == fills
        pairs = zip(asset["seen_close"], asset["close"], strict=True)
        bent = [seen != true for seen, true in pairs]
        assert page.run(count.format("seen")) == sum(bent[1 : step + 1])
        assert page.run(count.format("order")) == sum(q != 0.0 for q in asset["sent"][: step + 1])
        assert page.run(count.format("shock")) == len(asset["events"]) > 0


def test_the_area_of_a_fill_grows_with_its_quantity(page: Page, report: Path, folder: Path) -> None:
    asset = read(folder, "evaluation/replay.json")[0]["assets"][0]
    fills = [abs(quantity) for quantity in asset["filled"] if quantity != 0.0]
    page.open(report, f"#step={STEPS}")
    widths = page.run(
        "[...document.querySelectorAll('#stage .buy, #stage .sell, #stage .exit')]"
        ".map((mark) => mark.getBBox().width)"
    )
    expected = [max(6.0, 22.0 * (quantity / max(fills)) ** 0.5) for quantity in fills]
    assert widths == pytest.approx(expected, abs=0.01)


def test_play_moves_on_by_itself_and_stops_when_told(page: Page, report: Path) -> None:
    page.open(report, "#step=3")
    page.run("document.getElementById('play').click()")
    page.wait_for("Number(document.getElementById('step').value) >= 6")
    page.run("document.getElementById('play').click()")
    where = page.run("document.getElementById('step').value")
    page.run("new Promise((done) => setTimeout(done, 300))")
    assert page.run("document.getElementById('step').value") == where
    assert f"step={where}" in page.run("location.hash")
    assert text_of(page, "#play") == "Play"


def test_play_from_the_end_begins_anew_and_ends_at_the_end(page: Page, report: Path) -> None:
    page.open(report, f"#step={STEPS}")
    page.run("document.getElementById('play').click()")
    assert page.run("document.getElementById('step').value") == "0"
    page.run(f"document.getElementById('step').value = {STEPS - 2}")
    page.wait_for("document.getElementById('play').textContent === 'Play'")
    assert page.run("document.getElementById('step').value") == str(STEPS)


@pytest.mark.parametrize("fragment", ["#step=1e9", "#step=x&episode=-4&asset=77", "#sort=nothing"])
def test_an_address_that_makes_no_sense_does_no_harm(
    page: Page, report: Path, fragment: str
) -> None:
    page.open(report, fragment)
    assert page.complaints == []
    assert text_of(page, "#moment").startswith("step ")


def test_the_picture_is_not_blank_at_any_width_and_dark_is_dark(page: Page, report: Path) -> None:
    for size in (PHONE, DESK):
        page.resize(*size)
        for scheme, is_light in (("light", True), ("dark", False)):
            page.emulate(scheme=scheme)
            page.open(report)
            shot = picture(page)
            assert shot.shape == (size[1], size[0], 3)
            assert len(np.unique(shot @ np.array([65536, 256, 1]))) > 100
            assert (np.median(shot) > 128) == is_light


def test_on_paper_every_part_is_open_and_the_controls_are_gone(page: Page, report: Path) -> None:
    page.resize(*DESK)
    page.emulate(scheme="dark", media="print")
    page.open(report)
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run("[...document.querySelectorAll('details')].every((part) => part.open)")
    hidden = "getComputedStyle(document.querySelector('.controls')).display"
    assert page.run(hidden) == "none"
    assert np.median(picture(page)) > 200  # paper is white, whatever the screen is
    page.emulate()
    assert page.print().startswith(b"%PDF") and len(page.print()) > 20_000


def test_without_script_the_numbers_are_still_there(page: Page, report: Path) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.resize(*DESK)
    try:
        page.call("Page.navigate", url=report.as_uri())
        rows = "document.querySelectorAll('#score-table tbody tr:not([hidden])').length"
        deadline = monotonic() + 10.0
        while page.run(f"document.readyState === 'complete' ? {rows} : 0") != 24:
            assert monotonic() < deadline
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)
