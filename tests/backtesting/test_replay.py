"""An episode as data for a page: JSON-able, and the numbers of the trace."""

import json
from typing import Any

import numpy as np
import pytest

from trading_env.backtesting.replay import replay, spans
from trading_env.core.files import jsonable
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.trace import EpisodeTrace

ARGUMENTS: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 2, "bars": 200, "assets": 2},
    "episode_length": 40,
    "scenario": ["price_shock", "bad_data"],
}


@pytest.fixture(scope="module")
def trace() -> EpisodeTrace:
    env = PortfolioEnv(**ARGUMENTS, render_mode="ansi")
    env.reset(seed=4)
    for step in range(40):
        env.step(np.full(2, 1.0 if step // 5 % 2 else -1.0))
    return env.trace


def test_every_list_has_a_value_for_each_row_and_survives_json(trace: EpisodeTrace) -> None:
    episode = replay(trace, policy="p", scenario="s", severity=1.0)
    assert jsonable(episode) == episode == json.loads(json.dumps(episode, allow_nan=False))
    rows = {len(episode["time"]), len(episode["equity"])}
    for asset in episode["assets"]:
        rows |= {len(asset[name]) for name in asset if name not in ("symbol", "events", "halts")}
    assert rows == {41}
    assert (episode["policy"], episode["scenario"], episode["seed"]) == ("p", "s", 4)


def test_numbers_are_those_of_the_trace_to_seven_digits(trace: EpisodeTrace) -> None:
    asset = replay(trace, policy="p", scenario="s", severity=1.0)["assets"][1]
    for name in ("close", "filled", "shortfall", "stop_loss"):
        np.testing.assert_allclose(asset[name], trace.reports[name][:, 1], rtol=5.1e-7)
    parts = sum(np.array(asset[n]) for n in ("delay", "spread", "impact", "fees", "opportunity"))
    largest = np.abs(asset["delay"]).max()
    np.testing.assert_allclose(parts, asset["shortfall"], rtol=1e-5, atol=1e-6 * largest)


def test_spans_are_the_first_and_last_of_each_run() -> None:
    flags = np.array([True, False, False, True, True, False, True])
    assert spans(flags) == [[0, 0], [3, 4], [6, 6]]
    assert spans(np.zeros(3, dtype=bool)) == []
