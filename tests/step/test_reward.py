"""The reward is the weighted sum of its named terms."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import episode_params
from trading_env.core.codes import Term, names_of
from trading_env.core.values import Totals
from trading_env.step.config import RewardConfig
from trading_env.step.reward import RUIN_RATIO, score_account

TERMS = names_of(Term)
equities = st.floats(1.0, 1e12)


def terms_after(before: float, after: float, shortfall: float = 0.0, notional: float = 0.0) -> Any:
    terms = np.zeros(len(Term))
    score_account(terms, Totals(before, after, shortfall, notional), episode_params())
    return SimpleNamespace(**dict(zip(TERMS, terms, strict=True)))


def test_the_terms_of_a_worked_example() -> None:
    terms = terms_after(1000.0, 900.0, shortfall=5.0, notional=250.0)
    assert terms.growth == pytest.approx(math.log(0.9))
    assert terms.shortfall == pytest.approx(-0.005)
    assert terms.risk == pytest.approx(-0.005)  # -(-10%)^2 / 2
    assert terms.turnover == pytest.approx(-0.25)


@given(st.tuples(*[st.floats(-10.0, 10.0)] * 4), st.floats(0.1, 100.0), equities, equities)
def test_the_reward_is_the_scaled_weighted_sum(
    weights: tuple[float, ...], scale: float, before: float, after: float
) -> None:
    terms = np.zeros(len(Term))
    episode = episode_params(scale=scale, weight=weights)
    reward = score_account(terms, Totals(before, after, 3.0, 40.0), episode)
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


@pytest.mark.parametrize("after", [1e-9, 0.0, -1.0, -1e12])
def test_ruin_is_dear_but_finite(after: float) -> None:
    terms = terms_after(1.0, after)
    assert terms.growth == math.log(RUIN_RATIO)
    assert math.isfinite(terms.risk)


@given(equities, st.floats(0.01, 2.0), st.floats(1e-3, 1e3))
def test_the_currency_does_not_matter(before: float, ratio: float, factor: float) -> None:
    one = terms_after(before, before * ratio, before * 0.01, before * 0.3)
    other = before * factor
    two = terms_after(other, other * ratio, other * 0.01, other * 0.3)
    for name in TERMS:
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-9, abs=1e-12)


@given(equities, equities)
def test_risk_shortfall_and_turnover_are_never_paid_for(before: float, after: float) -> None:
    terms = terms_after(before, after, shortfall=before, notional=before)
    assert terms.risk <= 0.0
    assert terms.shortfall == -1.0
    assert terms.turnover == -1.0
