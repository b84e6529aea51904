"""The calibrator's rule, and a policy that survives being saved."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from trading_env.backtesting import make_envs, rollout
from trading_env.core.errors import PolicyError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adaptive import DESCRIPTION, WEIGHTS, AdaptivePolicy, Network
from trading_env.policies.baselines import BASELINES
from trading_env.policies.calibrator import ConfidenceCalibrator

LAYOUT = ObservationLayout(("A", "B"), ())
SIZE = len(LAYOUT.features)
MARKET: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 4, "bars": 200, "assets": 2},
    "episode_length": 60,
}


def observed(surprise: float, fill_ratio: float = 1.0, lanes: int = 1) -> NDArray[np.float32]:
    """Build an observation that says this of both assets' fills."""
    observations = np.zeros((lanes, SIZE), dtype=np.float32)
    observations[:, LAYOUT.columns("surprise")] = surprise
    observations[:, LAYOUT.columns("fill_ratio")] = fill_ratio
    return observations


def settled(**feedback: float) -> float:
    """Feed the same evidence, freshly confirmed, until the multiplier settles."""
    calibrator = ConfidenceCalibrator(LAYOUT)
    for k in range(200):
        calibrator.update(observed(**feedback) * (1.0 + 1e-5 * (k % 2)))
    return float(calibrator.multiplier[0, 0])


def network(seed: int = 0) -> Network:
    generator = np.random.default_rng(seed)
    sizes = [SIZE, 8, 8, 2]
    weights = {"mean": generator.normal(size=SIZE), "scale": np.ones(SIZE)}
    for k in range(3):
        weights[f"layer_{k}.weight"] = generator.normal(size=(sizes[k + 1], sizes[k]))
        weights[f"layer_{k}.bias"] = generator.normal(size=sizes[k + 1])
    return Network({name: w.astype(np.float32) for name, w in weights.items()})


def test_confidence_stays_whole_while_costs_are_as_expected() -> None:
    assert settled(surprise=0.0) == 1.0
    assert settled(surprise=-0.9) == 1.0  # cheap fills are luck, not a reason to be surer
    assert settled(surprise=0.3) == 1.0  # 1.86 times the expected cost is within the tolerance


def test_confidence_shrinks_by_the_excess_cost() -> None:
    assert settled(surprise=0.6) == pytest.approx(0.5, rel=1e-3)  # 4 times the cost, 2 tolerated


def test_confidence_shrinks_by_what_cannot_be_filled() -> None:
    assert settled(surprise=0.0, fill_ratio=0.5) == pytest.approx(0.5, rel=1e-3)


def test_confidence_never_falls_below_its_floor() -> None:
    assert settled(surprise=1.0, fill_ratio=0.0) == pytest.approx(0.25)


def test_old_evidence_fades() -> None:
    calibrator = ConfidenceCalibrator(LAYOUT)
    calibrator.update(observed(0.0))
    low = calibrator.update(observed(0.9))[0, 0]
    after = [calibrator.update(observed(0.9))[0, 0] for _ in range(100)]
    assert low < 1.0
    assert np.all(np.diff([low, *after]) > 0.0) and after[-1] > 0.95


def test_lanes_and_assets_do_not_touch_each_other_and_reset_forgets() -> None:
    calibrator = ConfidenceCalibrator(LAYOUT)
    calibrator.reset(3)
    calibrator.update(observed(0.0, lanes=3))
    news = observed(0.0, lanes=3)
    news[1, LAYOUT.columns("surprise")[0]] = 0.9
    multiplier = calibrator.update(news)
    assert multiplier[1, 0] < 1.0
    assert np.delete(multiplier.ravel(), 2).tolist() == [1.0] * 5
    calibrator.reset(2)
    assert calibrator.multiplier.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_an_impossible_setting_is_named() -> None:
    with pytest.raises(ValueError, match=r"lowest = 1\.5"):
        ConfidenceCalibrator(LAYOUT, lowest=1.5)


def test_the_calibrator_is_all_that_its_ablation_leaves_out() -> None:
    on = AdaptivePolicy(network(), LAYOUT)
    off = AdaptivePolicy(network(), LAYOUT, calibrate=False)
    calm, costly = observed(0.0), observed(0.9)
    on.reset(1)
    np.testing.assert_array_equal(on.act(calm, {}), off.act(calm, {}))
    np.testing.assert_allclose(
        on.act(costly, {}) / off.act(costly, {}), 1.0 - 0.2 * 0.75, rtol=1e-3
    )


def test_a_saved_policy_acts_the_same(tmp_path: Path) -> None:
    policy = AdaptivePolicy(network(), LAYOUT)
    policy.save(tmp_path, seed=3)
    loaded = AdaptivePolicy.load(tmp_path)
    observations = np.random.default_rng(1).normal(size=(5, SIZE)).astype(np.float32)
    policy.reset(5)
    loaded.reset(5)
    np.testing.assert_array_equal(loaded.act(observations, {}), policy.act(observations, {}))
    assert {p.name for p in tmp_path.iterdir()} == {WEIGHTS, DESCRIPTION}
    assert json.loads((tmp_path / DESCRIPTION).read_text())["seed"] == 3


def test_a_policy_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"policy\.json: no such file"):
        AdaptivePolicy.load(tmp_path)
    AdaptivePolicy(network(), LAYOUT).save(tmp_path)
    with pytest.raises(PolicyError, match="another market"):
        AdaptivePolicy.load(tmp_path, ObservationLayout(("A",), ()))
    (tmp_path / WEIGHTS).write_bytes(b"not tensors")
    with pytest.raises(PolicyError, match=r"policy\.safetensors: not safetensors") as caught:
        AdaptivePolicy.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.proof
def test_the_learner_learns_a_signal_that_pays_and_the_network_is_what_was_trained() -> None:
    """One asset whose direction is shown one bar ahead: trading it beats every constant answer."""
    from agents.training import Training, fit
    from trading_env.markets import Market

    generator = np.random.default_rng(3)
    moves = generator.choice([-0.01, 0.01], size=3000)
    close = 100.0 * np.exp(np.cumsum(moves))
    before = np.concatenate([[100.0], close[:-1]])
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2001-01-01", periods=3000, freq="D"),
            "open": before,
            "high": np.maximum(before, close) * 1.001,
            "low": np.minimum(before, close) * 0.999,
            "close": close,
            "volume": 1e6,
            "signal_next": np.sign(np.concatenate([moves[1:], [0.0]])),
        }
    )
    arguments: dict[str, Any] = {"market": Market.from_frame(frame), "episode_length": 60}
    settings = Training(lanes=32, steps=32, batch_size=512, learning_rate=2e-3, judgements=2)
    trained = fit(
        {**arguments, "seed_band": "train"},
        timesteps=20_000,
        seed=0,
        advance=lambda steps: None,
        training=settings,
    )
    envs = make_envs(BASELINES["flat"](LAYOUT), 16, {**arguments, "seed_band": "test"})
    learner = AdaptivePolicy(trained.network, envs.layout, calibrate=False)
    learnt = rollout(learner, envs, 5).sums["return"].mean()
    constant = rollout(BASELINES["always_long"](envs.layout), envs, 5).sums["return"].mean()
    assert learnt > 0.01 and learnt > constant + 0.01
