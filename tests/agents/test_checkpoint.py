"""A training that was stopped ends with the same weights; one that fails keeps its checkpoints.

Over 300 lines because both learners pass through the same stops, damages and poisons.
"""

import errno
import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import numpy as tensor_files
from stable_baselines3 import PPO

from agents import pace, portfolio, rows
from agents.checkpoint import Checkpoints, Notes
from agents.portfolio import Training, fit
from agents.watch import WatchNotes
from tests.agents.test_pace import SHORT
from tests.agents.test_portfolio import SYNTHETIC
from tests.lanes import quick_first
from trading_env.core.errors import ConfigError, DivergedError, UserError
from trading_env.policies.adaptive import Network

LIKE = {"weights": np.zeros(3, dtype=np.float32)}


class StopError(Exception):
    """What a test stops a training with."""


def digest(network: Network) -> str:
    """Hash a network's weights."""
    found = hashlib.sha256()
    for name, weights in sorted(network.weights.items()):
        found.update(name.encode() + weights.tobytes())
    return found.hexdigest()


def after(count: int, kind: type[BaseException] = StopError) -> Any:
    """Return a function that raises at its call number `count`."""
    calls = []

    def call(_: Any = None) -> None:
        calls.append(1)
        if len(calls) == count:
            raise kind

    return call


# ------------------------------------------------------------------------- the files


def put(checkpoints: Checkpoints, number: int) -> None:
    checkpoints.write(number, {"weights": np.full(3, number, dtype=np.float32)}, Notes(of={"a": 1}))


def newest(checkpoints: Checkpoints, of: dict[str, Any] | None = None) -> float | None:
    found = checkpoints.newest(LIKE, Notes, of or {"a": 1})
    return None if found is None else float(found[0]["weights"][0])


def files(folder: Path) -> list[Path]:
    return sorted((folder / "checkpoints").iterdir())


def test_two_are_kept_of_each_learner_and_the_newest_wins(tmp_path: Path) -> None:
    ours, theirs = Checkpoints(tmp_path, "a"), Checkpoints(tmp_path, "a-b")
    assert newest(ours) is None
    for number in (1, 2, 10):
        put(ours, number)
    put(theirs, 30)
    assert newest(ours) == 10.0 and newest(theirs) == 30.0
    assert [path.name[:14] for path in files(tmp_path)] == [
        "a-000000000002",
        "a-000000000010",
        "a-b-0000000000",
    ]
    ours.clear()
    assert newest(ours) is None and newest(theirs) == 30.0


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    """Change the last bit of a number, which is finite as before."""
    content = bytearray(path.read_bytes())
    content[8 + int.from_bytes(content[:8], "little")] ^= 1  # the first after the header
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    """Content that its name is the hash of, and that is no checkpoint."""
    content = b"nothing"
    path.unlink()
    path.with_name(f"a-{3:012d}-{hashlib.sha256(content).hexdigest()}.safetensors").write_bytes(
        content
    )


def other_shape(path: Path) -> None:
    path.unlink()
    Checkpoints(path.parent.parent, "a").write(3, {"weights": np.zeros(4)}, Notes(of={"a": 1}))


def no_number(path: Path) -> None:
    path.unlink()
    bad = {"weights": np.full(3, np.nan, dtype=np.float32)}
    Checkpoints(path.parent.parent, "a").write(3, bad, Notes(of={"a": 1}))


@pytest.mark.parametrize("damage", [cut, flip, empty, foreign, other_shape, no_number])
def test_a_damaged_newest_one_is_named_and_the_one_before_it_wins(
    damage: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints = Checkpoints(tmp_path, "a")
    put(checkpoints, 2)
    put(checkpoints, 3)
    damage(files(tmp_path)[-1])
    assert newest(checkpoints) == 2.0
    said = capsys.readouterr().err
    assert said.startswith("note: ") and said.count("\n") == 1 and "passed over" in said
    put(checkpoints, 3)
    assert newest(checkpoints) == 3.0 and len(files(tmp_path)) == 2
    assert capsys.readouterr().err == ""


def test_one_of_another_training_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "a")
    put(checkpoints, 1)
    with pytest.raises(ConfigError, match="a: 2 here, 1 there"):
        newest(checkpoints, {"a": 2})


@pytest.mark.parametrize("written", [0, 1, 100, 250, None])
def test_a_full_disk_leaves_the_two_that_were_there(
    written: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path, "a")
    put(checkpoints, 1)
    put(checkpoints, 2)
    before = {path: path.read_bytes() for path in files(tmp_path)}
    usual = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        usual(path, content[:written])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        put(checkpoints, 3)
    assert {path: path.read_bytes() for path in files(tmp_path)} == before
    assert newest(checkpoints) == 2.0


# ------------------------------------------------------------------------- the search


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make generations small enough for a test."""
    monkeypatch.setattr(pace, "EPISODES", 16)
    monkeypatch.setattr(pace, "JUDGED", 16)
    monkeypatch.setattr(pace, "POPULATION", 8)


def searched(
    folder: Path | None, advance: Any = lambda _: None, **changed: Any
) -> tuple[str, list[dict[str, float]], float, int]:
    """Search for four generations; return what came of it."""
    told: list[dict[str, float]] = []
    trained = pace.fit_pace(
        SHORT,
        **{"feedback": True, "generations": 4, "seed": 5, **changed},
        advance=advance,
        record=told.append,
        checkpoints=None if folder is None else Checkpoints(folder, "policy"),
    )
    return digest(trained.policy.network), told, trained.validation_bps, trained.generation


@pytest.mark.proof
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("stopped", [1, 2, 3, 4])
def test_a_search_that_was_stopped_ends_as_if_undisturbed(
    stopped: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = searched(None)
    with pytest.raises(StopError):
        searched(tmp_path, after(stopped))
    tried: list[int] = []
    usual = pace.mean_cost
    monkeypatch.setattr(pace, "mean_cost", lambda *given: tried.append(1) or usual(*given))
    assert searched(tmp_path) == whole
    kept = stopped - 1
    trials = 1 + 2 - (kept > 0) - (kept > 2)  # of the centre: at the start, in 3 and at the end
    assert len(tried) == (4 - kept) * pace.POPULATION + trials
    tried.clear()
    assert searched(tmp_path) == whole and tried == []  # a finished one has nothing to do


@pytest.mark.proof
@pytest.mark.usefixtures("small")
def test_a_search_goes_on_from_the_checkpoint_before_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(StopError):
        searched(tmp_path, after(4))
    flip(files(tmp_path)[-1])
    assert searched(tmp_path) == searched(None)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("changed", [{"seed": 6}, {"generations": 5}])
def test_a_search_refuses_the_checkpoint_of_another(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    searched(tmp_path)
    with pytest.raises(ConfigError, match=f"{next(iter(changed))}: . here, . there"):
        searched(tmp_path, **changed)


@pytest.mark.usefixtures("small")
def test_a_cost_that_is_not_finite_ends_the_search_and_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, calls = pace.mean_cost, []

    def poisoned(*given: Any) -> float:
        calls.append(1)
        return np.nan if len(calls) == 20 else usual(*given)  # the third generation

    with monkeypatch.context() as patch:
        patch.setattr(pace, "mean_cost", poisoned)
        with pytest.raises(DivergedError, match=r"cost of a draw is nan at generation 3;"):
            searched(tmp_path)
    assert len(calls) <= 1 + 3 * pace.POPULATION
    assert [path.name[7:19] for path in files(tmp_path)] == ["000000000001", "000000000002"]
    assert searched(tmp_path) == searched(None)


# ------------------------------------------------------------------------- PPO

LITTLE = Training(lanes=4, steps=16, batch_size=64, judgements=3)
STEPS = 5 * LITTLE.lanes * LITTLE.steps  # five updates


def learned(
    folder: Path | None, advance: Any = lambda _: None, **changed: Any
) -> tuple[str, float, int]:
    """Train a little; return what came of it."""
    trained = fit(
        {"market": SYNTHETIC, "episode_length": 20},
        **{"timesteps": STEPS, "seed": 5, "training": LITTLE, **changed},
        advance=advance,
        checkpoints=None if folder is None else Checkpoints(folder, "ppo"),
    )
    return digest(trained.network), trained.validation_score, trained.step


def after_steps(steps: int) -> Any:
    """Stop when so many portfolios' steps were made."""
    made: list[int] = []

    def call(new: int) -> None:
        made.append(new)
        if sum(made) >= steps:
            raise StopError

    return call


@pytest.mark.proof
@pytest.mark.parametrize("stopped", quick_first([4, 64, 68, 200, STEPS]))
def test_ppo_that_was_stopped_ends_as_if_undisturbed(
    stopped: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the middle of a rollout, at its end, and after every update."""
    whole = learned(None)
    capsys.readouterr()  # what the first step says where it is compiled
    with pytest.raises(StopError):
        learned(tmp_path, after_steps(stopped))
    assert 1 <= len(files(tmp_path)) <= 2
    made: list[int] = []
    assert learned(tmp_path, made.append) == whole
    assert sum(made) == STEPS and made[0] == (stopped - 1) // 64 * 64
    assert learned(tmp_path, made.append) == whole and made[-1] == STEPS  # nothing is left to do
    assert capsys.readouterr().err == ""  # no checkpoint was passed over
    states = [path.name[-76:] for path in files(tmp_path)]
    learned(tmp_path / "whole")
    assert [path.name[-76:] for path in files(tmp_path / "whole")] == states


@pytest.mark.proof
def test_ppo_goes_on_from_the_checkpoint_before_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(StopError):
        learned(tmp_path, after_steps(250))
    flip(files(tmp_path)[-1])
    assert learned(tmp_path) == learned(None)


def test_a_state_that_no_generator_has_is_refused_in_one_line(tmp_path: Path) -> None:
    learned(tmp_path)
    tensors = tensor_files.load(files(tmp_path)[-1].read_bytes())
    notes = WatchNotes.model_validate_json(tensors.pop("notes").tobytes())
    tensors["torch"][:] = 0
    Checkpoints(tmp_path, "ppo").write(notes.steps + 1, tensors, notes)
    with pytest.raises(UserError, match="checkpoint: torch: Invalid mt19937 state"):
        learned(tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 6}, "seed: 5 there"),
        ({"training": replace(LITTLE, discount=0.5)}, "settings.discount: 0.5 here"),
    ],
)
def test_ppo_refuses_the_checkpoint_of_another(
    changed: dict[str, Any], named: str, tmp_path: Path
) -> None:
    learned(tmp_path)
    name, value = named.split(": ")
    with pytest.raises(ConfigError, match=rf"{name}: .*{value}"):
        learned(tmp_path, **changed)


POISON_AT = portfolio.MOMENT_STEPS + 40  # of the steps of environments: in the third rollout


def poisoned_rewards(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    usual, calls = rows.credits_of, []

    def poisoned(*given: Any) -> Any:
        calls.append(1)
        return usual(*given) * (factor if len(calls) == POISON_AT else 1.0)

    monkeypatch.setattr(rows, "credits_of", poisoned)


def poisoned_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, calls = portfolio.begin, []

    def poisoned(gradient: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return gradient * (torch.nan if len(calls) == 26 else 1.0)  # in the third update

    def begin(learner: PPO, envs: rows.AssetRows) -> None:
        usual(learner, envs)
        learner.policy.value_net.bias.register_hook(poisoned)

    monkeypatch.setattr(portfolio, "begin", begin)


def poisoned_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, calls = PPO.train, []

    def poisoned(learner: PPO) -> None:
        usual(learner)
        calls.append(1)
        if len(calls) == 3:
            learner.policy.value_net.bias.data[...] = -torch.inf

    monkeypatch.setattr(PPO, "train", poisoned)


def poisoned_utility(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, calls = portfolio.utility, []

    def poisoned(*given: Any) -> float:
        calls.append(1)
        return np.nan if len(calls) == 3 else usual(*given)

    monkeypatch.setattr(portfolio, "utility", poisoned)


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize(
    ("poison", "said"),
    [
        (partial(poisoned_rewards, factor=np.nan), "reward is nan at step 160;"),
        (partial(poisoned_rewards, factor=1e45), "reward is -?inf at step 160;"),
        (partial(poisoned_rewards, factor=1e30), "loss is (inf|nan) at step 192;"),
        (poisoned_gradient, "gradient of value_net.bias is nan at step 192;"),
        (poisoned_weight, "weight value_net.bias is -inf at step 192;"),
        (poisoned_utility, "validation utility is nan at step 256;"),
    ],
)
def test_what_is_not_finite_ends_ppo_within_an_update_and_keeps_the_last_checkpoint(
    poison: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        poison(patch)
        with pytest.raises(DivergedError, match=f"training diverged: .*{said}"):
            learned(tmp_path)
    kept = [int(path.name[4:16]) // 3 for path in files(tmp_path)]
    assert kept == ([128, 192] if "256" in said else [64, 128])
    assert learned(tmp_path) == learned(None)
