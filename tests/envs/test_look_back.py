"""Earlier bars in the observation: what was observed then, and coarser bars that are complete."""

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

from trading_env.core.errors import ConfigError
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.snapshot import StateError
from trading_env.envs.vector import PortfolioVectorEnv

HOURS = {"generator": "multiscale", "preset": "btc_hourly", "paths": 2, "bars": 400, "assets": 2}
COMMON: dict[str, Any] = {"market": HOURS, "episode_length": 12}
BACK: dict[str, Any] = {"window": 5, "frames": ["4h", "1d"]}
LOST = {"kind": "missing", "start": "0bars", "duration": "12bars", "rate": 0.3}
LOSSY = {"name": "lossy", "events": [LOST]}
KEPT = ("return", "range", "volume", "valid", "signal_0")


def features(env: Any, observation: Any, symbol: str, names: tuple[str, ...]) -> list[float]:
    places = {feature.name: k for k, feature in enumerate(env.unwrapped.layout.features)}
    return [float(observation[places[f"{symbol}.{name}"]]) for name in names]


def test_a_window_holds_what_was_observed_then() -> None:
    env = PortfolioEnv(**COMMON, **BACK, scenario=LOSSY)
    signal = env.layout.signal_names[0]
    kept = (*KEPT[:-1], signal)
    observation, _ = env.reset(seed=1)
    observed: dict[str, list[list[float]]] = {s: [] for s in env.layout.symbols}
    for _ in range(COMMON["episode_length"]):
        for symbol, past in observed.items():
            past.append(features(env, observation, symbol, kept))
            for back, then in enumerate(reversed(past[-5:])):
                names = tuple(f"bar-{back}.{name}" for name in kept)
                assert features(env, observation, symbol, names) == then
        assert env.observation_space.contains(observation)
        observation = env.step(np.ones(2))[0]
    assert min(np.array(observed["S1"])[:, 3]) == 0.0  # a bar was not delivered


def test_a_late_bar_belongs_to_the_period_of_its_own_stamp() -> None:
    """Every fourth bar is shown, three bars late: it closes no period that it does not lie in."""
    late = {"kind": "late", "start": "0bars", "duration": "12bars", "rate": 1.0, "bars": 3}
    env = PortfolioEnv(**COMMON, frames=["4h"], scenario={"name": "late", "events": [late]})
    shown = 0
    for start in (300, 301, 302, 303):
        env.reset(seed=3, options={"path": 0, "start": start})
        for _ in range(COMMON["episode_length"]):
            env.step(np.zeros(2))
            asset, row = env._batch.lanes.assets[0, 0], int(env._batch.lanes.accounts["row"][0])
            if asset["valid"] == 1:
                own = env.setup.market.time[row - int(asset["age"])] // 14_400
                assert env.get_state()["frames"][0, 0, 0]["period"] == own
                shown += int(asset["age"] == 3)
    assert shown > 8


def test_the_first_window_is_full_and_ends_with_the_bar_that_is_shown() -> None:
    env = PortfolioEnv(**COMMON, **BACK)
    observation, _ = env.reset(seed=2, options={"path": 1, "start": 300})
    bars = env.layout.bars(observation)
    closes = env.setup.market.close[1, 295:301]
    assert bars.shape == (5, 2, 5)
    assert (np.sign(bars[:, :, 0]) == np.sign(np.diff(closes, axis=0))).all()
    assert (bars[:, :, 3] == 1.0).all()
    assert bars[-1, 0, 0] == observation[env.layout.columns("return")[0]]
    assert np.array_equal(
        bars[:, :, 4], env.setup.market.signals[1, 296:301, :, 0].clip(-5, 5).astype(np.float32)
    )


def coarse(market: Any, path: int, row: int, warmup: int, seconds: int) -> np.ndarray[Any, Any]:
    """The features of one frame of the first asset at a bar, worked out from the table of bars."""
    rows = range(row - warmup + 1, row + 1)
    made: dict[int, list[int]] = {}
    for k in rows:
        made.setdefault(int(market.time[k]) // seconds, []).append(k)
    complete = list(made.values())[:-1]  # the last one goes on
    closes = [market.close[path, each[-1], 0] for each in complete]
    variance = trend = volume = 0.0
    for number, (before, after) in enumerate(pairwise(range(len(closes))), start=1):
        change = closes[after] / closes[before] - 1.0
        traded = market.volume[path, complete[after], 0].sum()
        slow = max(1.0 / number, 1.0 - 2.0 ** (-1.0 / 20.0))
        variance += slow * (change**2 - variance)
        volume += slow * (traded - volume)
        rate = 1.0 - 2.0 ** (-1.0 / 5.0)
        trend += max(1.0 / number, rate) * (change - trend)
    last = complete[-1]
    reach = market.high[path, last, 0].max() - market.low[path, last, 0].min()
    raw = [change, trend * np.sqrt((2.0 - rate) / rate)]
    raw += [market.close[path, row, 0] / closes[-1] - 1.0, reach / closes[-1]]
    scaled = (np.array(raw) / np.sqrt(variance)).clip(-5.0, 5.0)
    return np.append(scaled, (traded - volume) / (traded + volume))


def test_a_frame_is_what_its_complete_bars_make_it() -> None:
    env = PortfolioEnv(**COMMON, **BACK)
    warmup = int(env.setup.world.episode["warmup"][0])
    assert warmup == 9 * 24  # enough for eight complete days, whatever hour comes first
    names = ("return", "trend", "move", "range", "volume")
    observation, _ = env.reset(seed=3, options={"path": 0, "start": 250})
    for step in range(COMMON["episode_length"]):
        row = 250 + step
        for frame, seconds in (("4h", 14_400), ("1d", 86_400)):
            found = features(env, observation, "S1", tuple(f"{frame}.{name}" for name in names))
            wanted = coarse(env.setup.market, 0, row, warmup + step, seconds)
            assert np.allclose(found, wanted, rtol=1e-5, atol=1e-6)
        observation = env.step(np.zeros(2))[0]


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_a_batch_looks_back_as_its_environments_do_and_nothing_else_changes(mode: str) -> None:
    arguments = {**COMMON, "scenario": "price_shock", "autoreset_mode": mode}
    envs, plain = PortfolioVectorEnv(3, **arguments, **BACK), PortfolioVectorEnv(3, **arguments)
    plain.setup.world.episode["warmup"] = envs.setup.world.episode["warmup"]
    alone = [PortfolioEnv(**COMMON, **BACK, scenario="price_shock") for _ in range(3)]
    now = envs.layout.now
    rng = np.random.default_rng(0)
    shown = [env.reset(seed=4 + lane)[0] for lane, env in enumerate(alone)]
    observations, _ = envs.reset(seed=4)
    assert data_equivalence(observations[:, :now], plain.reset(seed=4)[0], exact=True)
    for _ in range(30):
        assert np.array_equal(observations, shown)
        actions = rng.uniform(-1.0, 1.0, (3, 2))
        kept = observations.copy()
        before, (observations, *rest, info) = observations, envs.step(actions)
        assert np.array_equal(before, kept)  # what was returned stays as it was
        other = plain.step(actions)
        assert data_equivalence(observations[:, :now], other[0], exact=True)
        assert data_equivalence(tuple(rest), other[1:4], exact=True)
        ended = rest[1] | rest[2]
        shown = [env.step(actions[lane])[0] for lane, env in enumerate(alone)]
        if ended.any():
            assert ended.all()
            if mode == "SameStep":
                assert np.array_equal(info["final_obs"], shown)
                assert info["final_obs"].shape == observations.shape
            if mode == "Disabled":
                observations, _ = envs.reset(options={"reset_mask": ended})
                plain.reset(options={"reset_mask": ended})
            if mode == "NextStep":
                observations = envs.step(actions)[0]
                plain.step(actions)
            shown = [env.reset()[0] for env in alone]


def test_a_snapshot_goes_on_with_the_bars_before_it() -> None:
    env = PortfolioEnv(**COMMON, **BACK)
    env.reset(seed=5)
    env.step(np.ones(2))
    state = pickle.loads(pickle.dumps(env.get_state()))
    ahead = [env.step(np.ones(2))[0] for _ in range(6)]
    other = PortfolioEnv(**COMMON, **BACK)
    other.reset(seed=77)
    other.set_state(state)
    assert data_equivalence(ahead, [other.step(np.ones(2))[0] for _ in range(6)], exact=True)
    with pytest.raises(StateError, match=r"frames is None here, \["):
        PortfolioEnv(**COMMON).set_state(state)
    state["frames"]["variance"][0, 0, 0] = -1.0
    with pytest.raises(StateError, match=r"frames\[0, 0, 0\].variance = -1.0"):
        other.set_state(state)


def test_execution_looks_back_too() -> None:
    env = ExecutionEnv(window=3)
    observation, _ = env.reset(seed=0)
    assert env.layout.bars(observation).shape[0] == 3
    assert env.observation_space.contains(env.step(np.zeros(1))[0])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"window": 0}, "window = 0: must be a whole number in"),
        ({"frames": "1d"}, r'give a list of lengths, as \["4h", "1d"\]'),
        ({"frames": ["1x"]}, "frames: '1x': must be a length"),
        ({"frames": [7]}, "frames: 7: must be a length"),
        ({"frames": ["30min"]}, "must be longer than a bar of 3600 s"),
        ({"frames": ["1d", "1d"]}, "each once"),
        ({"frames": ["4w"]}, "too few: 6048 warm up"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        PortfolioEnv(**COMMON, **given)
    assert len(str(refused.value)) < 200
