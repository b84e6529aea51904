"""What one fill costs: half spread, temporary, transient and permanent impact, fee.

With m the price at arrival, s = +1 to buy and -1 to sell, all fractions of a reference price R
(the arrival price, or the episode's first mark in the arithmetic closed forms):

    price = m + s R (half_spread + temporary x rate^exponent + permanent |q| / 2) + R transient
            + R permanent x (net units of the account's earlier fills in this bar)

- half spread: base x (fast volatility / slow volatility)^spread_exponent x the scenario's factor;
- temporary: in the *rate*, quantity over the volume of the same interval, so that slicing an
  order finely is not free; coefficient x day volatility / depth^exponent (Almgren, Thum,
  Hauptmann, Li 2005: 0.142 and 3/5);
- transient: what is left of the displacement of earlier trades, three exponentials, each relaxing
  to its weight times the temporary impact that the present bar's fills paid (the scenario's
  resilience changes how fast it decays, not what fills add);
- permanent: linear in quantity (a nonlinear one allows profitable round trips, Huberman and
  Stanzl 2004); half of an order's own is paid inside its fill, as if it moved the price along a
  straight line while it trades. Coefficient x day volatility / day volume.

A fill's price is rounded to the next tick against the order. A fee is a fraction of the notional
(the maker's for resting targets and limits, the taker's else) plus an amount per unit, within a
minimum and a maximum per order; the scenario's factor on fees multiplies what each fill adds to
that.

Not modelled: the order book, queue position, cross-impact between assets.
"""

import math

from trading_env.core.codes import Factor, ImpactReference
from trading_env.core.grid import tick_above, tick_below
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.params import EpisodeParams, ExecutionParams
from trading_env.core.records import DECAYS, AssetState, Stress
from trading_env.core.values import Bar, FillWindow, Quote, Session, Terms
from trading_env.risk_manager.desk import Rules

MAX_PART = 0.2  # no part of the cost exceeds this share of the arrival price (CURRENT only)
MAX_DAY_VOLATILITY = 1.0  # impact does not grow beyond this daily standard deviation
TINY_VOLUME = 1e-300
MIN_RESILIENCE = 0.1  # impact decays at no less than this share of its usual speed


@kernel
def powered(base: float, exponent: float) -> float:
    """Return base**exponent of a base >= 0; exact for an exponent of 1.

    By logarithm, in half the time of `**`; the relative error is below 1e-15 (1 + |log(result)|).
    """
    if exponent == 1.0 or base == 0.0:
        return base
    return math.exp(exponent * math.log(base))


@kernel
def day_volatility(variance: float, episode: EpisodeParams) -> float:
    """Turn the variance of a bar's return into a day's standard deviation."""
    return min(math.sqrt(variance * episode.bars_per_day), MAX_DAY_VOLATILITY)


@kernel
def terms_of(asset: AssetState, stress: Stress, rules: Rules) -> Terms:
    """Read off what an order in this asset meets in this bar."""
    execution, factor = rules.execution, stress.factor
    ratio = asset.variance_fast / asset.variance_slow
    widening = powered(ratio, 0.5 * execution.spread_exponent) * factor[Factor.SPREAD]
    scale = 1.0
    if execution.volatility_scaled == 1:
        scale = day_volatility(asset.variance_fast, rules.episode)
    depth = factor[Factor.DEPTH]
    shallow = 1.0 if depth == 1.0 else powered(depth, execution.exponent)
    day_volume = max(asset.volume_mean * rules.episode.bars_per_day, TINY_VOLUME)
    first = execution.impact_reference == ImpactReference.FIRST
    return Terms(
        reference=asset.reference_price if first else 0.0,
        half_spread=execution.half_spread * widening,
        temporary=scale * execution.temporary / shallow,
        exponent=execution.exponent,
        permanent=scale * execution.permanent / day_volume,
        transient=transient_over(asset, factor[Factor.RESILIENCE], execution),
        fees=factor[Factor.FEES],
        resilience=factor[Factor.RESILIENCE],
    )


@kernel
def transient_over(asset: AssetState, resilience: float, execution: ExecutionParams) -> float:
    """Mean displacement over the next bar by the account's earlier trades, fraction, signed."""
    level, mean = asset.transient, execution.transient_mean
    if resilience != 1.0:
        return transient_at(asset, resilience, execution)
    return float(level[0] * mean[0] + level[1] * mean[1] + level[2] * mean[2])


@kernel
def decay_at(resilience: float, decay: float, mean: float) -> tuple[float, float]:
    """Share left after one bar, and mean share over it, at another speed of decay."""
    if decay >= 1.0:  # it does not decay at all
        return decay, mean
    rate = max(resilience, MIN_RESILIENCE) * (1.0 - decay) / mean
    return math.exp(-rate), -math.expm1(-rate) / rate


@rare_kernel
def transient_at(asset: AssetState, resilience: float, execution: ExecutionParams) -> float:
    """Mean displacement over the next bar at another speed of decay."""
    total = 0.0
    for k in range(DECAYS):
        decay, mean = execution.transient_decay[k], execution.transient_mean[k]
        total += asset.transient[k] * decay_at(resilience, decay, mean)[1]
    return total


@kernel
def quote(terms: Terms, mid: float, quantity: float, rate: float, before: float) -> Quote:
    """Price a fill of `quantity` at arrival price `mid` and participation `rate`.

    `before` is what the account has traded in this bar already, net, in units: its permanent
    impact is not in `mid` yet.
    """
    side = 1.0 if quantity >= 0.0 else -1.0
    half_spread = terms.half_spread
    moving = terms.temporary * powered(rate, terms.exponent)
    lasting = terms.permanent * (0.5 * abs(quantity) + side * before)
    earlier = side * terms.transient
    reference = terms.reference
    if reference == 0.0:
        reference = mid
        half_spread = min(half_spread, MAX_PART)
        moving = min(moving, MAX_PART)
        lasting = min(max(lasting, -MAX_PART), MAX_PART)
        earlier = min(max(earlier, -MAX_PART), MAX_PART)
    spread_paid = half_spread * reference
    impact_paid = (moving + lasting + earlier) * reference
    return Quote(
        quantity=quantity,
        mid=mid,
        price=mid + side * (spread_paid + impact_paid),
        half_spread=spread_paid,
        impact=impact_paid,
        permanent=lasting * reference,
        transient=earlier * reference,
        temporary=moving,
    )


@kernel
def fee_due(
    proportional: float,
    notional: float,
    quantity: float,
    paid: float,
    execution: ExecutionParams,
) -> float:
    """Fee still due on an order that has filled `quantity` for `notional` and paid `paid`.

    `proportional` is the part by notional, currency: the taker's rate and the maker's on what each
    of them filled. The minimum yields to the maximum.
    """
    total = proportional + execution.fee_per_unit * abs(quantity)
    return min(max(total, execution.fee_minimum), execution.fee_maximum * abs(notional)) - paid


@kernel
def on_tick(quoted: Quote, tick: float) -> Quote:
    """Round a fill's price to the next tick against the order; what that costs is spread."""
    if tick <= 0.0:
        return quoted
    if quoted.quantity >= 0.0:
        price = tick_above(quoted.price, tick)
        lost = price - quoted.price
    else:
        price = tick_below(quoted.price, tick)
        lost = quoted.price - price
    return Quote(
        quoted.quantity,
        quoted.mid,
        price,
        quoted.half_spread + lost,
        quoted.impact,
        quoted.permanent,
        quoted.transient,
        quoted.temporary,
    )


@kernel
def taking_quote(session: Session, window: FillWindow, quantity: float, tick: float) -> Quote:
    """Price a fill that takes liquidity in a window of the bar."""
    rate = (window.late + abs(quantity)) / (window.share * session.bar.volume)
    mid = price_at(session.bar, window.u)
    return on_tick(quote(session.terms, mid, quantity, rate, window.before), tick)


@kernel
def leave_impact(
    asset: AssetState,
    terms: Terms,
    net: float,
    pressed: float,
    execution: ExecutionParams,
) -> None:
    """Carry the impact of a bar's fills on: permanent part added, transient part relaxed.

    `net` is what they add up to in units, `pressed` their mean temporary impact, signed.
    """
    if net != 0.0:
        moved = terms.permanent * net
        if terms.reference == 0.0:
            moved = min(max(moved, -2.0 * MAX_PART), 2.0 * MAX_PART)  # as capped in its quote
        asset.permanent += moved
    for k in range(DECAYS):
        level, decay = asset.transient[k], execution.transient_decay[k]
        asset.transient[k] = relaxed(level, execution.transient_weight[k] * pressed, decay)
        if terms.resilience != 1.0:  # correct what has decayed of the level before this bar
            other = decay_at(terms.resilience, decay, execution.transient_mean[k])[0]
            asset.transient[k] += (other - decay) * level


@kernel
def relaxed(level: float, towards: float, decay: float) -> float:
    """Move a displacement towards its steady state by one bar."""
    return decay * level + (1.0 - decay) * towards


@kernel
def price_at(bar: Bar, u: float) -> float:
    """Price that an order meets at fraction u of a bar: on the line from open to close.

    Straight, so that the time of arrival tells nothing about what is still to come.
    """
    return bar.open + (bar.close - bar.open) * u


@kernel
def extremes_between(bar: Bar, begin: float, end: float) -> tuple[float, float]:
    """Lowest and highest price between two fractions of a bar, for stops and targets.

    The bar's low and high are touched a third and two thirds through: low first in a bar that
    closes up, high first in one that closes down.
    """
    lowest = min(price_at(bar, begin), price_at(bar, end))
    highest = max(price_at(bar, begin), price_at(bar, end))
    low, low_at = extreme_of(bar, False)
    high, high_at = extreme_of(bar, True)
    if begin <= low_at <= end:
        lowest = min(lowest, low)
    if begin <= high_at <= end:
        highest = max(highest, high)
    return lowest, highest


@kernel
def extreme_of(bar: Bar, highest: bool) -> tuple[float, float]:
    """Return a bar's high or low and the fraction of the bar at which it is touched."""
    early = highest != (bar.close >= bar.open)
    return bar.high if highest else bar.low, 1.0 / 3.0 if early else 2.0 / 3.0


@kernel
def crossing(bar: Bar, price: float) -> float:
    """Fraction of a bar at which the line from open to close is at a price between them."""
    return (price - bar.open) / (bar.close - bar.open)
