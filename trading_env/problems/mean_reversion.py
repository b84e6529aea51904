"""Ritter's problem as `trading_env/Portfolio-v0`.

Costs are arithmetic (`impact_reference = "first"`: every path is at the same price when an episode
begins): the half spread is one tick a share, and temporary impact, linear in the rate, one tick a
lot. A bar's volume is max_trade lots, all of which may be taken, and what does not fit lapses: so
the environment itself trades at most max_trade lots a step, and only whole ones. Without latency
an order trades at the open, which is the close that the policy saw. The market's signal shows the
log price before it is rounded, which is the state of the dynamic program.

Shares of equity are capped, not holdings in lots: the cap lets the optimal policy do what it wants
at every price, and above max_holding lots where that is cheap, which a learner may use.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.envs.world import WARMUP
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.problems.closed_forms.ritter import WIDTH, RitterProblem
from trading_env.problems.optimal_trading import PORTFOLIO_ID, WEALTH
from trading_env.problems.problem import Problem
from trading_env.step.observation import NUM_ASSET_FEATURES

LEVEL_COLUMN = NUM_ASSET_FEATURES  # of the log price in the observation
AT_ONCE = 1e-9  # a discount factor that leaves the next step alone


@dataclass(frozen=True)
class TableTrader(Policy):
    """Trade what a table says for the log price's cell and the lots held.

    Reads position, mark and equity off `info` at detail "full", and the log price off the
    observation, where it is clipped to +-5 standard deviations: just as wide as the grid. Lots held
    beyond the table count as its outermost column.
    """

    trades: NDArray[np.int64]  # lots, (cells, 2 max_holding + 1)
    lot: float  # shares
    max_weight: float  # share of equity at an action of 1

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the actions that ask for the holdings after the trade."""
        mark, most = np.asarray(info["mark"]), self.trades.shape[1] // 2
        lots = np.rint(np.asarray(info["position"]) / self.lot).astype(np.int64)
        level = np.asarray(observation, dtype=np.float64)[..., LEVEL_COLUMN, None]
        half = (len(self.trades) - 1) / 2.0
        row = np.rint(half + level * half / WIDTH).astype(np.int64)
        target = lots + self.trades[row, np.clip(lots, -most, most) + most]
        equity = np.expand_dims(np.asarray(info["equity"]), -1)
        actions: Action = target * self.lot * mark / (equity * self.max_weight)
        return actions


def ritter(
    equilibrium_price: float = 50.0,
    half_life: float = 5.0,
    volatility: float = 0.1,
    tick: float = 0.1,
    lot: int = 100,
    max_trade: int = 5,
    max_holding: int = 10,
    risk_aversion: float = 1e-4,
    discount: float = 0.999,
    *,
    cells: int = 321,
    episode_length: int = 1000,
    paths: int = 1024,
    seed: int = 0,
) -> Problem:
    """Trade one mean-reverting price at the cost of a spread and a quadratic impact.

    The value is the long-run mean of dw - (risk_aversion / 2) dw^2 a step, currency, with dw the
    change of `info["equity"]`. The environment's rewards are that up to the profit so far over the
    initial cash (0.1% after 1000 steps of the paper's example). The policy is optimal for the
    discounted sum. Beside it stand never trading and the best next step, `myopic`. The defaults are
    the paper's example.

    Args:
        equilibrium_price: Currency per share.
        half_life: Of the log price's pull, steps.
        volatility: Of the log price, a step.
        tick: Currency per share: of the price, and of the costs tick |dn| + (tick / lot) dn^2.
        lot: Shares.
        max_trade: Lots a step; the environment holds it.
        max_holding: Lots; the policy holds it, the environment a share of equity (see above).
        risk_aversion: kappa, one over currency.
        discount: Weight of the next step's reward, in (0, 1).
        cells: Of the grid of log prices that the optimum is worked out on; a tick that is large
            beside volatility x price needs more.
        episode_length: steps.
        paths: Paths in the pool.
        seed: Of the pool.

    Raises:
        ValueError: a parameter is out of range; the message names it.
    """
    model = RitterProblem(
        cells=cells,
        equilibrium_price=equilibrium_price,
        half_life=half_life,
        volatility=volatility,
        tick=tick,
        lot=lot,
        max_trade=max_trade,
        max_holding=max_holding,
        risk_aversion=risk_aversion,
        discount=discount,
    )
    if not model.prices[0] > 0.0:
        raise ValueError(f"tick = {tick}: the lowest price of the grid rounds to 0; lower it")
    myopic = replace(model, discount=AT_ONCE).policy
    tables = {"flat": np.zeros_like(myopic), "myopic": myopic}
    wealth = WEALTH * max_holding * lot * equilibrium_price
    max_weight = _largest_value(model, [model.policy, myopic]) / wealth
    first = float(np.rint(equilibrium_price / tick) * tick)
    best = model.record()

    def trader(trades: NDArray[np.int64]) -> TableTrader:
        return TableTrader(trades, float(lot), max_weight)

    kwargs = _arguments(model, first, wealth, max_weight)
    kwargs["market"] |= {"bars": WARMUP + episode_length + 1, "paths": paths, "seed": seed}
    return Problem(
        env_id=PORTFOLIO_ID,
        env_kwargs=kwargs | {"episode_length": episode_length},
        optimal_policy=trader(model.policy),
        optimal_value=best.reward,
        reference_values={
            "profit": best.profit,
            "deviation": best.deviation,
            "turnover": best.turnover,
            **{name: model.record(trades).reward for name, trades in tables.items()},
        },
        policies={name: trader(trades) for name, trades in tables.items()},
    )


def _largest_value(model: RitterProblem, tables: list[NDArray[np.int64]]) -> float:
    """Return the largest value, currency, of the holdings after a trade of any table.

    At least that of max_holding lots at the equilibrium price, where no table wants more.
    """
    lots = np.max([np.abs(model.holdings + trades) for trades in tables], axis=0)
    value = float((lots * model.prices[:, None]).max())
    return max(value, model.max_holding * model.equilibrium_price) * model.lot


def _arguments(
    model: RitterProblem, first: float, wealth: float, max_weight: float
) -> dict[str, Any]:
    """Arguments of the environment, without the sizes of pool and episode."""
    return {
        "market": {
            "generator": "mean_reverting",
            "price": model.equilibrium_price,
            "half_life": model.half_life,
            "volatility": model.volatility,
            "tick": model.tick,
            "volume": float(model.max_trade * model.lot),
            "start_bar": WARMUP,
        },
        "execution": {
            "preset": "zero",
            "half_spread_bps": 1e4 * model.tick / first,
            "spread_exponent": 0.0,
            "temporary_impact": model.max_trade * model.tick / first,
            "impact_exponent": 1.0,
            "volatility_scaled": False,
            "participation_cap": 1.0,
            "time_in_force": "bar",
            "impact_reference": "first",
            "lot": float(model.lot),
        },
        "risk": {
            "preset": "linear",
            "max_weight": max_weight,
            "max_drawdown": 1.0,
        },
        "account": {
            "initial_cash": wealth,
            "margin_rate": 0.0,
            "borrow_rate": 0.0,
            "maintenance_margin": 0.0,
        },
        "reward": {
            "liquidation": 0.0,
            "growth": 1.0,
            "shortfall": 0.0,
            "risk": model.risk_aversion * wealth - 1.0,  # log growth brings 1
            "scale": wealth,
        },
        "seed_band": None,
        "detail": "full",  # holdings and prices, which the policies read
    }
