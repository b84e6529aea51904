"""Checks that change the data: what is known when, and what is paid for it.

Rows and clock. Output k is what reset (k = 0) or step k returned. Changing all rows after c and
playing the same actions shows the first output that depends on them; hence the latest row that
output k knows, r(k). Data comes a bar a step, or slower: r(k) - k is the same for all k, or grows
with it. It falls only when early outputs know rows that the market reaches later. The clock is
k + max(r(j) - j) over the second half of the play, from observations and rewards.

A constant lead looks like another numbering of rows: this check alone does not tell them apart.
It does not escape: `known_price` takes the market to stand still after the last row that reset
shows. Whoever then earns is paid for a move that was known before the decision, because the
observation peeked or because the fill is at a stale price. Costs only lower what is earned, so no
sound environment fails, unless it pays without any move, which is `flat_market`'s affair.
"""

from collections.abc import Sequence
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from trading_env.audit.play import (
    Output,
    extremes,
    first_mismatch,
    numbers_in,
    repeatable,
    samples,
    total,
)
from trading_env.audit.results import (
    FAIL,
    PASS,
    SKIPPED,
    Result,
    guarded,
    unless_left_out,
)
from trading_env.audit.subject import Subject
from trading_env.audit.worlds import (
    PRICE_COLUMNS,
    ROWS,
    changed_after,
    frozen_after,
    random_walk,
    trending,
)

if TYPE_CHECKING:
    import pandas as pd

TRACED_STEPS = 20
WALKS = 3  # that `known_price` is tried on, each beginning on another weekday
HOLD = 12
JUMP = 0.1  # the last move of a frozen market, fraction of the price
GROWTH = 0.002  # a bar, of trending markets
MAX_SWITCHED = 10  # actions of which all pairs are tried; of more, each with three others
TOLERANCE = 1e-6  # of the largest sum of rewards on moving prices
NO_ROW = 10**9
SEEN = ("observation", "reward", "terminated", "truncated")
NAMES = ("future", "future_in_info", "known_price", "flat_market", "market_pays")
RewardSums = dict[str, dict[str, float]]


def causality_results(subject: Subject) -> tuple[list[Result], RewardSums]:
    """Run every check of this module; also return what constant policies score."""
    if subject.build_on is None:
        why = "no data argument is known; audit a hook module:callable that takes bars"
        return [Result(name, SKIPPED, why) for name in NAMES], {}
    scores: RewardSums = {}
    return guarded(NAMES, lambda: _run(subject, scores)), scores


def _run(subject: Subject, scores: RewardSums) -> list[Result]:
    """Run the checks on an environment that takes data; fill in the scores."""
    tracer = Tracer(subject)
    found = first_mismatch(tracer.base, tracer.play(tracer.bars, tracer.actions))
    if found:
        why = f"two repeated plays differ at output {found[0]}, so a difference proves nothing"
        return [Result(name, SKIPPED, why) for name in NAMES]
    scores.update(constant_policies(tracer))
    results = [future(tracer), future_in_info(tracer), known_price(tracer, scores)]
    left_out = tracer.choices.left_out
    return [*results, flat_market(scores, left_out), market_pays(scores, left_out)]


class Tracer:
    """Finds which rows an output depends on; plays are remembered."""

    def __init__(self, subject: Subject, seed: int = 0, steps: int = TRACED_STEPS) -> None:
        assert subject.build_on is not None
        self.subject, self.build_on, self.seed = subject, subject.build_on, seed
        self.bars = random_walk(seed)
        env = self.build_on(self.bars)
        self.space = env.action_space
        self.choices = extremes(self.space)
        self.actions = samples(self.space, steps, seed=3)
        self.base = self.play(self.bars, self.actions)
        self._reached: dict[int, tuple[int, int]] = {}

    def play(self, bars: "pd.DataFrame", actions: Sequence[Any]) -> list[Output]:
        """Play on these bars, so that only they and the actions can make a difference."""
        return repeatable(self.build_on(bars), actions, self.seed)

    @property
    def last(self) -> int:
        """Number of the last output."""
        return len(self.base) - 1

    def reached(self, row: int) -> tuple[int, int]:
        """Return the first output that depends on rows after `row`: with and without info."""
        if row not in self._reached:
            everything, shown = NO_ROW, NO_ROW
            for seed in range(2):
                bars = changed_after(self.bars, row, seed)
                other = self.play(bars, self.actions)
                everything = min(everything, (first_mismatch(self.base, other) or (NO_ROW,))[0])
                found = first_mismatch(self.base, other, SEEN)
                shown = min(shown, (found or (NO_ROW,))[0])
            self._reached[row] = everything, shown
        return self._reached[row]

    def known_row(self, output: int, *, info: bool) -> int:
        """Return the latest row that outputs 0, ..., `output` depend on, by bisection; -1: none."""
        low, high = -1, ROWS - 1  # rows after `low` matter, rows after `high` do not exist
        if self.reached(low)[0 if info else 1] > output:
            return -1
        while high - low > 1:
            middle = (low + high) // 2
            if self.reached(middle)[0 if info else 1] <= output:
                low = middle
            else:
                high = middle
        return high

    def clock(self) -> int:
        """Return the row that the market has reached at output 0 (see the module)."""
        return max(
            self.known_row(k, info=False) - k for k in range((self.last + 1) // 2, self.last + 1)
        )


def future(tracer: Tracer) -> Result:
    """No output depends on a row that the market has not reached yet."""
    name = "future"
    if tracer.last < 4:
        return Result(name, SKIPPED, f"an episode of {tracer.last} steps is too short")
    if tracer.reached(-1)[0] == NO_ROW:
        return Result(name, SKIPPED, "no output depends on the bars: are they used?")
    clock = tracer.clock()
    for k in range(tracer.last + 1):
        row = tracer.known_row(k, info=True)
        if row > clock + k:
            channel = "" if tracer.known_row(k, info=False) > clock + k else " (info)"
            text = f"output {k}{channel} depends on row {row}, the market is at row {clock + k}"
            return Result(name, FAIL, text)
    return Result(name, PASS, f"output k depends on rows up to {clock} + k, k = 0 to {tracer.last}")


def future_in_info(tracer: Tracer) -> Result:
    """No value of info equals a price of a later row."""
    clock, prices = tracer.clock(), tracer.bars[list(PRICE_COLUMNS)].to_numpy()
    seen: dict[str, str] = {}
    for number, output in enumerate(tracer.base):
        now = max(clock + number, -1)
        later = set(prices[now + 1 :].ravel()) - set(prices[: now + 1].ravel())
        for place, array in numbers_in(output.info):
            value = next((float(v) for v in array.ravel() if float(v) in later), None)
            if value is None:
                continue
            row = int(np.argwhere(prices == value)[0][0])
            text = f"output {number}: info {place} = {value:.6g} is a price of row {row}"
            if place in seen:
                return Result("future_in_info", FAIL, f"{text}, the market is at row {now}")
            seen[place] = text
    return Result("future_in_info", PASS, "no value of info equals a later price")


def known_price(tracer: Tracer, scores: RewardSums) -> Result:
    """Nothing is earned in a market that stands still after the last row that reset shows."""
    row, clock = tracer.known_row(0, info=True), tracer.clock()
    places = [(tracer, min(row, clock))]
    if row <= clock:  # otherwise reset shows what is not the market's, and the clock is needed
        more = [Tracer(tracer.subject, seed, steps=0) for seed in range(1, WALKS)]
        places += [(other, other.known_row(0, info=True)) for other in more]
    if max(row for _, row in places) < 1:
        return Result("known_price", SKIPPED, "reset shows no row of the data")
    for other, row in places:
        problem = _earned(other, row, TOLERANCE * scale(scores)) if row > 0 else None
        if problem:
            return Result("known_price", FAIL, problem)
    rows = ", ".join(str(row) for _, row in places)
    plays = len(sequences(tracer))
    text = f"none of {plays} plays earns from a move of {JUMP:.0%} in the last row shown ({rows})"
    return unless_left_out(Result("known_price", PASS, text), tracer.choices.left_out)


def _earned(tracer: Tracer, row: int, limit: float) -> str | None:
    """Say which actions earn from a last move in `row`, above what any earn without it."""
    plans = sequences(tracer)

    def scores_on(bars: "pd.DataFrame") -> dict[str, float]:
        return {key: _score(tracer, bars, plan) for key, plan in plans.items()}

    still = scores_on(frozen_after(tracer.bars, row, 0.0)).values()
    paid_anyway = max([0.0, *(value for value in still if np.isfinite(value))])  # say, interest
    for move in (JUMP, -JUMP):
        earned = scores_on(frozen_after(tracer.bars, row, move))
        best = max(earned, key=partial(_value, earned))
        if earned[best] > paid_anyway + limit:
            later = _score(tracer, frozen_after(tracer.bars, row - 1, move), plans[best])
            return (
                f"actions {best} earn {earned[best]:.4g} from a move of {move:+.0%} in row {row}, "
                f"which reset has shown; a bar later they earn {later:.4g}"
            )
    return None


def sequences(tracer: Tracer) -> dict[str, list[Any]]:
    """Return constant actions, and changes from one to another after the first step.

    Every change, or, of more than MAX_SWITCHED actions, those to and from three: the first, the
    middle and the last.
    """
    choices = tracer.choices.actions
    plans = {key: [action] * HOLD for key, action in choices.items()}
    names = list(choices)
    few = {names[0], names[len(names) // 2], names[-1]}
    for one, other in permutations(names, 2):
        if len(names) <= MAX_SWITCHED or few & {one, other}:
            plans[f"{one} then {other}"] = [choices[one], *[choices[other]] * (HOLD - 1)]
    return plans


def constant_policies(tracer: Tracer) -> RewardSums:
    """Score each constant action, and random ones, over an episode of each market."""
    walk = tracer.bars
    markets = {
        "random walk": walk,
        "rising": trending(walk, GROWTH),
        "falling": trending(walk, -GROWTH),
        "flat": trending(walk, 0.0),
    }
    plans = {key: [action] * ROWS for key, action in tracer.choices.actions.items()}
    plans["random"] = samples(tracer.space, ROWS, seed=4)
    return {
        key: {name: _score(tracer, bars, plan) for name, bars in markets.items()}
        for key, plan in plans.items()
    }


def flat_market(scores: RewardSums, left_out: str) -> Result:
    """Where no price ever moves, no policy earns a reward."""
    flat = {key: score["flat"] for key, score in scores.items()}
    best = max(flat, key=lambda key: np.inf if np.isnan(flat[key]) else flat[key])
    earned = flat[best]
    if not earned <= TOLERANCE * scale(scores):
        text = f"the constant action {best} earns {earned:.4g} on flat prices"
        return Result("flat_market", FAIL, text)
    text = f"at most {earned:.4g} on flat prices (action {best})"
    return unless_left_out(Result("flat_market", PASS, text), left_out)


def market_pays(scores: RewardSums, left_out: str) -> Result:
    """Some constant policy's reward depends on where the price goes."""
    limit = TOLERANCE * scale(scores)
    spans = {
        key: max(abs(score[trend] - score["flat"]) for trend in ("rising", "falling"))
        for key, score in scores.items()
        if key != "random"
    }
    if not any(np.isfinite(span) for span in spans.values()):
        return Result("market_pays", SKIPPED, "no constant action's rewards are numbers")
    best = max(spans, key=partial(_value, spans))
    if not spans[best] > limit:
        text = f"no constant action is rewarded or punished when prices grow {GROWTH:.1%} a bar"
        return unless_left_out(Result("market_pays", FAIL, text), left_out)
    return Result("market_pays", PASS, f"action {best}: a trend is worth {spans[best]:.4g}")


def scale(scores: RewardSums) -> float:
    """Return the largest sum of rewards, in size, that moving prices gave."""
    return max(abs(v) for score in scores.values() for name, v in score.items() if name != "flat")


def _score(tracer: Tracer, bars: "pd.DataFrame", plan: Sequence[Any]) -> float:
    """Return the sum of rewards of a play."""
    return total(tracer.play(bars, plan))


def _value(values: dict[str, float], key: str) -> float:
    """Look a value up; what is not a number counts as the least."""
    return values[key] if np.isfinite(values[key]) else -np.inf
