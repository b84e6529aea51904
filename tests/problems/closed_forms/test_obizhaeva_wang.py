"""Obizhaeva-Wang against its worked example; no round trip earns money."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from trading_env.problems.closed_forms.obizhaeva_wang import ObizhaevaWang

EXAMPLE = ObizhaevaWang(
    initial_price=100.0,
    quantity=1e5,
    horizon=1.0,
    trades=11,
    depth=5000.0,
    permanent=1e-4,
    resilience=2.2231,
)


class ContinuousOptimum(NamedTuple):
    """The limit of infinitely many trades: a block, a constant rate, a block."""

    block: float  # shares, at the start and again at the end
    rate: float  # shares per time in between
    cost: float  # currency above the initial price


def continuous(book: ObizhaevaWang) -> ContinuousOptimum:
    """The paper's optimum: blocks X / (rho T + 2) at 0 and T, rho times that a time between."""
    block = book.quantity / (book.resilience * book.horizon + 2.0)
    cost = 0.5 * book.permanent * book.quantity**2 + book.transient * book.quantity * block
    return ContinuousOptimum(block, book.resilience * block, cost)


def test_the_continuous_example() -> None:
    limit = continuous(EXAMPLE)
    assert limit.block == pytest.approx(23_679.29, abs=0.006)
    assert limit.rate == pytest.approx(52_641.42, abs=0.006)
    assert limit.cost == pytest.approx(736_792.88, abs=0.006)
    assert 2 * limit.block + limit.rate * EXAMPLE.horizon == pytest.approx(1e5, rel=1e-14)


def test_the_discrete_example() -> None:
    ends, inner = 26_357.43, 5_253.90
    assert EXAMPLE.schedule() == pytest.approx([ends, *[inner] * 9, ends], abs=0.006)
    assert EXAMPLE.optimal_cost() == pytest.approx(737_304.83, abs=0.006)
    assert EXAMPLE.cost(EXAMPLE.twap()) == pytest.approx(758_513.05, abs=0.006)
    assert EXAMPLE.cost(EXAMPLE.immediate()) == pytest.approx(1e6, rel=1e-14)


@pytest.mark.parametrize(
    ("resilience", "cost"),
    [(0.5, 900_000), (1, 833_333), (2, 750_000), (5, 642_857), (20, 545_455)],
)
def test_a_book_that_refills_faster_costs_less(resilience: float, cost: float) -> None:
    refilled = continuous(replace(EXAMPLE, resilience=resilience))
    assert refilled.cost == pytest.approx(cost, abs=0.5)


def test_many_trades_lead_to_the_continuous_limit() -> None:
    many = replace(EXAMPLE, trades=100_001)
    limit = continuous(many)
    assert many.optimal_cost() == pytest.approx(limit.cost, rel=1e-9)
    assert many.schedule()[0] == pytest.approx(limit.block, rel=2e-5)
    assert many.schedule()[1] * 1e5 == pytest.approx(limit.rate, rel=2e-5)


@pytest.mark.parametrize("trades", [2, 3, 11, 200])
@pytest.mark.parametrize("quantity", [1e5, -3.0])
def test_the_recursion_gives_the_closed_form(trades: int, quantity: float) -> None:
    problem = replace(EXAMPLE, trades=trades, quantity=quantity)
    assert problem.schedule().sum() == pytest.approx(quantity, rel=1e-13)
    assert problem.cost(problem.schedule()) == pytest.approx(problem.optimal_cost(), rel=1e-12)


@pytest.mark.parametrize("size", [1.0, 1e3, 1e5])
def test_no_other_schedule_is_cheaper(size: float) -> None:
    detours = np.random.default_rng(5).normal(scale=size, size=(10_000, EXAMPLE.trades))
    detours -= detours.mean(axis=1, keepdims=True)
    costs = EXAMPLE.cost(EXAMPLE.schedule() + detours)
    assert np.min(costs) >= EXAMPLE.optimal_cost() * (1.0 - 1e-13)


@pytest.mark.parametrize("permanent", [0.0, 1e-4, 1.99e-4])
def test_every_round_trip_costs_money(permanent: float) -> None:
    problem = replace(EXAMPLE, permanent=permanent)
    trips = np.random.default_rng(6).normal(scale=1e4, size=(100_000, problem.trades))
    trips *= np.random.default_rng(7).random(trips.shape) < 0.5  # many trades are left out
    trips -= trips.mean(axis=1, keepdims=True)
    moved = np.abs(trips).max(axis=1) > 1.0
    assert moved.mean() > 0.99
    assert np.min(problem.cost(trips[moved])) > 0.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": 0}, "quantity = 0"),
        ({"trades": 1}, "trades = 1: must be a whole number >= 2"),
        ({"depth": 0.0}, "depth = 0.0: must be finite and > 0"),
        ({"resilience": 0.0}, "resilience = 0.0: must be finite and > 0"),
        ({"permanent": 2e-4}, "permanent = 0.0002: must be below 1 / depth = 0.0002"),
        ({"permanent": -1e-9}, "permanent = -1e-09: must be finite and >= 0"),
    ],
)
def test_an_invalid_book_is_refused_in_one_line(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        replace(EXAMPLE, **change)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_a_schedule_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="its last axis must be 11 long"):
        EXAMPLE.cost(np.zeros((3, 10)))
