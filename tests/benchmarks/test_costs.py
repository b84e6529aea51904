"""The figures of what trading costs: the page is the record's, and both laws hold in it."""

import json

import pytest

from benchmarks import costs


def test_the_page_is_written_from_the_record_and_the_laws_hold_in_it() -> None:
    record = json.loads(costs.PAGE.record.read_text(encoding="utf-8"))
    assert costs.PAGE.path.read_text(encoding="utf-8") == costs.page(record)
    assert len(record["parents"]) == len(costs.parents())
    for row in record["parents"]:
        allowed = costs.WITHIN if row["share"] <= max(costs.SHARES) else 2.0
        assert 1.0 / allowed < row["mean"] / row["law"] < allowed, row
    for row in record["passive"]:
        low, high = row["interval"]
        slack = 0.5 * (high - low)  # one of twenty intervals misses what it is for
        assert low - slack <= -1.0 <= high + slack < 1.0, row


@pytest.mark.proof
def test_a_parent_is_measured_against_its_own_day() -> None:
    row = costs.parent_row(costs.Parent("us_stock_daily", 0.01, 1), 64)
    assert row["law"] == pytest.approx(0.1 * costs.FACTOR)
    assert row["interval"][0] < row["mean"] < row["interval"][1]
    assert 1.0 / costs.WITHIN < row["mean"] / row["law"] < costs.WITHIN
