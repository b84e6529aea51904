"""The account in the oracle of `reference.py`: interest, value, margin and the reward.

Written from `docs/model.md` (sections 13 and 16) alone; it shares no code with the kernels.
"""

import math
from typing import Any

from tests.oracle.fills import NO_EXIT, fee_of, proportional, stressed, to_tick
from tests.oracle.prices import Session, priced, terms_of, value_of
from trading_env.core.codes import Exit

Record = dict[str, Any]

YEAR_S = 365.25 * 86400.0
WORST = 1e-2  # of equity: below it growth goes by the logarithm's tangent


# --------------------------------------------------------------------------- 13. account


def accrue(world: Record, state: Record, reports: list[Record]) -> None:
    """Interest and borrow fees over the seconds to the next bar."""
    account, settings = state["account"], world["account"]
    years = world["elapsed_s"][account["row"] + 1] / YEAR_S
    rate = settings["cash_rate"] if account["cash"] > 0.0 else settings["margin_rate"]
    cost = -account["cash"] * math.expm1(rate * years)
    rates = world["rates"][account["row"] + 1 if len(world["rates"]) > 1 else 0]
    for a, (asset, report) in enumerate(zip(state["assets"], reports, strict=True)):
        value = asset["position"] * asset["mark"]
        report["financing"] = rates[a][0] * value * years
        report["financing"] += rates[a][1] * max(-value, 0.0) * years
        cost += report["financing"]
    account["cash"] -= cost
    account["financing_paid"] += cost


def equity_of(state: Record) -> float:
    held = sum(asset["position"] * asset["value"] for asset in state["assets"])
    return float(state["account"]["cash"] + held)


def maintenance(world: Record, x: float) -> float:
    """Share of a position's value that equity must be."""
    account = world["account"]
    short = account["short_maintenance_margin"]
    return short if x < 0.0 and short > 0.0 else account["maintenance_margin"]


def set_margin_levels(world: Record, state: Record, sessions: list[Session]) -> None:
    """Where in the coming bar the account would be closed out."""
    held: list[tuple[float, float, float]] = []
    for session in sessions:
        x, bar = session.asset["position"], session.bar
        held.append((x, bar["open"], bar["low"] if x > 0.0 else bar["high"]))

    def left(extreme: bool) -> float:
        total = equity_of(state)
        for session, (x, opened, end) in zip(sessions, held, strict=True):
            price = end if extreme else opened
            total += x * (price - session.asset["mark"]) - maintenance(world, x) * abs(x) * price
        return total

    at_open, at_end = left(False), left(True)
    for session, (x, opened, end) in zip(sessions, held, strict=True):
        session.asset["margin_level"] = 0.0
        if at_end < 0.0 and x != 0.0:
            w = at_open / (at_open - at_end) if at_open > 0.0 else 0.0
            session.asset["margin_level"] = math.copysign(opened + w * (end - opened), x)


def confirmed(asset: Record) -> float:
    """What is shown, or the worst of three prices where the last bar told nothing new."""
    shown = asset["seen_close"], asset["seen_before"], asset["seen_earlier"]
    if asset["is_new"]:
        return float(shown[0])
    return float(min(shown) if asset["position"] > 0.0 else max(shown))


def mark_account(world: Record, state: Record) -> bool:
    """Value the account at true and at shown prices; call the margin."""
    account, assets = state["account"], state["assets"]
    shown_before = min(account["seen_equity"], account["seen_equity_before"])
    account["seen_equity_before"] = account["seen_equity"]
    for own, asset in zip(world["each"], assets, strict=True):
        asset["value"] = value_of(own, asset, asset["mark"])
    account["equity"] = equity_of(state)
    account["peak_equity"] = max(account["peak_equity"], account["equity"])
    pairs = zip(world["each"], assets, strict=True)
    held = [a["position"] * value_of(own, a, a["seen_close"]) for own, a in pairs]
    account["seen_equity"] = account["cash"] + sum(held)
    pairs = zip(world["each"], assets, strict=True)
    sure = sum(a["position"] * value_of(own, a, confirmed(a)) for own, a in pairs)
    account["seen_peak"] = max(account["seen_peak"], min(account["cash"] + sure, shown_before))
    sizes = [abs(a["position"] * a["value"]) * maintenance(world, a["position"]) for a in assets]
    called = bool(account["equity"] < sum(sizes))
    for asset in assets:
        if called and asset["position"] != 0.0:
            if asset["exit_pending"] == Exit.NONE:
                asset.update(NO_EXIT)
            asset["exit_pending"] = Exit.MARGIN_CALL
    return called


# --------------------------------------------------------------------------- 16. reward


def cost_of_closing(world: Record, asset: Record, stress: Record) -> float:
    """What selling or buying back the whole position would cost, against its value."""
    q, terms = -asset["position"], terms_of(world, asset, stress)
    if q == 0.0:
        return 0.0
    volume = min(asset["volume_mean"], stress["volume"] * asset["volume_usual"])
    rate = (abs(q) / max(volume, 1e-12 * abs(q))) ** world["execution"]["impact_exponent"]
    deal = priced(world, asset, terms, q, asset["mark"], rate, 0.0)
    to_tick(deal, q, world["execution"]["tick"])
    notional = abs(q * deal["price"])
    by_notional = proportional(world, abs(q), deal, maker=False)
    fee = stressed(fee_of(world, by_notional, notional, abs(q), 0.0), terms["fees"])
    return float(q * (deal["price"] - asset["value"]) + fee)


def value_of_money(x: float, least: float) -> float:
    return math.log(x) if x > least else math.log(least) + (x - least) / least


def reward_of(
    world: Record, state: Record, reports: list[Record], stresses: list[Record], before: float
) -> tuple[Record, float]:
    account = state["account"]
    ratio = account["equity"] / before
    least = WORST * account["initial_equity"]
    costs = ("spread", "impact", "fees")
    named = {
        "growth": value_of_money(account["equity"], least) - value_of_money(before, least),
        "shortfall": -sum(report[name] for report in reports for name in costs) / before,
        "risk": -((ratio - 1.0) ** 2) / 2.0,
        "turnover": -sum(report["notional"] for report in reports) / before,
        "liquidation": 0.0,
    }
    if account["step"] == world["length"] and account["equity"] > 0.0:
        pairs = zip(world["each"], state["assets"], stresses, strict=True)
        cost = sum(cost_of_closing(own, asset, stress) for own, asset, stress in pairs)
        if cost > 0.0:
            left = value_of_money(account["equity"] - cost, least)
            named["liquidation"] = left - value_of_money(account["equity"], least)
    weights = world["reward"]
    return named, weights["scale"] * sum(weights[name] * x for name, x in named.items())
