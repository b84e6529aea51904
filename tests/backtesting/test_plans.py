"""What a plan sets itself is not taken from the environment's arguments."""

from typing import Any

import pytest

from trading_env.backtesting import backtest, evaluate
from trading_env.core.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scenario", "price_shock"),
        ("severity", 2.0),
        ("task", 1),
        ("num_envs", 3),
        ("autoreset_mode", "SameStep"),
        ("copy", False),
        ("render_mode", "ansi"),
    ],
)
def test_an_argument_that_an_evaluation_sets_itself_is_refused(name: str, value: Any) -> None:
    asked: dict[str, Any] = {"episodes": 1, "seed": 0, "env_kwargs": {name: value}}
    with pytest.raises(ConfigError, match=f"env_kwargs: {name} = ") as refused:
        evaluate({"flat": "flat"}, scenarios=["calm"], **asked)
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize("name", ["market", "episode_length", "seed_band", "scenario"])
def test_an_argument_that_a_window_brings_is_refused(name: str) -> None:
    market = {"generator": "multiscale", "assets": 2, "paths": 1, "bars": 400}
    with pytest.raises(ConfigError, match=f"env_kwargs: {name} = "):
        backtest(
            {"flat": "flat"}, markets={"m": market}, windows="train=100,test=60",
            env_kwargs={name: "us_indices"},
        )  # fmt: skip
