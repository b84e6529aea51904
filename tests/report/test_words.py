"""The verdict of a report: which rows it speaks of."""

from typing import Any

from trading_env.report.words import verdict


def row(market: str, difference: float, scenario: str = "calm") -> dict[str, Any]:
    found: dict[str, Any] = {"policy": "mine", "scenario": scenario, "severity": 1.0}
    found |= {"market": market, "diff_sharpe": difference}
    return found | {"diff_sharpe_low": difference - 0.1, "diff_sharpe_high": difference + 0.1}


def told(*rows: dict[str, Any]) -> list[str]:
    return verdict({"learner": "mine", "differences": {"base": list(rows)}})


def test_each_market_has_a_line_of_its_own() -> None:
    lines = told(row("a.csv", -1.0), row("b.csv", 1.0))
    assert lines == [
        "Sharpe, a.csv, calm: mine is worse than base.",
        "Sharpe, b.csv, calm: mine is better than base.",
    ]


def test_of_one_market_the_last_row_speaks_which_is_that_of_all_scenarios() -> None:
    assert told(row("a.csv", 1.0), row("a.csv", -1.0, "all scenarios")) == [
        "Sharpe, all scenarios: mine is worse than base."
    ]
