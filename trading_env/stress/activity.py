"""Where a scenario acts on an asset, and in what way: one answer for scores, pictures and text.

A value acts where it differs from the one in `NEUTRAL`: a factor by its log, of which the tail of a
fading event (`TAIL`) is left out, every other value by its difference.
"""

import math

import numpy as np

from trading_env.core.codes import Factor, Fault
from trading_env.core.records import Flags, Table
from trading_env.stress.composition import NEUTRAL

TAIL = 0.05  # a factor acts while its log is larger than this
MOVING = 1e-9  # any other value acts while it is farther from neutral than this
LIQUIDITY = (Factor.SPREAD, Factor.DEPTH, Factor.VOLUME)


def is_active(stresses: Table) -> Flags:
    """Tell for each record of `Stress` whether the scenario acts; the shape of `stresses`."""
    active = np.zeros(stresses.shape, dtype=np.bool_)
    for name in stresses.dtype.names or ():
        values = stresses[name]
        if name == "factor":
            acts = np.abs(np.log(np.maximum(values, 1e-300))) > TAIL
        else:
            acts = np.abs(values - NEUTRAL[name][0]) > MOVING
        active |= acts.any(axis=-1) if acts.ndim > active.ndim else acts
    return active


def active_kinds(stress: np.record) -> dict[str, str]:
    """Return the kinds of event that act on one asset in one bar, each with what it does."""
    if not is_active(np.asarray(stress)):
        return {}
    said: dict[str, list[str]] = {"price": _moves(stress)}
    for factor in Factor:
        value, name = float(stress["factor"][factor]), factor.name.lower()
        if factor is Factor.OWN:
            said["correlation"] = [f"{100.0 * (1.0 - value):.0f}%"] if value != 1.0 else []
        elif abs(math.log(max(value, 1e-300))) > TAIL:
            kind, what = ("liquidity", f"{name} ") if factor in LIQUIDITY else (name, "")
            said.setdefault(kind, []).append(f"{what}x{value:.2g}")
    said["halt"] = ["no trading"] if stress["halted"] else []
    said["outage"] = [f"{stress['outage']:.3g} bars"] if stress["outage"] > 0.0 else []
    for fault in Fault:
        if stress["rate"][fault] > 0.0:
            said[fault.name.lower()] = [f"{100.0 * stress['rate'][fault]:.0f}%"]
    return {kind: " ".join(texts) for kind, texts in said.items() if texts}


def _moves(stress: np.record) -> list[str]:
    """Describe the injected price path: its jump, its way, and how far it turned inside the bar."""
    gap, drift, low, high = (
        float(stress[name]) for name in ("gap", "drift", "low_excursion", "high_excursion")
    )
    moves = {
        "gap": gap,
        "drift": drift,
        "low": low if low < min(drift, 0.0) else 0.0,
        "high": high if high > max(drift, 0.0) else 0.0,
    }
    return [f"{k} {100.0 * math.expm1(x):+.1f}%" for k, x in moves.items() if abs(x) > MOVING]
