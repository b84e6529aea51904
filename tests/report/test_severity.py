"""Of several severities the page says of which one it speaks."""

from pathlib import Path
from typing import Any

import pytest

from tests.report.folder import read, write_folder
from tests.report.test_words import row, told
from trading_env.backtesting.cells import as_written
from trading_env.core.files import write_json
from trading_env.report import write_report

REPLAY, SUMMARY = "evaluation/replay.json", "evaluation/summary.json"


def options(folder: Path) -> str:
    """Return the choice of episodes on the page of a folder."""
    page = write_report(folder).read_text(encoding="utf-8")
    return page.split('<select id="episode">')[1].split("</select>")[0]


def change(folder: Path, name: str, rows: list[dict[str, Any]], **values: Any) -> None:
    """Write a list of a folder again, with values for each of its rows."""
    content = [{**each, **values} for each in rows]
    whole = read(folder, name)
    write_json(folder / name, content if isinstance(whole, list) else whole | {"means": content})


def test_the_severity_that_is_shown_is_the_one_as_written_or_the_largest() -> None:
    assert as_written([0.0, 1, 2.0]) == 1.0 and as_written([2, 0.5]) == 2.0


def test_a_verdict_names_its_severity_where_several_were_played() -> None:
    rows = [row("a.csv", sign) | {"severity": v} for sign, v in ((1.0, 0.0), (-1.0, 2.0))]
    assert told(*rows) == ["Sharpe, calm, severity 2: mine is worse than base."]
    assert told(rows[1]) == ["Sharpe, calm: mine is worse than base."]


def test_a_replay_names_its_severity_where_several_were_played(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    change(folder, REPLAY, read(folder, REPLAY), severity=2.0)
    assert options(folder).count("seed 4, severity 2<") == 1
    change(folder, SUMMARY, read(folder, SUMMARY)["means"], severity=1.0)
    assert "severity" not in options(folder)


def test_a_replay_of_an_older_run_does_not_say_which_severity_it_is(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    older = [{k: v for k, v in each.items() if k != "severity"} for each in read(folder, REPLAY)]
    write_json(folder / REPLAY, older)
    assert options(folder).count("severity not noted<") == len(older)


@pytest.mark.parametrize("wrong", ["one", 1e31])
def test_a_severity_that_is_no_number_is_refused(tmp_path: Path, wrong: Any) -> None:
    folder = write_folder(tmp_path)
    change(folder, REPLAY, read(folder, REPLAY), severity=wrong)
    with pytest.raises(ValueError, match=r"replay\.json: 0\.severity"):
        write_report(folder)
