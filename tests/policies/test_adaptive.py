"""A network that is shared by all assets, and a policy that survives being saved."""

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
from trading_env.policies.adaptive import (
    DESCRIPTION,
    RATE_FLOOR,
    WEIGHTS,
    AdaptivePolicy,
    Network,
    asset_rows,
)
from trading_env.policies.baselines import BASELINES
from trading_env.policies.signal_rule import SignalRule

LAYOUT = ObservationLayout(("A", "B", "C"), ("signal",))
SIZE = len(LAYOUT.features)
BLOCK = len(LAYOUT.block)


def network(seed: int = 0) -> Network:
    generator = np.random.default_rng(seed)
    sizes = [BLOCK, 8, 8, 1]
    weights = {"mean": generator.normal(size=BLOCK), "scale": np.full(BLOCK, 3.0)}
    for k in range(3):
        weights[f"layer_{k}.weight"] = 0.3 * generator.normal(size=(sizes[k + 1], sizes[k]))
        weights[f"layer_{k}.bias"] = 0.1 * generator.normal(size=sizes[k + 1])
    return Network({name: w.astype(np.float32) for name, w in weights.items()})


def observations(lanes: int, assets: int = 3) -> NDArray[np.float32]:
    layout = ObservationLayout(tuple("ABCDEFG"[:assets]), ("signal",))
    shape = (lanes, len(layout.features))
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_assets_may_change_places_and_be_any_number() -> None:
    policy, seen = AdaptivePolicy(network(), LAYOUT), observations(5)
    answers = policy.act(seen, {})
    assert answers.shape == (5, 3) and len(np.unique(answers)) == 15
    moved = seen.copy()
    moved[:, :BLOCK], moved[:, BLOCK : 2 * BLOCK] = (
        seen[:, BLOCK : 2 * BLOCK].copy(),
        seen[:, :BLOCK].copy(),
    )
    np.testing.assert_array_equal(policy.act(moved, {}), answers[:, [1, 0, 2]])
    alone = ObservationLayout(("C",), ("signal",))
    one = np.concatenate([seen[:, 2 * BLOCK : 3 * BLOCK], seen[:, 3 * BLOCK :]], axis=1)
    np.testing.assert_allclose(
        AdaptivePolicy(network(), alone).act(one, {}), answers[:, [2]], rtol=1e-5
    )


def test_rows_are_copies_even_of_one_lane() -> None:
    for lanes in (1, 4):
        seen = observations(lanes)
        rows = asset_rows(seen, LAYOUT)
        assert rows.shape == (3 * lanes, BLOCK) and not np.shares_memory(rows, seen)
        np.testing.assert_array_equal(rows[1], seen[0, BLOCK : 2 * BLOCK])


def test_the_rate_is_all_that_its_ablation_leaves_out() -> None:
    on, off = (AdaptivePolicy(network(), LAYOUT, rate=rate) for rate in (True, False))
    assert on.env_overrides == {"risk": {"execution_floor": RATE_FLOOR}}
    assert off.env_overrides == {}
    seen = observations(5)
    np.testing.assert_array_equal(on.act(seen, {}), off.act(seen, {}))


def test_a_saved_policy_acts_the_same(tmp_path: Path) -> None:
    policy = AdaptivePolicy(network(), LAYOUT)
    policy.save(tmp_path, seed=3)
    loaded = AdaptivePolicy.load(tmp_path, LAYOUT)
    seen = observations(5)
    np.testing.assert_array_equal(loaded.act(seen, {}), policy.act(seen, {}))
    assert {p.name for p in tmp_path.iterdir()} == {WEIGHTS, DESCRIPTION}
    assert json.loads((tmp_path / DESCRIPTION).read_text())["seed"] == 3


def test_a_policy_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"policy\.json: no such file"):
        AdaptivePolicy.load(tmp_path, LAYOUT)
    AdaptivePolicy(network(), LAYOUT).save(tmp_path)
    with pytest.raises(PolicyError, match="other signals"):
        AdaptivePolicy.load(tmp_path, ObservationLayout(("A",), ()))
    with pytest.raises(PolicyError, match="a market with other signals"):
        AdaptivePolicy(network(), ObservationLayout(("A",), ()))
    told = json.loads((tmp_path / DESCRIPTION).read_text())
    (tmp_path / DESCRIPTION).write_text(json.dumps({**told, "features": told["features"][::-1]}))
    with pytest.raises(PolicyError, match="other signals"):  # as many, and others
        AdaptivePolicy.load(tmp_path, LAYOUT)
    AdaptivePolicy(network(), LAYOUT).save(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"not tensors")
    with pytest.raises(PolicyError, match=r"policy\.safetensors: not safetensors") as caught:
        AdaptivePolicy.load(tmp_path, LAYOUT)
    assert "\n" not in str(caught.value)


def test_the_signal_rule_is_linear_in_signal_and_weight_and_saturates() -> None:
    seen = np.zeros((2, SIZE), dtype=np.float32)
    seen[0, LAYOUT.columns("signal")] = (1.0, -2.0, 5.0)
    seen[0, LAYOUT.columns("weight")] = (0.25, 0.0, 1.0)
    answers = SignalRule(LAYOUT, aim=0.125, keep=0.5).act(seen, {})
    assert answers.tolist() == [[0.25, -0.25, 1.0], [0.0, 0.0, 0.0]]
    with pytest.raises(PolicyError, match="has 2 signals"):
        SignalRule(ObservationLayout(("A",), ("x", "y")), 0.1, 0.0)


@pytest.mark.proof
def test_the_learner_learns_a_signal_that_pays_and_the_network_is_what_was_trained() -> None:
    """One asset whose direction is shown one bar ahead: trading it beats every constant answer."""
    from agents.portfolio import Training, fit
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
    settings = Training(lanes=32, steps=32, batch_size=512, learning_rate=5e-3, judgements=2)
    trained = fit(
        arguments,
        timesteps=20_000,
        seed=0,
        advance=lambda steps: None,
        training=settings,
    )
    envs = make_envs(BASELINES["flat"](trained.layout), 16, {**arguments, "seed_band": "test"})
    learner = AdaptivePolicy(trained.network, envs.layout)
    learnt = rollout(learner, envs, 5).sums["return"].mean()
    constant = rollout(BASELINES["always_long"](envs.layout), envs, 5).sums["return"].mean()
    assert learnt > 0.01 and learnt > constant + 0.01
