"""The feed in the oracle of `reference.py`: its faults, the bar and the quotes that are shown.

Written from `docs/model.md` (section 15) alone; it shares no code with the kernels.
"""

import math
from typing import Any

from tests.oracle.market import RATES, ewma, mean_volume, move_variances, rate_of
from tests.oracle.prices import terms_of

Record = dict[str, Any]

FEED_STREAM = 5
HALF_LIVES = (5, 20, 60)
CALM = 1.5  # times the usual spread, or one over it of the usual depth: beyond that is a crisis
SHOWN = ("close", "high", "low", "volume", "half_spread", "depth")
FAULT_NONE, FAULT_MISSING, FAULT_STALE, FAULT_SPIKE, FAULT_DUPLICATE, FAULT_LATE = range(6)


def quotes_of(world: Record, asset: Record, stress: Record) -> Record:
    """The quotes at the close of a bar whose averages have moved."""
    return {
        "half_spread": terms_of(world, asset, stress)["half_spread"],
        "depth": stress["depth"],
    }


def fault_of(asset: Record, stress: Record, draws: tuple[float, float]) -> int:
    """Which fault the bar's delivery has; a stale run is begun or counted down."""
    if asset["late_left"] > 0:
        return FAULT_LATE
    if asset["stale_left"] > 0:
        asset["stale_left"] -= 1
        return FAULT_STALE
    if all(stress[name] == 0.0 for name in RATES):
        return FAULT_NONE
    first, second = draws
    if first < stress["missing_rate"]:
        return FAULT_MISSING
    first -= stress["missing_rate"]
    if first < stress["stale_rate"]:
        length = 1
        if stress["stale_bars"] > 1.0:
            length += math.floor(
                math.log(1.0 - second) / math.log(1.0 - 1.0 / stress["stale_bars"])
            )
        asset["stale_left"] = length - 1
        return FAULT_STALE
    kinds = ("stale", FAULT_SPIKE), ("spike", FAULT_DUPLICATE), ("duplicate", FAULT_LATE)
    for before, fault in kinds:
        first -= stress[f"{before}_rate"]
        name = ("spike", "duplicate", "late")[fault - FAULT_SPIKE]
        if first < stress[f"{name}_rate"]:
            return fault
    return FAULT_NONE


def show(asset: Record, bar: Record) -> None:
    """A bar and its quotes arrive on the screen, true or not."""
    told = ("close", "high", "low", "volume")
    asset["is_new"] = int(any(bar[name] != asset[f"seen_{name}"] for name in told))
    if asset["is_new"]:
        asset["seen_earlier"] = asset["seen_before"]
        asset["seen_before"] = asset["seen_close"]
    r = bar["close"] / asset["seen_close"] - 1.0
    move_variances(asset, "seen_variance", r, bar)
    asset["seen_volume_mean"] = mean_volume(asset["seen_volume_mean"], bar["volume"])
    for j, half_life in enumerate(HALF_LIVES):
        asset[f"trend_{j}"] = ewma(asset[f"trend_{j}"], r, rate_of(half_life))
    asset.update({f"seen_{name}": bar[name] for name in SHOWN})
    asset.update(seen_return=r, age=0, valid=1)


def show_nothing(asset: Record) -> None:
    asset.update(age=asset["age"] + 1, valid=0, is_new=0, seen_return=0.0)


def spiked(asset: Record, bar: Record, size: float, up: bool) -> Record:
    """A bad print; what was traded and quoted is true."""
    z = min(size * math.sqrt(asset["seen_variance_slow"]), 1.0)
    close = bar["close"] * math.exp(z if up else -z)
    return {**bar, "close": close, "high": max(bar["high"], close), "low": min(bar["low"], close)}


def deliver(asset: Record, bar: Record, stress: Record, draws: tuple[float, float]) -> int:
    """The feed delivers the bar, which holds its quotes; return the fault."""
    fault = fault_of(asset, stress, draws)
    if fault == FAULT_MISSING:
        show_nothing(asset)
    elif fault in (FAULT_STALE, FAULT_DUPLICATE):
        show(asset, {name: asset[f"seen_{name}"] for name in SHOWN})
    elif fault == FAULT_LATE:
        if asset["late_left"] == 0:
            kept = {f"late_{name}": bar[name] for name in SHOWN}
            asset.update(kept, late_left=stress["late_bars"] + 1, late_age=stress["late_bars"])
        asset["late_left"] -= 1
        if asset["late_left"] > 0:
            show_nothing(asset)
        else:
            show(asset, {name: asset[f"late_{name}"] for name in SHOWN})
            asset["age"] = asset["late_age"]
    elif fault == FAULT_SPIKE:
        show(asset, spiked(asset, bar, stress["spike_size"], draws[1] < 0.5))
    else:
        show(asset, bar)
    return fault


def count_crisis(world: Record, asset: Record) -> None:
    """Count the bars in which the quotes shown are out of their calm band."""
    usual = world["execution"]["half_spread_bps"] * 1e-4
    wide = asset["seen_half_spread"] > CALM * usual
    thin = CALM * asset["seen_depth"] < 1.0
    asset["crisis_bars"] = asset["crisis_bars"] + 1 if wide or thin else 0
