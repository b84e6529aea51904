"""What every bar must obey, checked on whole arrays.

Prices are finite and > 0; volume is finite and >= 0 (zero is legal: nothing fills in that bar);
low <= open, close <= high; signals are finite. Nothing is repaired.
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
SIGNAL_PREFIX = "signal_"


class BrokenRule(NamedTuple):
    """The first value that breaks a rule."""

    position: int  # flat, in C order
    column: str
    reason: str


def first_broken_rule(columns: Mapping[str, Floats]) -> BrokenRule | None:
    """Find the earliest value that breaks a rule.

    Args:
        columns: The five fields and any signals by name, arrays of one common shape.

    Returns:
        The earliest fault in C order, or None when every bar is sound.
    """
    faults = [
        fault
        for name, values in columns.items()
        for fault in (*_range_faults(name, values), *_order_faults(name, columns))
    ]
    return min(faults, key=lambda fault: fault.position, default=None)


def _range_faults(name: str, values: Floats) -> list[BrokenRule]:
    """Check one column on its own."""
    faults = _faults(name, ~np.isfinite(values), lambda i: f"{values.flat[i]} is not finite")
    if name in PRICE_FIELDS:
        faults += _faults(name, values <= 0.0, lambda i: f"price {values.flat[i]:g} must be > 0")
    if name == "volume":
        faults += _faults(name, values < 0.0, lambda i: f"volume {values.flat[i]:g} must be >= 0")
    return faults


def _order_faults(name: str, columns: Mapping[str, Floats]) -> list[BrokenRule]:
    """Check one price column against the bar's high and low."""
    high, low = columns["high"], columns["low"]
    if name == "high":
        return _faults(name, high < low, lambda i: f"{high.flat[i]} is below low {low.flat[i]}")
    if name not in ("open", "close"):
        return []
    values = columns[name]
    outside = (high >= low) & ((values > high) | (values < low))
    return _faults(
        name,
        outside,
        lambda i: f"{values.flat[i]} is outside [low, high] = [{low.flat[i]}, {high.flat[i]}]",
    )


def _faults(name: str, wrong: NDArray[np.bool_], reason: Callable[[int], str]) -> list[BrokenRule]:
    """Name the first wrong value of one rule, if there is one."""
    if not wrong.any():
        return []
    index = int(wrong.argmax())
    return [BrokenRule(index, name, reason(index))]


def checked_arrays(
    source: str, symbols: Sequence[str], signal_names: Sequence[str], arrays: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """Copy the arrays of a market and check their shapes and values.

    Args:
        source: What to call the market in errors.
        symbols: Names of the assets.
        signal_names: Names of the signals.
        arrays: `time`, the five fields and `signals`, as `Market` documents them.

    Returns:
        The same names: int64 times and float64 values, in C order, owned by nobody else.

    Raises:
        MarketDataError: With the array, the path, the bar and the symbol of the first fault.
    """
    _check_names(source, symbols, signal_names)
    copies = {name: _copy(source, name, values) for name, values in arrays.items()}
    time, close = copies["time"], copies["close"]
    if time.ndim != 1 or len(time) < 2:
        raise MarketDataError.at(
            source, "time", f"shape {time.shape}; needed (bars,), at least 2 bars"
        )
    shape = (*close.shape[:1], len(time), len(symbols))
    for name in (*BAR_FIELDS, "signals"):
        wanted = (*shape, len(signal_names)) if name == "signals" else shape
        if copies[name].shape != wanted or 0 in shape:
            needed = "(paths, bars, assets)" + (" + (signals,)" if name == "signals" else "")
            reason = f"shape {copies[name].shape}; needed {needed} = {wanted}"
            raise MarketDataError.at(source, name, reason)
    late = time_fault(time)
    if late is not None:
        raise MarketDataError.at(source, f"bar {late[0]}, time", late[1])
    values = {name: copies[name] for name in BAR_FIELDS}
    values |= {name: copies["signals"][..., i] for i, name in enumerate(signal_names)}
    fault = first_broken_rule(values)
    if fault is not None:
        path, bar, asset = np.unravel_index(fault.position, shape)
        symbol = clip(symbols[int(asset)])
        place = f"path {path}, bar {bar}, {symbol}, {clip(fault.column)}"
        raise MarketDataError.at(source, place, fault.reason)
    return copies


def _check_names(source: str, symbols: Sequence[str], signal_names: Sequence[str]) -> None:
    """Refuse a name that is empty, repeated or without its prefix."""
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
    if array.dtype.kind not in ("iu" if name == "time" else "iuf"):
        raise MarketDataError.at(source, name, f"holds {array.dtype} and not numbers of its kind")
    return np.array(array, dtype=np.int64 if name == "time" else np.float64, order="C")
