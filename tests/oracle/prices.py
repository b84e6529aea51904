"""The pricing part of the oracle in `reference.py`: a bar to trade in, fills' prices, impact.

Written from `docs/model.md` (section 8) alone; it shares no code with the kernels.
"""

import math
from dataclasses import dataclass
from typing import Any

from tests.oracle.market import clip, uniforms
from tests.oracle.path import Draws, Part, Split

Record = dict[str, Any]

PATH_STREAM = 64
DEAREST = 1.0  # cost of a fill over the price
SLOWEST = 0.1  # of the usual speed of decay
SMALL = 1e-7  # below it g is a straight line
LITTLE = 1e-5  # a fill of less than that of what trades beside it pays the rate in the middle
LARGEST_EXPONENT = 20.0


@dataclass
class Session:
    """One asset's bar as a place to trade, and what has been traded in it so far."""

    world: Record
    asset: Record
    number: int  # of the asset
    slots: list[Record]
    account: Record
    report: Record
    bar: Record
    terms: Record
    path_scale: float  # of the bar in the table
    expected: float  # volume, before the bar
    mark: float  # M, before the bar
    seed: int
    traded: float = 0.0
    before: float = 0.0  # B, net units
    late: float = 0.0
    over: bool = False
    plain: bool = False  # what fills is a market order that waits for no price
    room: bool = True  # there was, when a resting order was met last
    splits: int = 0

    @property
    def seconds(self) -> float:
        return self.world["bar_seconds"]

    @property
    def capacity(self) -> float:
        cap, volume = self.world["execution"]["participation_cap"], self.bar["volume"]
        return cap * volume if self.plain else min(cap * self.expected, volume)

    @property
    def arithmetic(self) -> bool:
        return self.world["execution"]["impact_reference"] == "first"

    @property
    def whole(self) -> Part:
        bar = self.bar
        return Part(0.0, 1.0, bar["open"], bar["high"], bar["low"], bar["close"])

    def met(self, what: str) -> None:
        """Note what the comparison must have come across."""
        self.report["met"].add(what)

    def split(self, part: Part, w: float) -> tuple[Part, Part]:
        """Split a part of the bar at w by the next draw."""
        address = self.account["step"], self.account["episode"], self.number
        first = PATH_STREAM + 3 * self.splits
        pairs = [uniforms(self.seed, *address, first + i) for i in range(3)]
        draws = Draws(*pairs[0], *pairs[1], pairs[2][0])
        self.splits += 1
        split = Split(part, self.whole, self.path_scale, w, draws)
        parts = split.parts()
        if split.close_call:
            self.report["excuse"] = "path: rounding decides where it is split"
        return parts


# --------------------------------------------------------------------------- 8. prices


def transient_times(world: Record) -> list[float]:
    """The ratios rho_j."""
    return [world["bar_seconds"] / time for time in world["execution"]["transient_times_s"]]


def mean_felt(rho: float) -> float:
    return -math.expm1(-rho) / rho


def transient_weights(world: Record) -> list[float]:
    """What of the pressure is left: as set, or as blocks leave it."""
    execution = world["execution"]
    if execution["transient_shape"] == "flow":
        return list(execution["transient_weights"])
    left = []
    for weight, rho in zip(execution["transient_weights"], transient_times(world), strict=True):
        decay = math.exp(-rho)
        left.append(2.0 * weight * decay / (mean_felt(rho) * -math.expm1(-rho)))
    return left


def felt(world: Record) -> float:
    """What a fill pays over its own pressure."""
    execution = world["execution"]
    if execution["transient_shape"] == "block":
        return 1.0
    pairs = zip(execution["transient_weights"], transient_times(world), strict=True)
    return 1.0 + sum(weight * (1.0 - mean_felt(rho)) for weight, rho in pairs)


def permanent_unit(world: Record, asset: Record) -> float:
    """Kappa, as it is set at the start of an episode, or by the first bar with volume."""
    if asset["volume_mean"] == 0.0:
        return 0.0
    execution, bars_per_day = world["execution"], world["bars_per_day"]
    day = min(math.sqrt(asset["variance_slow"] * bars_per_day), 1.0)
    day = day if execution["volatility_scaled"] else 1.0
    gamma = execution["permanent_impact"] * execution["inverse_turnover_days"] ** 0.25
    return day * gamma / (asset["volume_mean"] * bars_per_day)


def widening(world: Record, asset: Record) -> float:
    """Half spread over its calm value."""
    ratio = asset["variance_fast"] / asset["variance_slow"]
    return float(ratio ** (world["execution"]["spread_exponent"] / 2.0))


def terms_of(world: Record, asset: Record, stress: Record) -> Record:
    execution, bars_per_day = world["execution"], world["bars_per_day"]
    day = min(math.sqrt(asset["variance_fast"] * bars_per_day), 1.0)
    day = day if execution["volatility_scaled"] else 1.0
    transient = 0.0
    slower = max(stress["resilience"], SLOWEST) if stress["resilience"] != 1.0 else 1.0
    for j, rho in enumerate(transient_times(world)):
        transient += asset[f"transient_{j}"] * mean_felt(slower * rho)
    spread = execution["half_spread_bps"] * 1e-4 * widening(world, asset) * stress["spread"]
    return {
        "half_spread": min(spread, DEAREST),
        "temporary": day
        * execution["temporary_impact"]
        / stress["depth"] ** execution["impact_exponent"],
        "felt": felt(world),
        "transient": transient,
        "fees": stress["fees"],
        "slower": slower,
    }


def g(z: float) -> float:
    """(e^z - 1) / z."""
    z = clip(z, -LARGEST_EXPONENT, LARGEST_EXPONENT)
    return 1.0 + z / 2.0 if abs(z) < SMALL else math.expm1(z) / z


def moved_by(kappa: float, before: float, q: float) -> float:
    """Factor by which own permanent impact moves the price that q units get on average."""
    return math.exp(clip(kappa * before, -LARGEST_EXPONENT, LARGEST_EXPONENT)) * g(kappa * q)


def value_of(world: Record, asset: Record, price: float) -> float:
    """A unit in equity: the price less own permanent impact on the way out (section 13)."""
    lasting = asset["permanent_unit"] * asset["position"]
    if world["execution"]["impact_reference"] == "first":
        return price - lasting * asset["reference_price"] / 2.0
    return price * g(-lasting)


def priced(
    world: Record, asset: Record, terms: Record, q: float, m: float, rate: float, before: float
) -> Record:
    """What a fill that takes liquidity pays, in currency a unit, by parts."""
    side, kappa = math.copysign(1.0, q), asset["permanent_unit"]
    transient = max(side * terms["transient"], 0.0)
    cost = terms["half_spread"] + terms["felt"] * terms["temporary"] * rate + transient
    if world["execution"]["impact_reference"] == "first":
        reference = asset["reference_price"]
        lasting = kappa * (abs(q) / 2.0 + side * before) * reference
        price = m + side * cost * reference + side * lasting
    else:
        cost = min(cost, DEAREST)
        transient = min(transient, DEAREST - terms["half_spread"])
        moved = m * moved_by(kappa, before, q)
        lasting = side * (moved - m)
        price = moved * (1.0 + cost) if side > 0.0 else moved / (1.0 + cost)
        reference = moved if side > 0.0 else price
    half_spread = terms["half_spread"] * reference
    return {
        "price": price,
        "half_spread": half_spread,
        "impact": side * (price - m) - half_spread,
        "permanent": lasting,
        "transient": transient * reference,
    }


def quote(
    s: Session, q: float, m: float, window: float, late: float | None = None, before: float = 0.0
) -> Record:
    """A fill in a window of the bar, after what has traded in it, and how it presses."""
    if late is None:
        late, before = s.late, s.before
    beta, volume = s.world["execution"]["impact_exponent"], window * s.bar["volume"]
    most = window * max(s.bar["volume"], s.asset["volume_mean"])
    rate = beside(late / volume, abs(q) / volume, beta)
    deal = priced(s.world, s.asset, s.terms, q, m, rate, before)
    if late > 0.0:
        s.met("a fill beside others")
    if s.terms["half_spread"] == DEAREST and not s.arithmetic:
        s.met("the cost at its bound")
    return {**deal, "pressure": s.terms["temporary"] * beside(late / most, abs(q) / most, beta)}


def beside(late: float, own: float, beta: float) -> float:
    """The rates' powers of section 8: ((late + own)^(1 + beta) - late^(1 + beta)) / own."""
    if late == 0.0:
        return own**beta
    if own < LITTLE * late:
        return (1.0 + beta) * (late + own / 2.0) ** beta
    return ((late + own) ** (1.0 + beta) - late ** (1.0 + beta)) / own


def carry_impact(s: Session) -> None:
    """Own impact after the bar: permanent and transient."""
    asset, report = s.asset, s.report
    asset["permanent"] += asset["permanent_unit"] * report["filled"]  # a delisting's too
    pressed = report["pressure"] / s.traded if s.traded > 0.0 else 0.0
    for j, rho in enumerate(transient_times(s.world)):
        weight, added = transient_weights(s.world)[j], -math.expm1(-rho)
        name = f"transient_{j}"
        asset[name] = math.exp(-s.terms["slower"] * rho) * asset[name] + added * weight * pressed


def rest_over_a_gap(world: Record, asset: Record, elapsed_s: float) -> None:
    """Own transient impact decays over what lies between two bars."""
    between = elapsed_s - world["bar_seconds"]
    if between > 0.0:
        for j, time_s in enumerate(world["execution"]["transient_times_s"]):
            asset[f"transient_{j}"] *= math.exp(-between / time_s)
