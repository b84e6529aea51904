"""Play an environment, keep what it returned, and say where two plays differ."""

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, NamedTuple, SupportsFloat

import gymnasium as gym
import numpy as np

from trading_env.audit.subject import Env

MAX_CORNERS = 8
VALUE_SHOWN = 24  # characters of a value in evidence


class Output(NamedTuple):
    """What reset (with reward 0) or a step returned."""

    observation: Any
    reward: SupportsFloat
    terminated: bool
    truncated: bool
    info: Any

    @property
    def ended(self) -> bool:
        """Whether the episode is over."""
        return bool(self.terminated or self.truncated)


@contextmanager
def known_globals(seed: int = 0) -> Iterator[None]:
    """Seed the process's global generators, and put them back afterwards.

    An environment that draws from them can then be repeated, and its other faults be told from
    this one, which the check of seeds reports.
    """
    legacy = np.random.get_state()  # noqa: NPY002 -- what is guarded is the legacy generator
    standard = random.getstate()
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(standard)


def start(env: Env, seed: int | None) -> Output:
    """Reset; the arrays are the environment's own."""
    observation, info = env.reset(seed=seed)
    return Output(observation, 0.0, False, False, info)


def step(env: Env, action: Any) -> Output:
    """Take one step; the arrays are the environment's own, the action is not ours to lose."""
    observation, reward, terminated, truncated, info = env.step(copy.copy(action))
    return Output(observation, reward, terminated, truncated, info)


def play_env(env: Env, actions: Sequence[Any], seed: int | None = 0) -> list[Output]:
    """Reset and take the actions until they or the episode end; outputs are deep copies."""
    outputs = [copy.deepcopy(start(env, seed))]
    return outputs + go_on(env, actions)


def go_on(env: Env, actions: Sequence[Any]) -> list[Output]:
    """Take the actions until they or the episode end; outputs are deep copies."""
    outputs: list[Output] = []
    for action in actions:
        outputs.append(copy.deepcopy(step(env, action)))
        if outputs[-1].ended:
            break
    return outputs


def repeatable(env: Env, actions: Sequence[Any], seed: int = 0) -> list[Output]:
    """Play with the global generators seeded, and close the environment."""
    with known_globals(seed):
        outputs = play_env(env, actions, seed)
    env.close()
    return outputs


def total(outputs: Sequence[Output]) -> float:
    """Return the sum of rewards."""
    return float(sum(float(output.reward) for output in outputs))


def samples(space: gym.Space[Any], count: int, seed: int) -> list[Any]:
    """Draw actions from a copy of the space: an environment may seed its own."""
    own = copy.deepcopy(space)
    own.seed(seed)
    return [own.sample() for _ in range(count)]


def extremes(space: gym.Space[Any]) -> dict[str, Any]:
    """Return the actions that constant policies repeat: each, or the corners and the centre."""
    if isinstance(space, gym.spaces.Discrete):
        first = int(space.start)
        return {str(i): i for i in range(first, first + min(int(space.n), MAX_CORNERS))}
    if isinstance(space, gym.spaces.Box):
        low = np.where(np.isfinite(space.low), space.low, -1).astype(space.dtype)
        high = np.where(np.isfinite(space.high), space.high, 1).astype(space.dtype)
        corners: Any = [(0,), (1,)]
        if low.size > 1 and 2**low.size <= MAX_CORNERS:
            corners = product((0, 1), repeat=low.size)
        sides = [np.broadcast_to(np.array(c, bool).reshape(-1), low.size) for c in corners]
        points = [np.where(side.reshape(low.shape), high, low) for side in sides]
        points.insert(1, ((low + high) / 2).astype(space.dtype))
        return {_name(point): point for point in points}
    if isinstance(space, gym.spaces.MultiDiscrete):
        ends = [space.start, space.start + space.nvec - 1]
        return {_name(end): end.astype(space.dtype) for end in ends}
    if isinstance(space, gym.spaces.MultiBinary):
        return {
            _name(end): end
            for end in (np.zeros(space.shape, np.int8), np.ones(space.shape, np.int8))
        }
    return {f"sample {i}": action for i, action in enumerate(samples(space, 3, 0))}


def _name(point: np.ndarray) -> str:
    """Name an array action: one number where all are equal."""
    values = np.unique(point)
    shown = [f"{value:g}" for value in point.ravel()[:6]]
    return f"{values[0]:g}" if len(values) == 1 else f"[{' '.join(shown)}]"


def mismatch(left: Any, right: Any, place: str = "") -> str | None:
    """Return where two values differ and how, or None; NaN equals NaN."""
    if isinstance(left, Output) and isinstance(right, Output):
        return mismatch(left._asdict(), right._asdict())
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return f"{place} has other keys"
        pairs = [(f"{place}.{k}" if place else str(k), left[k], right[k]) for k in left]
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        if len(left) != len(right):
            return f"{place} has length {len(left)}, then {len(right)}"
        pairs = [(f"{place}[{i}]", *pair) for i, pair in enumerate(zip(left, right, strict=True))]
    else:
        return _difference_of_leaves(left, right, place)
    found = (mismatch(one, other, name) for name, one, other in pairs)
    return next((text for text in found if text), None)


def _difference_of_leaves(left: Any, right: Any, place: str) -> str | None:
    """Compare arrays, numbers and other objects."""
    if not isinstance(left, np.ndarray | np.generic | int | float | str | bool):
        try:
            same = bool(left == right) or repr(left) == repr(right)
        except (TypeError, ValueError):
            same = repr(left) == repr(right)
        return None if same else f"{place} {left!r:.{VALUE_SHOWN}} then {right!r:.{VALUE_SHOWN}}"
    one, other = np.asarray(left), np.asarray(right)
    if one.shape != other.shape:
        return f"{place} has shape {one.shape}, then {other.shape}"
    if one.dtype.kind in "fc" and other.dtype.kind in "fc":
        unequal = ~((one == other) | (np.isnan(one) & np.isnan(other)))
    else:
        unequal = np.asarray(one != other)
    if not unequal.any():
        return None
    index = tuple(int(i) for i in np.argwhere(unequal)[0])
    where = f"{place}{list(index)}" if index else place
    return f"{where} {one[index]!s:.{VALUE_SHOWN}} then {other[index]!s:.{VALUE_SHOWN}}"


def first_mismatch(
    left: Sequence[Output], right: Sequence[Output], fields: Sequence[str] = Output._fields
) -> tuple[int, str] | None:
    """Return the number of the first output (0 is reset) that differs, and how; or None."""
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        text = mismatch(
            {name: getattr(one, name) for name in fields},
            {name: getattr(other, name) for name in fields},
        )
        if text:
            return number, text
    if len(left) != len(right):
        return min(len(left), len(right)), f"{len(left)} outputs, then {len(right)}"
    return None


def leaves_of(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Walk through nested values: the place and the value of every leaf."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves_of(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from leaves_of(item, f"{place}[{number}]")
    else:
        yield place, value


def numbers_in(value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Walk through the leaves that are numbers or arrays of numbers."""
    for place, leaf in leaves_of(value):
        array = np.asarray(leaf)
        if array.dtype.kind in "iuf":
            yield place, array
