"""What a run says in words: signs, shares and intervals of known differences."""

import numpy as np
import pandas as pd

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
            rows.append({"scenario": scenario, "seed": seed, "policy": "a", "cost": own})
            rows.append({"scenario": scenario, "seed": seed, "policy": "b", "cost": paid})
    return pd.DataFrame(rows)


def found(saving: float, noise: float = 0.0) -> dict[str, Claim]:
    groups = {"calm": ["calm"], "both": ["calm", "drought"]}
    made = claims(frame(saving, noise), "a", ["b"], groups, metric="cost")
    return {claim.where: claim for claim in made}


def test_a_saving_is_a_share_of_what_the_other_pays_pooled_with_equal_weights() -> None:
    claim = found(0.2)["both"]
    base = frame(0.2).query("policy == 'b'")["cost"].mean()
    assert np.isclose(claim.percent, -100.0 * 0.2 * 20.0 / base)
    assert claim.low <= claim.percent <= claim.high < 0.0
    assert "a pays less than b" in str(claim)


def test_noise_is_not_told_apart_and_a_loss_is_called_one() -> None:
    assert "a is not told apart from b" in str(found(0.0, noise=5.0)["calm"])
    assert "a pays more than b" in str(found(-0.2)["calm"])
