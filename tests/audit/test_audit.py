"""The audit finds each planted fault and no other, and finds nothing where there is nothing.

Over 300 lines because each check is tried on what is sound and on each fault.
"""

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from tests.audit import toys
from trading_env.__main__ import main
from trading_env.audit.auditing import audit
from trading_env.audit.play import MAX_ACTIONS, extremes
from trading_env.audit.results import FAIL, PASS, SKIPPED, AuditReport
from trading_env.audit.subject import load_subject
from trading_env.audit.worlds import (
    PRICE_COLUMNS,
    changed_after,
    frozen_after,
    random_walk,
    trending,
)

DATA_CHECKS = {"future", "future_in_info", "known_price", "flat_market", "market_pays"}
CHANCE = {"different_seeds", "unseeded_reset"}
PLANTED = {
    "WholeFile": {"future"},
    "FutureInfo": {"future", "future_in_info"},
    "Peek": {"known_price"},
    "WeekAhead": {"known_price"},
    "StaleClose": {"known_price"},
    "StaleOpen": {"known_price"},
    "PaidToLive": {"flat_market"},
    "Interest": {"flat_market"},
    "Indifferent": {"market_pays"},
    "IgnoresSeed": {"same_seed"},
    "OneSeed": {"different_seeds"},
    "Stuck": {"unseeded_reset"},
    "Remembers": {"same_seed", "reset_forgets"},
    "OneBuffer": {"aliasing"},
    "OwnData": {"aliasing"},
    "TakesNaN": {"invalid_actions"},
    "NegativeIndex": {"invalid_actions"},
    "HalfRefuses": {"invalid_actions"},
    "NoCopies": {"copies"},
    "Forgetful": {"copies"},
    "Outside": {"observation_space"},
    "NotANumber": {"finite", "flat_market"},
    "GlobalDraws": {"same_seed", "global_state"},
    "TellsSeed": {"seed_in_info"},
    "Raises": DATA_CHECKS,
    "LatePaid": {"known_price"},
}


def audited(toy: str) -> AuditReport:
    return audit(load_subject(f"tests.audit.toys:{toy}"))


def outcomes(report: AuditReport) -> dict[str, str]:
    return {result.name: result.outcome for result in report.results}


@pytest.mark.proof
@pytest.mark.parametrize("toy", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(toy: str) -> None:
    report = audited(toy)
    assert set(report.failed) == PLANTED[toy], report.results


@pytest.mark.proof
def test_every_check_has_a_planted_fault() -> None:
    found = set().union(*PLANTED.values())
    assert found == set(outcomes(audited("Sound")))


SOUND = [
    *("Sound", "Discrete", "NextOpen", "Realised", "PatchyFeed", "ThreeBars", "Late", "Ruin"),
    *("Numbered", "Grid", "Named"),
]


@pytest.mark.proof
@pytest.mark.parametrize("toy", SOUND)
def test_a_sound_environment_passes_every_check(toy: str) -> None:
    report = audited(toy)
    assert set(outcomes(report).values()) == {PASS}, report.results


@pytest.mark.proof
def test_an_environment_without_chance_is_not_asked_for_new_episodes() -> None:
    found = outcomes(audited("Fixed"))
    assert {name for name, outcome in found.items() if outcome == SKIPPED} == CHANCE
    assert FAIL not in found.values()


@pytest.mark.proof
@pytest.mark.parametrize("env_id", ["trading_env/Portfolio-v0", "trading_env/Execution-v0"])
def test_our_environments_pass_every_check(env_id: str) -> None:
    report = audit(load_subject(env_id))
    assert set(outcomes(report).values()) == {PASS}, report.results


@pytest.mark.proof
def test_an_id_that_takes_a_frame_is_audited_on_our_bars() -> None:
    gym.register("audit/Frame-v0", entry_point="tests.audit.toys:TakesFrame")
    try:
        found = outcomes(audit(load_subject("audit/Frame-v0")))
    finally:
        del gym.registry["audit/Frame-v0"]
    assert set(found.values()) == {PASS}


def test_where_no_data_can_be_handed_in_only_the_other_checks_run() -> None:
    gym.register("audit/Own-v0", entry_point="tests.audit.toys:OwnBars")
    try:
        found = outcomes(audit(load_subject("audit/Own-v0")))
    finally:
        del gym.registry["audit/Own-v0"]
    assert {name for name, outcome in found.items() if outcome == SKIPPED} == DATA_CHECKS
    assert FAIL not in found.values()


@pytest.mark.proof
def test_a_module_that_turns_warnings_into_errors_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "strict_toy.py").write_text(
        "import warnings\nfrom tests.audit.toys import Sound\nwarnings.filterwarnings('error')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = list(warnings.filters)
    report = audit(load_subject("strict_toy:Sound"))
    assert report.failed == ("global_state",)
    assert warnings.filters == before


@pytest.mark.proof
def test_evidence_of_a_stale_fill_says_what_a_lag_of_one_bar_costs() -> None:
    evidence = next(r.evidence for r in audited("StaleClose").results if r.name == "known_price")
    earned, later = map(float, re.findall(r"earn (-?[\d.e-]+\d)", evidence))
    assert earned == pytest.approx(0.1, abs=1e-3)  # the known move, less fees
    assert later <= 0.0


@pytest.mark.proof
def test_constant_policies_score_as_the_market_moves() -> None:
    scores = audited("Sound").constant_policies
    growth = 0.002 * toys.LENGTH
    assert scores["1"]["rising"] == pytest.approx(growth - toys.FEE)
    assert scores["-1"]["falling"] == pytest.approx(growth - toys.FEE)
    assert scores["0"] == {"random walk": 0.0, "rising": 0.0, "falling": 0.0, "flat": 0.0}
    assert scores["1"]["flat"] == pytest.approx(-toys.FEE)


@pytest.mark.parametrize("row", [-1, 0, 77, 398])
def test_changed_bars_are_the_same_up_to_the_row_and_new_after_it(row: int) -> None:
    bars = random_walk()
    other = changed_after(bars, row, seed=1)
    assert other.iloc[: row + 1].equals(bars.iloc[: row + 1])
    assert (other.iloc[row + 1 :].to_numpy() != bars.iloc[row + 1 :].to_numpy()).all()


@pytest.mark.parametrize(
    "bars",
    [
        random_walk(),
        changed_after(random_walk(), 100, seed=0),
        frozen_after(random_walk(), 50, -0.1),
        frozen_after(random_walk(), 50, 0.1),
        trending(random_walk(), 0.002),
    ],
)
def test_bars_are_sound(bars: object) -> None:
    prices = {name: bars[name].to_numpy() for name in PRICE_COLUMNS}  # type: ignore[index]
    assert (prices["low"] > 0.0).all()
    for inside in ("open", "close"):
        assert (prices["low"] <= prices[inside]).all()
        assert (prices["high"] >= prices[inside]).all()


def test_a_frozen_market_moves_in_its_last_bar_and_never_again() -> None:
    bars = random_walk()
    frozen = frozen_after(bars, 50, 0.1)
    assert frozen.iloc[:50].equals(bars.iloc[:50])
    assert frozen["close"].iloc[50] == pytest.approx(1.1 * bars["close"].iloc[49])
    assert (frozen[list(PRICE_COLUMNS)].iloc[51:] == frozen["close"].iloc[50]).all(axis=None)


def names_of(space: gym.Space[Any]) -> list[str]:
    found = extremes(space)
    assert found.left_out == ""
    assert all(space.contains(action) for action in found.actions.values())
    return list(found.actions)


def test_every_action_of_a_finite_space_is_tried() -> None:
    spaces = gym.spaces
    assert names_of(spaces.Discrete(3, start=1)) == ["1", "2", "3"]
    assert names_of(spaces.Discrete(MAX_ACTIONS)) == [str(i) for i in range(MAX_ACTIONS)]
    assert len(names_of(spaces.MultiDiscrete([2, 3]))) == 6
    assert names_of(spaces.MultiDiscrete([2, 2], start=[5, 0])) == [
        "[5 0]",
        "[5 1]",
        "[6 0]",
        "[6 1]",
    ]
    assert len(names_of(spaces.MultiDiscrete([[2, 2], [2, 2]]))) == 16
    assert len(names_of(spaces.MultiDiscrete([1] * 7 + [5]))) == 5  # told apart behind the sixth
    assert names_of(spaces.MultiBinary(2)) == ["0", "[0 1]", "[1 0]", "1"]
    assert names_of(spaces.Box(3, 6, (1,), np.int64)) == ["3", "4", "5", "6"]
    both = {"open": spaces.Discrete(2), "side": spaces.Discrete(3, start=-1)}
    assert names_of(spaces.Dict(both))[:2] == ["open 0, side -1", "open 0, side 0"]
    assert names_of(spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2))))[3] == "(1, 1)"


def test_extremes_of_a_box_are_corners_and_centre() -> None:
    corners = ["-1", "0", "[-1 1]", "[1 -1]", "1"]
    assert names_of(gym.spaces.Box(-1.0, 1.0, (2,), np.float32)) == corners
    assert names_of(gym.spaces.Box(-np.inf, np.inf, (9,))) == ["-1", "0", "1"]
    assert names_of(gym.spaces.Box(0, 255, (1,), np.uint8)) == ["0", "127", "255"]
    mixed = {"size": gym.spaces.Box(-1.0, 1.0, (1,)), "type": gym.spaces.Discrete(2)}
    assert len(names_of(gym.spaces.Dict(mixed))) == 6


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (gym.spaces.Discrete(MAX_ACTIONS + 1), "32 of 33 actions"),
        (gym.spaces.MultiDiscrete([10, 10, 10]), "32 of 1000 actions"),
        (gym.spaces.MultiBinary(2000), "32 of more than a billion actions"),
        (gym.spaces.Tuple((gym.spaces.Discrete(9), gym.spaces.Discrete(9))), "32 of 81 actions"),
        (gym.spaces.Text(5), "3 actions of a Text space"),
    ],
)
def test_actions_that_are_left_out_are_said_to_be(space: gym.Space[Any], said: str) -> None:
    found = extremes(space)
    assert said in found.left_out
    assert len(found.actions) == int(said.partition(" ")[0])
    assert all(space.contains(action) for action in found.actions.values())


@pytest.mark.proof
def test_what_depends_on_actions_that_are_left_out_is_not_applicable() -> None:
    report = audited("TooMany")
    left = {r.name for r in report.results if "32 of 1000 actions" in r.evidence}
    assert left == {"known_price", "flat_market", "market_pays", "finite"}
    found = outcomes(report)
    assert {name for name, outcome in found.items() if outcome == SKIPPED} == left
    assert FAIL not in found.values()


@pytest.mark.parametrize("toy", ["Breaks", "BreaksAtOnce", "BreaksLate", "Leaves", "SpaceGoes"])
def test_an_environment_that_raises_gets_a_report(
    toy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toys.SpaceGoes, "left", 2)
    out = tmp_path / "record.json"
    assert main(["audit", f"tests.audit.toys:{toy}", "--json", "--out", str(out)]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record == json.loads(out.read_text())
    checks = {check["name"]: check for check in record["checks"]}
    assert len(checks) == 16
    failed = [check for check in checks.values() if check["outcome"] == FAIL]
    assert failed and all(
        re.match("raised (RuntimeError: out of bars|SystemExit|OSError)", check["evidence"])
        for check in failed
    )
    if toy != "BreaksLate":
        assert {check["outcome"] for check in checks.values()} == {FAIL}
    monkeypatch.setattr(toys.SpaceGoes, "left", 2)
    assert main(["audit", f"tests.audit.toys:{toy}"]) == 1
    assert "fail: raised" in capsys.readouterr().out


def test_a_reward_that_is_no_number_on_still_prices_fails_no_other_check() -> None:
    """Nor does a check of what is earned raise for it."""
    found = outcomes(audited("NoNumber"))
    wanted = {"future": PASS, "future_in_info": PASS, "known_price": PASS}
    wanted |= {"flat_market": FAIL, "market_pays": SKIPPED}
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.proof
def test_the_command_says_fail_in_its_exit_code_and_writes_a_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "record.json"
    assert main(["audit", "tests.audit.toys:Peek", "--json", "--out", str(out)]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record == json.loads(out.read_text())
    assert record["failed"] == ["known_price"]
    assert record["command"] == "python -m trading_env audit tests.audit.toys:Peek"
    assert {"gymnasium", "numpy", "python"} <= set(record["versions"])
    assert main(["audit", "tests.audit.toys:Fixed"]) == 0
    assert "known_price" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("audit",), "ENV_ID"),
        (("audit", "nowhere/Nothing-v0"), "Nothing"),
        (("audit", "tests.audit.toys:Nobody"), "Nobody"),
        (("audit", "no_such_module:hook"), "no_such_module"),
        (("audit", "trading_env/Portfolio-v0", "--module", "no_such_module"), "no_such_module"),
        (("audit", "trading_env/Portfolio-v0", "--kwargs", "{"), "not JSON"),
        (("audit", "trading_env/Portfolio-v0", "--kwargs", "[1]"), "object"),
        (("audit", "trading_env/Portfolio-v0", "--kwargs", '{"lenght": 3}'), "lenght"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1 and named in printed.err


HOOK = """import gymnasium as gym
from trading_env import Market

def hook(bars):
    market = Market.from_frame(bars)
    return gym.make("trading_env/Portfolio-v0", market=market, seed_band=None, episode_length=5)
"""


def test_a_hook_of_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hook_of_this_folder.py").write_text(HOOK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [place for place in sys.path if place])  # as the command has it
    assert load_subject("hook_of_this_folder:hook").package == "trading_env"


@pytest.mark.parametrize(
    ("text", "said"), [("x = 1 +", "SyntaxError"), ("undefined", "NameError"), ("1 / 0", "Zero")]
)
def test_a_module_that_cannot_be_imported_is_one_line(
    text: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"my_{said.lower()}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for arguments in ([f"{name}:hook"], ["trading_env/Execution-v0", "--module", name]):
        assert main(["audit", *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error and name in error and error.count("\n") == 1
