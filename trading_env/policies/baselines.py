"""Simple policies that a learner has to be compared with.

For `trading_env/Portfolio-v0`: a policy that says how much to hold (buy-and-hold, equal weight,
volatility target, momentum) runs under a risk manager that takes its word (`linear`: signal =
weight, no stops); flat, random, always-long, always-short and buy-after-fall run under the
environment's own, as a learner does. Always-long and always-short are the constant answers of full
confidence: what the learner's own risk manager makes of no thought at all.

For `trading_env/Execution-v0`: TWAP asks for the even pace, immediate for all that is left, POV for
a fixed share of the volume that a mean bar has (on bars of one volume, VWAP). The schedules of
Almgren-Chriss and Obizhaeva-Wang come with their problems (`trading_env.problems`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.policies.schedules import pace_of

TREND_FULL = 2.0  # a trend of this many standard deviations is full conviction
FALL = 1.0  # a trend this many standard deviations down is a fall


def linear_risk(no_trade_band: float) -> dict[str, Any]:
    """Risk settings under which a signal is a weight, traded beyond a band.

    The whole difference is ordered at once, however many bars it takes to fill: a target that
    volume caps below the band would never be traded.
    """
    risk = {"preset": "linear", "max_drawdown": 1.0, "participation_bars": 1e6}
    return {"risk": {**risk, "no_trade_band": no_trade_band}}


class Constant(Policy):
    """The same signal for every asset, always."""

    def __init__(self, layout: ObservationLayout, signal: float) -> None:
        self.assets = len(layout.symbols)
        self.signal = signal

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the signal in every lane."""
        return np.full((len(observation), self.assets), self.signal)


class BuyAndHold(Constant):
    """Put equal shares into every asset once, and leave them alone.

    The band keeps drift from being traded back: it is half of an asset's weight.
    """

    def __init__(self, layout: ObservationLayout) -> None:
        weight = 1.0 / len(layout.symbols)
        super().__init__(layout, weight)
        self.env_overrides = linear_risk(0.5 * weight)


class EqualWeight(Constant):
    """Hold equal shares of every asset, and trade back what drifts by more than 2% of equity."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 1.0 / len(layout.symbols))
        self.env_overrides = linear_risk(0.02)


class Random(Policy):
    """Uniform signals; the same ones after each reset."""

    def __init__(self, layout: ObservationLayout, seed: int = 0) -> None:
        self.assets = len(layout.symbols)
        self.seed = seed
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        """Begin the sequence again."""
        self.generator = np.random.default_rng(self.seed)

    def act(self, observation: Observation, info: Info) -> Action:
        """Draw signals."""
        return self.generator.uniform(-1.0, 1.0, (len(observation), self.assets))


class VolatilityTarget(Policy):
    """Equal weights, shrunk while volatility is above that of the episode's first observation.

    A weight is min(1, reference / volatility) / assets, so it needs no setting that depends on
    the length of a bar (Moreira and Muir 2017 scale by variance; this is the milder form).
    """

    env_overrides = linear_risk(0.02)

    def __init__(self, layout: ObservationLayout) -> None:
        self.columns = layout.columns("volatility")
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        """Forget the reference."""
        self.reference: Action | None = None

    def act(self, observation: Observation, info: Info) -> Action:
        """Hold what keeps risk at its first level."""
        volatility = np.maximum(observation[:, self.columns].astype(np.float64), 1e-6)
        if self.reference is None:
            self.reference = volatility
        weights: Action = np.minimum(1.0, self.reference / volatility) / volatility.shape[1]
        return weights


class Momentum(Policy):
    """Follow the slow trend, long or short, with weight in proportion to its strength."""

    env_overrides = linear_risk(0.05)

    def __init__(self, layout: ObservationLayout) -> None:
        self.columns = layout.columns("trend_60")

    def act(self, observation: Observation, info: Info) -> Action:
        """Return clipped trends, shared out among the assets."""
        trend = observation[:, self.columns].astype(np.float64)
        weights: Action = np.clip(trend / TREND_FULL, -1.0, 1.0) / trend.shape[1]
        return weights


class BuyAfterFall(Policy):
    """Be long with full confidence while the trend of twenty bars is down, and flat otherwise.

    It bets that what fell comes back, and knows nothing else.
    """

    def __init__(self, layout: ObservationLayout) -> None:
        self.columns = layout.columns("trend_20")

    def act(self, observation: Observation, info: Info) -> Action:
        """Return 1 where the price has fallen."""
        return (observation[:, self.columns] < -FALL).astype(np.float64)


class Twap(Constant):
    """The even pace: what is left over the steps left."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 0.0)


class Immediate(Constant):
    """Everything, as fast as the limits allow."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 1.0)


class Participation(Policy):
    """Percentage of volume: each step a fixed share of the mean volume shown.

    Args:
        layout: where the features stand.
        length: steps to the deadline.
        rate: share of a mean bar's volume.
    """

    def __init__(self, layout: ObservationLayout, length: int, rate: float = 0.05) -> None:
        self.required = layout.columns("required_rate")
        self.time_left = layout.account_column("time_left")
        self.length = length
        self.rate = rate

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces that ask for `rate` times the mean volume."""
        steps_left = np.maximum(np.rint(observation[:, [self.time_left]] * self.length), 1.0)
        left = observation[:, self.required].astype(np.float64) * steps_left  # mean volumes
        share = np.minimum(self.rate / np.maximum(left, 1e-12), 1.0)
        return pace_of(share, steps_left)


BASELINES: dict[str, Callable[[ObservationLayout], Policy]] = {
    "flat": lambda layout: Constant(layout, 0.0),
    "random": Random,
    "always_long": lambda layout: Constant(layout, 1.0),
    "always_short": lambda layout: Constant(layout, -1.0),
    "buy_after_fall": BuyAfterFall,
    "buy_and_hold": BuyAndHold,
    "equal_weight": EqualWeight,
    "volatility_target": VolatilityTarget,
    "momentum": Momentum,
}

EXECUTION_BASELINES: dict[str, Callable[[ObservationLayout], Policy]] = {
    "twap": Twap,
    "immediate": Immediate,
    "random": Random,
}
