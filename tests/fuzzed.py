"""What comes from outside, mutated at random, and how each kind of it is read.

A subject is read or refused: exit code 2 and one line, or a `UserError`. Anything else that happens
is a fault. `benchmarks/fuzz.py` counts them, `tests/test_fuzz.py` tries a few of each kind.
"""

import io
import pickle
import shutil
import warnings
from abc import ABC, abstractmethod
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tests.backtesting import test_foreign_run as policy_folder
from tests.envs.tampering import MARKET, actions_of, world_of
from tests.mutations import VALUES, mutate
from tests.reading.corpus import SOUND
from tests.report import test_folder as run_folder
from trading_env.cli.main import main
from trading_env.core.errors import UserError
from trading_env.envs.portfolio import PortfolioEnv

FLOATS = [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, 1e-29, 1e9, 1e29, -1e29, np.inf, np.nan]
INTEGERS = [0, 1, -1, 2, 3, 5, 7, 39, 40, 10**7, -(2**63), 2**63 - 1]
LONGEST = 210  # characters of a refusal
ROOT = Path(__file__).resolve().parents[1]
TEXT = (".csv", ".txt", ".tsv", ".json", ".jsonl", ".gz", ".zip")


class Subject(ABC):
    """One kind: whole examples of it, how one is damaged, and how it is read."""

    name: ClassVar[str]

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Write whole examples, each a file or a folder of its own."""

    @abstractmethod
    def damage(self, example: Path, rng: np.random.Generator) -> str:
        """Damage an example; return how."""

    @abstractmethod
    def read(self, example: Path) -> bool:
        """Read an example; tell whether it was taken, or refused as it should be."""


class Bars(Subject):
    """Files of bars."""

    suffixes: ClassVar[tuple[str, ...]]

    def write(self, folder: Path) -> None:
        for shape in SOUND:
            if shape.name.endswith(self.suffixes):
                shape.write(folder / shape.name)

    def damage(self, example: Path, rng: np.random.Generator) -> str:
        return mutate(example.parent, [example.name], rng)

    def read(self, example: Path) -> bool:
        is_judged = answered("data", "validate", str(example)) != 2
        return is_judged and answered("data", "describe", str(example)) != 2


class TextBars(Bars):
    name, suffixes = "csv", TEXT


class ParquetBars(Bars):
    name, suffixes = "parquet", (".parquet",)


class Scenarios(Subject):
    """Scenario files; what is taken is played."""

    name = "scenarios"

    def write(self, folder: Path) -> None:
        for path in (ROOT / "scenarios").glob("*.toml"):
            shutil.copyfile(path, folder / path.name)

    def damage(self, example: Path, rng: np.random.Generator) -> str:
        return mutate(example.parent, [example.name], rng)

    def read(self, example: Path) -> bool:
        if answered("scenarios", "validate", str(example)) == 2:
            return False
        try:
            env = PortfolioEnv(market=MARKET, episode_length=40, scenario=str(example))
        except UserError as error:  # what it says of assets and lengths is wrong in this market
            return refused(str(error))
        env.reset(seed=3)
        play(env)
        return True


class RunFolders(Subject):
    """Run folders, of which a report is made."""

    name = "run_folders"

    def write(self, folder: Path) -> None:
        run_folder.write(folder / "run")

    def damage(self, example: Path, rng: np.random.Generator) -> str:
        return mutate(example, [*run_folder.FILES, run_folder.CSV], rng)

    def read(self, example: Path) -> bool:
        return answered("report", str(example)) != 2


class Policies(Subject):
    """Saved policies, which are found, built and asked for an action."""

    name = "policies"

    def write(self, folder: Path) -> None:
        for make in (policy_folder.adaptive, policy_folder.pace):
            (folder / make.__name__).mkdir()
            make(folder / make.__name__)

    def damage(self, example: Path, rng: np.random.Generator) -> str:
        names = [policy_folder.DESCRIPTION, policy_folder.WEIGHTS, policy_folder.CONFIG]
        return mutate(example, names, rng)

    def read(self, example: Path) -> bool:
        is_pace = example.name == policy_folder.pace.__name__
        try:
            policy_folder.used(example, policy_folder.ONE if is_pace else policy_folder.TWO)
        except UserError as error:
            return refused(str(error))
        return True


class Snapshots(Subject):
    """Snapshots of environments in the middle of an episode; what is taken is played on."""

    name = "snapshots"
    worlds = ("portfolio", "execution", "vector")

    def write(self, folder: Path) -> None:
        for world in self.worlds:
            (folder / world).write_bytes(pickle.dumps(world_for(world).get_state()))

    def damage(self, example: Path, rng: np.random.Generator) -> str:
        state = pickle.loads(example.read_bytes())
        said = [damage_state(state, rng) for _ in range(rng.integers(1, 4))]
        example.write_bytes(pickle.dumps(state))
        return "; ".join(said)

    def read(self, example: Path) -> bool:
        env = world_for(example.name)
        try:
            env.set_state(pickle.loads(example.read_bytes()))
        except UserError as error:
            return refused(str(error))
        if np.all(env.get_state()["accounts"]["done"]):
            env.reset(seed=3)
        play(env)
        return True


SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        TextBars(),
        ParquetBars(),
        Scenarios(),
        RunFolders(),
        Policies(),
        Snapshots(),
    )
}


def answered(*arguments: str) -> int:
    """Run a command; a refusal must be one line on standard error and nothing else."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = main(arguments)
    if code == 2:
        refused(err.getvalue().removeprefix("error: ").removesuffix("\n"))
    elif code not in (0, 1):
        raise AssertionError(f"exit code {code}")
    return code


def refused(message: str) -> bool:
    """Check that a refusal is one short line; it is no taking."""
    if "\n" in message or not 0 < len(message) < LONGEST:
        raise AssertionError(f"a refusal of {len(message)} characters: {message[:80]!r}")
    return False


@cache
def world_for(name: str) -> Any:
    """Make an environment once."""
    return world_of(name)


def play(env: Any) -> None:
    """Step an environment; what it shows must be in its space, which is finite."""
    for action in actions_of(env, 5):
        observation, reward, terminated, truncated, _ = env.step(action)
        if not env.observation_space.contains(observation) or not np.isfinite(reward).all():
            raise AssertionError("an observation outside its space, or a reward that is not finite")
        if np.ndim(terminated) == 0 and (terminated or truncated):
            return


def damage_state(state: dict[str, Any], rng: np.random.Generator) -> str:
    """Damage one array or field of a snapshot."""
    found = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    arrays = [name for name, array in found.items() if array.dtype.kind != "O"]
    name = str(rng.choice(arrays)) if arrays else "version"
    array = state[name]
    what = str(rng.choice(["value", "value", "value", "value", "bits", "shape", "kind", "other"]))
    if what == "other" or not arrays:
        name = str(rng.choice(list(state)))
        state[name] = VALUES[rng.integers(len(VALUES))]
    elif what == "shape":
        state[name] = array[: rng.integers(len(array) + 1)]
    elif what == "kind":
        state[name] = array.astype(object)
    elif array.size and what == "bits":
        state[name] = changed = array.copy()
        flat = changed.view(np.uint8).reshape(-1)
        flat[rng.integers(flat.size)] ^= 1 << int(rng.integers(8))
    elif array.size:
        field = str(rng.choice(array.dtype.names)) if array.dtype.names else ""
        values = array[field] if field else array
        value = FLOATS[rng.integers(len(FLOATS))]
        if values.dtype.kind != "f":
            whole = INTEGERS[rng.integers(len(INTEGERS))]
            value = whole % 2**64 if values.dtype.kind == "u" else whole
        with np.errstate(over="ignore"):
            values.flat[rng.integers(values.size)] = value
        name = f"{name}.{field}"
    return f"{what} {name}"
