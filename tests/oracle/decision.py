"""The deciding half of the oracle in `reference.py`: targets and the orders they send.

Written from `docs/model.md` (sections 4 and 5) alone; it shares no code with the kernels.
"""

import math
from typing import Any

import numpy as np

from tests.oracle.market import LATENCY_STREAM, clip, ewma, normal, rate_of
from trading_env.core.codes import BoundBy, SlotState, Status

Record = dict[str, Any]

DUST = 1e-12
MAX_DISTANCE = 3.0  # log price
LARGEST_COST = 0.5  # of equity
LATENCY_NAMES = {  # median in milliseconds, standard deviation of the log
    "zero": (0.0, 0.0),
    "colocated": (0.05, 0.3),
    "cloud": (4.0, 0.95),
    "retail": (80.0, 0.5),
}
LEDGER = ("filled", "notional", "proportional", "delay", "spread", "impact", "fees", "opportunity")


# --------------------------------------------------------------------------- 4. decide


def stop_distance(risk: Record, confidence: float, sigma: float) -> float:
    width = risk["stop_width"] * (1.0 + risk["stop_confidence_slope"] * confidence)
    return min(width * sigma * math.sqrt(risk["horizon_bars"]), MAX_DISTANCE)


def shrink(stake: Record, limit: float, name: BoundBy) -> None:
    if abs(stake["f"]) > limit:
        stake["f"] = math.copysign(limit, stake["f"])
        stake["bound_by"] = name


def first_stake(world: Record, asset: Record, action: float) -> Record:
    """The stake that a signal stands for by itself."""
    risk = world["risk"]
    signal = clip(action, -1.0, 1.0)
    confidence = abs(signal)
    sigma = math.sqrt(asset["seen_variance_slow"])
    stop = stop_distance(risk, confidence, sigma)
    target = min(risk["reward_to_risk"] * stop, MAX_DISTANCE)
    stake: Record = {"signal": signal, "confidence": confidence, "stop": stop, "target": target}
    stake.update(kelly=0.0, bound_by=BoundBy.NONE)
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
    """Sigma^-1 mu over the assets that have a view."""
    views = [a for a, stake in enumerate(stakes) if stake["signal"] != 0.0]
    shown = state["covariance"]
    spread = [math.sqrt(max(shown[a][a], 1e-12)) for a in range(len(stakes))]
    drift = [stakes[a]["kelly"] * stakes[a]["sigma"] ** 2 for a in views]
    drift = [math.copysign(mu, stakes[a]["signal"]) for mu, a in zip(drift, views, strict=True)]
    matrix = np.zeros((len(views), len(views)))
    for i, a in enumerate(views):
        for j, b in enumerate(views):
            kept = 1.0 - risk["covariance_shrinkage"]
            known = shown[max(a, b)][min(a, b)] / (spread[a] * spread[b])
            matrix[i, j] = stakes[a]["sigma"] * stakes[b]["sigma"] * (kept * known if i != j else 1)
    best = np.linalg.solve(matrix, np.array(drift)) if views else np.zeros(0)
    m = discount(risk, float(best @ np.array(drift)), len(views))
    for stake in stakes:
        stake.update(kelly=0.0, f=0.0)
    for a, f in zip(views, best.tolist(), strict=True):
        stakes[a].update(kelly=abs(m * f), f=risk["kelly_multiplier"] * m * f)


def shown_together(state: Record) -> None:
    """Move the covariance of what was shown on."""
    rows = state["covariance"]
    returns = [asset["seen_return"] for asset in state["assets"]]
    for a in range(len(rows)):
        for b in range(a + 1):
            rows[a][b] = ewma(rows[a][b], returns[a] * returns[b], rate_of(60))


def own_caps(risk: Record, stake: Record) -> None:
    """The caps that look at one asset alone."""
    if risk["mode"] != "raw":
        if risk["stops"]:
            widest = stop_distance(risk, 1.0, stake["sigma"])
            limit = risk["risk_tolerance"] / (math.exp(widest) - 1.0)
            shrink(stake, limit, BoundBy.RISK_TOLERANCE)
        shrink(stake, risk["max_weight"], BoundBy.MAX_WEIGHT)
    if not risk["stops"]:
        stake.update(stop=0.0, target=0.0)


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
    paid, expected = asset["slippage"], asset["expected_slippage"]
    if paid > max(expected, 0.0):
        quality = clip(expected / paid, risk["execution_floor"], 1.0)
        shrink(stake, abs(stake["f"]) * quality, BoundBy.EXECUTION_FEEDBACK)
    if gross > 0.0:
        limit = size * (1.0 - cost) / (gross * risk["initial_margin"])
        shrink(stake, limit, BoundBy.MARGIN)


def throttle(risk: Record, account: Record) -> float:
    fallen = 1.0 - account["seen_equity"] / account["seen_peak"]
    limit = risk["max_drawdown"]
    if fallen <= limit / 2.0 or limit >= 1.0:
        return 1.0
    return max(0.0, 2.0 * (1.0 - fallen / limit))


def decide(world: Record, state: Record, actions: list[float]) -> list[Record]:
    """Targets of all assets, as the beginnings of their reports."""
    account = state["account"]
    stakes = [first_stake(world, a, x) for a, x in zip(state["assets"], actions, strict=True)]
    if state["covariance"]:
        size_together(world["risk"], state, stakes)
    else:
        size_alone(world["risk"], stakes)
    for stake in stakes:
        stake["wished"] = stake["f"]
        own_caps(world["risk"], stake)
    gross = sum(abs(stake["f"]) for stake in stakes)
    cost = cost_of_change(world["risk"], state, stakes, gross)
    reports = []
    for asset, stake in zip(state["assets"], stakes, strict=True):
        if account["seen_equity"] <= 0.0 or asset["exit_pending"]:
            stake.update(f=0.0, bound_by=BoundBy.EXIT_PENDING)
            target = 0.0
        else:
            if world["risk"]["mode"] != "raw":
                later_caps(world, account, asset, stake, gross, cost)
            # Written as a division by h / x, so that a target of h is x to the last bit.
            target = stake["f"] / (asset["seen_close"] / account["seen_equity"])
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
            }
        )
    return reports


# --------------------------------------------------------------------------- 5. orders


def is_live(slot: Record) -> bool:
    return slot["state"] in (SlotState.IN_FLIGHT, SlotState.WORKING)


def whole_lots(quantity: float, lot: float) -> float:
    """Cut towards 0 to a multiple of the lot."""
    if lot == 0.0:
        return quantity
    return math.copysign(math.floor(abs(quantity) / lot + 1e-9) * lot, quantity)


def is_near_lot(quantity: float, lot: float) -> bool:
    """Tell whether rounding decides between two numbers of lots."""
    if lot == 0.0 or quantity == 0.0:
        return False
    count = abs(quantity) / lot
    return abs(count - round(count)) <= 2e-9 + 1e-12 * count


def send(world: Record, state: Record, a: int, report: Record, stress: Record, seed: int) -> None:
    """Turn the difference to the target into an order."""
    asset, slots, account = state["assets"][a], state["slots"][a], state["account"]
    in_flight = working = 0.0
    for slot in slots:
        if slot["state"] == SlotState.DONE:
            slot["state"] = SlotState.EMPTY
        slot["claim"] = slot["left"] if is_live(slot) and not slot["replaced"] else 0.0
        slot["step_filled"] = 0.0
        if slot["state"] == SlotState.IN_FLIGHT:
            in_flight += slot["left"]
        elif slot["state"] == SlotState.WORKING and not slot["replaced"]:
            working += slot["left"]
    intended = report["target"] - asset["position"]
    needed = intended - in_flight - working
    report.update(decision_price=asset["mark"], intended=intended, sent=0.0, ordered=0.0)
    report.update(live=in_flight + working, rejected=False)
    terms = (report["target"], asset["position"], in_flight, working)
    if report["bound_by"] == BoundBy.EXIT_PENDING:
        return
    if abs(needed) <= DUST * max(abs(term) for term in terms):
        return
    value = abs(needed) * asset["seen_close"]
    if report["target"] != 0.0 and value <= world["risk"]["no_trade_band"] * account["seen_equity"]:
        if report["bound_by"] == BoundBy.NONE:
            report["bound_by"] = BoundBy.NO_TRADE_BAND
        return
    replaces = needed * working < 0.0
    if replaces:
        needed = intended - in_flight
    lot = world["execution"]["lot"]
    if is_near_lot(needed, lot):
        report["excuse"] = "lot: rounding decides how many lots are sent"
    wished, needed = needed, whole_lots(needed, lot)
    if abs(needed - wished) > 1e-9 * lot and report["bound_by"] == BoundBy.NONE:
        report["bound_by"] = BoundBy.LOT_SIZE
    if needed == 0.0 and not replaces:
        return
    empty = [slot for slot in slots if slot["state"] == SlotState.EMPTY]
    if not empty:
        report.update(bound_by=BoundBy.ORDER_SLOTS, rejected=True)
        return
    report["sent"] = needed
    report["live"] = in_flight + needed if replaces else in_flight + working + needed
    report["ordered"] = 0.0 if replaces and needed * working > 0.0 else abs(needed)
    if replaces:
        for slot in slots:
            if slot["state"] == SlotState.WORKING:
                slot.update(replaced=1, claim=0.0)
    latency = latency_of(world, account, a, stress["latency"], seed)
    latency += stress["outage"] * world["bar_seconds"]
    flying = [slot["due_s"] for slot in slots if slot["state"] == SlotState.IN_FLIGHT]
    latency = max([latency, *flying])
    empty[0].update(state=SlotState.IN_FLIGHT, quantity=needed, left=needed, claim=needed)
    empty[0].update(
        decision_price=asset["mark"], arrival_price=0.0, latency_s=latency, due_s=latency
    )
    empty[0].update(replaces=int(replaces), replaced=0, outcome=Status.NONE)
    empty[0].update(goal=asset["position"] + report["live"])
    empty[0].update(identity=1 + max(slot["identity"] for slot in slots))
    empty[0]["limit"] = limit_of(world["execution"], asset["seen_close"], needed)
    empty[0].update(stop_distance=report["stop_distance"])
    empty[0].update(target_distance=report["target_distance"])
    empty[0].update(dict.fromkeys(LEDGER, 0.0))


def limit_of(execution: Record, shown: float, needed: float) -> float:
    """Limit of a new order; 0 for none."""
    if execution["order_type"] == "market" or needed == 0.0:
        return 0.0
    buys = needed > 0.0
    offset = execution["limit_offset_bps"] * 1e-4
    limit, tick = shown * (1.0 - offset if buys else 1.0 + offset), execution["tick"]
    return tick * ticks(limit / tick, up=not buys) if tick > 0.0 else limit


def ticks(count: float, *, up: bool) -> float:
    """Cut or raise to a whole number of ticks; less than one is not cut."""
    if up:
        return max(math.ceil(count - 1e-9), 1)
    whole = math.floor(count + 1e-9)
    return whole if whole >= 1 else count


def latency_of(world: Record, account: Record, a: int, multiplier: float, seed: int) -> float:
    execution = world["execution"]
    median_ms, log_sd = LATENCY_NAMES[execution["latency"]]
    if execution["latency_ms"] is not None:
        median_ms = execution["latency_ms"]
    if execution["latency_log_sd"] is not None:
        log_sd = execution["latency_log_sd"]
    latency = median_ms / 1000.0 * multiplier
    if median_ms == 0.0 or log_sd == 0.0:
        return latency
    z = normal(seed, account["step"], account["episode"], a, LATENCY_STREAM)
    return latency * math.exp(log_sd * z)
