"""The true bar: the base bar, stressed by the scenario, shifted by the account's lasting impact.

Without stress the base bar is taken as it stands, so that an empty scenario changes no bit. With
stress the base bar's simple returns from the previous base close are multiplied by the volatility
multiplier (a martingale stays one). The common shock of a correlation event is added to all four
prices: it comes before the open, so that no stop or limit inside the bar is met on its way. The
injected path is added in log price, and the ratio is carried on in `displacement`:

    true price = base price x displacement,  then own permanent impact on top.

The bar keeps low <= open, close <= high: its body is moved, the injected path's extremes are
included, and the base bar's shadows, stretched like its body, are added outside.

The displacement, and with it every price over the table's own, stays within e^-20 and e^20. Losses
of a stretched bar are cut where they would go beyond, and gains like losses: at the lower end a bar
moves as the table's does, so that nobody knows in which direction. Only an injected path is cut on
one side.

In a halt the price stands still at the last mark and no volume trades, while the undisturbed
price moves on unseen; trading resumes with the gap that has built up.
"""

import math

from trading_env.core.codes import Factor, ImpactReference
from trading_env.core.elementary import MAX_EXPONENT, moved_by
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.records import AssetState, BarRecord, Stress
from trading_env.core.values import Bar

STRETCH_FLOOR = 0.25
MAX_RATIO = math.exp(MAX_EXPONENT)
MIN_PRICE_SHARE = 1e-6  # arithmetic impact leaves at least this share of the price


@kernel
def as_bar(base: BarRecord) -> Bar:
    """Copy a row of the table."""
    return Bar(base.open, base.high, base.low, base.close, base.volume)


@kernel
def scaled(bar: Bar, factor: float) -> Bar:
    """Multiply the prices."""
    return Bar(
        bar.open * factor, bar.high * factor, bar.low * factor, bar.close * factor, bar.volume
    )


@kernel
def stressed_bar(
    base: BarRecord, previous_close: float, displacement: float, stress: Stress
) -> tuple[Bar, float]:
    """Return the bar before own impact, and the displacement after it."""
    factor = stress.factor
    calm = stress.gap == 0.0 and stress.drift == 0.0 and factor[Factor.VOLATILITY] == 1.0
    calm = calm and factor[Factor.OWN] == 1.0
    if calm and stress.low_excursion == 0.0 and stress.high_excursion == 0.0:
        bar = as_bar(base)
        if displacement != 1.0:
            bar = scaled(bar, displacement)
    else:
        bar, displacement = moved_bar(base, previous_close, displacement, stress)
    if factor[Factor.VOLUME] == 1.0:
        return bar, displacement
    volume = bar.volume * factor[Factor.VOLUME]
    return Bar(bar.open, bar.high, bar.low, bar.close, volume), displacement


@rare_kernel
def moved_bar(
    base: BarRecord, previous_close: float, displacement: float, stress: Stress
) -> tuple[Bar, float]:
    """Apply the volatility multiplier, the common shock and the injected path to a bar's prices."""
    volatility = stress.factor[Factor.VOLATILITY]
    factor = volatility * math.sqrt(stress.factor[Factor.OWN])
    common = volatility * stress.common
    left = 1.0 / (MAX_RATIO * displacement)
    opened = stretched(base.open / previous_close, factor, common, left)
    closed = stretched(base.close / previous_close, factor, common, left)
    upper_shadow = stretched(base.high / previous_close, factor, common, left) / max(opened, closed)
    lower_shadow = stretched(base.low / previous_close, factor, common, left) / min(opened, closed)
    opened *= moved_by(stress.gap)
    closed *= moved_by(stress.gap + stress.drift)
    peak = max(max(opened, closed), opened * moved_by(stress.high_excursion))
    trough = min(min(opened, closed), opened * moved_by(stress.low_excursion))
    anchor = previous_close * displacement
    bar = Bar(
        open=bounded(anchor * opened, base.open),
        high=bounded(anchor * (peak * upper_shadow), base.high),
        low=bounded(anchor * (trough * lower_shadow), base.low),
        close=bounded(anchor * closed, base.close),
        volume=base.volume,
    )
    displacement *= closed * previous_close / base.close
    return bar, bounded(displacement, 1.0)


@kernel
def bounded(price: float, base: float) -> float:
    """Keep a price, or the displacement (base 1), where the table's own can be moved to."""
    return min(max(price, base / MAX_RATIO), base * MAX_RATIO)


@kernel
def stretched(ratio: float, factor: float, shift: float, left: float) -> float:
    """Multiply the simple return of a price ratio by `factor`, and add `shift` to it.

    Simple returns, so that a martingale stays one. Below STRETCH_FLOOR the ratio falls off
    exponentially instead of through 0, and gains are cut like losses: were falls alone cut, a long
    position would drift upwards. The map is smooth and increasing, so a bar keeps its order. So is
    the cut at `left`, the share of the table's own ratio that is left at least: losses stop at it,
    and gains at what mirrors them.
    """
    moved = factor * (ratio - 1.0) + shift
    size = abs(moved)
    found = 1.0 + moved
    if size > 1.0 - STRETCH_FLOOR:
        kept = STRETCH_FLOOR * math.exp(max((1.0 - size) / STRETCH_FLOOR - 1.0, -MAX_EXPONENT))
        found = kept if moved < 0.0 else 2.0 - kept
    return min(max(found, left * ratio), 2.0 - left * (2.0 - ratio))


@kernel
def frozen_bar(price: float) -> Bar:
    """Bar of a halt."""
    return Bar(price, price, price, price, 0.0)


@kernel
def impacted_price(asset: AssetState, price: float, reference: int) -> float:
    """Shift one undisturbed price by the account's own permanent impact."""
    if asset.permanent == 0.0:
        return price
    if reference == ImpactReference.FIRST:
        shifted = price + asset.permanent * asset.reference_price
        return max(shifted, MIN_PRICE_SHARE * price)
    return price * moved_by(asset.permanent)


@kernel
def impacted_bar(asset: AssetState, bar: Bar, reference: int) -> Bar:
    """Shift a bar by the permanent impact of the bars before it."""
    if asset.permanent == 0.0:
        return bar
    if reference == ImpactReference.CURRENT:
        return scaled(bar, moved_by(asset.permanent))
    return Bar(
        open=impacted_price(asset, bar.open, reference),
        high=impacted_price(asset, bar.high, reference),
        low=impacted_price(asset, bar.low, reference),
        close=impacted_price(asset, bar.close, reference),
        volume=bar.volume,
    )
