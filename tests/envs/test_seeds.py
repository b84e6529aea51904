"""One rule for seeds, the same for one environment and for a batch, as Gymnasium has it."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils import seeding

from tests.configurations import SMALL_POOL
from trading_env import ExecutionEngine
from trading_env.backtesting.plans import Plan
from trading_env.core.seeds import first_seed
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv

SMALL: dict[str, Any] = {"market": SMALL_POOL, "episode_length": 20}
GOOD = [0, 1, 2**63, 2**64 - 2, np.int64(3), np.uint64(2**63)]
BAD = [-1, 2**64, 10**5000, 1.5, 1.0, np.float64(2.0), np.int64(-3), True, np.True_, "7", b"7", {}]


def environments() -> list[Any]:
    return [PortfolioEnv(**SMALL), PortfolioVectorEnv(1, **SMALL), PortfolioVectorEnv(2, **SMALL)]


@pytest.mark.parametrize("seed", BAD, ids=lambda seed: type(seed).__name__)
def test_what_is_no_seed_is_refused_alike_everywhere_and_changes_nothing(seed: Any) -> None:
    single, one, two = environments()
    messages = set()
    for env in (single, one):
        env.reset(seed=5)
        before = env.get_state()["assets"].tobytes()
        generator = env.np_random.bit_generator.state
        with pytest.raises(ValueError, match="seed") as refused:
            env.reset(seed=seed)
        assert isinstance(refused.value, gym.error.Error)
        assert len(str(refused.value)) < 200
        assert env.get_state()["assets"].tobytes() == before
        assert env.np_random.bit_generator.state == generator
        messages.add(str(refused.value))
    assert len(messages) == 1
    with pytest.raises(gym.error.Error, match="seed"):
        two.reset(seed=[1, seed])


@pytest.mark.parametrize("seed", GOOD)
def test_a_seed_is_the_same_for_one_environment_for_a_batch_and_in_a_list(seed: Any) -> None:
    single, one, two = environments()
    shown = single.reset(seed=seed)[0]
    assert np.array_equal(one.reset(seed=seed)[0][0], shown)
    assert np.array_equal(two.reset(seed=[9, seed])[0][1], shown)
    if int(seed) + 1 < 2**64:
        assert np.array_equal(two.reset(seed=seed)[0][0], shown)
    assert single.np_random_seed == int(seed)


def test_the_last_lane_must_have_a_seed_too() -> None:
    _, one, two = environments()
    one.reset(seed=2**64 - 1)
    with pytest.raises(gym.error.Error, match=r"2\*\*64 - 2, so that lane 1"):
        two.reset(seed=2**64 - 1)
    two.reset(seed=[2**64 - 1, 0])


@pytest.mark.parametrize("seed", [[1], [1, 2, 3], [], [1, None, None], [None], [[1], [2]]])
def test_a_list_holds_a_seed_for_each_lane(seed: Any) -> None:
    with pytest.raises(ValueError, match="seed"):
        environments()[2].reset(seed=seed)


def test_a_lane_without_a_seed_goes_on_to_its_next_episode() -> None:
    _, _, two = environments()
    _, _, other = environments()
    first, _ = two.reset(seed=[None, 5])
    assert np.array_equal(other.reset(seed=[6, 5])[0][1], first[1])
    assert not np.array_equal(environments()[2].reset(seed=[None, 5])[0][0], first[0])
    two.reset(seed=[3, 5])
    other.reset(seed=[3, 5])
    mixed, _ = two.reset(seed=[None, 8])
    going_on, _ = other.reset()
    assert np.array_equal(mixed[0], going_on[0])
    assert np.array_equal(mixed[1], other.reset(seed=[0, 8])[0][1])


@pytest.mark.parametrize("seed", [-1, 2**64, True, 1.5])
def test_the_engine_and_a_plan_keep_the_same_rule(seed: Any) -> None:
    with pytest.raises(ValueError, match="seed"):
        ExecutionEngine(seed=seed)
    with pytest.raises(ValueError, match="seed"):
        Plan({}, {}, [], [], episodes=2, seed=seed)


@pytest.mark.parametrize("seed", [-1, 1.5, "7"])
def test_what_gymnasium_refuses_is_refused(seed: Any) -> None:
    with pytest.raises(gym.error.Error):
        seeding.np_random(seed)
    with pytest.raises(gym.error.Error):
        environments()[0].reset(seed=seed)


def test_no_two_trainings_share_a_lane() -> None:
    firsts = sorted(first_seed(training) for training in (*range(1000), 2**63 - 1, 2**64 - 1))
    assert min(np.diff([*firsts, 2**64])) > 10_000_000  # lanes, more than a batch takes
    assert first_seed(3) == first_seed(3)
