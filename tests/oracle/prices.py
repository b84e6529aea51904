"""The pricing part of the oracle in `reference.py`: a bar to trade in, fills' prices, impact.

Written from `docs/model.md` (sections 8 and 9) alone; it shares no code with the kernels.
"""

import math
from dataclasses import dataclass
from typing import Any

from tests.oracle.market import clip

Record = dict[str, Any]

SLOWEST = 0.1  # of the usual speed of decay
IMPACT_LIMIT = 0.2
OWN_PERMANENT = 0.5  # share of a fill's permanent impact that the fill itself pays
FIRST_TOUCH, SECOND_TOUCH = 1 / 3, 2 / 3  # when the bar's extremes are touched


@dataclass
class Session:
    """One asset's bar as a place to trade, and what has been traded in it so far."""

    world: Record
    asset: Record
    slots: list[Record]
    account: Record
    report: Record
    bar: Record
    terms: Record
    mark: float  # M, before the bar
    traded: float = 0.0
    before: float = 0.0  # B, net units
    over: bool = False
    here: float | None = None  # price at which the next part opens, if it is not on the line

    @property
    def seconds(self) -> float:
        return self.world["bar_seconds"]

    @property
    def capacity(self) -> float:
        return self.world["execution"]["participation_cap"] * self.bar["volume"]

    def line(self, u: float) -> float:
        return self.bar["open"] + (self.bar["close"] - self.bar["open"]) * u

    def part(self, b: float, e: float) -> Record:
        """The bar from b to e is itself a bar."""
        opened, closed = self.line(b), self.line(e)
        prices = [opened, closed]
        rises = self.bar["close"] >= self.bar["open"]
        low_at = FIRST_TOUCH if rises else SECOND_TOUCH
        high_at = SECOND_TOUCH if rises else FIRST_TOUCH
        if b <= low_at <= e:
            prices.append(self.bar["low"])
        if b <= high_at <= e:
            prices.append(self.bar["high"])
        opened = opened if self.here is None else self.here
        return {"open": opened, "high": max(prices), "low": min(prices), "close": closed}


# --------------------------------------------------------------------------- 8. prices


def transient_times(world: Record) -> list[float]:
    """The ratios rho_j."""
    return [world["bar_seconds"] / time for time in world["execution"]["transient_times_s"]]


def transient_weights(world: Record) -> list[float]:
    """What of the pressure is left: as set, or as blocks leave it."""
    execution = world["execution"]
    if execution["transient_shape"] == "flow":
        return list(execution["transient_weights"])
    left = []
    for weight, rho in zip(execution["transient_weights"], transient_times(world), strict=True):
        decayed = -math.expm1(-rho)
        left.append(2.0 * weight * (1.0 - decayed) / (decayed / rho * decayed))
    return left


def terms_of(world: Record, asset: Record, stress: Record) -> Record:
    execution, bars_per_day = world["execution"], world["bars_per_day"]
    day = min(math.sqrt(asset["variance_fast"] * bars_per_day), 1.0)
    if not execution["volatility_scaled"]:
        day = 1.0
    turned_over = max(asset["volume_mean"] * bars_per_day, 1e-300)
    gamma = execution["permanent_impact"] * execution["inverse_turnover_days"] ** 0.25
    widening = asset["variance_fast"] / asset["variance_slow"]
    transient = 0.0
    slower = max(stress["resilience"], SLOWEST) if stress["resilience"] != 1.0 else 1.0
    for j, rho in enumerate(transient_times(world)):
        transient += asset[f"transient_{j}"] * (1.0 - math.exp(-slower * rho)) / (slower * rho)
    return {
        "half_spread": execution["half_spread_bps"] * 1e-4
        * widening ** (execution["spread_exponent"] / 2.0) * stress["spread"],
        "temporary": day * execution["temporary_impact"]
        / stress["depth"] ** execution["impact_exponent"],
        "permanent": day * gamma / turned_over,
        "transient": transient,
        "fees": stress["fees"],
        "slower": slower,
    }  # fmt: skip


def quote(s: Session, q: float, rate: float, arrival: float) -> Record:
    """What a fill that takes liquidity pays, in currency a unit, by parts."""
    side = math.copysign(1.0, q)
    terms, execution = s.terms, s.world["execution"]
    parts = {
        "half_spread": terms["half_spread"],
        "temporary": terms["temporary"] * rate ** execution["impact_exponent"],
        "permanent": terms["permanent"] * (OWN_PERMANENT * abs(q) + side * s.before),
        "transient": side * terms["transient"],
    }
    reference = s.asset["reference_price"]
    if execution["impact_reference"] == "current":
        reference = arrival
        parts = {name: clip(x, -IMPACT_LIMIT, IMPACT_LIMIT) for name, x in parts.items()}
    impact = parts["temporary"] + parts["permanent"] + parts["transient"]
    return {
        "price": arrival + side * (parts["half_spread"] + impact) * reference,
        "half_spread": parts["half_spread"] * reference,
        "impact": impact * reference,
        "permanent": parts["permanent"] * reference,
        "transient": parts["transient"] * reference,
        "temporary": parts["temporary"],
    }


def carry_impact(s: Session) -> None:
    """Own impact after the bar: permanent and transient."""
    asset, execution, report = s.asset, s.world["execution"], s.report
    step = s.terms["permanent"] * s.before
    if execution["impact_reference"] == "current":
        step = clip(step, -2.0 * IMPACT_LIMIT, 2.0 * IMPACT_LIMIT)
    asset["permanent"] += step
    taken = s.traded - report["rested"]
    pressed = report["pressure"] / taken if taken > 0.0 else 0.0
    for j, rho in enumerate(transient_times(s.world)):
        weight, kept = transient_weights(s.world)[j], math.exp(-rho)
        name = f"transient_{j}"
        decayed = math.exp(-s.terms["slower"] * rho) * asset[name]
        asset[name] = decayed + (1.0 - kept) * weight * pressed
