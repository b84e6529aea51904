"""One transition: vector = single, bit for bit, in every autoreset mode, for any threads."""

import copy
import os
import subprocess
import sys
from typing import Any

import numba
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from tests.configurations import CHOSEN, random_configuration
from tests.lanes import lane_of_info
from trading_env.core.jit import MAX_THREADS
from trading_env.envs.batch import Batch
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.step.sharing import ROWS_A_THREAD

proof = pytest.mark.proof
STEPS = 90  # at least two episodes each
FEW = 7  # lanes up to which `info` is compared too; the records behind it always are
MORE_THAN_ROWS = 2 * ROWS_A_THREAD * MAX_THREADS + 1  # lanes: scratch rows are shared, unevenly
MODES = list(AutoresetMode)


class Singles:
    """n single environments stepped by hand under an autoreset mode: the oracle."""

    def __init__(self, n: int, mode: AutoresetMode, kwargs: dict[str, Any]) -> None:
        detail = "full" if n <= FEW else "none"
        self.envs = [PortfolioEnv(detail=detail, **kwargs) for _ in range(n)]
        self.mode = mode
        self.ended = [False] * n

    def reset(self, seed: int) -> list[Any]:
        return [env.reset(seed=seed + k) for k, env in enumerate(self.envs)]

    def step(self, k: int, action: Any) -> tuple[Any, float, bool, bool, Any, Any]:
        """One lane: (obs, reward, terminated, truncated, info, final (observation, info))."""
        env = self.envs[k]
        if self.ended[k]:
            self.ended[k] = False
            obs, info = env.reset()
            if self.mode is AutoresetMode.NEXT_STEP:
                return obs, 0.0, False, False, info, None
        obs, reward, terminated, truncated, info = env.step(action)
        final = None
        if terminated or truncated:
            if self.mode is AutoresetMode.SAME_STEP:
                final = obs, info
                obs, info = env.reset()
            else:
                self.ended[k] = True
        return obs, reward, terminated, truncated, info, final


def records_of(batch: Batch, lane: int) -> bytes:
    """All that a lane remembers, and all that it reported of its last step."""
    outputs = batch.outputs
    tables = [*batch.lanes, outputs.reports, outputs.stresses]
    return b"".join(table[lane].tobytes() for table in tables)


@pytest.mark.proof
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("n", "draw"),
    [pytest.param(1, 0, marks=proof), (2, 1)]
    + [pytest.param(n, draw, marks=proof) for n, draw in ((2, 2), (7, 3), (7, 4), (64, 5))]
    + [(2, 6), pytest.param(7, 7, marks=proof)],  # the agent chooses its orders
)
def test_vector_is_n_singles_bit_for_bit(mode: AutoresetMode, n: int, draw: int) -> None:
    rng = np.random.default_rng([draw, n])
    kwargs = random_configuration(rng)
    if draw >= 6:
        kwargs["action"] = CHOSEN[draw % 2]
    vector = PortfolioVectorEnv(n, autoreset_mode=mode, detail="full", **kwargs)
    singles = Singles(n, mode, kwargs)
    observations, infos = vector.reset(seed=100)
    for k, (obs, info) in enumerate(singles.reset(100)):
        assert np.array_equal(observations[k], obs)
        assert n > FEW or data_equivalence(lane_of_info(infos, k), info, exact=True)
    for _ in range(STEPS):
        actions = rng.uniform(-1.2, 1.2, vector.action_space.shape)
        mask = np.array(singles.ended)
        if mode is AutoresetMode.DISABLED and mask.any():
            vector.reset(options={"reset_mask": mask})
        observations, rewards, terminated, truncated, infos = vector.step(actions)
        for k in range(n):
            obs, reward, end, cut, info, final = singles.step(k, actions[k])
            assert np.array_equal(observations[k], obs)
            assert (rewards[k], terminated[k], truncated[k]) == (reward, end, cut)
            assert records_of(vector.batch, k) == records_of(singles.envs[k].unwrapped._batch, 0)
            if final is not None:
                assert np.array_equal(infos["final_obs"][k], final[0])
                assert infos["_summary"][k] and infos["_final_info"][k]
            if n > FEW:
                continue
            ignored = {"reward_terms"}  # of the step, not of the state a reset returns
            if final is not None:
                ignored |= {"summary"}  # of the episode that has ended
                summed = lane_of_info(infos["summary"], k)
                assert data_equivalence(summed, final[1]["summary"], exact=True)
            own = {key: v for key, v in infos.items() if key in info and key not in ignored}
            want = {key: v for key, v in info.items() if key not in ignored}
            assert data_equivalence(lane_of_info(own, k), want, exact=True)


def digest_of(threads: int) -> bytes:
    kwargs = random_configuration(np.random.default_rng(77))
    numba.set_num_threads(threads)
    try:
        envs = PortfolioVectorEnv(MORE_THAN_ROWS, **kwargs)
        envs.reset(seed=9)
        rng = np.random.default_rng(0)
        for _ in range(60):
            envs.step(rng.uniform(-1, 1, envs.action_space.shape))
        state = envs.get_state()
        return b"".join(state[k].tobytes() for k in ("assets", "slots", "accounts", "logs"))
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_one_thread_is_two_threads() -> None:
    assert digest_of(1) == digest_of(2)


PLAIN_RUN = """
import numpy as np
from tests.configurations import random_configuration
from trading_env.envs.portfolio import PortfolioEnv
import hashlib, warnings
warnings.simplefilter("error")
digest = hashlib.sha256()
for draw in (1, 2, 3):
    kwargs = random_configuration(np.random.default_rng(draw))
    kwargs["market"] = {"generator": "gbm", "assets": 2, "paths": 1, "bars": 110}
    env = PortfolioEnv(**kwargs)
    env.reset(seed=5)
    rng = np.random.default_rng(draw)
    for _ in range(15):
        env.step(rng.uniform(-1, 1, 2))
    for name in ("assets", "slots", "accounts", "logs"):
        digest.update(env.get_state()[name].tobytes())
    for name in env._batch.setup.world.bars.dtype.names:
        digest.update(env._batch.setup.world.bars[name].tobytes())
print(digest.hexdigest())
"""


@proof
def test_uncompiled_python_agrees_bit_for_bit() -> None:
    def run(disable: str) -> str:
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disable, "PYTHONPATH": os.getcwd()}
        done = subprocess.run(
            [sys.executable, "-c", PLAIN_RUN],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    assert run("1") == run("0")


def test_reports_kept_or_not_change_nothing() -> None:
    """Without `detail="full"` threads share scratch rows for their reports."""
    kwargs = random_configuration(np.random.default_rng(31))
    lean = PortfolioVectorEnv(MORE_THAN_ROWS, **kwargs)
    full = PortfolioVectorEnv(MORE_THAN_ROWS, detail="full", **kwargs)
    assert not lean.batch.keeps_reports
    assert full.batch.keeps_reports
    assert np.array_equal(lean.reset(seed=3)[0], full.reset(seed=3)[0])
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = rng.uniform(-1, 1, lean.action_space.shape)
        left, right = lean.step(actions), full.step(actions)
        assert all(np.array_equal(left[k], right[k]) for k in range(4))
    ours, theirs = lean.get_state(), full.get_state()
    assert all(ours[k].tobytes() == theirs[k].tobytes() for k in ("assets", "slots", "accounts"))


def test_a_copy_of_an_environment_reports_its_own_steps() -> None:
    """What `info` is read from is bound to one environment's buffers."""
    env = PortfolioEnv(detail="full")
    env.reset(seed=3)
    env.step(np.full(5, 0.5))
    twin = copy.deepcopy(env)
    for action in (-0.7, 0.2):
        told = twin.step(np.full(5, action))[4]
        assert data_equivalence(told, env.step(np.full(5, action))[4], exact=True)
    env.step(np.full(5, 0.9))
    assert env.step(np.full(5, 0.9))[4]["equity"] != told["equity"]
