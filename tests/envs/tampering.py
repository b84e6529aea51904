"""Snapshots with one thing wrong, tried in a process of their own: a crash of it is a failed test.

    python -m tests.envs.tampering tampered SEED     one JSON line a snapshot: what became of it
    python -m tests.envs.tampering continued FILE    a digest of how a pickled snapshot goes on

Every field of every record is tampered with: its type, its absence, and each kind of value that its
declared range leaves out.
"""

import hashlib
import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trading_env.core.records import COUNTED, Within
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.snapshot import LAYOUTS, STATE_VERSION
from trading_env.envs.vector import PortfolioVectorEnv

MARKET = {"generator": "multiscale", "paths": 4, "bars": 200, "assets": 2}
LAST_ROW = 4 * 200 - 1
PORTFOLIO: dict[str, Any] = {
    "market": MARKET,
    "episode_length": 40,
    "scenario": "flash_crash_2010",
    "risk": {"covariance": "shrunk"},
    "detail": "full",
}
OTHERS: dict[str, dict[str, Any]] = {
    "market.sha256": {"market": {**MARKET, "assets": 3}},
    "market.bar_seconds": {"market": {**MARKET, "preset": "btc_hourly"}},
    "risk.max_weight": {"risk": {"covariance": "shrunk", "max_weight": 0.123}},
    "execution.fee_bps": {"execution": {"fee_bps": 3.21}},
    "account.cash_rate": {"account": {"cash_rate": 0.0123}},
    "reward.scale": {"reward": {"scale": 77.0}},
    "episode_length": {"episode_length": 41},
    "severity": {"severity": 2.0},
    "scenarios": {"scenario": "price_shock"},
    "market": {"seed_band": "test"},
}
Edit = Callable[[dict[str, Any]], None]


class Tampering(NamedTuple):
    """One fault: the field that the refusal must name, what is wrong with it, and how to do it."""

    field: str
    what: str
    edit: Edit


def world_of(name: str, **changed: Any) -> Any:
    """Make an environment and play some steps."""
    if name == "execution":
        env: Any = ExecutionEnv(market={**MARKET, "assets": 1}, scenario="liquidity_drought")
    elif name == "vector":
        env = PortfolioVectorEnv(3, **{**PORTFOLIO, **changed})
    else:
        env = PortfolioEnv(**{**PORTFOLIO, **changed})
    env.reset(seed=11)
    for action in actions_of(env, 15):
        env.step(action)
    return env


def actions_of(env: Any, steps: int) -> Iterator[Any]:
    """Draw the same actions each time."""
    rng = np.random.default_rng(5)
    for _ in range(steps):
        yield rng.uniform(-1.0, 1.0, env.action_space.shape)


def played_on(env: Any, steps: int = 60) -> str:
    """Digest what an environment returns over steps, into the episodes that follow."""
    digest = hashlib.sha256()
    for action in actions_of(env, steps):
        observation, reward, terminated, truncated, _ = env.step(action)
        for part in (observation, reward, terminated, truncated):
            digest.update(np.asarray(part).tobytes())
        if not isinstance(terminated, np.ndarray) and (terminated or truncated):
            digest.update(env.reset()[0].tobytes())
    return digest.hexdigest()


def tamperings(state: dict[str, Any], rng: np.random.Generator) -> Iterator[Tampering]:
    """Yield every fault of a snapshot; which row has it is drawn."""
    for name in state:
        yield Tampering(name, "missing", lambda s, n=name: s.pop(n))
        yield Tampering(name, "another kind", lambda s, n=name: s.update({n: object()}))
    for name, array in state.items():
        if isinstance(array, np.ndarray) and array.size:
            yield from _of_array(name, array)
            if name in LAYOUTS:
                yield from _of_records(name, array, rng)
            elif array.dtype.kind == "f":
                for value in (np.nan, np.inf, -np.inf):
                    yield Tampering(name, str(value), _setting(name, None, array, value, rng))
    yield Tampering("stranger", "unknown field", lambda s: s.update(stranger=1))
    for version in (STATE_VERSION - 1, STATE_VERSION + 1, None, True, "3"):
        yield Tampering("version", str(version), lambda s, v=version: s.update(version=v))
    for value in (-1, 10**7, 2**63 - 1):
        edit = _setting("starts", None, state["starts"], value, rng)
        yield Tampering("starts", str(value), edit)
    yield Tampering("fingerprint", "another seed", lambda s: s["seeds"].__iadd__(np.uint64(1)))
    yield Tampering("fingerprint", "another text", lambda s: s.update(fingerprint="0" * 64))
    for text in ("", "[" * 100_000, "{}", '{"code": 1}', "1" * 10_000):
        yield Tampering("arguments", text[:8], lambda s, t=text: s.update(arguments=t))
    yield Tampering("code", "other code", lambda s: _argument(s, code="0" * 64))
    yield Tampering("row", "too late to end", lambda s: s["accounts"].__setitem__("row", LAST_ROW))
    yield Tampering("row", "warm-up", lambda s: s["accounts"].__setitem__("row", 30))
    yield Tampering("done", "after the end", _after_the_end)
    yield Tampering("slots", "beyond slots_used", _hidden_order)
    yield Tampering("late_age", "of a bar before the episode", _late_from_before)


def _of_array(name: str, array: Any) -> Iterator[Tampering]:
    yield Tampering(name, "a list", lambda s: s.update({name: array.tolist()}))
    yield Tampering(name, "one lane more", lambda s: s.update({name: np.append(array, array, 0)}))
    yield Tampering(name, "no lane", lambda s: s.update({name: array[:0]}))
    yield Tampering(name, "an axis more", lambda s: s.update({name: array[..., None]}))
    yield Tampering(name, "objects", lambda s: s.update({name: array.astype(object)}))
    if not array.dtype.names:
        yield Tampering(name, "float16", lambda s: s.update({name: array.astype(np.float16)}))


def _of_records(name: str, table: Any, rng: np.random.Generator) -> Iterator[Tampering]:
    kinds = LAYOUTS[name].__annotations__
    for field in table.dtype.names:
        others = [other for other in table.dtype.names if other != field]
        descr = [(n, table.dtype[n]) for n in table.dtype.names]
        narrow = np.dtype([(n, np.float32 if n == field else kind) for n, kind in descr])
        yield Tampering(field, "float32", lambda s, d=narrow: s.update({name: s[name].astype(d)}))
        without = np.dtype([(n, table.dtype[n]) for n in others])
        edit = lambda s, d=without: s.update({name: np.zeros(s[name].shape, d)})  # noqa: E731
        yield Tampering(field, "missing", edit)
        for value in _outside(kinds[field], table.dtype[field].base.kind):
            yield Tampering(field, str(value), _setting(name, field, table, value, rng))
    more = np.dtype([*((n, table.dtype[n]) for n in table.dtype.names), ("stranger", np.int64)])
    edit = lambda s: s.update({name: np.zeros(s[name].shape, more)})  # noqa: E731
    yield Tampering("stranger", "unknown field", edit)


def _outside(declared: Any, kind: str) -> list[float]:
    """List values that a declared range leaves out."""
    ranges = [n for n in getattr(declared, "__metadata__", ()) if isinstance(n, Within)]
    if kind != "f":
        is_counted = any(within.high == COUNTED for within in ranges)
        return [-1, 2**63 - 1, *([] if is_counted else [10**7])]
    return [np.nan, np.inf, -np.inf, *([-1.0] if ranges else [])]


def _setting(
    name: str, field: str | None, table: Any, value: float, rng: np.random.Generator
) -> Edit:
    """Set one drawn element."""
    flat = int(rng.integers(table.size if field is None else table[field].size))

    def edit(state: dict[str, Any]) -> None:
        values = state[name] if field is None else state[name][field]
        values[np.unravel_index(flat, values.shape)] = value

    return edit


def _argument(state: dict[str, Any], **changed: Any) -> None:
    state["arguments"] = json.dumps({**json.loads(state["arguments"]), **changed}, sort_keys=True)


def _after_the_end(state: dict[str, Any]) -> None:
    length = json.loads(state["arguments"])["episode_length"]
    account = state["accounts"][0]
    account["row"] += length - account["step"]
    account["step"], account["done"] = length, 0


def _late_from_before(state: dict[str, Any]) -> None:
    for name, value in (("late_left", 1), ("late_close", 1.0), ("late_age", 10**9)):
        state["assets"][name][0, 0] = value


def _hidden_order(state: dict[str, Any]) -> None:
    state["assets"]["slots_used"][0, 0] = 0
    state["slots"]["state"][0, 1, 0] = 1


def tried(env: Any, state: dict[str, Any], fault: Tampering) -> dict[str, Any]:
    """Offer a snapshot with a fault; step on where it is taken, as whoever crashes would."""
    damaged = pickle.loads(pickle.dumps(state))
    fault.edit(damaged)
    before = pickle.dumps(env.get_state())
    message = ""
    try:
        env.set_state(damaged)
        env.step(next(actions_of(env, 1)))
    except ValueError as refused:
        message = str(refused)
    is_untouched = pickle.dumps(env.get_state()) == before
    row = {"field": fault.field, "what": fault.what, "message": message}
    return {**row, "untouched": is_untouched, "named": fault.field in message}


def all_tried(seed: int) -> Iterator[dict[str, Any]]:
    """Try every fault on one of three environments, and snapshots of environments of others."""
    rng = np.random.default_rng(seed)
    envs = {name: world_of(name) for name in ("portfolio", "execution", "vector")}
    states = {name: env.get_state() for name, env in envs.items()}
    for name, env in envs.items():
        for fault in tamperings(states[name], rng):
            if fault.field in states[name] or rng.random() < 0.5 or name == "vector":
                yield {"env": name, **tried(env, states[name], fault)}
    own = envs["portfolio"]
    for argument, changed in OTHERS.items():
        foreign = world_of("portfolio", **changed).get_state()
        yield {"env": "foreign", **tried(own, foreign, Tampering(argument, "", lambda s: None))}
    for name, field in (("execution", "episode_length"), ("vector", "autoreset")):
        fault = Tampering(field, "another task or batch", lambda s: None)
        yield {"env": "foreign", **tried(own, states[name], fault)}


def main(what: str, value: str) -> None:
    """Print what was asked for."""
    if what == "tampered":
        for row in all_tried(int(value)):
            print(json.dumps(row), flush=True)
    else:
        name, state = pickle.loads(Path(value).read_bytes())
        env = PortfolioVectorEnv(3, **PORTFOLIO) if name == "vector" else PortfolioEnv(**PORTFOLIO)
        env.set_state(state)
        print(played_on(env))


if __name__ == "__main__":
    main(*sys.argv[1:])
