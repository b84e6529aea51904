"""Pictures are made of what happened, without a display and without touching global state."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trading_env.backtesting import make_envs, rollout
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.trace import EpisodeTrace
from trading_env.render import draw, is_stressed, print_line, save_episode, save_equity_curves

ARGUMENTS: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 2, "bars": 200, "assets": 2},
    "episode_length": 40,
}


class Alternate:
    """Long for five steps, short for five: fills on both sides."""

    def reset(self, num_envs: int) -> None:
        self.step = 0

    def act(self, observations: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.step += 1
        return np.full((len(observations), 2), 1.0 if self.step // 5 % 2 else -1.0)


def traced(scenario: Any) -> EpisodeTrace:
    policy = Alternate()
    envs = make_envs(policy, 2, ARGUMENTS, scenario=scenario, detail="full")
    trace = EpisodeTrace(envs.setup, 0)
    rollout(policy, envs, 4, [trace])
    return trace


@pytest.fixture(scope="module")
def trace() -> EpisodeTrace:
    return traced(["price_shock", "bad_data"])


def test_a_picture_is_a_colour_array_that_shows_something(trace: EpisodeTrace) -> None:
    picture = draw(trace, show=False)
    assert picture is not None
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_the_same_episode_gives_the_same_picture_and_another_another(
    trace: EpisodeTrace,
) -> None:
    first, again, calm = draw(trace, show=False), draw(trace, show=False), traced(None)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, draw(calm, show=False))


def test_the_first_row_alone_can_be_drawn_and_said() -> None:
    env = PortfolioEnv(**ARGUMENTS, render_mode="rgb_array")
    env.reset(seed=1)
    assert draw(env.trace, show=False) is not None
    assert print_line(env.trace).startswith("step 0 ")


def test_a_calm_episode_has_no_stress_and_a_shocked_one_has(trace: EpisodeTrace) -> None:
    assert not is_stressed(traced(None).stresses).any()
    assert is_stressed(trace.stresses).any()


def test_one_line_names_step_equity_and_every_asset(trace: EpisodeTrace) -> None:
    line = print_line(trace)
    assert "\n" not in line
    assert line.startswith("step 40 ") and f"equity {trace.equity[-1]:,.2f}" in line
    assert all(symbol in line for symbol in trace.symbols)


def test_files_are_saved_as_png(trace: EpisodeTrace, tmp_path: Path) -> None:
    save_episode(trace, tmp_path / "episode.png", title="one")
    curves = {"one": trace.equity, "many": np.stack([trace.equity, 2.0 * trace.equity])}
    save_equity_curves(curves, tmp_path / "equity.png", title="two")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
