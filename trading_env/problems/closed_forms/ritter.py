"""Ritter's problem: one mean-reverting price, solved exactly by dynamic programming.

    price    p = p_e e^x, rounded to the tick;   x' = x - (ln 2 / H) x + s xi,   xi standard normal
    trade    dn lots, whole, |dn| <= K, holdings |n| <= M lots of `lot` shares
    cost     tick |dn| + (tick / lot) dn^2 currency, dn in SHARES: crossing one tick, one more a lot
    change   dw = (shares held after the trade) (p' - p) - cost
    reward   dw - (kappa / 2) dw^2, discounted

The log price is put on an even grid; the chance of the next cell is the normal's integral over
it. The optimum is found by value iteration; what a policy earns is taken under its stationary law.
The grid reaches five standard deviations, because the tails matter: cut at 3.5, the reward is
0.2% to 0.7% too high.

The Sharpe ratio is that of the policy with the highest reward, not the highest that exists.

Source: Ritter (2017), "Machine learning for trading", Risk 30; parameters of its example.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trading_env.core.records import Floats
from trading_env.problems.closed_forms.chains import normal_transitions, stationary_mass
from trading_env.problems.closed_forms.checks import (
    require_count,
    require_fraction,
    require_not_negative,
    require_positive,
)

WIDTH = 5.0  # half the grid, in stationary standard deviations of x
ROUNDING = 1e-12  # span of a change, as a share of the largest value, that ends the iteration
STEPS_PER_YEAR = 252
Lots = NDArray[np.int64]


class PolicyRecord(NamedTuple):
    """What a policy earns in the long run."""

    reward: float  # currency a step
    profit: float  # currency a step
    deviation: float  # standard deviation of the profit of a step, currency
    sharpe: float  # profit / deviation x sqrt(252)
    turnover: float  # lots a step


@dataclass(frozen=True, kw_only=True)
class RitterProblem:
    """The problem and its grid; a step is a day.

    Policies and values are arrays of shape (cells, 2 max_holding + 1): the row is the price's
    cell, the column the holdings before the trade, from -max_holding to max_holding lots.

    Raises:
        ValueError: a field has an impossible value, by name.
    """

    cells: int = 321
    """Cells of the grid of log prices, >= 3."""
    equilibrium_price: float = 50.0
    """p_e, currency per share, > 0."""
    half_life: float = 5.0
    """H of the linear pull towards 0, steps, > ln 2 / 2 so that x stays bounded."""
    volatility: float = 0.1
    """s, of the log price, a step, > 0."""
    tick: float = 0.1
    """Currency per share, > 0."""
    lot: int = 100
    """Shares in a lot, >= 1."""
    max_trade: int = 5
    """K, lots a step, >= 1."""
    max_holding: int = 10
    """M, lots, >= 1."""
    risk_aversion: float = 1e-4
    """kappa, 1 / currency, >= 0."""
    discount: float = 0.999
    """Weight of the next step's reward, in (0, 1)."""

    def __post_init__(self) -> None:
        for field, least in (("cells", 3), ("lot", 1), ("max_trade", 1), ("max_holding", 1)):
            require_count(field, getattr(self, field), least)
        for field in ("equilibrium_price", "half_life", "volatility", "tick"):
            require_positive(field, getattr(self, field))
        require_not_negative("risk_aversion", self.risk_aversion)
        require_fraction("discount", self.discount)
        if self.pull >= 2.0:
            raise ValueError(f"half_life = {self.half_life}: must be above ln 2 / 2, or x grows")
        if self.log_prices[1] - self.log_prices[0] > self.volatility:
            raise ValueError(f"cells = {self.cells}: a cell is wider than a step, take more cells")

    @property
    def pull(self) -> float:
        """Share ln 2 / H of the log price's distance that is closed in a step."""
        return math.log(2.0) / self.half_life

    @cached_property
    def log_prices(self) -> Floats:
        """Log prices x at the cells' centres, shape (cells,)."""
        stationary = self.volatility / math.sqrt(1.0 - (1.0 - self.pull) ** 2)
        return np.linspace(-WIDTH * stationary, WIDTH * stationary, self.cells)

    @cached_property
    def prices(self) -> Floats:
        """Prices p at the cells' centres, currency per share, multiples of the tick, (cells,)."""
        ticks: Floats = np.rint(self.equilibrium_price / self.tick * np.exp(self.log_prices))
        return ticks * self.tick

    @cached_property
    def holdings(self) -> Lots:
        """Lots of the columns, shape (2 max_holding + 1,)."""
        return np.arange(-self.max_holding, self.max_holding + 1, dtype=np.int64)

    @cached_property
    def values(self) -> Floats:
        """The optimal value: discounted rewards from each state on, currency."""
        values: Floats = np.zeros((self.cells, len(self.holdings)))
        while True:
            updated: Floats = self._prospects(values).max(axis=-1)
            change, values = updated - values, updated
            if np.ptp(change) <= ROUNDING * np.abs(values).max():
                # The change is even: what is still missing is its geometric series.
                even = 0.5 * float(change.max() + change.min())
                return values + even * self.discount / (1.0 - self.discount)

    @cached_property
    def policy(self) -> Lots:
        """The optimal trades, lots."""
        best: Lots = np.argmax(self._prospects(self.values), axis=-1)
        return best - self.max_trade

    def record(self, policy: ArrayLike | None = None) -> PolicyRecord:
        """Work out what a policy earns in the long run, begun near p_e without holdings.

        Args:
            policy: trades in lots, shape (cells, 2 max_holding + 1); by default the optimum.

        Raises:
            ValueError: the policy has another shape, or trades or holds more than is allowed.
        """
        trades = self._checked(self.policy if policy is None else policy)
        after = self.holdings + trades
        mass = stationary_mass(self._market[0], after + self.max_holding)
        means, squares = self._moments(after, trades, np.arange(self.cells)[:, None])
        profit, second = float(np.sum(mass * means)), float(np.sum(mass * squares))
        deviation, yearly = math.sqrt(max(second - profit**2, 0.0)), math.sqrt(STEPS_PER_YEAR)
        return PolicyRecord(
            reward=profit - 0.5 * self.risk_aversion * second,
            profit=profit,
            deviation=deviation,
            sharpe=profit / deviation * yearly if deviation > 0.0 else math.nan,
            turnover=float(np.sum(mass * np.abs(trades))),
        )

    @cached_property
    def _market(self) -> tuple[Floats, Floats, Floats]:
        """Chances of the next cell; mean change of the price and of its square, by cell."""
        x = self.log_prices
        chances = normal_transitions(x, (1.0 - self.pull) * x, self.volatility)
        change = self.prices - self.prices[:, None]
        return chances, (chances * change).sum(axis=1), (chances * change**2).sum(axis=1)

    @cached_property
    def _options(self) -> Lots:
        """Holdings after each trade, lots, shape (columns, 2 max_trade + 1), unlimited."""
        trades = np.arange(-self.max_trade, self.max_trade + 1, dtype=np.int64)
        return self.holdings[:, None] + trades

    @cached_property
    def _rewards(self) -> Floats:
        """Mean reward of each trade in each state; -inf where the limit forbids it."""
        trades = self._options - self.holdings[:, None]
        means, squares = self._moments(self._options, trades, np.arange(self.cells)[:, None, None])
        rewards: Floats = means - 0.5 * self.risk_aversion * squares
        rewards[:, np.abs(self._options) > self.max_holding] = -np.inf
        return rewards

    def _prospects(self, values: Floats) -> Floats:
        """Value of each trade in each state, shape (cells, columns, 2 max_trade + 1)."""
        columns = np.clip(self._options, -self.max_holding, self.max_holding) + self.max_holding
        later: Floats = (self._market[0] @ values)[:, columns]
        return self._rewards + self.discount * later

    def _moments(self, held: Lots, trades: Lots, rows: Lots) -> tuple[Floats, Floats]:
        """Means of dw and dw^2 for holdings after the trade, trades and cells, broadcast."""
        shares, traded = held * float(self.lot), np.abs(trades) * float(self.lot)
        cost = self.tick * traded + self.tick / self.lot * traded**2
        _, change, square = self._market
        gain = shares * change[rows]
        return gain - cost, shares**2 * square[rows] - 2.0 * cost * gain + cost**2

    def _checked(self, policy: ArrayLike) -> Lots:
        trades, shape = np.asarray(policy), (self.cells, len(self.holdings))
        if trades.shape != shape or trades.dtype.kind != "i":
            raise ValueError(f"policy is {trades.dtype} {trades.shape}: must be whole lots {shape}")
        traded, held = np.abs(trades).max(), np.abs(self.holdings + trades).max()
        if traded > self.max_trade or held > self.max_holding:
            raise ValueError(f"policy trades {traded} and holds {held} lots: above the limits")
        return trades.astype(np.int64)
