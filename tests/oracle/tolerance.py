"""How far oracle and environment may lie apart; `comparison.py` says what is held to it.

Where the order of operations differs, rounding may: prices agree within 1e-12 of themselves,
quantities within 1e-12 of the largest one they were subtracted from, money within 1e-12 of the
largest amount that entered it, pure numbers within 1e-12 (relative above 1), shares of a notional
and terms of a reward within what amounts leave of them, readings of the cost model within what
shares leave of their logarithm, observations within the float32 they are given in, and, where they
are made from shares or readings, within theirs.
"""

from typing import Any, NamedTuple

from tests.oracle.accounts import WORST
from tests.oracle.feedback import realised_of
from trading_env.core.codes import names_of
from trading_env.step.reward import Term

Record = dict[str, Any]

ROUNDING = 1e-12
RATIO = 1e-9
FLOAT32 = 1e-6
REWARD_SCALE = 100.0  # a reward of 1 is a percent

PRICES = {
    "mark", "value", "base_close", "undisturbed", "undisturbed_before", "reference_price",
    "entry_price", "entry_mid", "margin_level", "stop_loss", "take_profit",
    "late_close", "late_high", "late_low",
    "seen_close", "seen_before", "seen_earlier", "seen_high", "seen_low",
    "open", "high", "low", "close",
    "price", "exit_reference", "decision_price", "arrival_price", "limit",
}  # fmt: skip
UNITS = {
    "position", "exit_units", "quantity", "left", "claim", "step_filled", "filled", "target",
    "live", "intended", "sent", "order_filled", "traded", "exit_claim", "working",
    "rested", "ordered", "pressure", "goal",
}  # fmt: skip
MONEY = {
    "cash", "fees_paid", "financing_paid", "equity", "peak_equity",
    "seen_equity", "seen_equity_before", "seen_peak",
    "notional", "proportional", "delay", "spread", "impact", "impact_permanent",
    "impact_transient", "fees", "opportunity", "shortfall",
    "financing", "cash_flow", "order_value", "exit_notional", "exit_proportional", "exit_fees",
}  # fmt: skip
SOLVED = {"kelly_fraction", "wished_fraction", "target_fraction"}
PAID_SHARES = {"slippage", "expected_slippage"}
READINGS = {"cost_level", "last_cost"}
TERMS = set(names_of(Term))  # of the reward: money over equity
LOG_MONEY = MONEY | {"traded", "ordered", "filled"}


class Sizes(NamedTuple):
    """The largest amounts that entered a record's fields."""

    units: float
    money: float
    traded: float = 0.0  # notional
    reading: float = ROUNDING  # of the cost model: how far two may lie apart

    def of_paid(self, share: float) -> float:
        """Return how far two shares of a notional may lie apart.

        Cost and notional are each within ROUNDING of the largest amount; what is left of it by
        subtraction, a millionth of a goal, say, has that error still.
        """
        cancelled = max(self.money / self.traded, 1.0) if self.traded > 0.0 else 1.0
        return ROUNDING * cancelled * (1.0 + abs(share))


def allowed(name: str, size: float, sizes: Sizes, money: set[str]) -> float:
    """Return how far two values of magnitude `size` may lie apart."""
    if name in money:
        return ROUNDING * max(size, sizes.money)
    if name in PRICES:
        return ROUNDING * size
    if name in UNITS:
        return ROUNDING * max(size, sizes.units)
    if name in SOLVED:  # rounding, times the condition of the assets' correlations
        return RATIO * max(size, 1.0)
    if name in PAID_SHARES:
        return sizes.of_paid(size)
    if name in READINGS:
        return sizes.reading
    return ROUNDING * max(size, REWARD_SCALE if name == "reward" else 1.0)


def of_equity(money: float, before: Record, after: Record) -> float:
    """Return the largest amount as a share of equity, for the terms of a reward.

    Equity is what is left of large amounts by subtraction; a term is a share of it, a logarithm of
    it or, with the return of a step, a square of that, which moves by the return times its error.
    """
    least = max(min(before["equity"], after["equity"]), WORST * before["initial_equity"])
    returned = abs(after["equity"] / before["equity"] - 1.0)
    return max(money / least, 1.0) * (1.0 + returned)


def sizes_of(before: Record, slots: list[Record], after: Record, report: Record) -> Sizes:
    """Return the largest amounts in one asset's step."""
    names = ("target", "sent", "traded", "exit_claim", "position", "intended")
    amounts = [before["position"], *(report[name] for name in names)]
    amounts += [slot["left"] for slot in slots]
    units = max(abs(amount) for amount in amounts)
    price = max(before["mark"], after["mark"], report["price"], report["exit_reference"])
    return Sizes(units, units * price, report["notional"], reading_within(units, price, report))


def reading_within(units: float, price: float, report: Record) -> float:
    """Return how far two logarithms of realised over expected cost may lie apart.

    A logarithm is off by as much as its argument is, relative to itself. The units that were traded
    are within ROUNDING of the largest amount, and the share of the notional that they cost goes
    with a power of them between -1 (a least fee) and beta <= 2, so realised over expected cost with
    one of at most 3. Realised cost is a difference of prices besides, which are within ROUNDING of
    the largest price. A level moves by at most as much as its reading.
    """
    if report["notional"] == 0.0 or realised_of(report) <= 0.0:
        return ROUNDING
    by_units = 3.0 * max(units / report["traded"], 1.0)
    by_price = price / report["price"] / realised_of(report)
    return ROUNDING * (1.0 + by_units + by_price)


def seen_within(asset: Record, sizes: Sizes) -> Record:
    """Return how far features may lie apart beyond float32: those of what was paid.

    With s and e each within d, (s - e) / (s + e) is within 2 max(s, e) d / (s + e)^2, and within 2
    anyway: where both are rounding, it decides.
    """
    paid, expected = max(asset["slippage"], 0.0), asset["expected_slippage"]
    within = sizes.of_paid(asset["slippage"])
    both = paid + expected
    surprise = min(2.0 * max(paid, expected) * within / both**2, 2.0) if both > 0.0 else 2.0
    readings = dict.fromkeys(READINGS, sizes.reading)
    return {"slippage": 100.0 * within, "surprise": surprise, **readings}
