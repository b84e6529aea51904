"""The deciding part of the oracle in `reference.py`: targets.

Written from `docs/model.md` (section 4) alone; it shares no code with the kernels.
"""

import math
from typing import Any

import numpy as np

from tests.oracle.market import clip, ewma, rate_of
from tests.oracle.orders import signal_in, type_in
from trading_env.core.codes import BoundBy, SlotState

Record = dict[str, Any]

MAX_DISTANCE = 3.0  # log price
LARGEST_COST = 0.5  # of equity
CHEAP = 1.3  # times the expected cost: up to that nothing is slowed down


# --------------------------------------------------------------------------- 4. decide


def stop_distance(risk: Record, confidence: float, sigma: float) -> float:
    width = risk["stop_width"] * (1.0 + risk["stop_confidence_slope"] * confidence)
    return min(width * sigma * math.sqrt(risk["horizon_bars"]), MAX_DISTANCE)


def shrink(stake: Record, limit: float, name: BoundBy) -> None:
    if abs(stake["f"]) > limit:
        stake["f"] = math.copysign(limit, stake["f"])
        stake["bound_by"] = name


def first_stake(world: Record, asset: Record, action: Any) -> Record:
    """The stake that a signal stands for by itself."""
    risk = world["risk"]
    signal = 0.0 if not asset["listed_bars"] else clip(signal_in(action), -1.0, 1.0)
    if world["action"] == "orders" and type_in(world, action) == "cancel":
        signal = 0.0
    confidence = abs(signal)
    sigma = math.sqrt(asset["seen_variance_slow"])
    stop = stop_distance(risk, confidence, sigma)
    target = min(risk["reward_to_risk"] * stop, MAX_DISTANCE)
    stake: Record = {"signal": signal, "confidence": confidence, "stop": stop, "target": target}
    stake.update(kelly=0.0, bound_by=BoundBy.NONE, met=set())
    p = 0.5 + confidence * (risk["max_win_probability"] - 0.5)
    stake.update(sigma=sigma, p=p)
    if risk["mode"] == "kelly":
        stake["kelly"] = math.log(p / (1.0 - p)) / (2.0 * stop)
        stake["f"] = math.copysign(risk["kelly_multiplier"] * stake["kelly"], signal)
    elif risk["mode"] == "volatility_target":
        stake["f"] = signal * risk["target_volatility"] / sigma
    else:
        stake["f"] = signal * risk["max_weight"]
    return stake


def discount(risk: Record, square_sharpe: float, views: int) -> float:
    """Multiple of a growth-optimal stake whose edge was estimated."""
    if risk["edge_bars"] == 0.0:
        return 1.0
    noise = views / risk["edge_bars"]
    return square_sharpe / (square_sharpe + noise) if square_sharpe > 0.0 else 0.0


def size_alone(risk: Record, stakes: list[Record]) -> None:
    """Take each asset's own edge for what it is worth."""
    for stake in stakes:
        m = discount(risk, (stake["kelly"] * stake["sigma"]) ** 2, 1)
        stake.update(kelly=m * stake["kelly"], f=m * stake["f"])


def size_together(risk: Record, state: Record, stakes: list[Record]) -> None:
    """C z = b over the assets that have a view; shares are z over sigma."""
    views = [a for a, stake in enumerate(stakes) if stake["signal"] != 0.0]
    shown = state["covariance"]
    spread = [math.sqrt(max(shown[a][a], 1e-12)) for a in range(len(stakes))]
    alone = [stakes[a]["kelly"] * stakes[a]["sigma"] for a in views]
    alone = [math.copysign(b, stakes[a]["signal"]) for b, a in zip(alone, views, strict=True)]
    matrix = np.zeros((len(views), len(views)))
    for i, a in enumerate(views):
        for j, b in enumerate(views):
            kept = 1.0 - risk["covariance_shrinkage"]
            known = shown[max(a, b)][min(a, b)] / (spread[a] * spread[b])
            matrix[i, j] = kept * known if i != j else 1.0
    z = np.linalg.solve(matrix, np.array(alone)) if views else np.zeros(0)
    m = discount(risk, float(z @ np.array(alone)), len(views))
    for stake in stakes:
        stake.update(kelly=0.0, f=0.0)
    for a, each in zip(views, z.tolist(), strict=True):
        f = each / stakes[a]["sigma"]
        stakes[a].update(kelly=abs(m * f), f=risk["kelly_multiplier"] * m * f)


def shown_together(state: Record) -> None:
    """Move the covariance of what was shown on."""
    rows = state["covariance"]
    returns = [asset["seen_return"] for asset in state["assets"]]
    for a in range(len(rows)):
        for b in range(a + 1):
            rows[a][b] = ewma(rows[a][b], returns[a] * returns[b], rate_of(60))


def widest_of(risk: Record, asset: Record, slots: list[Record], stake: Record) -> float:
    """The widest stop of what is held, on its way or wanted on the stake's side."""
    fresh = stop_distance(risk, 1.0, stake["sigma"])
    standing = [asset["stop_distance"]] if asset["position"] * stake["f"] > 0.0 else []
    for slot in slots:
        if slot["state"] in (SlotState.IN_FLIGHT, SlotState.WORKING):
            standing += [slot["stop_distance"]] if slot["left"] * stake["f"] > 0.0 else []
    if max(standing, default=0.0) > fresh:
        stake["met"].add("a wider stop that stands")
    return max([fresh, *standing])


def own_caps(risk: Record, asset: Record, slots: list[Record], stake: Record) -> None:
    """The caps that look at one asset alone."""
    if risk["mode"] != "raw":
        if risk["stops"]:
            widest = widest_of(risk, asset, slots, stake)
            gained = asset["entry_mid"] / asset["seen_close"]
            held_short = asset["position"] < 0.0 and stake["f"] < 0.0
            if held_short and gained > 1.0:
                stake["met"].add("a short that has gained")
            times = max(gained, 1.0) if held_short else 1.0
            limit = risk["risk_tolerance"] / (times * (math.exp(widest) - 1.0))
            shrink(stake, limit, BoundBy.RISK_TOLERANCE)
        shrink(stake, risk["max_weight"], BoundBy.MAX_WEIGHT)
    if not risk["stops"]:
        stake.update(stop=0.0, target=0.0)


def slow_down(
    risk: Record, account: Record, asset: Record, slots: list[Record], stake: Record
) -> None:
    """Move only a part of the way from the share held while fills cost more than they should."""
    floor, band = risk["execution_floor"], 2.0 * risk["no_trade_band"]
    if risk["mode"] == "raw" or account["seen_equity"] <= 0.0 or floor == 1.0:
        return
    beyond = max(asset["cost_level"] - math.log(CHEAP), 0.0)
    rate = max(math.exp(-beyond / 2.0), floor)
    if rate == 1.0:
        return
    held = asset["position"] * (asset["seen_close"] / account["seen_equity"])
    gap = stake["f"] - held
    way = max(rate * abs(gap), band)
    if way >= abs(gap):
        stake["met"].add("a way of at most two bands")
        return
    if way == band:
        stake["met"].add("two bands of a longer way")
    else:
        stake["met"].add("the rate at its floor" if rate == floor else "the rate")
    stake.update(f=held + math.copysign(way, gap), bound_by=BoundBy.EXECUTION_FEEDBACK)
    own_caps(risk, asset, slots, stake)
    if stake["bound_by"] != BoundBy.EXECUTION_FEEDBACK:
        stake["met"].add("a cap after the rate")


def cost_of_change(risk: Record, state: Record, stakes: list[Record], gross: float) -> float:
    """What the change of all positions is expected to cost, as a share of equity."""
    equity, cost = state["account"]["seen_equity"], 0.0
    if equity <= 0.0:
        return 0.0
    kept = min(1.0, risk["max_leverage"] / gross) if gross > 0.0 else 1.0
    for asset, stake in zip(state["assets"], stakes, strict=True):
        held = asset["position"] * asset["seen_close"] / equity
        cost += max(asset["expected_slippage"], 0.0) * abs(stake["f"] * kept - held)
    return min(cost, LARGEST_COST)


def later_caps(
    world: Record, account: Record, asset: Record, stake: Record, gross: float, cost: float
) -> None:
    """The caps that look at the whole account."""
    risk = world["risk"]
    size = abs(stake["f"])
    to_share = asset["seen_close"] / account["seen_equity"]
    if gross > 0.0:
        shrink(stake, size * risk["max_leverage"] * (1.0 - cost) / gross, BoundBy.MAX_LEVERAGE)
    bar_units = world["execution"]["participation_cap"] * asset["seen_volume_mean"]
    reach = risk["participation_bars"] * bar_units * to_share
    held = asset["position"] * to_share
    with_f = abs(held) if stake["f"] * held > 0.0 else -abs(held)
    shrink(stake, max(with_f + reach, 0.0), BoundBy.PARTICIPATION)
    shrink(stake, abs(stake["f"]) * throttle(risk, account), BoundBy.DRAWDOWN)
    if gross > 0.0:
        limit = size * (1.0 - cost) / (gross * risk["initial_margin"])
        shrink(stake, limit, BoundBy.MARGIN)


def keep_to_room(world: Record, state: Record, stakes: list[Record], cost: float) -> None:
    """Let stakes grow into what is left beside all that may be held meanwhile."""
    risk, account = world["risk"], state["account"]
    held = []
    for asset, slots in zip(state["assets"], state["slots"], strict=True):
        flying = [abs(slot["goal"]) for slot in slots if slot["state"] == SlotState.IN_FLIGHT]
        rest = sum(slot["left"] for slot in slots if slot["state"] == SlotState.WORKING)
        units = max(abs(asset["position"]), abs(asset["position"] + rest), *flying, 0.0)
        held.append(units * (asset["seen_close"] / account["seen_equity"]))
    by_margin = risk["max_leverage"] * risk["initial_margin"] > 1.0
    name = BoundBy.MARGIN if by_margin else BoundBy.MAX_LEVERAGE
    limit = 1.0 / risk["initial_margin"] if by_margin else risk["max_leverage"]
    account["beyond"] = int(sum(held) > 1.05 * limit)
    limit *= 1.0 - cost
    room = max(limit - sum(held), 0.0)
    growth = sum(max(abs(stake["f"]) - c, 0.0) for stake, c in zip(stakes, held, strict=True))
    if growth > room + 1e-12 * limit:
        for stake, c in zip(stakes, held, strict=True):
            if abs(stake["f"]) > c:
                size = c + (abs(stake["f"]) - c) * (room / growth)
                stake.update(f=math.copysign(size, stake["f"]), bound_by=name)


def throttle(risk: Record, account: Record) -> float:
    fallen = 1.0 - account["seen_equity"] / account["seen_peak"]
    limit = risk["max_drawdown"]
    if fallen <= limit / 2.0 or limit >= 1.0:
        return 1.0
    return max(0.0, 2.0 * (1.0 - fallen / limit))


def on_top_of(asset: Record, slots: list[Record], wished: float) -> float:
    """b: what an order is on top of, in units."""
    flying = sum(slot["left"] for slot in slots if slot["state"] == SlotState.IN_FLIGHT)
    live = [slot for slot in slots if slot["state"] == SlotState.WORKING and not slot["replaced"]]
    working = sum(slot["left"] for slot in live)
    return float(asset["position"] + flying + (working if wished * working >= 0.0 else 0.0))


def add_to_live(state: Record, stakes: list[Record]) -> None:
    """Let each stake be for an order, and stand on what is held and live."""
    for asset, slots, stake in zip(state["assets"], state["slots"], stakes, strict=True):
        per_unit = asset["seen_close"] / state["account"]["seen_equity"]
        stake["f"] += on_top_of(asset, slots, stake["wished"]) * per_unit


def kept_to_side(
    asset: Record, slots: list[Record], stake: Record, target: float, per_unit: float
) -> float:
    """The target that sends the order as far as the caps let it, no more, and on its side."""
    wished = stake["wished"]
    if stake["bound_by"] == BoundBy.EXIT_PENDING:
        return target
    if wished == 0.0:
        stake["bound_by"] = BoundBy.NONE
    if (target - on_top_of(asset, slots, wished)) * wished <= 0.0:
        stake["met"].add("an order refused" if wished != 0.0 else "no order")
        return on_top_of(asset, slots, 0.0)
    base, units = on_top_of(asset, slots, wished), wished / per_unit
    if abs(target - base) > abs(units):
        if abs(target - base) > (1.0 + 1e-9) * abs(units):
            stake["met"].add("a cap that would add to an order")
            stake["bound_by"] = BoundBy.NONE
        return base + units
    return target


def decide(world: Record, state: Record, actions: list[Any]) -> list[Record]:
    """Targets of all assets, as the beginnings of their reports."""
    account = state["account"]
    stakes = [first_stake(world, a, x) for a, x in zip(state["assets"], actions, strict=True)]
    if state["covariance"]:
        size_together(world["risk"], state, stakes)
    else:
        size_alone(world["risk"], stakes)
    for stake in stakes:
        stake["wished"] = stake["f"]
    if world["action"] == "orders" and account["seen_equity"] > 0.0:
        add_to_live(state, stakes)
    for asset, slots, stake in zip(state["assets"], state["slots"], stakes, strict=True):
        if stake["f"] < 0.0 and not world["account"]["short_selling"]:
            stake.update(f=0.0, bound_by=BoundBy.MARGIN)
        own_caps(world["risk"], asset, slots, stake)
        slow_down(world["risk"], account, asset, slots, stake)
    gross = sum(abs(stake["f"]) for stake in stakes)
    cost = cost_of_change(world["risk"], state, stakes, gross)
    solvent, capped = account["seen_equity"] > 0.0, world["risk"]["mode"] != "raw"
    for own, asset, stake in zip(world["each"], state["assets"], stakes, strict=True):
        if not solvent or asset["exit_pending"]:
            stake.update(f=0.0, bound_by=BoundBy.EXIT_PENDING)
        elif not asset["listed_bars"]:
            stake.update(f=0.0, bound_by=BoundBy.PARTICIPATION)
        elif capped:
            later_caps(own, account, asset, stake, gross, cost)
    if solvent and capped:
        keep_to_room(world, state, stakes, cost)
    reports = []
    for asset, slots, stake in zip(state["assets"], state["slots"], stakes, strict=True):
        # Written as a division by h / x, so that a target of h is x to the last bit.
        share = asset["seen_close"] / account["seen_equity"] if solvent else 1.0
        target = stake["f"] / share
        if world["action"] == "orders" and solvent:
            target = kept_to_side(asset, slots, stake, target, share)
        reports.append(
            {
                "signal": stake["signal"],
                "confidence": stake["confidence"],
                "win_probability": stake["p"],
                "kelly_fraction": stake["kelly"],
                "wished_fraction": stake["wished"],
                "target_fraction": stake["f"],
                "target": target,
                "bound_by": stake["bound_by"],
                "stop_distance": stake["stop"],
                "target_distance": stake["target"],
                "met": stake["met"],
            }
        )
    return reports
