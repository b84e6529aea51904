"""Credit by asset, what training touches, and which network is kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents import portfolio
from agents.learner_state import network_of
from agents.portfolio import Training, Validation, fit, utility
from agents.reference import tuned_signal_rule
from agents.rows import SCALE, AssetRows, Bookkeeper, credits_of
from agents.watch import Watch
from trading_env.core.records import Floats
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.markets import Market
from trading_env.policies.signal_rule import SignalRule

LITTLE = Training(lanes=16, steps=16, batch_size=256, judgements=4)
SYNTHETIC = {"generator": "multiscale", "paths": 4, "bars": 240, "assets": 3}


@pytest.mark.parametrize("scenario", [None, "gfc_2008", "price_shock", "flash_crash_2010"])
def test_what_the_assets_earned_is_what_the_account_gained(scenario: str | None) -> None:
    """Stops, shorts, fees, borrow and margin calls included; the bound is rounding."""
    envs = PortfolioVectorEnv(
        32,
        market=SYNTHETIC,
        scenario=scenario,
        severity=2.0,
        episode_length=60,
        risk={"max_leverage": 2.0, "max_weight": 2.0, "max_win_probability": 0.9},
        account={"borrow_rate": 0.1},
        autoreset_mode="Disabled",
        detail="full",
        copy=False,
    )
    generator = np.random.default_rng(0)
    envs.reset(seed=0)
    books, traded, ended = Bookkeeper(envs), 0.0, np.zeros(32, dtype=np.bool_)
    for _ in range(59):
        books.begin()
        before = books.equity.copy()
        _, _, terminated, truncated, _ = envs.step(generator.uniform(-1.0, 1.0, (32, 3)))
        gained = envs.batch.lanes.accounts["equity"] - before
        np.testing.assert_allclose(books.profits().sum(axis=1) * before, gained, atol=1e-6)
        traded += float(envs.batch.outputs.reports["notional"].sum())
        ended = terminated | truncated
        if ended.any():
            envs.reset(options={"reset_mask": ended})
    assert traded > 1e7


def test_an_asset_is_charged_for_the_risk_that_would_not_be_there_without_it() -> None:
    profits, aversion = np.random.default_rng(0).normal(0.0, 0.01, (7, 4)), 30.0

    def worth(total: Floats) -> Floats:
        return SCALE * (total - 0.5 * aversion * total**2)

    total = profits.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        credits_of(profits, aversion), worth(total) - worth(total - profits), atol=1e-12
    )
    hedge = np.array([[0.02, -0.02]])  # each is paid for what it takes off the other
    assert credits_of(hedge, aversion).sum() == pytest.approx(SCALE * aversion * 0.02**2)


def test_rows_are_the_lanes_assets_and_episodes_begin_anew() -> None:
    rows = AssetRows(2, seed=5, risk_aversion=0.0, market=SYNTHETIC, episode_length=20)
    plain = PortfolioVectorEnv(2, market=SYNTHETIC, episode_length=20, autoreset_mode="SameStep")
    seen, (expected, _) = rows.reset(), plain.reset(seed=5)
    block = len(rows.layout.block)
    generator, total = np.random.default_rng(1), np.zeros(6)
    for step in range(45):
        np.testing.assert_array_equal(seen.reshape(2, -1), expected[:, : 3 * block])
        actions = generator.uniform(-1.0, 1.0, (2, 3)).astype(np.float32)
        seen, rewards, done, infos = rows.step(actions.reshape(6, 1))
        expected, _, terminated, truncated, info = plain.step(actions)
        ended = terminated | truncated
        assert done.tolist() == np.repeat(ended, 3).tolist()
        total += rewards
        if done[0]:
            assert step % 20 == 19
            last = infos[1]["terminal_observation"]
            np.testing.assert_array_equal(last, info["final_obs"][0, block : 2 * block])
            assert infos[1]["TimeLimit.truncated"] == truncated[0]
    assert np.all(total != 0.0)


def bars(test_sign: float = 1.0, validation_sign: float = 1.0) -> Market:
    """A history with a signal that is right, or wrong in a band if its sign is -1."""
    generator = np.random.default_rng(3)
    size = 1500
    moves = generator.normal(0.0, 0.01, size)
    signal = np.sign(np.concatenate([moves[1:], [0.0]]))
    signal[int(0.65 * size) : int(0.78 * size)] *= validation_sign
    signal[int(0.85 * size) :] *= test_sign
    close = 100.0 * np.exp(np.cumsum(moves))
    before = np.concatenate([[100.0], close[:-1]])
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2001-01-01", periods=size, freq="D"),
            "open": before,
            "high": np.maximum(before, close) * 1.001,
            "low": np.minimum(before, close) * 0.999,
            "close": close,
            "volume": 1e6,
            "signal_next": signal,
        }
    )
    return Market.from_frame(frame)


def trained(market: Market) -> portfolio.Trained:
    arguments = {"market": market, "episode_length": 40}
    return fit(arguments, timesteps=2000, seed=0, advance=lambda _: None, training=LITTLE)


@pytest.mark.proof
def test_training_and_its_reference_do_not_depend_on_the_test_band() -> None:
    usual, other = bars(), bars(test_sign=-1.0)
    one, two = trained(usual), trained(other)
    assert one.step == two.step and one.validation_score == two.validation_score
    for name, weights in one.network.weights.items():
        np.testing.assert_array_equal(weights, two.network.weights[name])
    found = [tuned_signal_rule({"market": m, "episode_length": 40}, seed=0) for m in (usual, other)]
    assert found[0] == found[1]


@pytest.mark.proof
def test_the_validation_band_judges_and_nothing_else_does() -> None:
    one, two = trained(bars()), trained(bars(validation_sign=-1.0))
    assert one.validation_score > 0.0 > two.validation_score


@pytest.mark.proof
def test_the_network_with_the_highest_utility_is_kept_and_not_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores: list[float] = []

    def falling(returns: Any, risk_aversion: float) -> float:
        scores.append(-float(abs(len(scores) - 1)))  # the second is the best
        return scores[-1]

    monkeypatch.setattr(portfolio, "utility", falling)
    kept = trained(bars())
    assert len(scores) >= 4 and kept.validation_score == 0.0
    assert 0 < kept.step < 2000


def test_the_utility_is_the_mean_over_episodes_in_percent() -> None:
    returns = [np.array([0.01, -0.02]), np.array([0.03])]
    by_hand = [0.01 - 0.02 - 25.0 * (1e-4 + 4e-4), 0.03 - 25.0 * 9e-4]
    assert utility(returns, 50.0) == pytest.approx(100.0 * np.mean(by_hand))


@pytest.mark.proof
def test_the_reference_is_the_best_of_its_grid_in_validation() -> None:
    arguments = {"market": bars(), "episode_length": 40}
    best = tuned_signal_rule(arguments, seed=0)
    validation = Validation(arguments, seed=0)

    def sharpe(aim: float, keep: float) -> float:
        played = validation.returns(SignalRule(validation.envs.layout, aim, keep))
        return float(np.mean([r.mean() / r.std() for r in played]))

    assert sharpe(**best) >= max(sharpe(0.03, 2.0), sharpe(0.15, 0.0), sharpe(0.25, 2.0))


def test_a_rollout_beyond_the_end_is_not_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the steps asked for half a rollout is left over: its update has a rate of 0, not below."""
    rates: list[float] = []
    made = portfolio.PPO

    def watched(*arguments: Any, **settings: Any) -> Any:
        usual = settings["learning_rate"]

        def rate(left: float) -> float:
            rates.append(usual(left))
            return rates[-1]

        return made(*arguments, **{**settings, "learning_rate": rate})

    monkeypatch.setattr(portfolio, "PPO", watched)
    arguments = {"market": bars(), "episode_length": 40}
    fit(arguments, timesteps=16 * 16 + 128, seed=0, advance=lambda _: None, training=LITTLE)
    assert min(rates) == 0.0 and max(rates) > 0.0


def test_training_leaves_no_log_in_the_folder_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    arguments = {"market": SYNTHETIC, "episode_length": 20}
    fit(arguments, timesteps=64, seed=0, advance=lambda _: None, training=LITTLE)
    assert list(tmp_path.glob("SB3-*")) == []


def test_the_network_that_is_judged_is_the_mean_over_the_later_updates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each update's network counts once from a quarter of the training on; 1e-6 is float32's."""
    seen: list[tuple[int, Any]] = []
    judged: list[tuple[int, Any]] = []
    average, consider = Watch._average, Watch.consider

    def noted(watch: Watch) -> None:
        average(watch)
        seen.append((watch.num_timesteps, network_of(watch.model).weights))

    def considered(watch: Watch) -> None:
        consider(watch)
        judged.append((watch.num_timesteps, watch.networks()[-1].weights))

    monkeypatch.setattr(Watch, "_average", noted)
    monkeypatch.setattr(Watch, "consider", considered)
    steps = 16 * LITTLE.lanes * LITTLE.steps  # sixteen updates
    arguments = {"market": SYNTHETIC, "episode_length": 20}
    fit(arguments, timesteps=steps, seed=0, advance=lambda _: None, training=LITTLE)
    assert len(seen) == 17  # before the first, and after each
    assert len(judged) == LITTLE.judgements
    for at, weights in judged:
        later = [w for when, w in seen if steps * 3 / 4 <= when <= at]  # of three rows a step
        for name, value in weights.items():
            expected = np.mean([w[name] for w in later], axis=0)
            np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-7)
    assert not np.allclose(judged[-1][1]["layer_0.weight"], seen[-1][1]["layer_0.weight"])
