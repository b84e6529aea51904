"""Play an environment, keep what it returned, and say where two plays differ."""

import copy
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, NamedTuple, SupportsFloat

import gymnasium as gym
import numpy as np

from trading_env.audit.subject import Env

MAX_ACTIONS = 32  # that constant policies repeat; all of a finite space that has no more
MAX_CORNERS = 8
FEW = 3  # samples of a space that is neither finite nor a box
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


class Extremes(NamedTuple):
    """The actions that constant policies repeat."""

    actions: dict[str, Any]
    left_out: str
    """How few of the space's actions these are; empty: none that a check promises is missing."""


def extremes(space: gym.Space[Any]) -> Extremes:
    """Return every action of a finite space, the corners and the centre of a box, or products.

    Of more than MAX_ACTIONS, so many are taken, evenly over the numbered actions.
    """
    listed = _listed(space)
    if listed is None:
        few = {f"sample {i}": action for i, action in enumerate(samples(space, FEW, 0))}
        return Extremes(few, f"{FEW} actions of a {type(space).__name__} space were tried")
    count = listed.size
    numbers: Sequence[int] = range(min(count, MAX_ACTIONS))
    left_out = ""
    if count > MAX_ACTIONS:
        numbers = [i * (count - 1) // (MAX_ACTIONS - 1) for i in range(MAX_ACTIONS)]
        many = str(count) if count < 10**9 else "more than a billion"
        left_out = f"{MAX_ACTIONS} of {many} actions were tried, and no more ever are"
    actions: dict[str, Any] = {}
    for number in numbers:
        name, action = listed.at(number)
        actions[f"{name} ({number})" if name in actions else name] = action
    return Extremes(actions, left_out)


class _Listed(NamedTuple):
    """Numbered actions: how many, and the name and value of each."""

    size: int
    at: Callable[[int], tuple[str, Any]]


def _listed(space: gym.Space[Any]) -> _Listed | None:
    """Number the actions of a space; None where it is neither finite, a box, nor made of these."""
    if isinstance(space, gym.spaces.Discrete):
        first = int(space.start)
        return _Listed(int(space.n), lambda number: (str(first + number), first + number))
    if isinstance(space, gym.spaces.MultiDiscrete):
        return _grid(space.start, space.nvec, space.dtype)
    if isinstance(space, gym.spaces.MultiBinary):
        return _grid(np.zeros(space.shape, int), np.full(space.shape, 2), space.dtype)
    if isinstance(space, gym.spaces.Box):
        if np.issubdtype(space.dtype, np.integer):
            levels = space.high.astype(object) - space.low.astype(object) + 1
            whole = _grid(space.low, levels, space.dtype)
            if whole.size <= MAX_ACTIONS:
                return whole
        points = _points(space)
        return _Listed(len(points), lambda number: (_name(points[number]), points[number]))
    if isinstance(space, gym.spaces.Dict):
        return _product(list(space.spaces.values()), list(space.spaces))
    if isinstance(space, gym.spaces.Tuple):
        return _product(list(space.spaces), None)
    return None


def _digits(number: int, sizes: Sequence[int]) -> list[int]:
    """Write a number in mixed radix, the last digit first to change."""
    digits = []
    for size in reversed(sizes):
        number, digit = divmod(number, size)
        digits.append(digit)
    return digits[::-1]


def _grid(first: np.ndarray, levels: np.ndarray, dtype: Any) -> _Listed:
    """Number arrays of whole numbers, each from `first` on."""
    sizes, begin = [int(n) for n in levels.ravel()], [int(n) for n in first.ravel()]

    def at(number: int) -> tuple[str, np.ndarray]:
        digits = _digits(number, sizes)
        values = [low + digit for low, digit in zip(begin, digits, strict=True)]
        point = np.array(values, dtype=dtype).reshape(first.shape)
        return _name(point), point

    return _Listed(math.prod(sizes), at)


def _points(space: gym.spaces.Box) -> list[np.ndarray]:
    """Return the corners of a box, or the lowest and highest of too many, and the centre."""
    low = np.where(np.isfinite(space.low), space.low, -1).astype(space.dtype)
    high = np.where(np.isfinite(space.high), space.high, 1).astype(space.dtype)
    corners: Any = [(0,), (1,)]
    if low.size > 1 and 2**low.size <= MAX_CORNERS:
        corners = product((0, 1), repeat=low.size)
    sides = [np.broadcast_to(np.array(c, bool).reshape(-1), low.size) for c in corners]
    points = [np.where(side.reshape(low.shape), high, low) for side in sides]
    points.insert(1, ((low + high) / 2).astype(space.dtype))
    return points


def _product(spaces: list[gym.Space[Any]], keys: list[str] | None) -> _Listed | None:
    """Number the combinations of parts: dicts, or tuples where they have no keys."""
    parts = [part for part in map(_listed, spaces) if part is not None]
    if len(parts) < len(spaces):
        return None

    def at(number: int) -> tuple[str, Any]:
        digits = _digits(number, [part.size for part in parts])
        chosen = [part.at(digit) for part, digit in zip(parts, digits, strict=True)]
        values = tuple(value for _, value in chosen)
        if keys is None:
            return f"({', '.join(name for name, _ in chosen)})", values
        named = zip(keys, chosen, strict=True)
        shown = ", ".join(f"{key} {name}" for key, (name, _) in named)
        return shown, dict(zip(keys, values, strict=True))

    return _Listed(math.prod(part.size for part in parts), at)


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
