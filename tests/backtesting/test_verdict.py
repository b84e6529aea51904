"""What a run says in words: signs, shares and intervals of known differences."""

import numpy as np
import pandas as pd
import pytest

from trading_env.backtesting.intervals import crossed_ratio
from trading_env.backtesting.verdict import Claim, claims


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
    # ten draws of -1 and 3: the mean's deviation is 2 / sqrt(10), its 95% interval 3.9 of them
    assert 0.8 < (apart.high - apart.low) / (3.92 * 2.0 / np.sqrt(10.0)) < 1.2
    assert str(alike).startswith("calm: Sharpe, a is above b, +1.000")
    assert "not told apart" in str(apart)


def test_a_share_is_a_ratio_of_means_and_its_interval_knows_of_the_trainings() -> None:
    bound = np.random.default_rng(0).uniform(1.0, 3.0, 64)
    share, low, high, _ = crossed_ratio(np.tile(0.5 * bound, (3, 1)), bound)
    assert share == pytest.approx(0.5) and low == pytest.approx(0.5) == pytest.approx(high)
    share, low, high, _ = crossed_ratio(np.stack([0.25 * bound, 0.75 * bound]), bound)
    assert share == pytest.approx(0.5)
    assert (low, high) == pytest.approx((0.25, 0.75))  # both draws the same training: a quarter
