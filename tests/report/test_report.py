"""The report: one file that asks for nothing, shows what is there and escapes what it shows."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from tests.report.folder import LEARNER, SCENARIOS, WHY, read, summary, write_folder
from trading_env.core.files import write_json
from trading_env.report import difference_sections, score_sections, text_table, write_report
from trading_env.report.charts import limits, span_of, ticks
from trading_env.report.curves import equity_section, read_curves
from trading_env.report.markup import element

HEADINGS = (
    "Scores",
    "Against the baselines",
    "Equity and drawdown",
    "Severity",
    "What orders cost",
    "Episode replay",
    "Reliability of the run",
)
VOID = ("meta", "link", "input", "br")


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
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", page)


def test_names_are_text_and_never_markup(page: str) -> None:
    assert "<b>adaptive" not in page and "<b>x" not in page and "<i>this" not in page
    assert "&lt;b&gt;adaptive&lt;/b&gt; &amp; co" in page
    assert page.count("</script>") == 2  # the data's and the program's
    assert element("p", "<", title='"') == '<p title="&quot;">&lt;</p>'


def test_ids_are_unique_and_every_link_on_the_page_has_its_target(page: str) -> None:
    tags = outline(page).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert links and {str(link).removeprefix("#") for link in links} <= set(ids)


def test_what_is_not_defined_is_a_dash_that_says_why(page: str) -> None:
    missing = [a for tag, a in outline(page).tags if tag == "td" and a.get("class") == "none"]
    assert missing and all(a["title"] for a in missing)
    assert WHY in {a["title"] for a in missing}  # the evaluation's own words come first
    assert any("no order was sent" in str(a["title"]) for a in missing)


def test_a_mean_is_shown_with_its_interval(page: str) -> None:
    assert '<td data-value="-12.0">-12.00<small>[-13.00, -11.00]</small></td>' in page


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
        ("evaluation/equity.json", "Equity and drawdown"),
        ("evaluation/replay.json", "Episode replay"),
        ("manifest.json", "Reliability of the run"),
    ],
)
def test_what_is_missing_is_missing(folder: Path, tmp_path: Path, name: str, heading: str) -> None:
    for kept in ("evaluation/summary.json", "evaluation/equity.json", "evaluation/replay.json"):
        if kept != name:
            write_json(tmp_path / kept, read(folder, kept))
    if name != "manifest.json":
        write_json(tmp_path / "manifest.json", read(folder, "manifest.json"))
    shown = outline(write_report(tmp_path).read_text(encoding="utf-8")).headings
    assert tuple(shown) == tuple(h for h in HEADINGS if h != heading)


def test_an_almost_empty_summary_is_still_a_page(tmp_path: Path) -> None:
    write_json(tmp_path / "evaluation" / "summary.json", {"means": []})
    assert outline(write_report(tmp_path).read_text(encoding="utf-8")).headings == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_curves_of_a_table_are_percent_of_the_start_in_the_scenario_as_written(
    tmp_path: Path, kind: str
) -> None:
    rows = []
    for policy, severity, last in (("a", 1.0, 110.0), ("a", 2.0, 55.0), ("b", 1.0, 90.0)):
        for step, equity in enumerate((100.0, last)):
            row = {"policy": policy, "market": "m", "scenario": "s", "severity": severity}
            row |= {"step": step, "equity_low": equity - 1.0, "equity": equity}
            rows.append(
                row | {"equity_high": equity + 1.0, "drawdown": max(0.0, 1.0 - equity / 100)}
            )
    table = pd.DataFrame(rows)
    if kind == "csv":
        table.to_csv(tmp_path / "curves.csv", index=False)
    else:
        table.to_parquet(tmp_path / "curves.parquet", index=False)
    (group,) = read_curves(tmp_path)
    assert group["scenario"] == "s" and group["stressed"] == [0.0, 0.0]
    assert group["policies"]["a"]["equity"]["median"] == pytest.approx([0.0, 10.0])
    assert group["policies"]["a"]["equity"]["low"] == pytest.approx([-1.0, 9.0])
    assert group["policies"]["b"]["drawdown"]["median"] == pytest.approx([0.0, -10.0])
    assert "Drawdown" in equity_section(tmp_path, {"a": 0, "b": 1})


@pytest.mark.parametrize("content", [None, "[]", "{"])
def test_a_folder_without_an_evaluation_is_refused_in_one_line(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "evaluation").mkdir()
        (tmp_path / "evaluation" / "summary.json").write_text(content)
    with pytest.raises(ValueError, match=r"evaluated run|not JSON") as caught:
        write_report(tmp_path)
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_the_terminal_has_a_table_for_each_scenario_and_severity() -> None:
    several = [section.title for section in score_sections(summary())]
    assert several[:2] == ["calm, severity 0 (held out)", "calm, severity 1 (held out)"]
    one = score_sections(summary(severities=(1.0,)))
    assert [section.title for section in one] == [f"{name} (held out)" for name in SCENARIOS]
    assert text_table(one[0]).splitlines()[2].startswith(f"  {LEARNER}")
    rows = difference_sections(summary(severities=(1.0,)))[0].rows
    assert [row[0] for row in rows] == list(SCENARIOS)


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
