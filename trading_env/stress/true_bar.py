"""The true bar: the base bar, stressed by the scenario, shifted by the account's lasting impact.

Without stress the base bar is taken as it stands, so that an empty scenario changes no bit. With
stress the base bar's simple returns from the previous base close are multiplied by the volatility
multiplier (a martingale stays one). The common shock of a correlation event is added to all four
prices: it comes before the open, so that no stop or limit inside the bar is met on its way. The
injected path is added in log price, and the ratio is carried on in `displacement`:

    true price = base price x displacement,  then own permanent impact on top.

The bar keeps low <= open, close <= high: its body is moved, the injected path's extremes are
included, and the base bar's shadows, stretched like its body, are added outside.

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
    opened = stretched(base.open / previous_close, factor, common)
    closed = stretched(base.close / previous_close, factor, common)
    upper_shadow = stretched(base.high / previous_close, factor, common) / max(opened, closed)
    lower_shadow = stretched(base.low / previous_close, factor, common) / min(opened, closed)
    opened *= moved_by(stress.gap)
    closed *= moved_by(stress.gap + stress.drift)
    peak = max(max(opened, closed), opened * moved_by(stress.high_excursion))
    trough = min(min(opened, closed), opened * moved_by(stress.low_excursion))
    anchor = previous_close * displacement
    bar = Bar(
        open=anchor * opened,
        high=anchor * (peak * upper_shadow),
        low=anchor * (trough * lower_shadow),
        close=anchor * closed,
        volume=base.volume,
    )
    displacement *= closed * previous_close / base.close
    return bar, min(max(displacement, 1.0 / MAX_RATIO), MAX_RATIO)


@kernel
def stretched(ratio: float, factor: float, shift: float) -> float:
    """Multiply the simple return of a price ratio by `factor`, and add `shift` to it.

    Simple returns, so that a martingale stays one. Below STRETCH_FLOOR the ratio falls off
    exponentially instead of through 0, and gains are cut like losses: were falls alone cut, a long
    position would drift upwards. The map is smooth and increasing, so a bar keeps its order.
    """
    moved = factor * (ratio - 1.0) + shift
    size = abs(moved)
    if size <= 1.0 - STRETCH_FLOOR:
        return 1.0 + moved
    kept = STRETCH_FLOOR * math.exp(max((1.0 - size) / STRETCH_FLOOR - 1.0, -MAX_EXPONENT))
    return kept if moved < 0.0 else 2.0 - kept


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
