"""The price of a fill, part by part.

Over 300 lines because every part of a price has its worked case beside its laws.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import (
    FREE,
    a_stress,
    an_asset,
    costly,
    episode_params,
    execution_params,
    some_rules,
)
from trading_env.core.codes import Factor, ImpactReference
from trading_env.core.elementary import powered
from trading_env.core.values import Quote, Rates, Terms
from trading_env.execution_engine.pricing import (
    charged,
    fee_due,
    leave_impact,
    pass_idle_time,
    permanent_of,
    proportional_fee,
    quote,
    rates_of,
    terms_of,
    way_out,
    widening_of,
)
from trading_env.stress.true_bar import impacted_price

quantities = st.floats(1e-3, 1e4)
rates = st.floats(0.0, 1.0)
coefficients = st.floats(0.0, 0.1)
terms_drawn = st.builds(
    Terms,
    reference=st.sampled_from([0.0, 80.0]),
    half_spread=coefficients,
    temporary=coefficients,
    exponent=st.floats(0.3, 1.5),
    permanent=st.floats(0.0, 1e-5),
    transient=st.just(0.0),
    felt=st.floats(1.0, 20.0),
)


def at(rate: float, terms: Terms) -> Rates:
    return Rates(*[powered(rate, terms.exponent)] * 2)


def test_a_worked_fill() -> None:
    """Mid 100: 1% half spread, 2% x 0.25^0.5 temporary, 1e-4 x 30 / 2 permanent, 0.4% transient."""
    terms = Terms(0.0, 0.01, 0.02, 0.5, 1e-4, 0.004)
    bought = quote(terms, 100.0, 30.0, at(0.25, terms), 0.0)
    moved = 100 * math.expm1(0.003) / 0.003  # along the way from 100 to 100 e^0.003
    assert bought.price == pytest.approx(moved * 1.024)
    assert bought.half_spread == pytest.approx(moved * 0.01)
    assert bought.permanent == pytest.approx(moved - 100)
    assert bought.impact == pytest.approx(bought.price - 100 - bought.half_spread)
    sold = quote(terms, 100.0, -30.0, at(0.25, terms), 0.0)
    moved = 100 * -math.expm1(-0.003) / 0.003
    assert sold.price == pytest.approx(moved / 1.02)  # what was bought before does not help
    assert sold.transient == 0.0


def test_a_worked_fill_at_the_first_price() -> None:
    """The same costs of 80, the first price; 10 units were bought in this bar before."""
    terms = Terms(80.0, 0.01, 0.02, 0.5, 1e-4, 0.004)
    bought = quote(terms, 100.0, 30.0, at(0.25, terms), 10.0)
    assert bought.permanent == pytest.approx(80.0 * 1e-4 * (15.0 + 10.0))
    assert bought.price == pytest.approx(100.0 + bought.permanent + 80.0 * 0.024)
    sold = quote(terms, 100.0, -30.0, at(0.25, terms), 10.0)
    assert sold.permanent == pytest.approx(80.0 * 1e-4 * (15.0 - 10.0))
    assert sold.price == pytest.approx(100.0 - sold.permanent - 80.0 * 0.02)


def mirror(terms: Terms, bought: Quote, sold: Quote) -> None:
    """Prices mirror each other in their logs, or as differences where costs do not scale.

    The mean of e^z on the way up and of e^-z on the way down are, to second order, z^2 / 12 apart.
    """
    if terms.reference == 0.0:
        curved = (terms.permanent * bought.quantity) ** 2 / 12.0
        assert bought.price * sold.price == pytest.approx(100.0**2, rel=1e-9 + 1.01 * curved)
    else:
        assert bought.price - 100.0 == pytest.approx(100.0 - sold.price, abs=1e-9)
        assert (bought.half_spread, bought.impact) == pytest.approx((sold.half_spread, sold.impact))


@given(terms_drawn, quantities, rates)
def test_buying_and_selling_mirror_each_other(terms: Terms, quantity: float, rate: float) -> None:
    bought, sold = (quote(terms, 100.0, q, at(rate, terms), 0.0) for q in (quantity, -quantity))
    mirror(terms, bought, sold)
    mirrored = quote(terms._replace(transient=-0.01), 100.0, -quantity, at(rate, terms), 0.0)
    pushed = quote(terms._replace(transient=0.01), 100.0, quantity, at(rate, terms), 0.0)
    mirror(terms, pushed, mirrored)


@pytest.mark.proof
@given(terms_drawn, quantities, rates)
def test_the_parts_make_up_the_price_and_are_paid(
    terms: Terms, quantity: float, rate: float
) -> None:
    bought = quote(terms, 100.0, quantity, at(rate, terms), 0.0)
    assert bought.price == pytest.approx(100.0 + bought.half_spread + bought.impact)
    assert bought.half_spread >= 0.0
    assert bought.impact >= -1e-12 * bought.price


@given(terms_drawn, quantities, quantities, rates, rates)
def test_more_or_faster_is_never_cheaper(
    terms: Terms, quantity: float, more: float, rate: float, faster: float
) -> None:
    slow, fast = sorted((rate, faster))
    one = quote(terms, 100.0, quantity, at(slow, terms), 0.0).price
    other = quote(terms, 100.0, quantity + more, at(fast, terms), 0.0).price
    assert other >= one


@given(terms_drawn, quantities, rates, st.floats(0.01, 1e4))
def test_fractions_do_not_depend_on_the_price_level(
    terms: Terms, quantity: float, rate: float, factor: float
) -> None:
    one = quote(terms._replace(reference=0.0), 100.0, quantity, at(rate, terms), 0.0)
    other = quote(terms._replace(reference=0.0), 100.0 * factor, quantity, at(rate, terms), 0.0)
    assert other.price / one.price == pytest.approx(factor, rel=1e-12)


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(-1e6, 1e6), quantities)
def test_a_price_stays_positive_however_thin_the_market(
    half_spread: float, temporary: float, transient: float, quantity: float
) -> None:
    terms = Terms(0.0, half_spread, temporary, 0.6, 1e6, transient)
    assert quote(terms, 100.0, -quantity, at(1.0, terms), 0.0).price > 0.0


@given(st.floats(0.0, 1.0), st.floats(0.0, 1e6), st.floats(-1e6, 1e6), quantities, rates)
def test_no_cost_is_more_than_the_price(
    half_spread: float, temporary: float, transient: float, quantity: float, rate: float
) -> None:
    """Nor is any part of it more than the whole, or negative."""
    terms = Terms(0.0, half_spread, temporary, 0.6, 0.0, transient)
    for signed in (quantity, -quantity):
        quoted = quote(terms, 100.0, signed, at(rate, terms), 0.0)
        assert 50.0 <= quoted.price <= 200.0
        assert 0.0 <= quoted.half_spread <= abs(quoted.price - 100.0) + 1e-12
        assert quoted.transient >= 0.0
        assert quoted.half_spread + quoted.transient <= abs(quoted.price - 100.0) + 1e-12


def test_a_market_quotes_no_half_spread_above_the_price() -> None:
    asset, stress = an_asset(), a_stress()
    rules = some_rules(execution=execution_params(half_spread=0.01))
    for factor in (1.0, 1e6):
        stress.factor[Factor.SPREAD] = factor
        assert terms_of(asset, stress, rules).half_spread == min(0.01 * factor, 1.0)


def test_the_arithmetic_reference_is_the_first_mark() -> None:
    """Almgren and Chriss: a fraction of the first price, whatever the price is now."""
    terms = Terms(50.0, 0.01, 0.02, 1.0, 0.0, 0.0)
    for mid in (10.0, 50.0, 90.0):
        assert quote(terms, mid, 1.0, at(0.5, terms), 0.0).price - mid == pytest.approx(50 * 0.02)


def test_terms_in_a_quiet_market() -> None:
    """Day volatility is sqrt(1e-4 x 4) = 2%, day volume 4 x 1000."""
    execution = costly(spread_exponent=0.7)
    terms = terms_of(
        an_asset(),
        a_stress(),
        some_rules(execution=execution, episode=episode_params(bars_per_day=4.0)),
    )
    assert terms.half_spread == pytest.approx(2e-4)
    assert terms.temporary == pytest.approx(0.142 * 0.02)
    assert terms.reference == terms.transient == 0.0


def test_terms_widen_with_volatility_and_stress() -> None:
    asset = an_asset(variance_fast=4e-4)
    execution = costly(volatility_scaled=0)
    asset.widening = widening_of(asset, execution)
    stress = a_stress(spread=3.0, depth=0.25)
    terms = terms_of(asset, stress, some_rules(execution=execution))
    assert terms.half_spread == pytest.approx(2e-4 * 2.0**0.7 * 3.0)
    assert terms.temporary == pytest.approx(0.142 / 0.25**0.6)


def test_terms_refer_to_the_first_mark_when_asked() -> None:
    execution = costly(impact_reference=ImpactReference.FIRST)
    asset = an_asset(reference_price=42.0)
    assert terms_of(asset, a_stress(), some_rules(execution=execution)).reference == 42.0


def test_published_cost_of_a_tenth_of_ibms_day() -> None:
    """Almgren et al. 2005, table 3: 32.22, 24.64 and 18.42 bp over 0.1, 0.2 and 0.5 day."""
    permanent = 0.314 * 0.0157 * (1.728e9 / 6.561e6) ** 0.25
    for days, published in ((0.1, 32.22), (0.2, 24.64), (0.5, 18.42)):
        terms = Terms(0.0, 0.0, 0.0157 * 0.142, 0.6, permanent / 6.561e6, 0.0)
        cost = quote(terms, 1.0, 0.1 * 6.561e6, at(0.1 / days, terms), 0.0).price - 1.0
        second = cost**2  # the paper adds its parts, the engine compounds them
        assert cost * 1e4 == pytest.approx(published, abs=0.02 + 1e4 * second)


@given(st.integers(1, 1000))
def test_slicing_finely_is_not_free(slices: int) -> None:
    """One order of 100 over one bar of 1000, or n of 100 / n over n bars of 1000 / n."""
    terms = Terms(0.0, 0.0, 0.1, 0.5, 0.0, 0.0)
    whole = quote(terms, 100.0, 100.0, at(0.1, terms), 0.0).price
    part = quote(
        terms, 100.0, 100.0 / slices, at((100.0 / slices) / (1000.0 / slices), terms), 0.0
    ).price
    assert part == pytest.approx(whole)


@given(
    st.lists(st.floats(-50.0, 50.0), min_size=1, max_size=8),
    st.floats(0.0, 0.1),
    st.floats(0.0, 1e-4),
)
def test_a_round_trip_at_zero_volatility_never_pays(
    trades: list[float], temporary: float, permanent: float
) -> None:
    """Any zero-sum schedule, one order a bar."""
    asset, execution = an_asset(permanent_unit=permanent), execution_params()
    execution.temporary, execution.exponent = temporary, 0.6
    cost = 0.0
    for quantity in [*trades, -sum(trades)]:
        if quantity == 0.0:
            continue
        terms = terms_of(asset, a_stress(), some_rules(execution=execution))
        mid = 100.0 * math.exp(asset.permanent)
        quoted = quote(terms, mid, quantity, at(abs(quantity) / 1000.0, terms), 0.0)
        cost += quantity * quoted.price
        pressed = math.copysign(quoted.pressure, quantity)
        leave_impact(asset, quantity, pressed, 1.0, execution)
    assert cost >= -1e-9
    assert asset.permanent == pytest.approx(0.0, abs=1e-12)


def test_impact_stays_then_relaxes_to_nothing() -> None:
    asset, execution = an_asset(permanent_unit=1e-5), execution_params()
    leave_impact(asset, -200.0, -0.02, 1.0, execution)
    assert asset.permanent == pytest.approx(-2e-3)
    assert asset.transient[0] == pytest.approx(-0.9 * 0.5 * 0.02)
    assert asset.transient[1] == pytest.approx(-0.5 * 0.3 * 0.02)
    assert asset.transient[2] == pytest.approx(-0.1 * 0.2 * 0.02)
    for _ in range(400):
        leave_impact(asset, 0.0, 0.0, 1.0, execution)
    assert asset.permanent == pytest.approx(-2e-3)
    assert asset.transient[2] == pytest.approx(0.0, abs=1e-12)


def test_a_steady_rate_holds_the_transient_part_at_its_weights() -> None:
    asset, execution = an_asset(), execution_params()
    for _ in range(400):
        leave_impact(asset, 100.0, 0.01, 1.0, execution)
    levels = tuple(asset.transient)
    assert levels == pytest.approx((0.005, 0.003, 0.002))


@given(st.lists(st.tuples(quantities, st.floats(0.1, 1e3)), min_size=1, max_size=6))
def test_a_fee_is_taken_once_and_the_minimum_once_an_order(
    fills: list[tuple[float, float]],
) -> None:
    execution = execution_params(fee=1e-3, fee_per_unit=0.005, fee_minimum=7.0)
    paid = notional = quantity = 0.0
    for units, price in fills:
        notional += units * price
        quantity += units
        fee = fee_due(execution.fee * notional, notional, quantity, paid, execution)
        assert fee >= -1e-12
        paid += fee
    assert paid == pytest.approx(max(1e-3 * notional + 0.005 * quantity, 7.0))


def test_a_rebate_is_a_negative_fee() -> None:
    assert fee_due(-0.1, 1000.0, -10.0, 0.0, execution_params()) == pytest.approx(-0.1)


def test_permanent_impact_is_of_day_volatility_and_day_volume_and_0_before_any_volume() -> None:
    rules = some_rules(execution=costly(), episode=episode_params(bars_per_day=4.0))
    assert permanent_of(an_asset(), rules) == pytest.approx(0.314 * 0.02 / 4000.0)
    assert permanent_of(an_asset(volume_mean=0.0), rules) == 0.0


@given(
    st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=6),
    st.sampled_from(list(ImpactReference)),
    st.floats(1e-9, 1e-6),
)
def test_permanent_impact_makes_no_equity(
    trades: list[float], reference: ImpactReference, unit: float
) -> None:
    """Whatever is traded at a market that stands still: nothing is gained by moving the price."""
    asset, cash = an_asset(permanent_unit=unit), 0.0
    rules = some_rules(execution=execution_params(impact_reference=reference))
    for quantity in trades:
        terms = terms_of(asset, a_stress(), rules)
        quoted = quote(
            terms, impacted_price(asset, 100.0, reference), quantity, at(0.0, terms), 0.0
        )
        cash -= quantity * quoted.price
        asset.position += quantity
        leave_impact(asset, quantity, 0.0, 1.0, rules.execution)
        market = impacted_price(asset, 100.0, reference)
        factor, less = way_out(asset, rules)
        worth = asset.position * (market * factor - less)
        assert cash + worth == pytest.approx(0.0, abs=1e-9 * 100.0 * sum(map(abs, trades)))


def test_what_trades_left_decays_over_a_night_by_the_clock() -> None:
    asset = an_asset(transient=(0.01, 0.01, 0.01))
    rates = (1 / 300.0, 1 / 3600.0, 1 / 86400.0)
    pass_idle_time(asset, 63_000.0, execution_params(transient_rate=rates))
    assert list(asset.transient) == pytest.approx([0.01 * math.exp(-63_000.0 * r) for r in rates])


def test_a_thin_bar_makes_a_trade_dear_and_its_pressure_no_larger_than_usual() -> None:
    terms = FREE._replace(temporary=0.1, exponent=0.5, usual_volume=1000.0)
    thin = quote(terms, 100.0, 10.0, rates_of(10.0, 0.0, 1.0, 10.0, 1000.0, terms.exponent), 0.0)
    usual = quote(terms, 100.0, 10.0, rates_of(10.0, 0.0, 1.0, 1000.0, 1000.0, terms.exponent), 0.0)
    assert thin.price > usual.price
    assert thin.pressure == usual.pressure


@given(
    parts=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=5),
    exponent=st.sampled_from([0.35, 0.5, 0.6, 1.0]),
    share=st.floats(0.1, 1.0),
    late=st.sampled_from([0.0, 3.0, 400.0]),
)
def test_orders_that_meet_the_market_together_cost_and_press_as_one(
    parts: list[float], exponent: float, share: float, late: float
) -> None:
    """Beside whatever trades already: 5 parts lose 5 digits more than one."""
    whole = rates_of(sum(parts), late, share, 900.0, 1000.0, exponent)
    paid = kept = done = 0.0
    for part in parts:
        rates = rates_of(part, late + done, share, 900.0, 1000.0, exponent)
        paid, kept, done = paid + part * rates.paid, kept + part * rates.kept, done + part
    assert paid == pytest.approx(done * whole.paid, rel=1e-9)
    assert kept == pytest.approx(done * whole.kept, rel=1e-9)


@given(
    rate=st.floats(-0.02, 0.01),
    quantity=st.sampled_from([-30.0, 30.0]),
    mid=st.floats(1.0, 300.0),
    reference=st.sampled_from([0.0, 100.0]),
)
def test_no_fill_is_paid_more_than_the_half_spread_it_paid(
    rate: float, quantity: float, mid: float, reference: float
) -> None:
    """Whatever it is a fraction of: a taker's best price is the middle of the market."""
    terms = FREE._replace(half_spread=0.01, reference=reference)
    quoted = quote(
        terms, mid, quantity, rates_of(quantity, 0.0, 1.0, 1e6, 1e6, terms.exponent), 0.0
    )
    fee = proportional_fee(rate, quoted)
    if rate >= 0.0:
        assert fee == rate * 30.0 * quoted.price
    assert quantity * (quoted.price - mid) + fee >= -1e-12 * 30.0 * mid


def test_a_scenario_multiplies_fees_and_not_rebates() -> None:
    assert charged(2.0, 3.0) == 6.0
    assert charged(-2.0, 3.0) == -2.0


@pytest.mark.parametrize("resilience", [0.2, 0.5, 1.0, 3.0])
def test_resilience_changes_how_fast_impact_decays_and_not_what_fills_add(
    resilience: float,
) -> None:
    rates = (0.1, 1.0, 20.0)
    execution = execution_params(
        transient_weight=(0.5, 0.0, 0.0),
        transient_decay=[math.exp(-rate) for rate in rates],
        transient_mean=[-math.expm1(-rate) / rate for rate in rates],
    )
    asset = an_asset(transient=(0.01, 0.02, 0.03))
    stress = a_stress(resilience=resilience)
    terms = terms_of(asset, stress, some_rules(execution=execution))
    expected = sum(
        level * -math.expm1(-resilience * rate) / (resilience * rate)
        for level, rate in zip((0.01, 0.02, 0.03), rates, strict=True)
    )
    assert terms.transient == pytest.approx(expected, rel=1e-9)
    leave_impact(asset, 1.0, 0.004, resilience, execution)
    added = (1.0 - math.exp(-0.1)) * 0.5 * 0.004
    assert asset.transient[0] == pytest.approx(0.01 * math.exp(-0.1 * resilience) + added)
    assert asset.transient[1] == pytest.approx(0.02 * math.exp(-resilience))
    assert asset.transient[2] == pytest.approx(0.03 * math.exp(-20.0 * resilience))


def test_the_scenario_multiplies_what_each_fill_adds_to_a_fee() -> None:
    terms = terms_of(an_asset(), a_stress(fees=3.0), some_rules())
    assert terms.fees == pytest.approx(3.0)
