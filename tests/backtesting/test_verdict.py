"""What a run says in words: signs, shares and intervals of known differences."""

import numpy as np
import pandas as pd
import pytest

from tests.lanes import quick_first
from trading_env.backtesting.intervals import crossed_interval
from trading_env.backtesting.verdict import Claim, claims

COST = "parent_cost_bps"


def frame(saving: float, noise: float = 0.0) -> pd.DataFrame:
    """Two policies in two scenarios of 64 seeds; the first pays `saving` less."""
    generator = np.random.default_rng(0)
    rows = []
    for scenario, level in (("calm", 10.0), ("drought", 30.0)):
        for seed in range(64):
            path = generator.normal(0.0, 5.0)
            paid = level + path
            own = paid - saving * level + noise * generator.normal()
            for policy, cost in (("a", own), ("b", paid)):
                row = {"scenario": scenario, "seed": seed, "policy": policy}
                rows.append(row | {"parent_cost_bps": cost})
    return pd.DataFrame(rows)


def found(saving: float, noise: float = 0.0) -> dict[str, Claim]:
    groups = {"calm": ["calm"], "both": ["calm", "drought"]}
    made = claims(frame(saving, noise), "a", ["b"], groups, metric="parent_cost_bps", relative=True)
    return {claim.where: claim for claim in made}


def test_a_saving_is_a_share_of_what_the_other_pays_pooled_with_equal_weights() -> None:
    claim = found(0.2)["both"]
    base = frame(0.2).query("policy == 'b'")["parent_cost_bps"].mean()
    assert np.isclose(claim.difference, -100.0 * 0.2 * 20.0 / base)
    assert claim.low <= claim.difference <= claim.high < 0.0
    assert "a pays less than b" in str(claim)


def test_noise_is_not_told_apart_and_a_loss_is_called_one() -> None:
    assert "a is not told apart from b" in str(found(0.0, noise=5.0)["calm"])
    assert "a pays more than b" in str(found(-0.2)["calm"])


def test_a_policy_whose_metric_is_never_defined_is_not_compared() -> None:
    """As a Sharpe ratio is not, without a trade."""
    never = frame(0.2)
    never.loc[never["policy"] == "a", "parent_cost_bps"] = np.nan
    groups = {"calm": ["calm"]}
    assert claims(never, "a", ["b"], groups, metric="parent_cost_bps", relative=True) == []


def scores(trainings: int, spread: float) -> pd.DataFrame:
    """Two policies of several trainings; the first scores 1 more, give or take the training."""
    generator = np.random.default_rng(1)
    rows = []
    for training in range(trainings):
        gain = 1.0 + spread * (-1.0) ** training
        for seed in range(64):
            level = generator.normal()
            for policy, score in (("a", level + gain), ("b", level)):
                row = {"training": training, "scenario": "calm", "seed": seed, "policy": policy}
                rows.append(row | {"sharpe": score})
    return pd.DataFrame(rows)


def test_a_score_is_a_difference_and_trainings_that_disagree_widen_its_interval() -> None:
    def of(frame: pd.DataFrame) -> Claim:
        (claim,) = claims(
            frame, "a", ["b", "absent"], {"calm": ["calm"]}, metric="sharpe", relative=False
        )
        return claim

    alike, apart = of(scores(10, 0.0)), of(scores(10, 2.0))
    assert np.isclose(alike.difference, 1.0) and np.isclose(apart.difference, 1.0)
    assert alike.high - alike.low < 1e-9
    # five each of -1 and 3: the standard error is 2 / 3, and t of nine degrees of freedom 2.262
    assert apart.high - apart.low == pytest.approx(2.0 * 2.262 * 2.0 / 3.0, rel=1e-3)
    assert str(alike).startswith("calm: Sharpe, a is above b, +1.000")
    assert "not told apart" in str(apart)


def test_a_share_is_a_ratio_of_means_and_its_interval_knows_of_the_trainings() -> None:
    bound = np.random.default_rng(0).uniform(1.0, 3.0, 64)
    share, low, high = share_of(np.tile(0.5 * bound, (3, 1)), bound)
    assert share == pytest.approx(0.5) and low == pytest.approx(0.5) == pytest.approx(high)
    share, low, high = share_of(np.stack([0.25 * bound, 0.75 * bound]), bound)
    # the standard error is a quarter, and t of one degree of freedom 12.706
    ends = (0.5 - 12.706 * 0.25, 0.5, 0.5 + 12.706 * 0.25)
    assert (low, share, high) == pytest.approx(ends, rel=0.01)


def share_of(above: np.ndarray, below: np.ndarray) -> tuple[float, float, float]:
    found = crossed_interval(above, np.random.default_rng(0), per=below)
    assert found is not None
    return found[:3]


@pytest.mark.parametrize("trainings", [1, 3])
def test_a_share_that_is_the_same_on_every_path_has_no_width(trainings: int) -> None:
    """Half of what the other pays is half of it on heavy tails too."""
    paid = np.random.default_rng(1).standard_cauchy((trainings, 64)) ** 2
    rows = [
        {
            "training": t,
            "scenario": "calm",
            "seed": s,
            "policy": p,
            "parent_cost_bps": f * paid[t, s],
        }
        for t in range(trainings)
        for s in range(64)
        for p, f in (("a", 0.5), ("b", 1.0))
    ]
    (claim,) = claims(
        pd.DataFrame(rows), "a", ["b"], {"calm": ["calm"]}, metric="parent_cost_bps", relative=True
    )
    assert np.allclose((claim.difference, claim.low, claim.high), -50.0, rtol=0.0, atol=1e-9)


@pytest.mark.proof
@pytest.mark.parametrize("trainings", quick_first([3, 10], mark=pytest.mark.slow))
def test_an_interval_holds_the_truth_as_often_as_it_says(trainings: int) -> None:
    """200 tables whose mean is 0: a share of 95% has a standard deviation of 1.5%."""
    generator = np.random.default_rng(3)
    holds = 0
    for _ in range(200):
        table = 3.0 * generator.normal(size=(trainings, 64))
        table += generator.normal(size=(trainings, 1)) + 3.0 * generator.normal(size=(1, 64))
        found = crossed_interval(table, np.random.default_rng(0))
        assert found is not None
        holds += found.low <= 0.0 <= found.high
    assert 0.91 < holds / 200 < 0.99


def test_pairs_are_compared_in_the_scenarios_that_both_define() -> None:
    """Where one has no value, the other's does not count either."""
    rows = []
    for seed in range(64):
        for scenario, own, other in (("a", -2.0 - seed, np.nan), ("b", 1.5, 1.0)):
            for policy, score in (("mine", own), ("base", other)):
                row = {"scenario": scenario, "seed": seed, "policy": policy, "sharpe": score}
                rows.append(row)
    groups = {"both": ["a", "b"]}
    (claim,) = claims(pd.DataFrame(rows), "mine", ["base"], groups, metric="sharpe", relative=False)
    assert (claim.difference, claim.low, claim.high) == (0.5, 0.5, 0.5)


def test_a_share_of_what_may_be_nothing_is_said_as_a_difference() -> None:
    """A ratio to a mean that may be 0 has no bounds, however clear the difference is."""
    generator = np.random.default_rng(3)
    base = generator.normal(0.1, 1.0, 64)
    own = base + generator.normal(0.5, 0.3, 64)
    rows = [
        {"scenario": "calm", "seed": seed, "policy": name, "sharpe": values[seed]}
        for name, values in (("a", own), ("b", base))
        for seed in range(64)
    ]
    frame, where = pd.DataFrame(rows), {"calm": ["calm"]}
    (claim,) = claims(frame, "a", ["b"], where, metric="sharpe", relative=True)
    assert claim.low > 0.0
    assert claim == claims(frame, "a", ["b"], where, metric="sharpe", relative=False)[0]
