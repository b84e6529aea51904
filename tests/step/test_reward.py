"""The reward is the weighted sum of its named terms."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_env.core.codes import names_of
from trading_env.core.values import Totals
from trading_env.step.config import RewardConfig
from trading_env.step.reward import RUIN_SHARE, Term, score_account

TERMS = names_of(Term)
equities = st.floats(1.0, 1e12)


def terms_after(
    before: float,
    after: float,
    cost: float = 0.0,
    notional: float = 0.0,
    leaving: float = 0.0,
    initial: float | None = None,
) -> Any:
    terms = np.zeros(len(Term))
    initial = before if initial is None else initial
    totals = Totals(initial, before, after, cost, leaving, notional)
    score_account(terms, totals, np.eye(len(Term))[Term.GROWTH], 1.0)
    return SimpleNamespace(**dict(zip(TERMS, terms, strict=True)))


def test_the_terms_of_a_worked_example() -> None:
    terms = terms_after(1000.0, 900.0, cost=5.0, notional=250.0, leaving=90.0)
    assert terms.growth == pytest.approx(math.log(0.9))
    assert terms.shortfall == pytest.approx(-0.005)
    assert terms.risk == pytest.approx(-0.005)  # -(-10%)^2 / 2
    assert terms.turnover == pytest.approx(-0.25)
    assert terms.liquidation == pytest.approx(math.log(0.9))


@given(st.tuples(*[st.floats(-10.0, 10.0)] * len(Term)), st.floats(0.1, 100.0), equities, equities)
def test_the_reward_is_the_scaled_weighted_sum(
    weights: tuple[float, ...], scale: float, before: float, after: float
) -> None:
    terms = np.zeros(len(Term))
    totals = Totals(before, before, after, 3.0, 2.0, 40.0)
    reward = score_account(terms, totals, np.array(weights), scale)
    assert reward == pytest.approx(scale * float(terms @ weights), rel=1e-12, abs=1e-9)


def test_every_term_has_a_weight_among_the_settings() -> None:
    assert set(TERMS) <= set(RewardConfig.model_fields)


@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=20))
def test_growth_adds_up_to_the_log_growth_of_the_episode(ratios: list[float]) -> None:
    equity, total = 1000.0, 0.0
    for ratio in ratios:
        total += terms_after(equity, equity * ratio).growth
        equity *= ratio
    assert total == pytest.approx(math.log(equity / 1000.0), abs=1e-9)


def worth(equity: float) -> float:
    """Log of equity that was 1 at first, or its tangent at RUIN_SHARE."""
    if equity > RUIN_SHARE:
        return math.log(equity)
    return math.log(RUIN_SHARE) + equity / RUIN_SHARE - 1.0


@given(st.lists(st.floats(-3.0, 2.0), min_size=1, max_size=20))
def test_nobody_is_paid_for_a_way_back_that_was_never_charged(powers: list[float]) -> None:
    """However often equity falls to nothing: the sum is that of first and last."""
    equity, total = 1.0, 0.0
    for power in powers:
        after = 10.0 ** (3.0 * power)
        total += terms_after(equity, after, initial=1.0).growth
        equity = after
    assert total == pytest.approx(worth(equity), abs=1e-9)


@pytest.mark.parametrize("after", [1e-9, 0.0, -1.0, -1e12])
def test_ruin_is_dear_but_finite(after: float) -> None:
    terms = terms_after(1.0, after)
    assert terms.growth == pytest.approx(worth(after), rel=1e-12)
    assert math.isfinite(terms.risk)


@given(st.floats(1e-6, 3.0), st.floats(0.0, 1.0), st.floats(1e-4, 1e6))
def test_no_fair_bet_has_a_growth_above_0(before: float, share: float, stake: float) -> None:
    """Won with a chance that makes it fair, however far below 0 a loss takes the account."""
    won, lost = before + (1.0 - share) * stake, before - share * stake
    expected = share * terms_after(before, won, initial=1.0).growth
    expected += (1.0 - share) * terms_after(before, lost, initial=1.0).growth
    assert expected <= 1e-12 * stake / RUIN_SHARE


@given(equities, st.floats(0.01, 2.0), st.floats(1e-3, 1e3))
def test_the_currency_does_not_matter(before: float, ratio: float, factor: float) -> None:
    one = terms_after(before, before * ratio, before * 0.01, before * 0.3, before * 0.001)
    other = before * factor
    two = terms_after(other, other * ratio, other * 0.01, other * 0.3, other * 0.001)
    for name in TERMS:
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-9, abs=1e-12)


@given(equities, equities)
def test_risk_shortfall_and_turnover_are_never_paid_for(before: float, after: float) -> None:
    terms = terms_after(before, after, cost=before, notional=before, leaving=after, initial=after)
    assert terms.risk <= 0.0
    assert terms.shortfall == -1.0
    assert terms.liquidation == pytest.approx(worth(0.0), rel=1e-12)
    assert terms.turnover == -1.0
