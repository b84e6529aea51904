"""Nothing stands on the page of reliability that no command printed."""

import json
import shlex
from pathlib import Path

import pytest

from benchmarks import reliability
from benchmarks.reliability import claims, figures_of
from scripts.records import RESULTS, SHOWN_BY, reliability_part
from tests.figures import figure

ROOT = Path(__file__).resolve().parents[2]
PRINTED = """============ test session starts ============
collected 3 items

tests/a.py
figure: 7 of 9 were there
.. 12 numbers that are no figure
=========== 3 passed, 2 deselected in 40.46s (0:00:40) ============
"""


def test_figures_are_what_is_printed_as_one_and_how_many_passed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert figures_of(PRINTED, None) == ["7 of 9 were there", "3 passed"]
    assert figures_of(PRINTED, "numbers") == [".. 12 numbers that are no figure"]
    assert figures_of("1 failed, 2 passed in 3 s", None) == ["1 failed, 2 passed"]
    figure("1 of 1")
    assert figures_of(capsys.readouterr().out, None) == ["1 of 1"]


def test_every_claim_has_a_command_a_record_or_a_reason_and_its_tests_exist() -> None:
    found = claims()
    assert len({claim["id"] for claim in found}) == len(found)
    for claim in found:
        assert len({"command", "record", "not_shown"} & claim.keys()) == 1, claim["id"]
        assert claim.get("record") in (None, *SHOWN_BY)
        for word in shlex.split(claim.get("command", "")):
            assert not word.startswith("tests/") or (ROOT / word).exists(), word
    for letter in ("A1", "A6", "B1", "B11", "C", "D1", "D6", "E1", "E7", "F1", "F5"):
        assert any(claim["id"].startswith(letter) for claim in found), letter


def test_every_row_on_record_is_that_of_a_claim_and_of_its_command() -> None:
    commands = {claim["id"]: claim.get("command") for claim in claims()}
    for row in reliability_rows():
        assert commands[row["id"]] == row["command"]
        assert row["figures"]


def reliability_rows() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(reliability.RECORD.read_text())["rows"]
    return found


def test_the_page_has_a_row_for_every_claim_and_says_what_is_not_on_record() -> None:
    page = reliability_part()
    recorded = {row["id"] for row in reliability_rows()}
    for claim in claims():
        (line,) = [each for each in page.splitlines() if f"**{claim['id']}**" in each]
        has_record = claim["id"] in recorded or (
            "record" in claim and (RESULTS / claim["record"]).exists()
        )
        assert has_record == (" holds " in line or " FAILS " in line)
