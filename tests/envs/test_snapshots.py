"""A snapshot goes on exactly where the arguments are the same, and is refused everywhere else."""

import json
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from tests.configurations import SMALL_POOL, random_configuration
from tests.envs import tampering
from tests.envs.tampering import PORTFOLIO, actions_of, played_on, world_of
from tests.figures import figure
from tests.lanes import quick_first
from trading_env.core.ranges import ranges_of
from trading_env.core.records import record_dtype
from trading_env.core.seeds import SeedError
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.snapshot import LAYOUTS, StateError
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.step.drivers import DIGEST

ROOT = Path(__file__).parents[2]
SIZES = (("length", 40), ("last_row", 799), ("last_group", 0))


def in_another_process(*arguments: str) -> str:
    """Run the script beside this file, and return what it printed."""
    command = [sys.executable, "-m", tampering.__name__, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"code {done.returncode}: {done.stderr[-500:]}"
    return done.stdout


@pytest.mark.proof
def test_a_snapshot_that_was_tampered_with_is_refused_by_name_and_nothing_is_written() -> None:
    """Every fault of every field; a crash ends the other process, and fails the test."""
    rows = [json.loads(line) for line in in_another_process("tampered", "1").splitlines()]
    assert [row for row in rows if not row["named"] or not row["untouched"]] == []
    assert all(len(row["message"]) < 200 and "\n" not in row["message"] for row in rows)
    assert min(Counter(row["env"] for row in rows).values()) >= len(tampering.OTHERS)
    assert len(rows) >= 200
    figure(f"{len(rows)} tampered snapshots: {len(rows)} refused by name, 0 crashes")


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [
        ("accounts", "row", 10**7),
        ("accounts", "row", 30),
        ("accounts", "cash", np.nan),
        ("accounts", "step", 41),
        ("assets", "slots_used", 5),
        ("assets", "mark", 0.0),
        ("slots", "state", 4),
        ("logs", "bound", -1),
    ],
)
def test_a_number_out_of_its_range_is_refused(table: str, field: str, value: float) -> None:
    env = world_of("portfolio")
    state = env.get_state()
    before = pickle.dumps(state)
    state[table][field].flat[-1] = value
    with pytest.raises(StateError, match=field):
        env.set_state(state)
    assert pickle.dumps(env.get_state()) == before


def test_snapshots_that_do_not_fit_are_refused_by_name() -> None:
    """The smallest of each kind of fault; every one of them is tried in the other process."""
    env = world_of("portfolio")
    faults = list(tampering.tamperings(env.get_state(), np.random.default_rng(0)))
    kinds = {
        (fault.field if fault.field in env.get_state() else "", fault.what): fault
        for fault in faults
    }
    kinds |= {(fault.field, fault.what): fault for fault in faults[-12:]}
    for fault in kinds.values():
        row = tampering.tried(env, env.get_state(), fault)
        assert row["named"] and row["untouched"], row


@pytest.mark.parametrize(
    ("other", "argument"),
    [
        (lambda: world_of("portfolio", severity=2.0), "severity"),
        (
            lambda: world_of("portfolio", risk={"covariance": "shrunk", "max_weight": 0.1}),
            "risk.max_weight",
        ),
        (
            lambda: PortfolioVectorEnv(1, **PORTFOLIO, autoreset_mode=AutoresetMode.SAME_STEP),
            "autoreset",
        ),
        (
            lambda: PortfolioVectorEnv(2, **PORTFOLIO, autoreset_mode=AutoresetMode.DISABLED),
            "lanes",
        ),
    ],
)
def test_an_environment_of_other_arguments_refuses_and_says_which(
    other: Any, argument: str
) -> None:
    env = other()
    env.reset(seed=11)
    with pytest.raises(StateError, match=f"of other arguments: {argument} is "):
        env.set_state(world_of("portfolio").get_state())


def test_a_snapshot_says_which_code_it_goes_on_under() -> None:
    assert json.loads(world_of("portfolio").get_state()["arguments"])["code"] == DIGEST


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_lane_that_has_ended_is_refused_where_none_can_have(mode: AutoresetMode) -> None:
    """Lanes that begin anew in the same step never stand at their end, and would step beyond it."""
    env = PortfolioVectorEnv(2, **PORTFOLIO, autoreset_mode=mode)
    env.reset(seed=3)
    state = env.get_state()
    account = state["accounts"][1]
    account["row"], account["step"], account["done"] = account["row"] + 40, 40, 1
    if mode is AutoresetMode.SAME_STEP:
        with pytest.raises(StateError, match=r"accounts\[1\]\.done = 1 at step 40"):
            env.set_state(state)
    else:
        env.set_state(state)


@pytest.mark.parametrize("layout", LAYOUTS.values())
def test_every_number_of_the_state_has_a_range(layout: type) -> None:
    """No word of a record is left out, and every whole number has ends that do not overflow."""
    parts = ranges_of(layout, SIZES)
    places = np.sort(np.concatenate([part.places for part in parts]))
    assert np.array_equal(places, np.arange(record_dtype(layout).itemsize // 8))
    for part in parts:
        assert np.isfinite(part.high.astype(float)).all()
        assert (part.low <= part.high).all()
        if part.kind is np.int64:
            assert part.low.min() >= 0
            assert part.high.max() <= 2**62


def worlds(draw: int) -> Sequence[Any]:
    """Make environments of every kind in a drawn configuration."""
    kwargs = random_configuration(np.random.default_rng([draw, 15]))
    modes = list(AutoresetMode)
    vector = PortfolioVectorEnv(3, autoreset_mode=modes[draw % 3], **kwargs)
    parents = {k: kwargs[k] for k in ("market", "scenario", "execution", "seed_band")}
    return [PortfolioEnv(**kwargs), vector, ExecutionEnv(**parents, episode_length=12)]


@pytest.mark.parametrize("draw", quick_first(range(12), 2))
def test_what_a_step_leaves_is_taken_back_and_changes_nothing(draw: int) -> None:
    """The declared ranges leave out nothing that happens."""
    for env in worlds(draw):
        env.reset(seed=draw)
        for action in actions_of(env, 50):
            before = env.get_state()
            env.set_state(before)
            assert pickle.dumps(env.get_state()) == pickle.dumps(before)
            ended = env.step(action)[2:4]
            if not isinstance(ended[0], np.ndarray) and any(ended):
                env.reset()
            elif np.any(ended) and env.metadata.get("autoreset_mode") is AutoresetMode.DISABLED:
                env.reset(options={"reset_mask": ended[0] | ended[1]})


@pytest.mark.parametrize("name", ["portfolio", "vector"])
@pytest.mark.parametrize("has_begun", [False, True])
def test_a_snapshot_goes_on_exactly_in_an_instance_with_another_seed(
    name: str, has_begun: bool
) -> None:
    env = world_of(name)
    state = pickle.loads(pickle.dumps(env.get_state()))
    twin = PortfolioVectorEnv(3, **PORTFOLIO) if name == "vector" else PortfolioEnv(**PORTFOLIO)
    if has_begun:
        twin.reset(seed=999)
    twin.set_state(state)
    assert played_on(twin) == played_on(env)


@pytest.mark.proof
@pytest.mark.parametrize("name", ["portfolio", "vector"])
def test_a_snapshot_goes_on_exactly_in_another_process(name: str, tmp_path: Path) -> None:
    env = world_of(name)
    path = tmp_path / "state.pickle"
    path.write_bytes(pickle.dumps((name, env.get_state())))
    assert in_another_process("continued", str(path)).strip() == played_on(env)


def test_lanes_that_go_on_through_a_partial_reset_show_what_they_showed() -> None:
    arguments = {**PORTFOLIO, "autoreset_mode": AutoresetMode.DISABLED}
    env, twin = PortfolioVectorEnv(3, **arguments), PortfolioVectorEnv(3, **arguments)
    env.reset(seed=4)
    env.step(np.ones(env.action_space.shape))
    twin.reset(seed=8)
    kept = twin.step(np.zeros(env.action_space.shape))[0]
    as_it_was = kept.copy()
    twin.set_state(env.get_state())
    mask = {"reset_mask": np.array([False, True, False])}
    assert np.array_equal(env.reset(options=mask)[0], twin.reset(options=mask)[0])
    assert np.array_equal(kept, as_it_was)


@pytest.mark.parametrize("name", ["portfolio", "vector"])
def test_another_seed_branches_into_its_own_future_from_the_same_past(name: str) -> None:
    env, twin = world_of(name), world_of(name)
    state = env.get_state()
    seeds = state["seeds"]
    env.set_state(state, reseed=77)
    branched = env.get_state()
    assert np.array_equal(branched["seeds"], 77 + np.arange(len(seeds)))
    for table in ("assets", "slots", "accounts", "logs", "starts", "observations"):
        assert branched[table].tobytes() == state[table].tobytes()
    future = played_on(env)
    twin.set_state(state, reseed=77)
    assert played_on(twin) == future
    twin.set_state(state, reseed=78)
    assert played_on(twin) != future
    twin.set_state(state)
    original = played_on(twin)
    twin.set_state(state, reseed=seeds.tolist() if name == "vector" else int(seeds[0]))
    assert played_on(twin) == original != future


def test_the_episodes_after_a_branch_are_those_of_its_seed() -> None:
    env, other = world_of("portfolio"), PortfolioEnv(**PORTFOLIO)
    env.set_state(env.get_state(), reseed=77)
    other.reset(seed=77)
    assert data_equivalence(env.reset(), other.reset(), exact=True)


def test_a_branch_needs_a_seed_and_a_snapshot_an_episode() -> None:
    env = PortfolioEnv(market=SMALL_POOL, episode_length=20)
    with pytest.raises(RuntimeError, match="reset"):
        env.get_state()
    env.reset(seed=1)
    state = env.get_state()
    env.step(np.ones(env.action_space.shape))
    before = pickle.dumps(env.get_state())
    with pytest.raises(SeedError, match="seed = -1"):
        env.set_state(state, reseed=-1)
    assert pickle.dumps(env.get_state()) == before
