"""Values that kernels take and return: NamedTuples of scalars, with unit and sign.

Money in the account's currency, quantities in units of the asset (signed, + is long or buy), prices
in currency per unit, fractions of a price or of equity as pure numbers.
"""

from typing import NamedTuple

import numpy as np


class Bar(NamedTuple):
    """One bar: prices in currency per unit, volume in units."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class Shown(NamedTuple):
    """What the feed delivers at the close of a bar."""

    high: float
    low: float
    close: float
    volume: float
    half_spread: float  # quoted, fraction of the price
    depth: float  # quoted, share of the usual depth


class Stake(NamedTuple):
    """A signed share of equity and what decided its size."""

    fraction: float
    kelly_fraction: float  # the growth-optimal share, before multiplier and caps; >= 0
    bound_by: int


class Instruction(NamedTuple):
    """How an order is to be worked."""

    kind: int  # OrderType
    below: float  # of a price below the shown one, its distance as a fraction of that; < 0: above
    above: float  # the same of a price above it
    lapses: int  # 1: at the end of the bar that it arrives in


class Distances(NamedTuple):
    """Distances from entry, in log price; both > 0."""

    stop: float
    target: float


class Terms(NamedTuple):
    """What an order meets in one bar; fractions are of `reference`."""

    reference: float  # currency per unit; 0: the arrival price itself
    half_spread: float  # fraction, widened and stressed
    temporary: float  # fraction at a participation of 1
    exponent: float
    permanent: float  # log price per unit traded, or fraction of `reference`
    transient: float  # fraction, signed: displacement left by the account's earlier trades
    felt: float = 1.0  # what a fill pays over its temporary part: that its bar's fills build up
    usual_volume: float = 0.0  # units a bar, trailing
    fees: float = 1.0  # the scenario's factor on fees


class Session(NamedTuple):
    """One bar as a place to trade."""

    bar: Bar
    terms: Terms
    capacity: float  # units that all fills together may take, the present one included
    known: float  # the same for a fill that waits for a price
    seconds: float  # length of the bar
    path_scale: float = 1.0  # variance of the path inside it over that of its own four prices


class Rates(NamedTuple):
    """Participation to the exponent of impact, as a fill pays for it (`pricing.rates_of`)."""

    paid: float  # in its interval
    kept: float  # against the usual volume where that is more


class Address(NamedTuple):
    """Where a random draw lives, but for its stream."""

    seed: np.uint64
    episode: int
    step: int
    asset: int


class FillWindow(NamedTuple):
    """The part of a bar in which a fill trades, and what the account has traded before it."""

    mid: float  # price at its beginning
    share: float  # of the bar
    late: float  # units that earlier fills still trade in that share
    before: float  # units traded earlier in the bar, net


class Part(NamedTuple):
    """A part of a bar between two fractions of it."""

    begin: float
    end: float
    open: float
    high: float
    low: float
    close: float


class Stay(NamedTuple):
    """Chance that a path stays between two barriers, and its derivatives, all >= 0."""

    inside: float
    high: float  # by the upper barrier
    low: float  # by the lower one, downwards
    both: float  # by both


class Moment(NamedTuple):
    """A moment of a bar, and what the account's fills before it still trade then."""

    u: float  # fraction of the bar
    late: float  # units


class Level(NamedTuple):
    """A price at which a path meets a level of the position, or an order that waits there."""

    rank: int  # which comes first where both lie in one place, the lowest
    exit: int  # Exit code, 0 for an order
    slot: int  # of the order, -1 for an exit
    price: float  # of the path there


class Nearest(NamedTuple):
    """What a path meets first above its open and below it, if anything."""

    above: Level
    below: Level


class Touch(NamedTuple):
    """What a path meets first: a level of the position, or an order that waits there."""

    sides: int  # of the path's open, on which it meets something
    exit: int  # Exit code, 0 for an order
    slot: int  # of the order, -1 for an exit
    price: float  # of the path there


class Quote(NamedTuple):
    """One fill: how much, and its price by parts; half_spread and impact in currency per unit."""

    quantity: float  # units, signed
    mid: float  # price of the moment
    price: float
    half_spread: float  # paid, >= 0
    impact: float  # paid per unit traded; negative where own permanent impact favours the fill
    permanent: float  # the permanent part of it
    transient: float  # the part that earlier trades left
    pressure: float  # what the fill presses the price by for a time, fraction


class Standing(NamedTuple):
    """What the caps beyond one asset look at; shares of equity but for the last."""

    gross: float  # sum of all targets' magnitudes
    reserve: float  # what the change to the targets is expected to cost
    held: float  # present share of this asset
    reach: float  # how far its volume lets it grow
    drawdown: float


class Totals(NamedTuple):
    """What a step adds up to, currency."""

    initial: float  # equity as the episode began
    before: float  # equity
    after: float
    cost: float  # spread, impact and fees of what filled
    leaving: float  # cost of closing every position, where the episode ends
    notional: float


class Opening(NamedTuple):
    """Which episode begins, and where; path and start are drawn when negative."""

    episode: int
    path: int
    start: int  # bars into the path


class Outcome(NamedTuple):
    """What a step returns in addition to the state it wrote."""

    reward: float
    terminated: bool
    truncated: bool
