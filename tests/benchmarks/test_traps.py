"""What traps of an evaluation are worth: the mistakes are the ones that the page tells of."""

import json

import numpy as np
import pytest

from benchmarks import trap_sizes as sizes
from benchmarks import traps


@pytest.mark.proof
def test_the_early_signal_is_the_sound_one_a_bar_before_and_nothing_else() -> None:
    sound, early = sizes.trend_market(0), sizes.trend_market(1)
    np.testing.assert_array_equal(early.signals[:, :-1], sound.signals[:, 1:])
    np.testing.assert_array_equal(early.close, sound.close)
    bar = 100
    way = np.sign(sound.close[:, bar] - sound.close[:, bar - sizes.LOOK_BACK])
    np.testing.assert_array_equal(sound.signals[:, bar, :, 0], way)
    assert not sound.signals[:, : sizes.LOOK_BACK].any()


def test_the_best_training_is_above_the_mean_of_all() -> None:
    found = sizes.one_training(0)
    assert len(found) >= 2
    for each in found:
        assert 0.0 < each["interval"][0] <= each["mean"] <= each["interval"][1] * 1.001


def test_an_interval_leaves_out_what_is_not_defined() -> None:
    values = np.array([1.0, 2.0, 3.0, 2.0, 1.0, 3.0, 2.0, np.nan])
    found = sizes.figure("", "", values, 100.0)
    assert found["mean"] == pytest.approx(200.0)
    assert 100.0 <= found["interval"][0] < 200.0 < found["interval"][1] <= 300.0


@pytest.mark.slow
@pytest.mark.parametrize("name", traps.TRAPS)
def test_a_trap_is_measured(name: str) -> None:
    found = traps.TRAPS[name].measure(16)
    for each in found:
        low, high = each["interval"]
        assert low <= each["mean"] <= high
    if name in ("no costs", "look-ahead", "tuned on test", "knowing the preset"):
        assert found[0]["interval"][0] > 0.0


def test_the_page_is_written_from_the_record_and_every_trap_has_a_size() -> None:
    record = json.loads(traps.PAGE.record.read_text(encoding="utf-8"))
    assert traps.PAGE.path.read_text(encoding="utf-8") == traps.page(record)
    assert [row["trap"] for row in record["rows"]] == list(traps.TRAPS)
    for row in record["rows"]:
        assert row["figures"][0]["interval"][0] > 0.0, row["trap"]
