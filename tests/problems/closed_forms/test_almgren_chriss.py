"""Almgren-Chriss against the paper's example, and its schedule against every other."""

from dataclasses import replace

import numpy as np
import pytest

from trading_env.problems.closed_forms.almgren_chriss import AlmgrenChriss

PAPER = AlmgrenChriss(
    initial_price=50.0,
    quantity=1e6,
    horizon=5.0,
    steps=5,
    volatility=0.95,
    half_spread=0.0625,
    permanent=2.5e-7,
    temporary=2.5e-6,
    risk_aversion=1e-6,
)
TABLE = [  # risk aversion, kappa, holdings after days 1 to 4, expected cost, its sd
    (0.0, 0.0, (800_000, 600_000, 400_000, 200_000), 662_500.0, 1_040_672.86),
    (1e-7, 0.194629, (757_882, 544_564, 351_940, 172_689), 670_057.46, 961_622.90),
    (5e-7, 0.432511, (636_913, 394_840, 227_786, 104_012), 768_132.81, 750_597.48),
    (1e-6, 0.607076, (541_955.55, 289_854.22, 147_897.49, 62_141.80), 911_226.986, 603_430.669),
    (2e-6, 0.846297, (428_599, 182_933, 76_296, 27_643), 1_140_715.17, 449_367.65),
    (1e-5, 1.726711, (177_868, 31_636, 5_622, 969), 1_845_211.26, 171_712.41),
]


@pytest.mark.parametrize(("risk_aversion", "kappa", "left", "cost", "deviation"), TABLE)
def test_the_papers_example(
    risk_aversion: float, kappa: float, left: tuple[float, ...], cost: float, deviation: float
) -> None:
    problem = replace(PAPER, risk_aversion=risk_aversion)
    schedule = problem.schedule()
    assert problem.kappa == pytest.approx(kappa, abs=6e-7)
    assert problem.holdings() == pytest.approx([1e6, *left, 0.0], abs=0.51)
    assert problem.expected_cost(schedule) == pytest.approx(cost, abs=0.006)
    assert np.sqrt(problem.variance(schedule)) == pytest.approx(deviation, abs=0.006)


def test_the_definition_of_kappa_holds() -> None:
    tau = PAPER.slice_length
    right = 1.0 + 1e-6 * (0.95 * tau) ** 2 / (2.0 * PAPER.effective_temporary)
    assert np.cosh(PAPER.kappa * tau) == pytest.approx(right, rel=1e-14)


def test_selling_at_once_costs_most_and_risks_nothing() -> None:
    assert PAPER.expected_cost(PAPER.immediate()) == pytest.approx(2_562_500.0, rel=1e-12)
    assert PAPER.variance(PAPER.immediate()) == 0.0


def test_the_utility_at_one_in_a_million() -> None:
    assert PAPER.utility(PAPER.schedule()) == pytest.approx(1_275_355.6, abs=0.05)


def test_finer_slices_lead_to_the_continuous_limit() -> None:
    fifty = replace(PAPER, steps=50)
    assert fifty.expected_cost(fifty.schedule()) == pytest.approx(961_939.5, abs=0.05)
    assert fifty.variance(fifty.schedule()) == pytest.approx(6.867205e11, rel=1e-6)
    many = replace(PAPER, steps=200_000)
    assert many.expected_cost(many.schedule()) == pytest.approx(964_537.1, rel=2e-6)
    assert many.variance(many.schedule()) == pytest.approx(7.324478e11, rel=2e-5)


def test_the_frontier_has_its_value_at_risk_where_it_was_found() -> None:
    z = 1.645  # the normal's 95% quantile, as the paper rounds it
    grid = np.linspace(1.6e-6, 1.8e-6, 201)
    problems = [replace(PAPER, risk_aversion=float(risk)) for risk in grid]
    at_risk = [p.expected_cost(s := p.schedule()) + z * np.sqrt(p.variance(s)) for p in problems]
    assert grid[np.argmin(at_risk)] == pytest.approx(1.694e-6, abs=1.1e-9)
    assert min(at_risk) == pytest.approx(1_877_206.7, abs=0.05)


def test_cost_and_variance_are_those_of_the_simulated_price() -> None:
    generator = np.random.default_rng(3)
    n, tau = PAPER.schedule(), PAPER.slice_length
    noise = generator.standard_normal((200_000, PAPER.steps))
    moves = 0.95 * np.sqrt(tau) * noise - PAPER.permanent * n
    before = PAPER.initial_price + np.cumsum(moves, axis=1) - moves
    fills = before - PAPER.half_spread - PAPER.temporary / tau * n
    costs = PAPER.quantity * PAPER.initial_price - fills @ n
    error = costs.std() / np.sqrt(len(costs))
    assert costs.mean() == pytest.approx(float(PAPER.expected_cost(n)), abs=4 * error)
    assert costs.var() == pytest.approx(float(PAPER.variance(n)), rel=4 * np.sqrt(2 / len(costs)))


@pytest.mark.parametrize("risk_aversion", [0.0, 1e-6, 1e-4])
@pytest.mark.parametrize("size", [1.0, 1e2, 1e5])
def test_no_other_schedule_beats_the_optimum(risk_aversion: float, size: float) -> None:
    problem = replace(PAPER, steps=8, risk_aversion=risk_aversion)
    detours = np.random.default_rng(4).normal(scale=size, size=(10_000, 8))
    detours -= detours.mean(axis=1, keepdims=True)
    best = problem.utility(problem.schedule())
    gains = best - problem.utility(problem.schedule() + detours)
    assert gains.max() <= 1e-12 * best


def test_no_risk_aversion_is_twap() -> None:
    problem = replace(PAPER, steps=7, risk_aversion=0.0)
    assert problem.schedule() == pytest.approx(problem.twap(), rel=1e-14)
    barely = replace(problem, risk_aversion=1e-22)  # kappa T just above the straight line's range
    assert barely.kappa * barely.horizon > 1e-8
    assert barely.schedule() == pytest.approx(problem.twap(), rel=1e-9)


@pytest.mark.parametrize("risk_aversion", [1e3, 1e100, 1.7e308])
def test_boundless_risk_aversion_sells_at_once_without_overflow(risk_aversion: float) -> None:
    problem = replace(PAPER, risk_aversion=risk_aversion)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert problem.schedule() == pytest.approx(problem.immediate(), abs=1e-2)


def test_buying_mirrors_selling() -> None:
    buying = replace(PAPER, quantity=-1e6)
    assert buying.schedule() == pytest.approx(-PAPER.schedule(), rel=1e-15)
    assert buying.utility(buying.schedule()) == pytest.approx(PAPER.utility(PAPER.schedule()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": 0.0}, "quantity = 0.0: must be finite and not 0"),
        ({"quantity": np.inf}, "quantity = inf"),
        ({"steps": 0}, "steps = 0: must be a whole number >= 1"),
        ({"steps": 2.5}, "steps = 2.5"),
        ({"horizon": -1.0}, "horizon = -1.0: must be finite and > 0"),
        ({"volatility": np.nan}, "volatility = nan"),
        ({"risk_aversion": -1e-6}, "risk_aversion = -1e-06: must be finite and >= 0"),
        ({"temporary": 1.25e-7}, "temporary = 1.25e-07: must be above permanent x slice / 2"),
    ],
)
def test_an_invalid_problem_is_refused_in_one_line(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        replace(PAPER, **change)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_an_invalid_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match=r"schedule has shape \(4,\): its last axis must be 5"):
        PAPER.expected_cost(np.full(4, 250_000.0))
    with pytest.raises(ValueError, match=r"schedule leaves 1000 shares"):
        PAPER.variance(PAPER.twap() * 0.999)
    with pytest.raises(ValueError, match="not finite"):
        PAPER.utility(np.full(5, np.nan))
