"""What one fill costs: half spread, temporary, transient and permanent impact, fee.

With m the price at arrival, q the signed quantity, s = +1 to buy and -1 to sell, B the account's
net units filled earlier in the bar and k the permanent impact of a unit,

    moved = m e^(k B) (e^(k q) - 1) / (k q)
    cost  = half_spread + felt x temporary x rates + max(s x transient, 0), at most 1
    price = moved (1 + cost) to buy, moved / (1 + cost) to sell

or, in the arithmetic closed forms, with R the episode's first mark and no product,

    price = m + s R (cost + k |q| / 2) + R k B        (of which nothing is capped)

- half spread: base x (fast volatility / slow volatility)^spread_exponent x the scenario's factor;
- temporary: in the *rate*, quantity over the volume of the same interval, so that slicing an
  order finely is not free; coefficient x day volatility / depth^exponent. A fill pays
  rate^exponent on its own units and for what it adds to that of earlier fills that still trade, so
  that orders which meet the market together cost what one order for all of them does, and press
  on it as much;
- transient: pressure of the account's earlier trades, three exponentials. While trading goes on at
  a steady rate each builds up to its weight times the temporary impact; `felt` is what a bar's own
  fills build up while they trade, so that an order costs the same in long bars and in short ones.
  A rate is kept against the usual volume where the bar's is less. It makes trades on its side
  dearer and none cheaper: a displacement that could be sold to would pay for pushing the price when
  that is cheap (Fruth, Schoeneborn, Urusov 2014);
- permanent: the price is moved in proportion to what is held, at one coefficient an episode
  (coefficient x day volatility / day volume at its start), and a fill pays the path it moves the
  price along. So the price is a function of the position, and any round trip at a standing market
  gives back what it paid (Huberman and Stanzl 2004; Gatheral 2010). `way_out` is what a position
  is worth on that path back.

The cost of one fill is at most the price itself, permanent impact apart: a purchase pays twice what
it moves the price to, a sale gets half of it. Exchanges cancel trades for far less (FINRA Rule
11892, clearly erroneous transactions), and without a bound a purchase in a drained market could
cost many times the account. A fill's price is rounded to the next tick against the order. A fee is
a fraction of the notional (the maker's for resting targets and limits, the taker's else) plus an
amount per unit, within a minimum and a maximum per order. The scenario's factor multiplies fees,
not rebates, and a fill's rebate is at most the half spread that the fill paid.

Not modelled: the order book, queue position, cross-impact between assets.
"""

import math

from trading_env.core.codes import Factor, ImpactReference, Task
from trading_env.core.elementary import added_power, growth, moved_by, powered
from trading_env.core.grid import tick_above, tick_below
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.params import EpisodeParams, ExecutionParams
from trading_env.core.records import DECAYS, AssetState, Stress
from trading_env.core.values import FillWindow, Quote, Rates, Session, Terms
from trading_env.risk_manager.desk import Rules

MAX_DAY_VOLATILITY = 1.0  # impact does not grow beyond this daily standard deviation
MIN_RESILIENCE = 0.1  # impact decays at no less than this share of its usual speed
MAX_COST = 1.0  # of a fill, and of a quoted half spread, as a fraction of the price


@kernel
def way_out(asset: AssetState, rules: Rules) -> tuple[float, float]:
    """Return how leaving the position, own permanent impact paid, values a unit.

    As a factor on the market price, and an amount to take off that. For any fill at a standing
    market, position x value + cash stays as it was, other costs apart. A parent order is there to
    be filled, not to leave again: Execution-v0 values at the mark.
    """
    lasting = asset.permanent_unit * asset.position
    if rules.episode.task == Task.EXECUTION:
        return 1.0, 0.0
    if rules.execution.impact_reference == ImpactReference.FIRST:
        return 1.0, 0.5 * lasting * asset.reference_price
    return growth(-lasting), 0.0


@kernel
def day_volatility(variance: float, episode: EpisodeParams) -> float:
    """Turn the variance of a bar's return into a day's standard deviation."""
    return min(math.sqrt(variance * episode.bars_per_day), MAX_DAY_VOLATILITY)


@kernel
def half_spread_of(asset: AssetState, factor: float, execution: ExecutionParams) -> float:
    """Half spread that the market quotes under the scenario's factor, a fraction of the price."""
    return float(min(execution.half_spread * (asset.widening * factor), MAX_COST))


@kernel
def widening_of(asset: AssetState, execution: ExecutionParams) -> float:
    """Half spread over its calm value, by the market's fast and slow volatility."""
    ratio = asset.variance_fast / asset.variance_slow
    return powered(ratio, 0.5 * execution.spread_exponent)


@kernel
def terms_of(asset: AssetState, stress: Stress, rules: Rules) -> Terms:
    """Read off what an order in this asset meets in this bar."""
    execution, factor = rules.execution, stress.factor
    scale = 1.0
    if execution.volatility_scaled == 1:
        scale = day_volatility(asset.variance_fast, rules.episode)
    depth = factor[Factor.DEPTH]
    shallow = 1.0 if depth == 1.0 else powered(depth, execution.exponent)
    first = execution.impact_reference == ImpactReference.FIRST
    return Terms(
        reference=asset.reference_price if first else 0.0,
        half_spread=half_spread_of(asset, factor[Factor.SPREAD], execution),
        temporary=scale * execution.temporary / shallow,
        felt=execution.felt,
        exponent=execution.exponent,
        permanent=asset.permanent_unit,
        transient=transient_over(asset, factor[Factor.RESILIENCE], execution),
        usual_volume=asset.volume_mean,
        fees=factor[Factor.FEES],
    )


@kernel
def permanent_of(asset: AssetState, rules: Rules) -> float:
    """Permanent impact of one unit, at the volatility and volume that an episode begins with.

    0 before anything has traded: then nothing fills either.
    """
    execution = rules.execution
    scale = 1.0
    if execution.volatility_scaled == 1:
        scale = day_volatility(asset.variance_slow, rules.episode)
    day_volume = asset.volume_mean * rules.episode.bars_per_day
    return scale * execution.permanent / day_volume if day_volume > 0.0 else 0.0


@kernel
def pass_idle_time(asset: AssetState, idle_s: float, execution: ExecutionParams) -> None:
    """Let own transient impact decay over seconds between two bars: a night, a weekend."""
    for k in range(DECAYS):
        if asset.transient[k] != 0.0:
            asset.transient[k] *= math.exp(-idle_s * execution.transient_rate[k])


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
def quote(terms: Terms, mid: float, quantity: float, rates: Rates, before: float) -> Quote:
    """Price a fill of `quantity` at arrival price `mid`.

    `before` is what the account has traded in this bar already, net, in units: its permanent
    impact is not in `mid` yet.
    """
    side = 1.0 if quantity >= 0.0 else -1.0
    moving = terms.felt * terms.temporary * rates.paid
    pressure = terms.temporary * rates.kept
    earlier = max(side * terms.transient, 0.0)
    cost = terms.half_spread + moving + earlier
    if terms.reference != 0.0:
        reference = terms.reference
        lasting = terms.permanent * (0.5 * abs(quantity) + side * before) * reference
        price = mid + side * (lasting + cost * reference)
    else:
        reference = mid * moved_by(terms.permanent * before) * growth(terms.permanent * quantity)
        lasting = side * (reference - mid)
        cost = min(cost, MAX_COST)
        earlier = min(earlier, MAX_COST - terms.half_spread)
        price = reference * (1.0 + cost)
        if side < 0.0:
            price = reference / (1.0 + cost)
            reference = price  # costs are fractions of what a seller gets
    half_spread = terms.half_spread * reference
    return Quote(
        quantity=quantity,
        mid=mid,
        price=price,
        half_spread=half_spread,
        impact=side * (price - mid) - half_spread,
        permanent=lasting,
        transient=earlier * reference,
        pressure=pressure,
    )


@kernel
def rates_of(
    quantity: float, late: float, share: float, bar_volume: float, usual: float, exponent: float
) -> Rates:
    """Participation of a fill in a share of a bar, beside units `late` that still trade in it."""
    units, beside, most = abs(quantity) / share, late / share, max(bar_volume, usual)
    return Rates(
        paid=added_power(beside / bar_volume, units / bar_volume, exponent),
        kept=added_power(beside / most, units / most, exponent),
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
def proportional_fee(rate: float, quoted: Quote) -> float:
    """Fee of a fill by its notional, currency: a rebate is at most the half spread it paid."""
    size = abs(quoted.quantity)
    return max(rate * size * abs(quoted.price), -size * quoted.half_spread)


@kernel
def charged(fee: float, factor: float) -> float:
    """Fee under the scenario's factor, which leaves rebates as they are."""
    return fee * factor if fee > 0.0 else fee


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
        quoted.pressure,
    )


@kernel
def taking_quote(session: Session, window: FillWindow, quantity: float, tick: float) -> Quote:
    """Price a fill that takes liquidity in a window of the bar."""
    terms = session.terms
    volume, usual, late = session.bar.volume, terms.usual_volume, window.late
    rates = rates_of(quantity, late, window.share, volume, usual, terms.exponent)
    return on_tick(quote(terms, window.mid, quantity, rates, window.before), tick)


@kernel
def leave_impact(
    asset: AssetState,
    net: float,
    pressed: float,
    resilience: float,
    execution: ExecutionParams,
) -> None:
    """Carry the impact of a bar's fills on: permanent part added, transient part relaxed.

    `net` is what they add up to in units, `pressed` their mean pressure, signed.
    """
    asset.permanent += asset.permanent_unit * net
    for k in range(DECAYS):
        level, decay = asset.transient[k], execution.transient_decay[k]
        asset.transient[k] = relaxed(level, execution.transient_weight[k] * pressed, decay)
        if resilience != 1.0:  # correct what has decayed of the level before this bar
            other = decay_at(resilience, decay, execution.transient_mean[k])[0]
            asset.transient[k] += (other - decay) * level


@kernel
def relaxed(level: float, towards: float, decay: float) -> float:
    """Move a displacement towards its steady state by one bar."""
    return decay * level + (1.0 - decay) * towards
