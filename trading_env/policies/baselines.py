"""Simple policies that a learner has to be compared with.

For `trading_env/Portfolio-v0`: a policy that says how much to hold (buy-and-hold, equal weight,
volatility target, momentum) runs under a risk manager that takes its word (`linear`: signal =
weight, no stops); flat, random, always-long, always-short and buy-after-fall run under the
environment's own, as a learner does. Always-long and always-short are the constant answers of full
confidence: what the learner's own risk manager makes of no thought at all.

For `trading_env/Execution-v0`: TWAP asks for the even pace, immediate for all that is left, POV for
a fixed share of the volume that a mean bar has, VWAP for shares in proportion to the volume that is
expected of the bars to come. The schedules of Almgren-Chriss and Obizhaeva-Wang come with their
problems (`trading_env.problems`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


class Timed(Policy):
    """A policy that knows how many steps are left.

    An observation shows the share of time left and not the number of steps; unless the length is
    given, it is known from the second decision on, by what one step took off the share.

    Args:
        layout: where the features stand.
        length: steps to the deadline; None reads it off.
    """

    def __init__(self, layout: ObservationLayout, length: int | None = None) -> None:
        self.time_left = layout.account_column("time_left")
        self.given = length
        self.reset(1)

    def reset(self, num_envs: int) -> None:
        """Forget the length, unless it was given."""
        self.length = self.given
        self.before: Observation | None = None

    def steps_left(self, observation: Observation) -> NDArray[Any] | None:
        """Return the steps left (num_envs, 1), at least 1; None while the length is not known."""
        left = observation[:, [self.time_left]]
        if self.length is None and self.before is not None:
            passed = float((self.before - left).max())
            self.length = round(1.0 / passed) if passed > 0.0 else None
        self.before = left
        return None if self.length is None else np.maximum(np.rint(left * self.length), 1.0)


class Participation(Timed):
    """Percentage of volume: each step a fixed share of the mean volume shown.

    While the length is not known it asks for no more than the even pace.

    Args:
        layout: where the features stand.
        length: steps to the deadline; None reads it off.
        rate: share of a mean bar's volume.
    """

    def __init__(
        self, layout: ObservationLayout, length: int | None = None, rate: float = 0.05
    ) -> None:
        super().__init__(layout, length)
        self.required = layout.columns("required_rate")
        self.rate = rate

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces that ask for `rate` times the mean volume."""
        required = observation[:, self.required].astype(np.float64)
        steps_left = self.steps_left(observation)
        if steps_left is None:
            return np.minimum(self.rate / np.maximum(required, 1e-12), 1.0) - 1.0
        left = required * steps_left  # mean volumes
        share = np.minimum(self.rate / np.maximum(left, 1e-12), 1.0)
        return pace_of(share, steps_left)


class Vwap(Timed):
    """Volume-weighted: shares in proportion to the volume that is expected of the bars to come.

    With r the last bar's volume shown over its mean, volume is expected to return to that mean,

        f_j = 1 + persistence^j (r - 1),    j = 1, 2, ... bars ahead,

    and the next bar gets f_1 over the sum of all f to the deadline of what is left: the part of a
    volume that is not of the time of day, forecast anew each bar (Bialkowski, Darolles and Le Fol
    2008, "Improving VWAP strategies: a dynamic volume approach"). Where every bar has one volume it
    is TWAP, and so is its first step, while the length is not known. The curve of volume over the
    day is left out: an observation shows no clock.

    Args:
        layout: where the features stand.
        length: steps to the deadline; None reads it off.
        persistence: share of a deviation from the mean that is left a bar later, in [0, 1).
    """

    def __init__(
        self, layout: ObservationLayout, length: int | None = None, persistence: float = 0.6
    ) -> None:
        super().__init__(layout, length)
        self.volume = layout.columns("volume")
        self.persistence = persistence

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the paces that ask for the next bar's part of the volume to come."""
        contrast = observation[:, self.volume].astype(np.float64)
        steps_left = self.steps_left(observation)
        if steps_left is None:
            return np.zeros_like(contrast)
        beyond = (1.0 + contrast) / np.maximum(1.0 - contrast, 1e-12) - 1.0  # r - 1
        kept = self.persistence
        to_come = steps_left + beyond * kept * (1.0 - kept**steps_left) / (1.0 - kept)
        return pace_of((1.0 + kept * beyond) / to_come, steps_left)


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
    "pov": Participation,
    "vwap": Vwap,
    "random": Random,
}
