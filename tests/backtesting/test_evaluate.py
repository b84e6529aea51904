"""Evaluation: the same episodes for every policy, and numbers that agree with the environment.

Over 300 lines because the laws of a table share the episodes that are played once.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from trading_env.backtesting import (
    METRICS,
    evaluate,
    journal,
    make_envs,
    order_ledger,
    pool,
    rollout,
    summarise,
)
from trading_env.backtesting.summaries import summary_of
from trading_env.backtesting.tables import KEYS, WITHHELD
from trading_env.core.errors import ConfigError
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.spaces import ObservationLayout
from trading_env.envs.trace import EpisodeTrace
from trading_env.policies.baselines import BASELINES
from trading_env.policies.policy import Policy

STEPS, EPISODES, SEED = 40, 6, 11
MARKET = {"generator": "multiscale", "paths": 4, "bars": 200, "assets": 2}
SHARED: dict[str, Any] = {"market": MARKET, "episode_length": STEPS}

CRASH: dict[str, Any] = {
    "name": "crash",
    "events": [
        {
            "kind": "price",
            "shape": "gap",
            "start": "10 bars",
            "move": -0.08,
            "status": "assumed",
        }
    ],
}


class Follow(Policy):
    """Hold the sign of the last return: deterministic, and it trades."""

    def __init__(self, layout: ObservationLayout, gain: float = 1.0) -> None:
        self.columns = layout.columns("return")
        self.gain = gain

    def act(self, observation: NDArray[np.float32], info: Any) -> NDArray[Any]:
        return np.tanh(self.gain * observation[:, self.columns])


class Reckless(Follow):
    """Everything on one side with ten times leverage and no limits."""

    env_overrides = {  # noqa: RUF012
        "risk": {"preset": "raw", "max_weight": 20.0},
        "account": {"maintenance_margin": 0.0},
    }


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return evaluate(
        {"follow": Follow, "flat": BASELINES["flat"], "hold": BASELINES["buy_and_hold"]},
        scenarios=["calm", "price_shock"],
        severities=(0.0, 1.0),
        episodes=EPISODES,
        seed=SEED,
        env_kwargs=SHARED,
    )


@pytest.mark.proof
def test_there_is_one_row_for_each_episode(frame: pd.DataFrame) -> None:
    assert list(frame.columns) == [*KEYS, *METRICS, WITHHELD]
    assert len(frame) == 3 * 2 * 2 * EPISODES
    assert not frame.duplicated(list(KEYS)).any()
    assert set(frame["seed"]) == set(range(SEED, SEED + EPISODES))


def test_an_episode_is_the_single_environment_with_that_seed(frame: pd.DataFrame) -> None:
    env = PortfolioEnv(**SHARED, scenario="price_shock", detail="full")
    policy = Follow(env.layout)
    observation, info = env.reset(seed=SEED + 2)
    equity, ended = [info["equity"]], False
    while not ended:
        observation, _, terminated, truncated, info = env.step(
            policy.act(observation[None], info)[0]
        )
        equity.append(info["equity"])
        ended = terminated or truncated
    row = frame.set_index(list(KEYS)).loc[("follow", "price_shock", 1.0, SEED + 2)]
    assert row["return"] == pytest.approx(equity[-1] / equity[0] - 1.0, rel=1e-12)
    assert row["shortfall_bps"] == pytest.approx(info["summary"]["shortfall_bps"], rel=1e-12)
    assert row["reward"] == pytest.approx(info["summary"]["reward"], rel=1e-12)
    assert row["steps"] == STEPS


def test_severity_zero_is_the_calm_market_for_every_policy(frame: pd.DataFrame) -> None:
    at_zero = frame[frame["severity"] == 0.0].drop(columns=["severity", "scenario"])
    calm = at_zero[(frame["scenario"] == "calm")[at_zero.index]].reset_index(drop=True)
    shocked = at_zero[(frame["scenario"] != "calm")[at_zero.index]].reset_index(drop=True)
    pd.testing.assert_frame_equal(calm, shocked)


def test_what_doing_nothing_does_not_define_is_missing_not_zero(frame: pd.DataFrame) -> None:
    flat = frame[frame["policy"] == "flat"]
    undefined = ["sharpe", "win_rate", "shortfall_bps", "fill_ratio", "latency_ms"]
    assert flat[undefined].isna().all(axis=None)
    assert (flat[["return", "max_drawdown", "turnover", "orders"]] == 0.0).all(axis=None)


def test_buy_and_hold_buys_once_whatever_the_risk_settings_of_the_others(
    frame: pd.DataFrame,
) -> None:
    hold = frame[frame["policy"] == "hold"]
    assert (hold["orders"] == 2).all() and (hold["stops"] == 0).all()
    assert hold["turnover"].between(0.95, 1.05).all()


def test_buy_and_hold_is_invested_even_where_one_bar_cannot_fill_it() -> None:
    hourly = {**SHARED, "market": {**MARKET, "preset": "btc_hourly"}, "episode_length": 100}
    hold = evaluate(
        {"hold": BASELINES["buy_and_hold"]},
        scenarios=["calm"],
        episodes=4,
        seed=SEED,
        env_kwargs=hourly,
    )
    assert hold["turnover"].between(0.9, 1.1).all()


def test_a_paired_difference_is_the_difference_of_the_means(frame: pd.DataFrame) -> None:
    table = summarise(frame, baseline="hold").set_index(["policy", "scenario", "severity"])
    for scenario in ("calm", "price_shock"):
        ours, theirs = table.loc[("follow", scenario, 1.0)], table.loc[("hold", scenario, 1.0)]
        assert ours["diff_return"] == pytest.approx(ours["return"] - theirs["return"])
        assert ours["diff_return_low"] <= ours["diff_return"] <= ours["diff_return_high"]
        assert theirs["diff_return"] == 0.0


def test_a_baseline_that_was_not_evaluated_is_named(frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="'twap' was not evaluated; known: follow"):
        summarise(frame, baseline="twap")


def test_a_pool_counts_each_seed_once(frame: pd.DataFrame) -> None:
    pooled = pool(frame[frame["severity"] == 1.0], "all")
    assert len(pooled) == 3 * EPISODES
    expected = frame[(frame["severity"] == 1.0) & (frame["policy"] == "follow")]["return"].mean()
    assert pooled[pooled["policy"] == "follow"]["return"].mean() == pytest.approx(expected)


def test_a_ruined_lane_keeps_the_numbers_of_its_end_and_stops_no_other() -> None:
    layout = PortfolioEnv(**SHARED).layout
    policy = Reckless(layout, gain=1000.0)
    envs = make_envs(policy, 16, SHARED, scenario=CRASH, detail="full")
    played = rollout(policy, envs, SEED)
    lengths = np.array([len(curve) - 1 for curve in played.equity])
    ruined = np.array([curve[-1] <= 0.0 for curve in played.equity])
    assert ruined.any() and not ruined.all()
    assert (lengths[~ruined] == STEPS).all() and (lengths[ruined] < STEPS).any()
    np.testing.assert_array_equal(played.sums["steps"], lengths)
    last = [curve[-1] / curve[0] - 1.0 for curve in played.equity]
    np.testing.assert_allclose(played.sums["return"], last, rtol=1e-12)


def test_the_journal_accounts_for_every_unit_and_every_decision() -> None:
    layout = PortfolioEnv(**SHARED).layout
    policy = Follow(layout)
    envs = make_envs(policy, 3, SHARED, scenario="bad_data", detail="full")
    traces = [EpisodeTrace(envs.setup, lane) for lane in (0, 2)]
    played = rollout(policy, envs, SEED, traces)
    for trace in traces:
        table = journal(trace, episode=trace.lane)
        assert len(table) == STEPS * 2
        for _, rows in table.groupby("asset"):
            np.testing.assert_allclose(rows["filled"].cumsum(), rows["position"], atol=1e-6)
        costs = table[["delay", "spread", "impact", "fees", "opportunity"]].sum(axis=1)
        np.testing.assert_allclose(costs, table["shortfall"], atol=1e-6 * played.equity[0][0])
        assert table["time"].is_monotonic_increasing
        np.testing.assert_array_equal(trace.equity, played.equity[trace.lane])


def test_the_order_ledger_has_every_order_once_and_adds_up_to_the_journal() -> None:
    """Without stops nothing fills but orders, so both tables sum to the same costs."""
    arguments = {**SHARED, "risk": {"stops": False}, "account": {"account_share": 0.001}}
    layout = PortfolioEnv(**arguments).layout
    envs = make_envs(Follow(layout), 1, arguments, scenario="latency_storm", detail="full")
    trace = EpisodeTrace(envs.setup, 0)
    played = rollout(Follow(layout), envs, SEED, [trace])
    steps, orders = journal(trace, episode=0), order_ledger(trace, episode=0)
    sent = steps[steps["sent"] != 0.0]
    assert len(orders) == len(sent) == played.sums["orders"][0] > 10
    assert not orders.duplicated(["asset", "identity"]).any()
    for name in ("filled", "delay", "spread", "impact", "fees"):
        size = orders[name].abs().sum()
        assert abs(orders[name].sum() - steps[name].sum()) <= 1e-9 * size
    replaced = (orders["status"] == "cancelled") & (orders["left"] != 0.0)
    whole = orders[(orders["status"] == "filled") & ~replaced]
    paid = whole["notional"] * np.sign(whole["quantity"]) + whole["fees"]
    short = whole[["delay", "spread", "impact", "fees", "opportunity"]].sum(axis=1)
    np.testing.assert_allclose(
        short,
        paid - whole["quantity"] * whole["decision_price"],
        atol=1e-9 * whole["notional"].max(),
    )


def episodes(policies: dict[str, float], scenarios: tuple[str, ...]) -> pd.DataFrame:
    """Rows of eight windows with four episodes each, that differ by window alone."""
    rows = [
        {
            "policy": policy,
            "market": "m",
            "scenario": scenario,
            "severity": 1.0,
            "window": window,
            "seed": seed,
            **dict.fromkeys(METRICS, level + window),
            WITHHELD: "{}",
        }
        for policy, level in policies.items()
        for scenario in scenarios
        for window in range(8)
        for seed in range(4)
    ]
    return pd.DataFrame(rows)


def test_a_window_is_drawn_as_a_whole() -> None:
    frame = episodes({"one": 0.0}, ("calm",))
    whole = summarise(frame).iloc[0]
    first = summarise(frame[frame["seed"] == 0]).iloc[0]
    assert whole["return_low"] < whole["return"] < whole["return_high"]
    assert (whole["return_low"], whole["return_high"]) == (
        first["return_low"],
        first["return_high"],
    )
    alone = summarise(frame[frame["window"] == 0]).iloc[0]
    assert np.isnan(alone["return_low"])


def test_a_cell_without_its_pair_leaves_the_other_cells_theirs() -> None:
    frame = pd.concat(
        [episodes({"one": 5.0}, ("alone", "calm")), episodes({"base": 2.0}, ("calm",))],
        ignore_index=True,
    )
    table = summarise(frame, baseline="base").set_index(["policy", "scenario"])
    assert table.loc[("one", "calm"), "diff_return"] == 3.0
    assert np.isnan(table.loc[("one", "alone"), "diff_return"])
    assert table.loc[("base", "calm"), "diff_return"] == 0.0


def test_a_pooled_difference_is_over_the_scenarios_that_both_define() -> None:
    """In one of two the other has no Sharpe ratio: what is left is the pair in the other one."""
    rows = []
    for seed in range(8):
        for scenario, own, other in (("a", -2.0 - seed, np.nan), ("b", 1.5, 1.0)):
            for policy, score in (("mine", own), ("base", other)):
                row = dict.fromkeys(METRICS, 1.0) | {"sharpe": score, "withheld": "{}"}
                row |= {"policy": policy, "scenario": scenario, "severity": 1.0, "seed": seed}
                rows.append(row)
    summary = summary_of(
        pd.DataFrame(rows),
        learner="mine",
        baselines=["base"],
        scenarios=[{"name": "a", "role": ""}, {"name": "b", "role": ""}],
        market="m",
        notes=[],
        pools={"all": ["a", "b"]},
    )
    last = summary["differences"]["base"][-1]
    assert last["scenario"] == "all" and last["diff_sharpe"] == 0.5
    assert (last["diff_sharpe_low"], last["diff_sharpe_high"]) == (0.5, 0.5)


def test_a_severity_that_is_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="one is given twice"):
        evaluate({"flat": "flat"}, scenarios=["calm"], severities=(1.0, 1), episodes=1, seed=0)


def test_the_largest_seeds_are_seeds_of_a_table() -> None:
    """They are whole numbers up to 2^64 - 1, beyond what is signed."""
    seed = 2**64 - 6
    played = evaluate(
        {"flat": "flat"}, scenarios=["calm"], episodes=6, seed=seed, env_kwargs=SHARED
    )
    assert played["seed"].tolist() == [seed + k for k in range(6)]
    assert len(summarise(played)) == 1


def test_an_interval_follows_from_its_own_episodes_alone(frame: pd.DataFrame) -> None:
    """Who else stands in the table moves no one's interval."""
    whole = summarise(frame).set_index("policy")
    for name in set(frame["policy"]):
        alone = summarise(frame[frame["policy"] == name]).set_index("policy")
        pd.testing.assert_frame_equal(whole.loc[[name]], alone, check_like=True)
