"""Odd prices and volumes: splits, dividends, misplaced points, stale and silent stretches.

A split that was not adjusted is a step of the price, close to open, at a usual ratio, after which
the median volume of 40 bars has moved the other way by more than half of it (in logarithms), or
which a column of splits states. A crash doubles its volume too, so a step counts only where it is
eight times the usual move of its series. An adjusted close tells a split by itself, where it and
the price step by one ratio. A misplaced point is a price 10, 100 or 1,000 times both
of its neighbours, or that part of them, for at most three bars. Dividends are seen where a column
of them, or of adjusted closes, stands beside the close: a price alone does not tell them.

What no guess repairs is told all the same: a price twice or half of its bar and of its neighbours,
a level that is three times or a third of the one before with no split in it, a volume that is
another by a factor of twenty from one bar on, and a series of which a tenth has no volume.

Over 300 lines because the looks are one list: what finds one oddity must not find another.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from trading_env.core.records import Floats
from trading_env.markets.inspection.findings import Change, Finding, Series, runs
from trading_env.markets.reading.validation import PRICE_FIELDS

RATIOS = [Fraction(n) for n in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)]
RATIOS += [Fraction(3, 2), Fraction(4, 3), Fraction(5, 4)]
NEAR = 0.05  # of a split's ratio, in logarithms
UNUSUAL = 8.0  # times the usual move
INVERSE = 0.55  # of a step, in logarithms, that the volume goes the other way
AROUND = 40  # bars of volume on each side of a split
STALE, SILENT = 5, 5  # bars in a row
SHORTEST_GLITCH = 3
FAR = 2.0  # times what is near it, or half of that
SHIFTED = 3.0  # times the level before, or a third: a crash that halves a price is none
REFILLED = 20.0  # times the volume before
SPARSE = 0.1  # of the bars
EXACT = 0.005  # of a split's ratio, where the adjusted close tells it
ADJUSTED = 5e-4  # a step of the ratio of adjusted close to close that is no rounding


def usual_move(close: Floats) -> float:
    """Return the median size of a move, in logarithms."""
    moves = np.abs(np.diff(np.log(close)))
    return max(float(np.median(moves)), 1e-4) if len(moves) else 1e-4


def glitches(series: Series) -> tuple[list[Finding], list[Change]]:
    """Find prices with a misplaced point."""
    found: list[Finding] = []
    changes: list[Change] = []
    if series.bars < 3:
        return found, changes
    level = _level(series.prices["close"])
    for name in PRICE_FIELDS:
        logs = np.log10(series.prices[name] / level)
        powers = np.rint(logs)
        wrong = (powers != 0) & (np.abs(logs - powers) < 0.1) & (np.abs(powers) <= 3)
        for begin, length in runs(wrong, 1):
            power = int(powers[begin])
            if length > SHORTEST_GLITCH:
                continue
            bars = np.arange(begin, begin + length)
            many = 10 ** abs(power)
            times = (
                f"{many:g} times its neighbours" if power > 0 else f"1/{many:g} of its neighbours"
            )
            what = f"{name} {series.prices[name][begin]:g} is {times}"
            guess = "a misplaced point, or cents for dollars"
            found.append(Finding("misplaced point", series.symbol, begin, what, guess, length))
            changes.append(Change(series.rows[bars], name, 10.0**-power, f"{what}: {guess}"))
    return found, changes


def _level(close: Floats) -> Floats:
    """Return the median close of seven bars around each."""
    half = min(SHORTEST_GLITCH + 1, (len(close) - 1) // 2)
    padded = np.concatenate((close[:half][::-1], close, close[-half:][::-1]))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    level: Floats = np.median(windows, axis=1)
    return level


def splits(series: Series, *, applied: bool = False) -> tuple[list[Finding], list[Change]]:
    """Find splits that prices do not have in them; `applied`: stated ones are no findings."""
    close, opened = series.prices["close"], series.prices["open"]
    found: list[Finding] = []
    changes: list[Change] = []
    if series.bars < 2:
        return found, changes
    steps = np.log(opened[1:] / close[:-1])
    stated = series.extras.get("split", np.full(series.bars, np.nan))
    for index in np.flatnonzero(np.abs(steps) > UNUSUAL * usual_move(close)):
        bar = int(index) + 1
        step = float(steps[index])
        ratio = _ratio(step)
        if ratio is None:
            continue
        known = stated[bar] > 0.0 and stated[bar] != 1.0
        before, after = series.volume[max(0, bar - AROUND) : bar], series.volume[bar : bar + AROUND]
        if (known and applied) or not (known or _moves_against(step, before, after)):
            continue
        name = f"{ratio.numerator}:{ratio.denominator}"
        told = "a column states a split" if known else "the volume the other way"
        what = f"the price steps by {np.exp(step) - 1:+.1%} and {told}"
        guess = f"a split of {name} that is not adjusted"
        found.append(Finding("split", series.symbol, bar, what, guess))
        earlier = series.rows[:bar]
        factor = float(1 / ratio)
        for column in PRICE_FIELDS:
            changes.append(Change(earlier, column, factor, guess))
        changes.append(Change(earlier, "volume", 1 / factor, guess))
        if "dividend" in series.extras:  # of an old share
            changes.append(Change(earlier, "dividend", factor, guess))
        if known:
            changes.append(_taken_out(series, "split", bar, 1.0))
    return found, changes


def _taken_out(series: Series, column: str, bar: int, none: float) -> Change:
    """Take a split or a dividend out of its column: the repaired prices have it in them."""
    why = f"the prices have the {column} in them now"
    return Change(series.rows[bar : bar + 1], column, none / series.extras[column][bar], why)


def _ratio(step: float, slack: float = NEAR) -> Fraction | None:
    """Return shares after for one before, where a step is that of a split."""
    for ratio in RATIOS:
        for turned in (ratio, 1 / ratio):
            if abs(step + np.log(float(turned))) < slack:
                return turned
    return None


def _moves_against(step: float, before: Floats, after: Floats) -> bool:
    """Tell whether volume moved against a step of the price, by more than half of it."""
    old, new = np.median(before), np.median(after)
    if len(after) < 3 or len(before) < 3 or old <= 0.0 or new <= 0.0:
        return False
    return bool(-np.log(new / old) / step > INVERSE)


def has_adjusted(series: Series) -> bool:
    """Tell whether an adjusted close stands beside every close."""
    adjusted = series.extras.get("adjusted")
    return adjusted is not None and bool(np.isfinite(adjusted).all() and (adjusted > 0.0).all())


def dividends(series: Series) -> tuple[list[Finding], list[Change]]:
    """Find dividends that prices do not have in them, by a column of them."""
    paid = series.extras.get("dividend")
    if paid is None or not np.nansum(paid) > 0.0:
        return [], []
    bars = np.flatnonzero(paid > 0.0)
    what = f"a dividend of {paid[bars[0]]:g} stands beside the bars"
    guess = "if prices are as traded, a holder loses it: adjust them"
    return [Finding("dividend", series.symbol, int(bars[0]), what, guess, len(bars))], []


def by_adjusted(series: Series) -> tuple[list[Finding], list[Change]]:
    """Find dividends and splits by the adjusted close: it repairs prices, its splits the volume.

    A split that the adjusted close does not have in it is one of the price and the volume.
    """
    factor = series.extras["adjusted"] / series.prices["close"]
    rounding = 0.011 / np.minimum(series.extras["adjusted"][1:], series.extras["adjusted"][:-1])
    steps = np.abs(np.diff(factor)) / factor[1:]
    bars = np.flatnonzero(steps > np.maximum(ADJUSTED, rounding)) + 1
    others, changes = splits(series)
    by_volume = {finding.bar: finding for finding in others}
    known = {len(c.rows): float(c.factor) for c in changes if c.column == "volume"}
    found: list[Finding] = []
    left: list[int] = []
    for bar in map(int, bars):
        step = float(np.log(factor[bar] / factor[bar - 1]))
        slack = min(max(EXACT, 2.0 * float(rounding[bar - 1])), NEAR)
        ratio = _ratio_of_factor(series, bar, step, slack)
        told = np.log(known.get(bar, 1.0))
        if ratio is None and abs(step - told) < abs(told) / 2.0:  # with a dividend on its day
            ratio = Fraction(known[bar]).limit_denominator(100)
        if ratio is None:
            left.append(bar)
            continue
        what = f"the adjusted close over the close steps by {steps[bar - 1]:.2%}"
        guess = f"a split of {ratio.numerator}:{ratio.denominator} that is not adjusted"
        found.append(Finding("split", series.symbol, bar, what, guess))
        changes = [c for c in changes if bar not in by_volume or len(c.rows) != bar]
        changes.append(Change(series.rows[:bar], "volume", float(ratio), guess))
        by_volume.pop(bar, None)
    found += by_volume.values()
    if len(bars):
        if left:
            what = f"the adjusted close parts from the close, first by {steps[left[0] - 1]:.2%}"
            guess = "dividends that these prices do not have in them"
            found.append(Finding("dividend", series.symbol, left[0], what, guess, len(left)))
        why = "what the adjusted close has in it and these prices do not"
        changes = [c for c in changes if c.column not in ("dividend", "split")]
        changes += [Change(series.rows, name, factor, why) for name in PRICE_FIELDS]
        for column, none in (("dividend", 0.0), ("split", 1.0)):
            stated = series.extras.get(column, np.zeros(0))
            bars = np.flatnonzero(stated > 0.0)
            changes += [_taken_out(series, column, int(paid), none) for paid in bars]
    return sorted(found, key=lambda finding: finding.bar), changes


def _ratio_of_factor(series: Series, bar: int, step: float, slack: float) -> Fraction | None:
    """Return the ratio of a split that the adjusted close and the price both step by."""
    ratio = _ratio(-step, slack)
    if ratio is None:
        return None
    size = float(np.log(float(ratio)))
    moved = np.log(series.prices["open"][bar] / series.prices["close"][bar - 1])
    return ratio if abs(moved + size) < abs(size) / 2.0 else None


def strays(series: Series) -> list[Finding]:
    """Find single prices that are far from their bar and from their neighbours."""
    if series.bars < 3:
        return []
    level = _level(series.prices["close"])
    body = np.stack([series.prices["open"], series.prices["close"], level])
    found: list[Finding] = []
    near = {"open": level, "close": level, "high": body.max(axis=0), "low": body.min(axis=0)}
    for name, nearest in near.items():
        far = np.abs(np.log(series.prices[name] / nearest)) > np.log(FAR)
        bars = np.flatnonzero(far)
        if len(bars):
            bar = int(bars[0])
            ratio = series.prices[name][bar] / nearest[bar]
            what = f"{name} {series.prices[name][bar]:g} is {ratio:.3g} times what is near it"
            guess = "a bad print, unless it traded there"
            found.append(Finding("stray price", series.symbol, bar, what, guess, len(bars)))
    return found


def shifts(series: Series) -> list[Finding]:
    """Find a level of prices, or of volume, that is another from one bar on."""
    found: list[Finding] = []
    close, volume = series.prices["close"], series.volume
    steps = np.abs(np.log(series.prices["open"][1:] / close[:-1]))
    stated = series.extras.get("split", np.ones(series.bars))[1:]
    unsaid = ~((stated > 0.0) & (stated != 1.0))
    for index in np.flatnonzero((steps > np.log(SHIFTED)) & unsaid):
        bar = int(index) + 1
        before, after = np.median(close[max(0, bar - STALE) : bar]), close[bar : bar + STALE]
        if np.abs(np.log(np.median(after) / before)) > np.log(FAR):
            ratio = series.prices["open"][bar] / close[bar - 1]
            what = f"the price is {ratio:.3g} times the one before, and stays there"
            guess = "a split, another unit or another instrument, unless it traded there"
            found.append(Finding("level", series.symbol, bar, what, guess))
    traded = np.flatnonzero(volume > 0.0)
    logs = np.log(volume[traded])
    if len(logs) >= 2 * AROUND:
        windows = np.median(np.lib.stride_tricks.sliding_window_view(logs, AROUND), axis=1)
        moved = windows[AROUND:] - windows[:-AROUND]
        at = int(np.abs(moved).argmax())
        if abs(moved[at]) > np.log(REFILLED):
            ratio = float(np.exp(moved[at]))
            what = f"the usual volume is {ratio:.3g} times what it was before"
            guess = "another unit (lots, currency, contracts), unless trading changed"
            found.append(Finding("level", series.symbol, int(traded[at + AROUND]), what, guess))
    return found


def quiet(series: Series) -> list[Finding]:
    """Find stretches without volume, and stretches in which no price moves."""
    found: list[Finding] = []
    silent = series.volume == 0.0
    if silent.all():
        what, guess = "no bar has volume", "nothing fills until liquidity is stated (--liquidity)"
        found.append(Finding("no volume", series.symbol, 0, what, guess, series.bars))
    else:
        stretches = runs(silent, SILENT)
        if stretches:
            longest = max(length for _, length in stretches)
            what = f"no volume for {stretches[0][1]} bars in a row, {longest} at the longest"
            guess = "closed hours, a halt, or a series that is not traded"
            count = sum(length for _, length in stretches)
            found.append(Finding("no volume", series.symbol, stretches[0][0], what, guess, count))
        elif silent.mean() > SPARSE:
            what, guess = (
                f"no volume in {silent.mean():.0%} of bars",
                "closed days that are filled in",
            )
            first, count = int(silent.argmax()), int(silent.sum())
            found.append(Finding("no volume", series.symbol, first, what, guess, count))
    same: NDArray[np.bool_] = np.zeros(series.bars, dtype=np.bool_)
    close = series.prices["close"]
    flat = np.logical_and.reduce([series.prices[name] == close for name in PRICE_FIELDS])
    same[1:] = (flat[1:] | flat.all()) & (close[1:] == close[:-1])
    stretches = runs(same, STALE)
    if stretches:
        what = f"the price stands still for {stretches[0][1] + 1} bars"
        guess = "a feed that repeats its last price, or closed hours"
        count = sum(length for _, length in stretches)
        found.append(Finding("stale", series.symbol, stretches[0][0], what, guess, count))
    return found


def mixed(series: Series) -> list[Finding]:
    """Find a close that is adjusted beside an open, high and low that are not."""
    prices = series.prices
    outside = (prices["close"] > prices["high"]) | (prices["close"] < prices["low"])
    if series.bars < 10 or outside.mean() < 0.2:
        return []
    middle = (prices["high"] + prices["low"]) / 2
    share = float(np.median((prices["close"] / middle)[outside]))
    what = f"the close is outside [low, high] in {outside.mean():.0%} of bars, {share:.3g} of them"
    guess = "an adjusted close beside raw open, high and low: take one kind"
    first = int(outside.argmax())
    count = int(outside.sum())
    return [Finding("mixed prices", series.symbol, first, what, guess, count)]
