"""The report: one file that makes no request, leaves out missing parts and escapes all text."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.report.folder import (
    LEARNER,
    POLICIES,
    SCENARIOS,
    WHY,
    curves,
    plant,
    summary,
    write_folder,
)
from trading_env.core.files import write_json
from trading_env.report import terminal_sections, text_table, write_report
from trading_env.report.charts import limits, span_of, ticks
from trading_env.report.curves import equity_charts
from trading_env.report.folder import read_curves
from trading_env.report.words import verdict

HEADINGS = (
    "Scores",
    "Against the baselines",
    "Equity and drawdown",
    "Severity",
    "What orders cost",
    "Episode replay",
    "Reliability of the run",
)
VOID = ("meta", "link", "input", "wbr")


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects what a test asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
SEEN_BY = {  # linear RGB as it is seen, Machado, Oliveira and Fernandes (2009), severity 1
    "all": np.eye(3),
    "protanopes": np.array(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    ),
    "deuteranopes": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
}


def linear(colour: str) -> np.ndarray:
    """Return a #rrggbb colour as linear RGB."""
    share = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Return linear RGB in a space where distances are as they are perceived (Ottosson, 2020)."""
    cones = np.array(
        [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
    ) @ np.clip(rgb, 0.0, 1.0)
    return np.array(
        [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    ) @ np.cbrt(cones)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


def test_every_part_is_there_and_every_element_is_closed(page: str) -> None:
    assert tuple(outline(page).headings) == HEADINGS


def test_nothing_is_fetched_from_anywhere(page: str) -> None:
    for tag, attributes in outline(page).tags:
        for name in ("src", "href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), (tag, target)
    policies = [a["content"] for _, a in outline(page).tags if "http-equiv" in a]
    assert str(policies[0]).startswith("default-src 'none'; ")
    assert "'unsafe-inline'" not in str(policies[0]).partition("script-src")[2]
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", page)


def test_names_are_text_and_never_markup(page: str) -> None:
    assert "<b>adaptive" not in page and "<b>x" not in page and "<i>this" not in page
    assert "&lt;b&gt;adaptive&lt;/b&gt; &amp; co" in page
    assert page.count("</script>") == 2  # the data's and the program's


def test_the_texts_of_a_folder_do_not_change_the_elements_of_its_page(
    folder: Path, page: str, tmp_path: Path
) -> None:
    hostile = write_report(plant(folder, tmp_path / "hostile")).read_text(encoding="utf-8")
    ours, theirs = (
        [(tag, sorted(a)) for tag, a in outline(text).tags if tag != "wbr"]
        for text in (page, hostile)
    )
    assert ours == theirs and len(ours) > 1000
    assert hostile.count("</script>") == 2 and "window.planted" in hostile


def test_ids_are_unique_and_every_link_on_the_page_has_its_target(page: str) -> None:
    tags = outline(page).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert links and {str(link).removeprefix("#") for link in links} <= set(ids)


def test_what_is_not_defined_is_a_dash_that_says_why(page: str) -> None:
    cells = [a for tag, a in outline(page).tags if tag == "td"]
    missing = [a for a in cells if "none" in str(a.get("class")).split()]
    assert missing and all(a["title"] for a in missing)
    assert WHY in {a["title"] for a in missing}  # the evaluation's own words come first
    assert any("no order was sent" in str(a["title"]) for a in missing)


def test_a_mean_is_shown_with_its_interval(page: str) -> None:
    assert '<td class="extra" data-value="-12.0">-12.00<small>[-13.00, -11.00]</small></td>' in page


def test_the_verdict_comes_first_and_says_whom_it_is_about(page: str) -> None:
    top = page[: page.index("<h2>")]
    lines = re.findall(r"<li>([^<]+)</li>", top[top.index('id="verdict"') :])
    name = "&lt;b&gt;adaptive&lt;/b&gt; &amp; co"
    assert lines == [
        f"return %, price_shock, severity 1: {name} is better than twap; worse than immediate.",
        f"Sharpe, price_shock, severity 1: {name} is better than twap; worse than immediate.",
        f"drawdown %, price_shock, severity 1: {name} is better than immediate; worse than twap.",
    ]
    for word in ("Reward", "Cost", "Risk"):
        assert f"<dt>{word}</dt>" in top


def test_what_the_intervals_do_not_tell_apart_is_level_and_what_has_none_is_not_said() -> None:
    found = summary(severities=(0.0,))
    assert verdict(found)[0].endswith("is level with twap and immediate.")
    assert not any("cost bps" in line for line in verdict(found))
    assert verdict({**found, "differences": {}}) == []


def test_blue_is_better_and_less_drawdown_is_better(page: str) -> None:
    twap = page[page.index("minus twap") : page.index("minus immediate")]
    row = twap[twap.index("severity 2") :]
    looks = re.findall(r'<td class="(better|worse)" style="--weight: (\d+)%">([^<]+)<', row)[:3]
    assert looks == [
        ("better", "60", "+6.00*"),
        ("better", "60", "+0.06*"),
        ("worse", "60", "+6.00*"),
    ]
    first = re.findall(r'<td class="better" style="--weight: (\d+)%">([^<]+)<', twap)[0]
    assert first == ("20", "+2.00")  # a third of the largest, and its interval holds 0


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("evaluation/curves.csv", "Equity and drawdown"),
        ("evaluation/replay.json", "Episode replay"),
        ("manifest.json", "Reliability of the run"),
    ],
)
def test_what_is_missing_is_missing(folder: Path, tmp_path: Path, name: str, heading: str) -> None:
    shutil.copytree(folder, tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    shown = outline(write_report(tmp_path / "run").read_text(encoding="utf-8")).headings
    assert tuple(shown) == tuple(h for h in HEADINGS if h != heading)


def test_an_almost_empty_summary_is_still_a_page(tmp_path: Path) -> None:
    write_json(tmp_path / "evaluation" / "summary.json", {"means": []})
    assert outline(write_report(tmp_path).read_text(encoding="utf-8")).headings == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_curves_are_percent_of_the_start_in_the_scenario_as_written(
    tmp_path: Path, kind: str
) -> None:
    looks = {name: k for k, name in enumerate(POLICIES)}
    equity = np.array([100.0, 110.0, 55.0])
    table = pd.concat([curves(equity, severity) for severity in (2.0, 1.0)])
    table.loc[table["severity"] == 2.0, "equity"] = 100.0
    if kind == "csv":
        table.to_csv(tmp_path / "curves.csv", index=False)
    else:
        table.to_parquet(tmp_path / "curves.parquet", index=False)
    read = read_curves(tmp_path / "curves")
    assert read is not None
    ((title, (above, below)),) = equity_charts(read, looks).items()
    assert title == "price_shock" and above.shades == []
    for chart, ends in ((above, (0.0, 10.0, -45.0)), (below, (0.0, 0.0, -50.0))):
        points = [f"{chart.x.at(k)} {chart.y.at(end)}" for k, end in enumerate(ends)]
        assert [line.path for line in chart.lines] == ["M" + "L".join(points)] * len(POLICIES)
    assert [bool(line.band) for line in above.lines] == [True, False, False, False]


def test_steps_with_an_event_are_shaded_and_none_where_the_table_has_no_such_column() -> None:
    table, looks = curves(np.full(12, 5.0)), dict.fromkeys(POLICIES, 0)
    ((above, below),) = equity_charts(table, looks).values()
    start, end = above.x.at(4), above.x.at(7)  # from the step before the first
    assert above.shades == below.shades == [(start, end - start, 0.5)]
    ((above, _),) = equity_charts(table.drop(columns="stressed"), looks).values()
    assert above.shades == []


def test_every_policy_has_a_colour_of_its_own(page: str, folder: Path, tmp_path: Path) -> None:
    many = summary() | {"learner": "p7"}
    row = many["means"][0]
    many["means"] = [
        row | {"policy": f"p{k}", "severity": v} for k in range(24) for v in (0.0, 1.0)
    ]
    write_json(tmp_path / "evaluation" / "summary.json", many)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    key = re.findall(r'class="line s(\d+)" d="M0 6h28"/></svg>(\w+)', text)
    assert [int(look) for look, _ in key] == list(range(24)) and key[0] == ("0", "p7")
    rules = [re.findall(rf"\.s{look} \{{ --c: ([^;]+);", text) for look, _ in key]
    assert all(len(rule) == 1 for rule in rules) and len({rule[0] for rule in rules}) == 24


def test_a_colour_blind_reader_can_tell_the_looks_apart_on_paper_and_in_the_dark(page: str) -> None:
    for block in page.split(":root {")[1:3]:
        surface, *looks = (
            linear(re.findall(rf"--{name}: (#\w{{6}})", block)[0])
            for name in ("surface", *(f"s{k}" for k in range(10)))
        )
        light = [max(surface @ LUMINANCE, x @ LUMINANCE) + 0.05 for x in looks]
        dark = [min(surface @ LUMINANCE, x @ LUMINANCE) + 0.05 for x in looks]
        assert min(np.divide(light, dark)) >= 2.99  # contrast of graphics, WCAG 1.4.11
        for seen_by in SEEN_BY.values():
            seen = [oklab(seen_by @ x) for x in looks]
            apart = [np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k]]
            assert min(apart) > 0.06  # three steps that an eye just notices


def test_the_terminal_has_a_table_for_each_scenario_and_severity() -> None:
    several = [section.title for section in terminal_sections(summary())]
    assert [title[:16] for title in several[:2]] == ["calm, severity 0", "calm, severity 1"]
    assert all(title.endswith("(held out)") for title in several)
    one = terminal_sections(summary(severities=(1.0,)))
    assert [section.title.partition(",")[0] for section in one] == list(SCENARIOS)
    assert text_table(one[0]).splitlines()[2].startswith(f"  {LEARNER}")


def test_the_checks_of_a_run_say_what_a_repetition_lacks(page: str) -> None:
    assert "Commit: 0123456789, with uncommitted changes." in page
    assert "One training seed" in page and "f" * 64 in page


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.0, 10.0) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert ticks(-0.013, 0.027, 4) == pytest.approx([-0.01, 0.0, 0.01, 0.02])


def test_an_axis_is_never_empty_and_holds_both_ends_of_every_stack() -> None:
    for values in ([], [None], [3.0, 3.0], [0.0]):
        low, high = limits(values)
        assert low < high
    low, high = span_of([{"a": -2.0, "b": 5.0, "c": None}, {"a": 1.0, "b": -4.0}])
    assert low < -4.0 and high > 5.0
