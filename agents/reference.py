"""The reference of a market with one signal: the rule whose two numbers did best in validation."""

from itertools import product
from typing import Any

import numpy as np

from agents.portfolio import Validation
from trading_env.core.seeds import first_seed
from trading_env.policies.signal_rule import SignalRule

AIMS = (0.03, 0.06, 0.1, 0.15, 0.25)  # conviction of a signal of one
KEEPS = (0.0, 0.5, 1.0, 2.0)  # conviction of a weight of one


def tuned_signal_rule(env_kwargs: dict[str, Any], *, seed: int) -> dict[str, float]:
    """Return the `aim` and `keep` of the grid with the highest mean Sharpe ratio in validation.

    Raises:
        PolicyError: the market has no signal, or several.
    """
    validation = Validation(env_kwargs, seed=first_seed(seed))
    tried = {}
    for aim, keep in product(AIMS, KEEPS):
        returns = validation.returns(SignalRule(validation.envs.layout, aim, keep))
        tried[aim, keep] = np.mean([r.mean() / max(r.std(), 1e-12) for r in returns])
    aim, keep = max(tried, key=lambda pair: tried[pair])
    return {"aim": aim, "keep": keep}
