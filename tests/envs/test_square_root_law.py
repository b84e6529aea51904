"""The default costs of a parent order follow the square-root law, however it is worked.

Impact of an even schedule in units of the day's volatility, against 2/3 sqrt(Q / V): Sato and
Kanazawa (2024) for the exponent, the mean of the way to the peak for the factor 2/3.
"""

import math

import numpy as np
import pytest

from tests.lanes import DAY_VOLUME, still_market
from trading_env.envs.execution import ExecutionEnv
from trading_env.policies.schedules import Schedule

CAP = 0.1
CLOCKS = {  # seconds of a bar, bars a day
    "days": (86_400, 1.0),
    "hours of a session": (3_600, 6.5),
    "minutes of a session": (60, 390.0),
    "minutes around the clock": (60, 1_440.0),
}


def cost_of(share: float, slices: int, clock: str) -> float:
    """Mean impact of a purchase of a share of the day's volume, in day volatilities."""
    env = ExecutionEnv(
        market=still_market(slices, *CLOCKS[clock]),
        parent={"quantity": share * DAY_VOLUME},
        execution={
            "latency": "zero",
            "half_spread_bps": 0.0,
            "fee_bps": 0.0,
            "volatility_scaled": False,  # a day's volatility of 1
            "impact_reference": "first",  # and its impact a fraction of the first price
        },
        episode_length=slices,
        seed_band=None,
        detail="full",
    )
    observation, info = env.reset(seed=0)
    twap, ended = Schedule.of(np.ones(slices)), False
    while not ended:
        observation, _, ended, _, info = env.step(twap.act(observation, info))
    return float(info["summary"]["parent_shortfall_bps"]) / 1e4


@pytest.mark.parametrize("clock", list(CLOCKS))
@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.2])
def test_the_default_follows_the_square_root_law_at_any_pace_up_to_a_day(
    share: float, clock: str
) -> None:
    """As fast as the cap allows, over a day, and half way between; within a factor 1.5."""
    bars_per_day = CLOCKS[clock][1]
    fastest = max(1, math.ceil(share * bars_per_day / CAP - 1e-9))
    day = max(fastest, round(bars_per_day))
    for slices in {fastest, round(math.sqrt(fastest * day)), day}:
        law = 2.0 / 3.0 * math.sqrt(share)
        assert 1.0 / 1.5 < cost_of(share, slices, clock) / law < 1.5, (slices, fastest)


@pytest.mark.parametrize("share", [0.6, 6.0, 20.0])
def test_parents_of_many_days_stay_near_the_law(share: float) -> None:
    """Days at a tenth of the volume: within a factor 2."""
    law = 2.0 / 3.0 * math.sqrt(share)
    assert 0.5 < cost_of(share, math.ceil(share / CAP), "days") / law < 2.0
