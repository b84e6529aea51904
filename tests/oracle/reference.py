"""An oracle of one environment step: slow, obvious, plain Python.

Written from `docs/model.md` alone and compared with the kernels in `test_reference.py`, so that
the page and the code cannot drift apart. State is dicts named like the records of
`trading_env/core/records.py`; settings are the ones of `docs/portfolio.md`. This file holds the
clock and the ledger; the rest is next to it.
"""

from typing import Any, NamedTuple

from tests.oracle.accounts import accrue, mark_account, reward_of, set_margin_levels
from tests.oracle.decision import decide, shown_together
from tests.oracle.feed import FEED_STREAM, count_crisis, deliver, quotes_of
from tests.oracle.feedback import feed_back
from tests.oracle.market import compose, shifted, undisturbed_bar, uniforms, update_averages
from tests.oracle.notices import close_before, serve
from tests.oracle.observation import observe
from tests.oracle.orders import is_live, send
from tests.oracle.prices import (
    Session,
    carry_impact,
    permanent_unit,
    rest_over_a_gap,
    terms_of,
    widening,
)
from tests.oracle.tolerance import ROUNDING
from tests.oracle.trading import trade, wait, watch
from trading_env.core.codes import BoundBy, Exit, SlotState, Status

Record = dict[str, Any]

SUMMED = (
    "filled", "order_filled", "order_value", "traded", "notional", "cash_flow", "latency_s",
    "arrivals", "exit_claim", "exit_reference", "pressure", "rested", "delay", "spread",
    "impact", "impact_permanent", "impact_transient", "fees", "financing", "luck",
)  # fmt: skip


class Result(NamedTuple):
    """What a step leaves behind."""

    state: Record
    reports: list[Record]
    stresses: list[Record]
    terms: Record
    reward: float
    terminated: bool
    truncated: bool
    observation: list[float]


def step(world: Record, state: Record, actions: list[Any], seed: int) -> Result:
    """Take one decision and live through one bar; `state` is left alone."""
    state = copied(state)
    account = state["account"]
    before = account["equity"]
    reports = decide(world, state, actions)
    for report in reports:
        report.update(dict.fromkeys(SUMMED, 0.0), exit=Exit.NONE, arrivals=0, excuse="")
    accrue(world, state, reports)
    account["row"] += 1
    for a, asset in enumerate(state["assets"]):
        rest_over_a_gap(world["each"][a], asset, world["elapsed_s"][account["row"]])
        serve(world["each"][a], state, a, reports[a])
    stresses = [compose(world, state, a, seed) for a in range(len(state["assets"]))]
    opened = [
        open_asset(world["each"][a], state, a, report, stresses[a], actions[a], seed)
        for a, report in enumerate(reports)
    ]
    set_margin_levels(world, state, [asset.session for asset in opened])
    for asset in opened:
        live_through(asset.session.world, account, asset)
    shown_together(state)
    called = mark_account(world, state)
    account["step"] += 1
    named, reward = reward_of(world, state, reports, stresses, before)
    add_to_log(state, reports, reward, called)
    terminated = account["equity"] <= 0.0
    truncated = account["step"] == world["length"] and not terminated
    account["done"] = int(terminated or truncated)
    observation = observe(world, state, reports)
    return Result(state, reports, stresses, named, reward, terminated, truncated, observation)


def copied(state: Record) -> Record:
    return {
        "assets": [dict(asset) for asset in state["assets"]],
        "slots": [[dict(slot) for slot in slots] for slots in state["slots"]],
        "account": dict(state["account"]),
        "log": dict(state["log"]),
        "starts": list(state["starts"]),
        "covariance": [list(row) for row in state["covariance"]],
    }


class Opened(NamedTuple):
    """An asset whose order is sent and whose bar is built."""

    session: Session
    stress: Record
    clean: Record  # the undisturbed bar
    base_close: float
    displacement: float  # after the bar


def open_asset(
    world: Record, state: Record, a: int, report: Record, stress: Record, action: Any, seed: int
) -> Opened:
    """Send the order and build the bar."""
    asset, slots, account = state["assets"][a], state["slots"][a], state["account"]
    mark = asset["mark"]
    send(world, state, a, report, stress, action, seed)
    base = world["bars"][account["row"]][a]
    last = close_before(world, account["row"], a)
    clean, moved = undisturbed_bar(base, last, asset["displacement"], stress)
    bar = dict(clean)
    for name in ("open", "high", "low", "close"):
        bar[name] = shifted(clean[name], asset["permanent"], asset, world)
    if stress["halted"]:
        bar = {"open": mark, "high": mark, "low": mark, "close": mark, "volume": 0.0}
    terms = terms_of(world, asset, stress)
    given = (base["path_scale"], stress["volume"] * asset["volume_usual"], mark, seed)
    session = Session(world, asset, a, slots, account, report, bar, terms, *given)
    return Opened(session, stress, clean, base["close"], moved)


def live_through(world: Record, account: Record, opened: Opened) -> None:
    """Trade in the bar, and close the asset's books."""
    session, stress, clean = opened.session, opened.stress, opened.clean
    asset, slots, report = session.asset, session.slots, session.report
    bar, mark = session.bar, session.mark
    unknown = asset["volume_mean"] == 0.0
    if bar["volume"] == 0.0 or unknown:
        wait(session)
    else:
        trade(session)
    carry_impact(session)
    end_orders(world, slots, report)
    asset.update(displacement=opened.displacement, base_close=opened.base_close)
    if not stress["halted"]:
        asset["mark"] = shifted(clean["close"], asset["permanent"], asset, world)
        close = asset["mark"]
        bar.update(close=close, high=max(bar["high"], close), low=min(bar["low"], close))
    report["status"] = status_of(slots, report, stress["halted"])
    if abs(report["order_filled"]) < ROUNDING * report["traded"]:
        report["excuse"] = "status: rounding decides whether opposite fills leave any"
    close_ledger(asset, slots, report, mark)
    feed_back(world, asset, report)
    report["undisturbed_before"] = asset["undisturbed"]
    if not stress["halted"]:
        in_table = world["bars"][account["row"]][session.number]["volume"]
        update_averages(asset, clean["close"], bar, in_table)
        asset["widening"] = widening(world, asset)
        if unknown:
            asset["permanent_unit"] = permanent_unit(world, asset)
            session.met("a volume not known yet")
    address = (account["step"], account["episode"], session.number, FEED_STREAM)
    shown, quoted = asset["seen_close"], {**bar, **quotes_of(world, asset, stress)}
    report["feed_fault"] = deliver(asset, quoted, stress, uniforms(session.seed, *address))
    count_crisis(world, asset)
    watch(world, asset, shown)
    report.update(bar, seen_close=asset["seen_close"], position=asset["position"])
    report.update(stop_loss=asset["stop_loss"], take_profit=asset["take_profit"])
    report.update(undisturbed=clean["close"], price=bar["close"])  # in a halt too
    if report["traded"] > 0.0:
        report["price"] = report["notional"] / report["traded"]


# --------------------------------------------------------------------------- 10. end of bar


def end_orders(world: Record, slots: list[Record], report: Record) -> None:
    """Let orders lapse or fly on; count what is still outstanding."""
    if report["arrivals"]:
        report["latency_s"] /= report["arrivals"]
    for slot in slots:
        if slot["state"] == SlotState.WORKING and slot["lapses"]:
            slot.update(state=SlotState.DONE, outcome=Status.EXPIRED)
        if slot["state"] == SlotState.IN_FLIGHT:
            slot["due_s"] -= world["bar_seconds"]
    report["working"] = sum(slot["left"] for slot in slots if is_live(slot))


def status_of(slots: list[Record], report: Record, halted: int) -> Status:
    """The first status that holds."""
    outcomes = {slot["outcome"] for slot in slots if slot["state"] == SlotState.DONE}
    states = {slot["state"] for slot in slots}
    live = SlotState.WORKING in states or SlotState.IN_FLIGHT in states
    unfinished = live or Status.EXPIRED in outcomes or Status.CANCELLED in outcomes
    if report["order_filled"] != 0.0 and unfinished:
        return Status.PARTIAL
    if report["rejected"]:
        return Status.REJECTED
    for status in (Status.FILLED, Status.CANCELLED, Status.EXPIRED):
        if status in outcomes:
            return status
    if SlotState.WORKING in states:
        return Status.HALTED if halted else Status.WORKING
    return Status.IN_FLIGHT if live else Status.NONE


# --------------------------------------------------------------------------- 12. the ledger


def close_ledger(asset: Record, slots: list[Record], report: Record, mark: float) -> None:
    rise = asset["mark"] - mark
    for slot in slots:
        if slot["state"] != SlotState.EMPTY:
            slot["opportunity"] += (slot["claim"] - slot["step_filled"]) * rise
    exit_rise = asset["mark"] - report["exit_reference"] if report["exit"] else 0.0
    exit_filled = report["filled"] - report["order_filled"]
    orders = (report["live"] - report["order_filled"]) * rise
    report["opportunity"] = orders + (report["exit_claim"] - exit_filled) * exit_rise
    paper = report["live"] * rise + report["exit_claim"] * exit_rise
    actual = report["cash_flow"] + report["filled"] * asset["mark"] - report["fees"]
    report["shortfall"] = paper - actual


# --------------------------------------------------------------------------- 12. the episode


def add_to_log(state: Record, reports: list[Record], reward: float, called: bool) -> None:
    """The sums of the episode."""
    log, account = state["log"], state["account"]
    log["reward"] += reward
    log["steps"] += 1
    closed_out = any(report["exit"] == Exit.MARGIN_CALL for report in reports)
    log["margin_calls"] += int(called or closed_out)
    log["max_drawdown"] = max(log["max_drawdown"], 1.0 - account["equity"] / account["peak_equity"])
    for report in reports:
        log["traded"] += report["notional"]
        for name in ("delay", "spread", "impact", "fees", "opportunity", "arrivals"):
            log[name] += report[name]
        log["ordered"] += report["ordered"] * report["decision_price"]
        log["filled"] += report["order_value"]
        log["orders"] += int(report["sent"] != 0.0)
        log["latency"] += report["latency_s"] * report["arrivals"]
        log["stops"] += int(report["exit"] == Exit.STOP_LOSS)
        log["targets"] += int(report["exit"] == Exit.TAKE_PROFIT)
        log["time_stops"] += int(report["exit"] == Exit.TIME_STOP)
        if report["bound_by"] != BoundBy.NONE:
            log["bound_" + BoundBy(report["bound_by"]).name.lower()] += 1
