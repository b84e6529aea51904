"""The first state of an episode is drawn from its address and warmed up."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import account_params, boxed, costly, episode_params, risk_params
from tests.kept import KEPT
from trading_env.core.params import ParentParams
from trading_env.core.records import SLOTS, BarRecord, EventRecord, NoticeRecord, new_table
from trading_env.core.values import Opening
from trading_env.core.world import Lane, World
from trading_env.step.observation import AccountFeature, AssetFeature
from trading_env.step.reward import Term
from trading_env.step.rows import lane_of, new_lanes, new_outputs
from trading_env.step.start import NEVER, pick

PATHS, BARS, WARMUP, LENGTH, ASSETS = 3, 60, 5, 20, 2
ROWS = PATHS * BARS


def world(events: Any = None, **account: Any) -> World:
    """Three paths of a market whose prices tell path, bar and asset apart."""
    bars = new_table(BarRecord, ROWS, ASSETS)
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(0.01 * rng.normal(size=(ROWS, ASSETS)).cumsum(axis=0))
    for name, factor in (("open", 1.0), ("high", 1.01), ("low", 0.99), ("close", 1.0)):
        bars[name] = close * factor
    bars["volume"] = 1000.0 * (1 + np.arange(ASSETS))
    events = new_table(EventRecord, 0) if events is None else events
    return World(
        bars=bars,
        signals=np.zeros((ROWS, ASSETS, 0)),
        elapsed_s=np.full(ROWS, 100.0),
        notices=new_table(NoticeRecord, 0, ASSETS),
        events=events,
        ends=events,
        hits=np.ones((len(events), ASSETS), np.int8),
        risk=boxed(risk_params()),
        execution=boxed(costly(latency_median_s=0.08)).repeat(ASSETS),
        rates=np.zeros((1, ASSETS, 2)),
        account=boxed(account_params(**account)),
        episode=boxed(
            episode_params(paths=PATHS, bars=BARS, warmup=WARMUP, length=LENGTH, groups=3)
        ),
        parents=new_table(ParentParams, ASSETS),
        weights=np.zeros(len(Term)),
    )


PLAIN = world()


def begun(
    seed: int, episode: int = 0, path: int = -1, start: int = -1, place: World = PLAIN
) -> Lane:
    size = ASSETS * len(AssetFeature) + len(AccountFeature)
    lanes = new_lanes(1, ASSETS, len(place.events), SLOTS)
    lane = lane_of(lanes, new_outputs(1, ASSETS, size, 1), 0, 0)
    KEPT.begin_episode(place, lane, np.uint64(seed), Opening(episode, path, start))
    return lane


@pytest.mark.proof
def test_an_episode_is_a_function_of_its_seed_and_number() -> None:
    one, other = begun(5, 2), begun(5, 2)
    assert one.accounts[0] == other.accounts[0]
    assert np.array_equal(one.assets, other.assets)
    assert np.array_equal(one.observation, other.observation)


def test_episodes_of_one_seed_differ() -> None:
    assert len({int(begun(5, episode).accounts[0].row) for episode in range(20)}) > 10


@pytest.mark.proof
def test_every_path_start_and_scenario_is_drawn_and_none_runs_off_its_path() -> None:
    rows = np.array([[(a := begun(s).accounts[0]).row, a.group] for s in range(1500)])
    path, start = rows[:, 0] // BARS, rows[:, 0] % BARS
    assert set(path) == set(range(PATHS))
    assert set(start) == set(range(WARMUP, BARS - LENGTH))
    assert set(rows[:, 1]) == {0, 1, 2}


def test_path_and_start_can_be_chosen() -> None:
    assert begun(1, path=2, start=17).accounts[0].row == 2 * BARS + 17


def test_the_account_begins_with_its_cash_and_nothing_else() -> None:
    account = begun(1, place=world(initial_cash=5e4)).accounts[0]
    for name in ("cash", "initial_equity", "equity", "peak_equity", "seen_equity", "seen_peak"):
        assert getattr(account, name) == 5e4
    assert (account.fees_paid, account.financing_paid) == (0.0, 0.0)
    assert (account.step, account.done) == (0, 0)


def test_cash_can_be_a_share_of_the_mean_daily_traded_value() -> None:
    lane = begun(1, place=world(initial_cash=0.0, account_share=0.2))
    marks = lane.assets["mark"]
    value = (marks * [1000.0, 2000.0]).mean()
    assert lane.accounts[0].cash == pytest.approx(0.2 * value)


def test_the_market_shown_first_is_the_bar_of_the_decision() -> None:
    lane = begun(1, path=1, start=30)
    bar = PLAIN.bars[BARS + 30]
    for name, column in (("mark", "close"), ("seen_close", "close"), ("seen_high", "high")):
        assert lane.assets[name].tolist() == bar[column].tolist()
    assert lane.assets["reference_price"].tolist() == bar["close"].tolist()
    assert lane.assets["position"].tolist() == [0.0] * ASSETS
    assert lane.assets["valid"].tolist() == [1] * ASSETS


def test_nothing_outside_the_warm_up_is_looked_at() -> None:
    """Garbage in every other bar, later ones above all, changes no bit."""
    row = BARS + 30
    other = world()
    other.bars["close"][row + 1 :] = other.bars["volume"][row + 1 :] = 1e9
    other.bars["close"][: row - WARMUP] = 1e-3
    one, two = (begun(1, path=1, start=30, place=place) for place in (PLAIN, other))
    assert np.array_equal(one.assets, two.assets)
    assert np.array_equal(one.observation, two.observation)


def test_averages_start_warm() -> None:
    asset = begun(1, path=0, start=40).assets[0]
    close = PLAIN.bars["close"][40 - WARMUP : 41, 0]
    squares = (close[1:] / close[:-1] - 1.0) ** 2
    assert squares.min() <= asset["variance_slow"] <= squares.max()
    assert asset["seen_variance_fast"] == asset["variance_fast"]
    assert asset["volume_mean"] == pytest.approx(1000.0)


def test_feedback_starts_at_what_is_expected_of_a_small_fill() -> None:
    asset = begun(1).assets[0]
    assert asset["slippage"] == asset["expected_slippage"] > 2e-4
    place = world()
    place.execution["fee_minimum"] = 50.0
    dear = begun(1, place=place).assets[0]
    notional = 0.01 * dear["seen_volume_mean"] * dear["seen_close"]
    added = 50.0 / notional - place.execution[0].fee
    assert dear["slippage"] == pytest.approx(asset["slippage"] + added, rel=1e-12)
    assert (asset["latency"], asset["fill_ratio"]) == (0.08, 1.0)
    assert (asset["cost_level"], asset["last_cost"]) == (0.0, 0.0)
    assert asset["cost_variance"] == pytest.approx(0.02 / (1.0 - 0.99**2))


def test_quotes_start_at_the_spread_of_the_warm_market_and_the_usual_depth() -> None:
    """Two bps times (fast over slow variance)^20: wide where the last bar was the wild one."""
    place = world()
    place.execution["spread_exponent"] = 40.0
    place.bars["close"][BARS + 30 :, 0] *= 2.0
    place.bars["close"][BARS + 30 - WARMUP + 1 :, 1] *= 2.0
    for asset, crisis in zip(begun(1, path=1, start=30, place=place).assets, (1, 0), strict=True):
        widened = (asset["variance_fast"] / asset["variance_slow"]) ** 20
        assert asset["seen_half_spread"] == pytest.approx(2e-4 * widened, rel=1e-12)
        assert asset["seen_depth"] == 1.0
        assert asset["crisis_bars"] == crisis == int(widened > 1.5)


def test_the_first_observation_is_finite() -> None:
    assert np.isfinite(begun(1).observation).all()


def test_events_start_in_their_ranges_and_a_crisis_stays_in_one_piece() -> None:
    events = new_table(EventRecord, 4)
    events["label"], events["chance"] = [0, 0, 0, 7], 1.0
    events["earliest"], events["latest"] = [2, 4, 5, 2], [9, 11, 5, 9]
    place = world(events)
    lanes = [begun(seed, place=place) for seed in range(1200)]
    mine = [lane.accounts[0].group == 0 for lane in lanes]
    starts = np.array([lane.starts for lane in lanes])
    assert (starts[~np.array(mine)] == NEVER).all()
    starts = starts[mine]
    assert set(starts[:, 0]) == set(range(2, 10))
    assert set(starts[:, 2]) == {5}
    assert np.array_equal(starts[:, 1], starts[:, 0] + 2)
    assert not np.array_equal(starts[:, 3], starts[:, 0])


@pytest.mark.proof
def test_an_event_happens_at_its_chance_and_a_label_as_a_whole() -> None:
    events = new_table(EventRecord, 4)
    events["label"], events["chance"] = [0, 0, 7, 9], [0.3, 0.3, 0.3, 0.0]
    lanes = [begun(seed, place=world(events)) for seed in range(1500)]
    happens = np.array([lane.starts != NEVER for lane in lanes if lane.accounts[0].group == 0])
    count = len(happens)
    rates = happens.mean(axis=0)
    assert np.abs(rates[:3] - 0.3).max() < 4 * np.sqrt(0.21 / count)
    assert np.array_equal(happens[:, 0], happens[:, 1])
    assert not np.array_equal(happens[:, 0], happens[:, 2])
    assert rates[3] == 0.0


@given(st.integers(0, 2**63), st.integers(1, 1000))
def test_a_pick_lies_below_its_count(seed: int, count: int) -> None:
    assert 0 <= pick(np.uint64(seed), 0, 0, 1, count) < count
