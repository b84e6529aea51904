"""Pictures are made of what happened, without a display and without touching global state."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection

from tests.lanes import quick_first
from trading_env.backtesting import make_envs, rollout
from trading_env.backtesting.twin import twin_of
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.render import (
    draw,
    paint,
    print_line,
    save_episode,
    save_equity_curves,
)
from trading_env.envs.trace import EpisodeTrace
from trading_env.policies.policy import Policy
from trading_env.stress.activity import is_active

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IDS = ("trading_env/Portfolio-v0", "trading_env/Execution-v0")

ARGUMENTS: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 2, "bars": 200, "assets": 2},
    "episode_length": 40,
}


class Alternate(Policy):
    """Long for five steps, short for five: fills on both sides."""

    def reset(self, num_envs: int) -> None:
        self.step = 0

    def act(self, observations: np.ndarray[Any, Any], info: Any) -> np.ndarray[Any, Any]:
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


@pytest.mark.proof
def test_a_picture_is_a_colour_array_that_shows_something(trace: EpisodeTrace) -> None:
    picture = draw(trace, show=False)
    assert picture is not None
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


@pytest.mark.proof
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


def recorded(env_id: str) -> gym.Env[Any, Any]:
    """Make an environment that keeps its frames, with a scenario that acts from the first step."""
    scenario = {
        "name": "early",
        "events": [{"kind": "halt", "start": "1 bars", "duration": "2 bars"}],
    }
    market = {"generator": "multiscale", "paths": 2, "bars": 200, "assets": 1}
    kwargs = {"market": market, "episode_length": 4, "scenario": scenario}
    return gym.make(env_id, render_mode="rgb_array", **kwargs)


def step_through(env: gym.Env[Any, Any]) -> None:
    env.reset(seed=3)
    ended = False
    while not ended:
        *_, terminated, truncated, _ = env.step(np.full(env.action_space.shape, 0.5))
        ended = terminated or truncated


@pytest.mark.proof
@pytest.mark.parametrize("env_id", quick_first(IDS))
def test_frames_of_both_tasks_are_a_film(env_id: str) -> None:
    env = gym.wrappers.RenderCollection(recorded(env_id))
    step_through(env)
    frames = np.stack(env.render())  # type: ignore[arg-type]
    assert frames.dtype == np.uint8 and len(frames) == 5
    assert all((a != b).any() for a, b in pairwise(frames))


@pytest.mark.proof
@pytest.mark.parametrize("env_id", IDS)
def test_a_film_can_be_saved(env_id: str, tmp_path: Path) -> None:
    pytest.importorskip("moviepy", reason="moviepy, which Gymnasium films with, is not installed")
    env = gym.wrappers.RecordVideo(recorded(env_id), str(tmp_path), disable_logger=True)
    step_through(env)
    env.close()
    assert [path.stat().st_size > 1000 for path in tmp_path.glob("*.mp4")] == [True]


@pytest.mark.proof
def test_a_window_shows_a_panel_for_each_asset_and_equity(trace: EpisodeTrace) -> None:
    import matplotlib

    with matplotlib.rc_context({"backend": "agg"}):
        import matplotlib.pyplot as plt

        assert draw(trace, show=True) is None
        assert draw(trace, show=True) is None
        assert plt.get_figlabels() == ["episode"]
        assert len(plt.figure("episode").axes) == 3
        plt.close("episode")


def painted(trace: EpisodeTrace) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure()
    paint(figure, trace)
    return figure


def test_a_picture_holds_price_fills_levels_events_and_equity(trace: EpisodeTrace) -> None:
    first, _, equity = painted(trace).axes
    report = trace.reports[:, 0]
    np.testing.assert_array_equal(first.lines[0].get_ydata(), report["close"])
    fills = [group for group in first.collections if isinstance(group, PathCollection)]
    assert sum(len(group.get_offsets()) for group in fills) == np.count_nonzero(report["filled"])
    levels = [group for group in first.collections if isinstance(group, LineCollection)]
    drawn = [len(group.get_segments()) for group in levels]
    assert drawn == [np.count_nonzero(report[n][:-1]) for n in ("stop_loss", "take_profit")]
    assert len(first.patches) >= 1  # the shaded events
    assert len(painted(traced(None)).axes[0].patches) == 0
    relative = 100.0 * (trace.equity / trace.equity[0] - 1.0)
    np.testing.assert_array_equal(equity.lines[0].get_ydata(), relative)


@pytest.mark.parametrize("env_id", IDS)
def test_the_line_names_what_the_scenario_does_now(env_id: str) -> None:
    env = recorded(env_id)
    lines = []
    env.reset(seed=3)
    for _ in range(3):
        env.step(np.zeros(1))
        lines.append(print_line(env.unwrapped.trace))  # type: ignore[attr-defined]
    assert ["no trading" in line.rpartition(" | ")[2] for line in lines] == [False, True, True]


def test_a_calm_episode_has_no_stress_and_a_shocked_one_has(trace: EpisodeTrace) -> None:
    assert not is_active(traced(None).stresses).any()
    assert is_active(trace.stresses).any()


def test_a_line_after_a_snapshot_is_of_the_snapshot() -> None:
    env = PortfolioEnv(render_mode="ansi", episode_length=20)
    env.reset(seed=0)
    lines = []
    for _ in range(6):
        env.step(env.action_space.sample() * 0.0 + 1.0)
        lines.append(env.render().split()[:4])
        if len(lines) == 3:
            state = env.get_state()
    env.set_state(state)
    assert env.render().split()[:4] == lines[2]
    env.step(np.ones(env.action_space.shape))
    assert env.render().split()[:4] == lines[3]


def test_a_snapshot_says_nothing_of_the_episode_that_it_ends() -> None:
    """Row 0 after it has the state's own prices and holdings, and what another lived is gone."""
    shocked: dict[str, Any] = {"scenario": "flash_crash_2010", "render_mode": "ansi", **ARGUMENTS}
    env = PortfolioEnv(**shocked)
    env.reset(seed=0)
    for _ in range(9):
        env.step(np.ones(2))
    lived = env.trace.reports[-1]
    other = PortfolioEnv(**shocked)
    other.reset(seed=7)
    for _ in range(20):
        other.step(-np.ones(2))
    other.set_state(env.get_state())
    found = other.trace.reports[0]
    for name in ("close", "seen_close", "position", "stop_loss", "take_profit"):
        assert (found[name] == lived[name]).all()
    assert (found["traded"] == 0.0).all() and (found["bound_by"] == 0).all()
    assert not is_active(other.trace.stresses).any()
    assert other.trace.place == env.trace.place
    with pytest.raises(ValueError, match="begins at step 9"):
        twin_of(other.trace)


def test_one_line_names_step_equity_and_every_asset(trace: EpisodeTrace) -> None:
    line = print_line(trace)
    assert "\n" not in line
    assert line.startswith("step 40 ") and f"equity {trace.equity[-1]:,.2f}" in line
    assert all(symbol in line for symbol in trace.symbols)


def test_files_are_saved_as_png(trace: EpisodeTrace, tmp_path: Path) -> None:
    save_episode(trace, tmp_path / "episode.png", title="one")
    equity = trace.equity / trace.equity[0]
    quartiles = {"equity_low": 0.9 * equity, "equity": equity, "equity_high": 1.1 * equity}
    curves = {"one": quartiles, "two": quartiles}
    save_equity_curves(curves, tmp_path / "equity.png", title="two")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
