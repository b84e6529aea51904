"""The trajectories of the `-v0` ids are those that were recorded (`tests/golden.py`)."""

from typing import Any

import pytest

from tests.golden import load, play, ticks_market
from trading_env.core.files import platform_name

RECORDED = load()
KINDS = [(case["env"], case["lanes"] > 0) for case in RECORDED["cases"]]
CASES = [  # the first of each kind is quick
    pytest.param(case, id=case["name"], marks=[pytest.mark.proof] if kind in KINDS[:k] else [])
    for k, (case, kind) in enumerate(zip(RECORDED["cases"], KINDS, strict=True))
]
ELSEWHERE = "digests were recorded on another platform"


def one(case: dict[str, Any]) -> None:
    found = play(case)
    is_exact = "ticks" in case["kwargs"].get("market", {})  # made of integers: the same everywhere
    if not is_exact and found["market"] != case["result"]["market"]:
        pytest.skip("the market itself depends on this processor's exponential function")
    assert found == case["result"]


@pytest.mark.skipif(RECORDED["platform"] != platform_name(), reason=ELSEWHERE)
@pytest.mark.parametrize("case", CASES)
def test_a_recorded_trajectory_is_played_again_to_the_bit(case: dict[str, Any]) -> None:
    one(case)


def test_the_recorded_cases_trade_in_both_tasks_single_and_in_batches() -> None:
    cases = RECORDED["cases"]
    assert all(case["result"]["fills"] > 0 for case in cases)
    kinds = {(case["env"], case["lanes"] > 0) for case in cases}
    assert kinds == {(env, many) for env in ("portfolio", "execution") for many in (False, True)}
    assert sum("ticks" in case["kwargs"].get("market", {}) for case in cases) >= 24


@pytest.mark.proof
def test_a_digest_sees_one_bit() -> None:
    case = next(case for case in RECORDED["cases"] if case["name"] == "costs flat_bps")
    dearer = {"preset": "flat_bps", "fee_bps": 1e-9}
    changed = {**case, "kwargs": {**case["kwargs"], "execution": dearer}}
    assert play(changed)["digest"] != play(case)["digest"]
    market = ticks_market(**case["kwargs"]["market"]["ticks"])
    assert market is ticks_market(**case["kwargs"]["market"]["ticks"])
