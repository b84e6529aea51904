"""Beside a scenario that moves the price stand three policies that know a direction alone."""

from typing import Any

import numpy as np
import pytest

from trading_env.backtesting import evaluate
from trading_env.backtesting.evaluation import evaluate_policy
from trading_env.backtesting.lookup import find_policy
from trading_env.backtesting.plans import named
from trading_env.backtesting.references import NOTE, REFERENCES, references_for, with_mirrors
from trading_env.core.errors import ConfigError
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.policies.baselines import BASELINES
from trading_env.stress.scenario import mirrored, preset_names

GBM = {"generator": "gbm", "volatility": 0.01, "paths": 64, "bars": 130, "assets": 1}
MOVING = {"chf_2015", "random_train", "random_test", "slow_bear_2022", "volmageddon_2018"}
STILL = {"calm", "bad_data", "latency_storm", "liquidity_drought", "volatility_regime"}


def summary_of(policy: str, scenarios: Any, **rest: Any) -> dict[str, Any]:
    return evaluate_policy(
        find_policy(policy), scenarios=scenarios, episodes=1, market=GBM, length=20, **rest
    )


def test_references_stand_beside_scenarios_that_move_the_price_and_no_other() -> None:
    for name in preset_names():
        beside = references_for("portfolio", {name: name}, [1.0])
        assert beside in ((), REFERENCES)
        assert name not in (STILL if beside else MOVING)
    assert (
        references_for("portfolio", named("scenarios", ["calm", "chf_2015"]), [0.0, 2.0])
        == REFERENCES
    )
    assert references_for("portfolio", {"x": {"one_of": [None, "chf_2015"]}}, [1.0]) == REFERENCES
    assert references_for("portfolio", {"chf_2015": "chf_2015"}, [0.0]) == ()
    assert references_for("execution", {"chf_2015": "chf_2015"}, [1.0]) == ()


@pytest.mark.proof
@pytest.mark.parametrize(
    ("scenario", "is_shown"), [("price_shock", True), ("liquidity_drought", False)]
)
def test_an_evaluation_shows_them_and_says_why(scenario: str, is_shown: bool) -> None:
    summary = summary_of("flat", {scenario: scenario})
    shown = {row["policy"] for row in summary["means"]}
    assert ({"always_short", "buy_after_fall"} <= shown) is is_shown
    assert (NOTE in summary["notes"]) is is_shown
    assert set(summary["differences"]) == shown - {"flat"}


@pytest.mark.proof
def test_mirror_adds_the_image_of_what_moves_the_price() -> None:
    summary = summary_of("flat", named("scenarios", ["calm", "price_shock"]), mirror=True)
    names = [s["name"] for s in summary["scenarios"] if s["role"] == "scenario"]
    assert names == ["calm", "price_shock", "price_shock mirrored"]
    hashes = {tuple(s["sha256"]) for s in summary["scenarios"] if "sha256" in s}
    assert len(hashes) == 3
    with pytest.raises(ConfigError, match="'price_shock mirrored' already"):
        with_mirrors(
            named("scenarios", ["price_shock", "price_shock mirrored"])
            | {"price_shock mirrored": ""}
        )


def test_what_a_direction_earns_on_one_side_it_loses_on_the_other() -> None:
    """On a market without drift whoever knows the side earns: shorts, and upside down longs."""
    spec = {
        "name": "slide",
        "events": [
            {
                "kind": "price",
                "shape": "ramp",
                "move": -0.3,
                "start": "5 bars",
                "duration": "40 bars",
            }
        ],
    }
    frame = evaluate(
        {name: BASELINES[name] for name in REFERENCES},
        scenarios={"down": spec, "up": mirrored(spec)},
        episodes=24,
        seed=3,
        env_kwargs={"market": GBM, "seed_band": None, "episode_length": 60},
    )
    mean = frame.groupby(["policy", "scenario"])["return"].mean()
    assert mean["always_short", "down"] > 0.02 > -0.02 > mean["always_long", "down"]
    assert mean["always_long", "up"] > 0.02 > -0.02 > mean["always_short", "up"]
    assert mean["buy_after_fall", "down"] < -0.01  # this fall does not come back


def test_buy_after_fall_is_long_where_the_trend_is_down_and_flat_elsewhere() -> None:
    layout = PortfolioEnv(market={**GBM, "assets": 2}, episode_length=20).layout
    observation = np.zeros((3, len(layout.features)), dtype=np.float32)
    columns = layout.columns("trend_20")
    observation[0, columns], observation[1, columns] = (-3.0, 0.0), (2.0, -1.1)
    signals = BASELINES["buy_after_fall"](layout).act(observation, {})
    assert signals.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
