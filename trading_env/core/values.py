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


class Stake(NamedTuple):
    """A signed share of equity and what decided its size."""

    fraction: float
    kelly_fraction: float  # the growth-optimal share, before multiplier and caps; >= 0
    bound_by: int


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
    permanent: float  # fraction per unit traded
    transient: float  # fraction, signed: displacement left by the account's earlier trades
    fees: float = 1.0  # the scenario's factor on fees
    resilience: float = 1.0  # its factor on the speed at which displacement decays


class Session(NamedTuple):
    """One bar as a place to trade."""

    bar: Bar
    terms: Terms
    capacity: float  # units that all fills together may take
    seconds: float  # length of the bar


class Address(NamedTuple):
    """Where a random draw lives, but for its stream."""

    seed: np.uint64
    episode: int
    step: int
    asset: int


class Quote(NamedTuple):
    """The price of one fill, by parts; half_spread and impact in currency per unit."""

    price: float
    half_spread: float  # paid, >= 0
    impact: float  # paid per unit traded; negative where earlier own impact favours the fill
    permanent: float  # the permanent part of it
    transient: float  # the part that earlier trades left
    temporary: float  # the temporary part alone, as a fraction


class Outcome(NamedTuple):
    """What a step returns beside the state it wrote."""

    reward: float
    terminated: bool
    truncated: bool
