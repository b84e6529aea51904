"""A reward of the user's: to the bit what the step would pay, for any lanes and autoreset mode."""

import math
import pickle
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import Any

import numba
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

from trading_env.core.errors import ConfigError
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.own_reward import OwnReward
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.snapshot import StateError
from trading_env.envs.vector import PortfolioVectorEnv

MARKET = {"generator": "multiscale", "paths": 3, "bars": 200, "assets": 2}
COMMON: dict[str, Any] = {"market": MARKET, "episode_length": 7, "scenario": "price_shock"}
TABLE = {"cost": 0.5}  # numba compiles no mapping of the module


def as_preset(growth: float, shortfall: float, liquidation: float) -> float:
    """The preset `execution_quality`, written as a user would."""
    return 100.0 * (growth + shortfall + liquidation)


def as_branches(growth: float, turnover: float) -> float:
    return growth if growth < 0.0 else math.exp(growth) - 1.0 - 0.01 * turnover


def on_arrays(growth: Any, turnover: Any) -> Any:
    return growth + TABLE["cost"] * turnover


def not_finite(growth: float) -> float:
    return math.nan if growth == growth else growth


def play(envs: PortfolioVectorEnv, steps: int = 25) -> list[Any]:
    rng = np.random.default_rng(1)
    played = [envs.reset(seed=5)]
    for _ in range(steps):
        played.append(envs.step(rng.uniform(-1.0, 1.0, envs.action_space.shape)))
        ended = played[-1][2] | played[-1][3]
        if envs.metadata["autoreset_mode"].value == "Disabled" and ended.any():
            played.append(envs.reset(options={"reset_mask": ended}))
    return played


@pytest.mark.proof
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize("detail", ["episode", "full"])
def test_a_preset_written_as_a_function_plays_as_the_preset(mode: str, detail: str) -> None:
    arguments = {**COMMON, "autoreset_mode": mode, "detail": detail}
    preset = play(PortfolioVectorEnv(5, **arguments))
    own = play(PortfolioVectorEnv(5, reward=as_preset, **arguments))
    assert data_equivalence(preset, own, exact=True)
    assert any((played[2] | played[3]).any() for played in own if len(played) == 5)


@pytest.mark.proof
@pytest.mark.parametrize("reward", [as_branches, on_arrays])
@pytest.mark.parametrize("lanes", [1, 9])
def test_a_batch_pays_what_its_environments_pay_one_by_one(reward: Any, lanes: int) -> None:
    envs = PortfolioVectorEnv(lanes, autoreset_mode="SameStep", reward=reward, **COMMON)
    alone = [PortfolioEnv(reward=reward, **COMMON) for _ in range(lanes)]
    rng = np.random.default_rng(2)
    envs.reset(seed=3)
    for lane, env in enumerate(alone):
        env.reset(seed=3 + lane)
    for _ in range(20):
        actions = rng.uniform(-1.0, 1.0, envs.action_space.shape)
        _, rewards, _, _, info = envs.step(actions)
        for lane, env in enumerate(alone):
            _, reward_alone, terminated, truncated, about = env.step(actions[lane])
            assert rewards[lane] == reward_alone
            if terminated or truncated:
                assert info["final_info"]["summary"]["reward"][lane] == about["summary"]["reward"]
                env.reset()


def test_execution_takes_one_too() -> None:
    env = ExecutionEnv(reward=lambda shortfall, turnover: shortfall - turnover, detail="full")
    env.reset(seed=1)
    _, reward, _, _, info = env.step(np.zeros(1))
    terms = info["reward_terms"]
    assert reward == terms["shortfall"] - terms["turnover"] != 0.0
    assert info["summary"]["reward"] == reward


def test_what_numba_cannot_compile_is_called_on_arrays_and_its_cost_said_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def looked_up(growth: Any) -> Any:
        return growth * TABLE["cost"]

    OwnReward(looked_up)
    OwnReward(looked_up)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "is not compiled" in said and "us a step" in said
    OwnReward(as_branches)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda growt: growt, "unknown term 'growt'; did you mean 'growth'"),
        (lambda: 1.0, "takes no term"),
        (lambda *terms: 1.0, "variadic positional"),
        (lambda growth: "text", "failed on arrays"),
        (lambda growth: np.zeros(3), "returns shape"),
        (lambda growth: growth - TABLE["cost"] * growth.mean(), "score each by its own terms"),
        (lambda growth: growth.missing, "AttributeError"),
    ],
)
def test_a_function_that_cannot_be_a_reward_is_refused(function: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        PortfolioEnv(reward=function, **COMMON)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_a_reward_that_is_not_finite_is_one_line() -> None:
    envs = PortfolioVectorEnv(3, reward=not_finite, **COMMON)
    envs.reset(seed=0)
    with pytest.raises(ConfigError, match=r"not_finite is nan in environment 0 for growth = "):
        envs.step(np.zeros((3, 2)))


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_lane_whose_reward_is_not_finite_still_ends(mode: str) -> None:
    """The step has been taken, so the episode ends and the next one begins; no lane runs on."""
    envs = PortfolioVectorEnv(2, autoreset_mode=mode, reward=not_finite, **COMMON)
    envs.reset(seed=0)
    accounts = envs.batch.lanes.accounts
    for _ in range(4 * COMMON["episode_length"]):
        with suppress(ConfigError):  # none where a lane is only reset
            envs.step(np.ones((2, 2)))
        assert (accounts["step"] <= COMMON["episode_length"]).all()
        assert np.isfinite(accounts["equity"]).all()
    assert (accounts["episode"] >= 3).all()


def test_a_snapshot_names_the_function_and_goes_on_with_the_same_one_alone() -> None:
    env, other = (PortfolioEnv(reward=reward, **COMMON) for reward in (as_preset, as_branches))
    assert env.setup.resolved["reward"]["function"] == "as_preset"
    assert env.setup.resolved["reward"]["module"] == __name__
    env.reset(seed=0)
    state = pickle.loads(pickle.dumps(env.get_state()))
    with pytest.raises(StateError, match=r"reward\.function is 'as_branches' here, 'as_preset' in"):
        other.set_state(state)
    again = PortfolioEnv(reward=as_preset, **COMMON)
    again.set_state(state)
    assert again.step(np.ones(2))[1] == env.step(np.ones(2))[1]


def test_a_pickled_reward_scores_as_before() -> None:
    terms = np.random.default_rng(0).normal(size=(4, 5))
    own = OwnReward(as_branches)
    played = np.array([True, True, False, True])
    again = pickle.loads(pickle.dumps(own))
    assert np.array_equal(again.score(terms, played), own.score(terms, played))
    assert own.score(terms, played)[2] == 0.0


def test_a_reward_that_pays_for_a_cost_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    def churning(growth: Any, turnover: Any) -> Any:
        return growth - 0.1 * turnover

    def careful(growth: Any, turnover: Any) -> Any:
        return growth + 0.1 * turnover

    OwnReward(churning)
    assert "churning rises with what turnover costs" in capsys.readouterr().err
    OwnReward(careful)
    assert "careful rises" not in capsys.readouterr().err


def test_a_snapshot_knows_what_a_reward_holds() -> None:
    class Scaled:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        def __call__(self, growth: Any) -> Any:
            return self.scale * growth

        def method(self, growth: Any) -> Any:
            return self.scale * growth

    for one, other in ((Scaled(2.0), Scaled(3.0)), (Scaled(2.0).method, Scaled(3.0).method)):
        assert OwnReward(one).as_dict() != OwnReward(other).as_dict()
    assert OwnReward(Scaled(2.0)).as_dict() == OwnReward(Scaled(2.0)).as_dict()


def scaled(scale: float, growth: Any) -> Any:
    return scale * growth


def weighted(weights: Any) -> Any:
    def reward(growth: Any) -> Any:
        return weights[len(weights) // 2] * growth + weights.sum()

    return reward


def compiled_by_user(scale: float) -> Any:
    def reward(growth: float) -> float:
        return scale * growth

    return numba.njit(reward)


def test_rewards_that_pay_otherwise_have_other_hashes() -> None:
    first, second = (lambda growth: growth), (lambda growth: 2.0 * growth)
    named, other = (lambda growth: growth), (lambda turnover: turnover)
    changed = np.zeros(3000)
    changed[1500] = 1.0
    pairs = [
        (partial(scaled, 2.0), partial(scaled, 3.0)),
        (first, second),
        (named, other),
        (weighted(np.zeros(3000)), weighted(changed)),
        (compiled_by_user(2.0), compiled_by_user(3.0)),
    ]
    for one, two in pairs:
        assert OwnReward(one).as_dict()["sha256"] != OwnReward(two).as_dict()["sha256"]
    again = OwnReward(partial(scaled, 2.0)).as_dict(), OwnReward(compiled_by_user(2.0)).as_dict()
    assert again == (OwnReward(pairs[0][0]).as_dict(), OwnReward(pairs[4][0]).as_dict())


def test_a_reward_s_hash_is_the_same_in_another_process() -> None:
    text = (
        "import numba\nfrom trading_env.envs.own_reward import OwnReward\n"
        "def g(growth): return growth\nprint(OwnReward(numba.njit(g)).as_dict()['sha256'])"
    )
    run = [sys.executable, "-c", text]
    found = {subprocess.run(run, capture_output=True, check=True).stdout for _ in range(2)}
    assert len(found) == 1


def test_a_reward_of_no_definite_content_says_what_it_is_or_is_refused() -> None:
    held = (k for k in range(3))

    def drawn(growth: Any) -> Any:
        return growth if held else -growth

    with pytest.raises(ConfigError, match=r"reward: drawn: .*attribute `fingerprint`"):
        OwnReward(drawn)
    drawn.fingerprint = "of Tuesday"  # type: ignore[attr-defined]
    assert len(OwnReward(drawn).as_dict()["sha256"]) == 64
