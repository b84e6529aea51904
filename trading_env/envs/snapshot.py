"""Snapshots: what a batch's future depends on, and the door through which it comes back.

A snapshot holds the state of the lanes (`core/world.Lanes`), their seeds, what was last observed,
and the arguments of the environment with a fingerprint of arguments and seeds. The rules:

- It goes on exactly in any instance and process with the same arguments and the same code, whatever
  seed that instance had. Elsewhere it is refused, and the message names what differs.
- Nothing is taken unlooked at: type and shape of every array, and the range of every number, as its
  record declares it (`core/records.py`), before anything is written.
- Seeds are changed by `reseed` alone: the past stays, and every later draw (latency, feed, common
  shock, size and sign of events, the episodes that follow) is that of the new seed. The bars, the
  scenario and the steps at which its events begin were drawn as the episode began, and stay.

What a number was before is not known: a snapshot that was edited within the ranges is another
state, and taken as that.
"""

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import AutoReset, SlotState
from trading_env.core.errors import UserError, shown, unknown
from trading_env.core.params import EpisodeParams
from trading_env.core.ranges import Sizes, first_outside, ranges_of
from trading_env.core.records import AccountState, AssetState, EpisodeLog, OrderSlot, Table
from trading_env.core.world import Lanes, Outputs, World
from trading_env.envs.world import Setup
from trading_env.step.drivers import DIGEST
from trading_env.step.look_back import FrameState
from trading_env.step.start import NEVER
from trading_env.stress.composition import NEUTRAL

STATE_VERSION = 8
LAYOUTS = {"assets": AssetState, "slots": OrderSlot, "accounts": AccountState, "logs": EpisodeLog}
ROUNDING = 1e-9  # share by which a sum, or an estimated covariance, may miss being one
Seeds = NDArray[np.uint64]


class StateError(UserError):
    """A snapshot is damaged, or of another environment."""


class Snapshot(NamedTuple):
    """The parts of a snapshot that change from step to step."""

    lanes: Lanes
    seeds: Seeds
    observations: NDArray[np.float32]
    frames: Table  # FrameState (lanes, assets, frames), or none


def arguments_of(setup: Setup, lanes: int, autoreset: AutoReset) -> str:
    """Write what decides how a batch goes on, but its state and seeds, as JSON."""
    market = {k: v for k, v in setup.resolved["market"].items() if k != "source"}
    shape = {"task": setup.layout.task.name, "lanes": lanes, "autoreset": autoreset.name}
    return json.dumps({**setup.resolved, "market": market, **shape, "code": DIGEST}, sort_keys=True)


def snapshot_of(now: Snapshot, arguments: str) -> dict[str, Any]:
    """Return copies of everything, picklable."""
    return {
        "version": STATE_VERSION,
        "arguments": arguments,
        "fingerprint": _fingerprint(arguments, now.seeds),
        "seeds": now.seeds.copy(),
        "observations": now.observations.copy(),
        "frames": now.frames.copy(),
        **{name: array.copy() for name, array in now.lanes._asdict().items()},
    }


def checked_snapshot(
    state: object, now: Snapshot, arguments: str, world: World, autoreset: AutoReset
) -> Snapshot:
    """Return checked copies of a snapshot's parts; `now` has their types and shapes.

    Raises:
        StateError: the snapshot is damaged, or of an environment with other arguments.
    """
    given = _of_these_arguments(state, arguments, [*Lanes._fields, *Snapshot._fields[1:]])
    likes = {**now.lanes._asdict(), **dict(zip(Snapshot._fields[1:], now[1:], strict=True))}
    found = {name: _array(name, given[name], like) for name, like in likes.items()}
    if given["fingerprint"] != _fingerprint(arguments, found["seeds"]):
        raise StateError("state: fingerprint is not that of its seeds; branch with reseed=")
    lanes = Lanes(**{name: found[name] for name in Lanes._fields})
    for name in ("observations", "covariances"):
        if not np.isfinite(found[name]).all():
            raise StateError(f"state: {name} has a value that is not finite")
    sizes = _sizes(world.episode[0])
    for name, layout in LAYOUTS.items():
        fault = first_outside(found[name], ranges_of(layout, sizes))
        if fault:
            raise StateError(f"state: {name}{fault}")
    frames = found["frames"]
    fault = first_outside(frames, ranges_of(FrameState, ())) if frames.size else ""
    if fault:
        raise StateError(f"state: frames{fault}")
    _check_place(lanes.accounts, world.episode[0], autoreset)
    _check_sums(lanes, world)
    _check_slots(lanes)
    _check_starts(lanes, world.events)
    _check_covariances(lanes.covariances[:, 0])
    return Snapshot(lanes, found["seeds"], found["observations"], found["frames"])


def report_state(outputs: Outputs, lanes: Lanes) -> None:
    """Say what a state knows of the step before it: prices and holdings, and nothing traded."""
    reports, assets = outputs.reports, lanes.assets
    outputs.stresses[...] = NEUTRAL[0]
    outputs.terms[...] = 0.0
    reports[...] = np.zeros((), reports.dtype)
    for name in ("price", "decision_price", "open", "close"):
        reports[name] = assets["mark"]
    for name in ("high", "low", "volume"):
        reports[name] = assets[f"seen_{name}"]
    for name in ("seen_close", "position", "stop_loss", "take_profit"):
        reports[name] = assets[name]


def _fingerprint(arguments: str, seeds: Seeds) -> str:
    text = f"{STATE_VERSION} {arguments} {seeds.tolist()}"
    return hashlib.sha256(text.encode()).hexdigest()


def _of_these_arguments(state: object, own: str, arrays: list[str]) -> dict[str, Any]:
    """Return the snapshot if it has every field, and the version and arguments of here."""
    if not isinstance(state, dict):
        raise StateError(f"state: is a {type(state).__name__}, not what get_state() returned")
    version = state.get("version")
    if type(version) is not int or version != STATE_VERSION:
        raise StateError(f"state: version is {shown(version)}: must be {STATE_VERSION}")
    wanted = ["version", "arguments", "fingerprint", *arrays]
    for name in wanted:
        if name not in state:
            raise StateError(f"state: has no {name}")
    for name in state:
        if name not in wanted:
            raise StateError(f"state: {unknown('field', name, wanted)}")
    for name in ("arguments", "fingerprint"):
        if not isinstance(state[name], str):
            raise StateError(f"state: {name} is a {type(state[name]).__name__}, not a text")
    if state["arguments"] != own:
        raise StateError(f"state: of other arguments: {_difference(own, state['arguments'])}")
    return state


def _difference(own: str, given: str) -> str:
    """Name the first argument that differs."""
    try:
        there = json.loads(given)
    except (ValueError, RecursionError):
        return "they are not JSON"
    here = json.loads(own)
    return _first_difference(here, there, "") or "they are not written as here"


def _first_difference(here: Any, there: Any, name: str) -> str:
    """Compare what JSON can hold, no deeper than `here` goes."""
    if isinstance(here, dict) and isinstance(there, dict):
        pairs = {key: (here.get(key), there.get(key)) for key in sorted({*here, *there})}
        found = (_first_difference(*pair, f"{name}.{key}") for key, pair in pairs.items())
        return next((text for text in found if text), "")
    if type(here) is type(there) and here == there:
        return ""
    return f"{name.lstrip('.')} is {shown(here, 24)} here, {shown(there, 24)} in the snapshot"


def _array(name: str, value: Any, like: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of an array that has the type and the shape of `like`."""
    if not isinstance(value, np.ndarray):
        raise StateError(f"state: {name} is a {type(value).__name__}, not an array")
    if value.dtype != like.dtype:
        raise StateError(f"state: {name}{_other_type(value.dtype, like.dtype)}")
    if value.shape != like.shape:
        raise StateError(f"state: {name} has shape {value.shape}: must be {like.shape}")
    return np.array(value, dtype=like.dtype, order="C")


def _other_type(given: np.dtype[Any], like: np.dtype[Any]) -> str:
    """Say which type or field is another one."""
    theirs: dict[str, Any] = dict(given.fields or {})
    ours: dict[str, Any] = dict(like.fields or {})
    for name in [*ours, *theirs]:
        if ours and theirs and (name not in ours or name not in theirs):
            return f".{name} is {'not there' if name in ours else 'not known'}"
        if ours and theirs and theirs[name][0] != ours[name][0]:
            return f".{name} has type {theirs[name][0]}: must be {ours[name][0]}"
    short = "a record" if ours else str(like)
    return f" has type {given!s:.40}: must be {short}, as get_state() returned it"


def _sizes(episode: EpisodeParams) -> Sizes:
    """Return what the words in the declared ranges stand for."""
    rows, groups = int(episode.paths * episode.bars), int(episode.groups)
    return (
        ("length", int(episode.length)),
        ("last_row", rows - 1),
        ("last_group", groups - 1),
    )


def _check_place(accounts: Table, episode: EpisodeParams, autoreset: AutoReset) -> None:
    """Refuse an account that stands where no episode of this market can, or steps on after its end.

    So no step of it reads a bar outside its path.
    """
    step, ended = accounts["step"], accounts["done"] == 1
    start = accounts["row"] % int(episode.bars) - step
    first, last = int(episode.warmup), int(episode.bars - 1 - episode.length)
    place = f"an episode starts at a bar in [{first}, {last}] of a path"
    faults = (
        ("row", (start < first) | (start > last), place),
        ("done", ~ended & (step >= episode.length), "that was the last one"),
        ("done", ended & (autoreset is AutoReset.SAME_STEP), "lanes begin anew in the same step"),
    )
    for field, bad, reason in faults:
        if bad.any():
            lane = int(bad.argmax())
            where = f"accounts[{lane}].{field} = {accounts[field][lane]} at step {step[lane]}"
            raise StateError(f"state: {where}: {reason}")


def _check_sums(lanes: Lanes, world: World) -> None:
    """Refuse accounts that are not what they hold, and late bars on their way that are none.

    Dividends lower the reference prices, and leave the value at arrival as it was.
    """
    accounts, assets = lanes.accounts, lanes.assets
    exposure = assets["position"] * assets["value"]
    parents = np.abs(assets["parent"]) * assets["reference_price"]
    size = np.abs(accounts["cash"]) + np.abs(exposure).sum(axis=1) + accounts["initial_equity"]
    sums = (
        ("equity", accounts["cash"] + exposure.sum(axis=1), size),
        ("arrival_value", parents.sum(axis=1), parents.sum(axis=1)),
    )
    for field, held, size in sums:
        off = held - accounts[field]
        is_more = field == "arrival_value" and len(world.notices) > 0
        bad = (off if is_more else np.abs(off)) > ROUNDING * size
        if bad.any():
            lane = int(bad.argmax())
            where = f"accounts[{lane}].{field} = {accounts[field][lane]}"
            raise StateError(f"state: {where}: what it stands for comes to {held[lane]}")
    late = assets["late_left"] > 0
    kept_back_at = accounts["step"][:, None] - (assets["late_age"] - assets["late_left"])
    for bad, what in (
        (assets["late_close"] <= 0.0, "close is 0"),
        (kept_back_at < 1, "age is of no bar"),
    ):
        found = np.argwhere(late & bad)
        if len(found):
            raise StateError(f"state: assets{found[0].tolist()}.late_left > 0, but late_{what}")


def _check_slots(lanes: Lanes) -> None:
    """Refuse an order in a slot that is counted as empty."""
    numbers = np.arange(lanes.slots.shape[1])[:, None]
    beyond = numbers >= lanes.assets["slots_used"][:, None, :]
    bad = np.argwhere(beyond & (lanes.slots["state"] != SlotState.EMPTY))
    if len(bad):
        lane, slot, asset = bad[0].tolist()
        used = int(lanes.assets["slots_used"][lane, asset])
        raise StateError(
            f"state: slots[{lane}, {slot}, {asset}].state is not EMPTY, but slots_used is {used}"
        )


def _check_starts(lanes: Lanes, events: Table) -> None:
    """Refuse an event that begins where it cannot, or that belongs to another scenario."""
    starts, group = lanes.starts, lanes.accounts["group"][:, None]
    can = (starts >= events["earliest"]) & (starts <= events["latest"])
    bad = np.argwhere((starts != NEVER) & ~(can & (events["group"] == group)))
    if len(bad):
        lane, event = bad[0].tolist()
        value = int(starts[lane, event])
        raise StateError(f"state: starts[{lane}, {event}] = {value}: its event cannot begin there")


def _check_covariances(estimates: NDArray[np.float64]) -> None:
    """Refuse an estimate, of which the lower triangle is kept, that is no covariance."""
    if estimates.shape[1] == 0:
        return
    variances = np.diagonal(estimates, axis1=1, axis2=2).sum(axis=1)
    least = np.linalg.eigvalsh(estimates, UPLO="L")[:, 0]
    bad = np.flatnonzero(least < -ROUNDING * variances)
    if len(bad):
        raise StateError(f"state: covariances[{bad[0]}] is not positive semidefinite")
