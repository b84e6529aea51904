"""The rules of a bar, checked on whole arrays.

Prices are 1e-12 to 1e15; volume is 0 (nothing fills) or 1e-12 to 1e30; low <= open, close <= high;
no price is more than a million times another of its bar, or the close before it, or that close more
than a million times it; signals are finite. So that whatever a step computes of them stays finite.
Nothing is repaired, but -0 becomes 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading.times import time_fault

PRICE_FIELDS = ("open", "high", "low", "close")
BAR_FIELDS = (*PRICE_FIELDS, "volume")
PATH_VARIANCE = "path_variance"
SIGNAL_PREFIX = "signal_"
LEAST_PRICE, MOST_PRICE = 1e-12, 1e15
LEAST_VOLUME, MOST_VOLUME = 1e-12, 1e30
MOST_MOVE = 1e6
MOST_TOLD = 10  # faults of one table


class BrokenRule(NamedTuple):
    """A value that breaks a rule."""

    position: int  # flat, in C order
    column: str
    reason: str


def broken_rules(columns: Mapping[str, Floats]) -> list[BrokenRule]:
    """Return the first values in C order that break a rule, ten at most, each with one reason.

    Args:
        columns: The five fields and any signals, arrays of one shape.
    """
    broken = [
        rule
        for name, values in columns.items()
        for rule in (*_broken_ranges(name, values), *_broken_orders(name, columns))
    ]
    first: dict[tuple[int, str], BrokenRule] = {}
    for rule in sorted(broken, key=lambda rule: rule.position):
        first.setdefault(rule[:2], rule)
    return list(first.values())[:MOST_TOLD]


def _broken_ranges(name: str, values: Floats) -> list[BrokenRule]:
    """Check one column on its own."""
    broken = _broken(name, ~np.isfinite(values), lambda i: f"{values.flat[i]} is not finite")
    if name in PRICE_FIELDS:
        broken += _broken(name, values <= 0.0, lambda i: f"price {values.flat[i]:g} must be > 0")
        outside = (values < LEAST_PRICE) | (values > MOST_PRICE)
        limits = f"{LEAST_PRICE:g} to {MOST_PRICE:g}"
        broken += _broken(name, outside, lambda i: f"price {values.flat[i]:g} must be {limits}")
    if name == PATH_VARIANCE:
        broken += _broken(name, values < 0.0, lambda i: f"{values.flat[i]:g} must be >= 0")
    if name == "volume":
        broken += _broken(name, values < 0.0, lambda i: f"volume {values.flat[i]:g} must be >= 0")
        outside = (values > 0.0) & (values < LEAST_VOLUME) | (values > MOST_VOLUME)
        limits = f"0 or {LEAST_VOLUME:g} to {MOST_VOLUME:g}"
        broken += _broken(name, outside, lambda i: f"volume {values.flat[i]:g} must be {limits}")
    return broken


def _broken_orders(name: str, columns: Mapping[str, Floats]) -> list[BrokenRule]:
    """Check one price column against the bar's high and low."""
    high, low = columns["high"], columns["low"]
    if name == "high":
        return _broken(name, high < low, lambda i: f"{high.flat[i]} is below low {low.flat[i]}")
    if name not in ("open", "close"):
        return []
    values = columns[name]
    outside = (high >= low) & ((values > high) | (values < low))
    return _broken(
        name,
        outside,
        lambda i: f"{values.flat[i]} is outside [low, high] = [{low.flat[i]}, {high.flat[i]}]",
    )


def first_jump(prices: Mapping[str, Floats], axis: int) -> BrokenRule | None:
    """Return the first bar with a move that no price makes, or None.

    Args:
        prices: The four prices, arrays of one shape that break no other rule.
        axis: That of time.
    """
    high, low = np.moveaxis(prices["high"], axis, 0), np.moveaxis(prices["low"], axis, 0)
    close = np.moveaxis(prices["close"], axis, 0)
    before = np.concatenate((close[:1], close[:-1]))
    move = np.maximum(high, before) / np.minimum(low, before)
    wrong = np.moveaxis(move > MOST_MOVE, 0, axis)
    if not wrong.any():
        return None
    index = int(wrong.argmax())
    moved = float(np.moveaxis(move, 0, axis).flat[index])
    cause = "a misplaced decimal point, or units that change?"
    return BrokenRule(index, "close", f"a move by a factor of {moved:.3g} in one bar ({cause})")


def _broken(name: str, wrong: NDArray[np.bool_], reason: Callable[[int], str]) -> list[BrokenRule]:
    """Report the first wrong values of one rule."""
    return [BrokenRule(int(i), name, reason(int(i))) for i in np.flatnonzero(wrong)[:MOST_TOLD]]


def checked_arrays(
    source: str, symbols: Sequence[str], signal_names: Sequence[str], arrays: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """Copy the arrays of a market and check their shapes and values.

    Args:
        source: Name of the market in errors.
        symbols: Names of the assets.
        signal_names: Names of the signals.
        arrays: `time`, the five fields, `signals` and any `path_variance`, as `Market` has them.

    Returns:
        Copies under the same names: int64 times and float64 values, in C order.

    Raises:
        MarketDataError: A value breaks a rule; the message locates the first one.
    """
    _check_names(source, symbols, signal_names)
    copies = {name: _copy(source, name, values) for name, values in arrays.items()}
    copies["volume"] += 0.0
    time, close = copies["time"], copies["close"]
    if time.ndim != 1 or len(time) < 2:
        raise MarketDataError.at(
            source, "time", f"shape {time.shape}; needed (bars,), at least 2 bars"
        )
    shape = (*close.shape[:1], len(time), len(symbols))
    more = [name for name in (PATH_VARIANCE,) if name in copies]
    for name in (*BAR_FIELDS, *more, "signals"):
        wanted = (*shape, len(signal_names)) if name == "signals" else shape
        if copies[name].shape != wanted or 0 in shape:
            needed = "(paths, bars, assets)" + (" + (signals,)" if name == "signals" else "")
            reason = f"shape {copies[name].shape}; needed {needed} = {wanted}"
            raise MarketDataError.at(source, name, reason)
    late = time_fault(time)
    if late is not None:
        raise MarketDataError.at(source, f"bar {late[0]}, time", late[1])
    values = {name: copies[name] for name in (*BAR_FIELDS, *more)}
    values |= {name: copies["signals"][..., i] for i, name in enumerate(signal_names)}
    fault = next(iter(broken_rules(values)), None) or first_jump(values, axis=1)
    if fault is not None:
        path, bar, asset = np.unravel_index(fault.position, shape)
        symbol = clip(symbols[int(asset)])
        place = f"path {path}, bar {bar}, {symbol}, {clip(fault.column)}"
        raise MarketDataError.at(source, place, fault.reason)
    return copies


def _check_names(source: str, symbols: Sequence[str], signal_names: Sequence[str]) -> None:
    """Check that names are unique, non-empty and have their prefix."""
    for what, names in (("symbols", symbols), ("signal_names", signal_names)):
        sound = not isinstance(names, str) and all(isinstance(name, str) and name for name in names)
        if not sound or len(set(names)) < len(names):
            raise MarketDataError.at(source, what, "must be unique, non-empty names")
    for name in signal_names:
        if not name.startswith(SIGNAL_PREFIX):
            raise MarketDataError.at(
                source, f"signal '{clip(name)}'", f"must start with {SIGNAL_PREFIX}"
            )


def _copy(source: str, name: str, values: Any) -> NDArray[Any]:
    """Copy one array as int64 (time) or float64."""
    array = np.asarray(values)
    kind = "integers" if name == "time" else "numbers"
    if array.dtype.kind not in ("iu" if name == "time" else "iuf"):
        raise MarketDataError.at(source, name, f"has dtype {array.dtype}; needs {kind}")
    return np.array(array, dtype=np.int64 if name == "time" else np.float64, order="C")
