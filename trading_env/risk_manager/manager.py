"""The risk manager as a user calls it; the rule itself is in `risk_manager/sizing.py`.

`RiskManager` calls the compiled functions that the environment's step calls, so what it returns
is what the step would do, to the bit.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from trading_env.core.arguments import NUMBER, number, numbers
from trading_env.core.codes import BoundBy, RiskMode
from trading_env.core.errors import ConfigError, shown
from trading_env.core.records import AssetState, Floats, Report, new_table
from trading_env.core.showing import as_table, changed
from trading_env.core.values import Stake, Standing
from trading_env.risk_manager.config import RiskConfig
from trading_env.risk_manager.instructions import MAX_DISTANCE
from trading_env.risk_manager.kelly import edge_noise, size_together
from trading_env.risk_manager.levels import level_against, level_with, tighter
from trading_env.risk_manager.rate import execution_rate, slowed
from trading_env.risk_manager.sizing import (
    account_caps,
    asset_caps,
    expected_share,
    loss_at_stop,
    propose,
    stop_distance,
    stop_distances,
    wished_stake,
)

SHORT = "short: use side=-1"


class PositionSize(NamedTuple):
    """A sized position; all but `bound_by` are positive when long and negative when short."""

    units: float
    notional: float  # currency
    fraction: float  # of the account's balance
    bound_by: str  # the cap that decided the size, or "none"


class StopLevels(NamedTuple):
    """Price levels of stop and target, currency per unit."""

    stop_loss: float
    take_profit: float


class RiskManager:
    """Maps confidence to position size and stop levels.

    Args:
        config: a `RiskConfig`, a preset's name, a mapping, or None for the defaults.

    Raises:
        ConfigError: the configuration is not valid.
    """

    def __init__(self, config: RiskConfig | Mapping[str, Any] | str | None = None) -> None:
        self.config = RiskConfig.of(config)
        self._params = self.config.record()

    def __repr__(self) -> str:
        """Show the settings that are not the defaults."""
        return f"RiskManager({changed(self.config) or ''})"

    def _repr_html_(self) -> str:
        return as_table("RiskManager", self.config.as_dict())

    def calculate_position_size(
        self,
        confidence_score: float,
        account_balance: float,
        risk_tolerance: float | None = None,
        *,
        price: float = 1.0,
        market_volatility: float = 0.01,
        side: int = 1,
        position: float = 0.0,
        standing_stop: float = 0.0,
        entry_price: float | None = None,
        other_exposure: float = 0.0,
        bar_capacity: float = math.inf,
        drawdown: float = 0.0,
        expected_slippage: float = 0.0,
        cost_level: float = 0.0,
        kelly_fraction: float | None = None,
    ) -> PositionSize:
        """Size a position for a confidence in [0, 1].

        What other assets hold is not known here: in a step a position grows only into the room
        that they leave (`sizing.leave_room`).

        Args:
            confidence_score: 0 (no view) to 1.
            account_balance: equity, currency, >= 0.
            risk_tolerance: largest loss at the stop over the balance; None takes the config's.
            price: currency per unit.
            market_volatility: standard deviation of a bar's return.
            side: +1 long, -1 short.
            position: units held now.
            standing_stop: distance of that position's stop, log price, which it keeps when it is
                enlarged; 0 for none.
            entry_price: average price of the market at that position's entries; None: `price`.
            other_exposure: gross exposure wanted in other assets, currency.
            bar_capacity: units one bar can fill under the volume cap.
            drawdown: present drawdown, 0 to 1.
            expected_slippage: mean expected cost of fills, a fraction of notional.
            cost_level: estimated log of realised over expected cost.
            kelly_fraction: signed growth-optimal share of `joint_kelly_fractions`, which takes the
                place of this asset's own; its sign is the side.

        Raises:
            ConfigError: an argument is not finite or out of its range (the message names it).
        """
        confidence = number("confidence_score", confidence_score, 0.0, 1.0, SHORT)
        balance = number("account_balance", account_balance, 0.0, math.inf)
        unit_price = number("price", price, 1e-300, math.inf)
        volatility = number("market_volatility", market_volatility, 1e-12, 10.0)
        tolerance = self.config.risk_tolerance if risk_tolerance is None else risk_tolerance
        tolerance = number("risk_tolerance", tolerance, 0.0, 1.0)
        held = number("position", position, -math.inf, math.inf)
        standing = number("standing_stop", standing_stop, 0.0, MAX_DISTANCE)
        entry = unit_price
        if entry_price is not None:
            entry = number("entry_price", entry_price, 1e-300, math.inf)
        expected = number("expected_slippage", expected_slippage, -math.inf, math.inf)
        level = number("cost_level", cost_level, -math.inf, math.inf)
        other = number("other_exposure", other_exposure, 0.0, math.inf)
        fallen = number("drawdown", drawdown, 0.0, 1.0)
        if not isinstance(bar_capacity, float) or bar_capacity != math.inf:
            bar_capacity = number("bar_capacity", bar_capacity, 0.0, math.inf)
        signal = check_side(side) * confidence
        if balance == 0.0:
            return PositionSize(0.0, 0.0, 0.0, "none")
        share = unit_price / balance
        if not 0.0 < share < math.inf:
            raise ConfigError(f"price = {unit_price}: no share of a balance of {balance}")
        params = self._params[0]
        if kelly_fraction is None:
            stop = stop_distances(confidence, volatility, params).stop
            stake = wished_stake(signal, stop, volatility, edge_noise(params), params)
        else:
            full = number("kelly_fraction", kelly_fraction, -math.inf, math.inf)
            stake = Stake(params.kelly_multiplier * full, abs(full), BoundBy.NONE.value)
        at = (standing, entry / unit_price)
        stake = self._tolerated(stake, held, at, volatility, tolerance)
        if params.execution_floor < 1.0 and params.mode != RiskMode.RAW:
            rate = execution_rate(level, params.execution_floor)
            stake = slowed(stake, held * share, rate, params)
            stake = self._tolerated(stake, held, at, volatility, tolerance)
        if params.mode != RiskMode.RAW:
            gross = abs(stake.fraction) + other / balance
            reach = params.participation_bars * (bar_capacity * share)
            reserve = expected_share(expected, stake.fraction, held * share, gross, params)
            place = Standing(gross, reserve, held * share, reach, fallen)
            stake = account_caps(stake, place, params)
        units = stake.fraction / share
        bound_by = BoundBy(stake.bound_by).name.lower()
        return PositionSize(units, units * unit_price, stake.fraction, bound_by)

    def _tolerated(
        self,
        stake: Stake,
        held: float,
        at: tuple[float, float],
        volatility: float,
        tolerance: float,
    ) -> Stake:
        """Apply the caps of one asset, `at` its stop's distance and its entry over the price."""
        (standing, entry), widest = at, stop_distance(1.0, volatility, self._params[0])
        if held * stake.fraction > 0.0:
            widest = max(widest, standing)
        is_short = held < 0.0 and stake.fraction < 0.0
        loss = loss_at_stop(widest, entry if is_short else 1.0)
        return asset_caps(stake, loss, tolerance, self._params[0])

    def joint_kelly_fractions(self, signals: ArrayLike, covariance: ArrayLike) -> Floats:
        """Size several assets together: their signed growth-optimal shares of the balance.

        What `covariance="shrunk"` does in a step, for a covariance that is given: the same
        shrinkage, edge and stops. Each share goes to `calculate_position_size`.

        Args:
            signals: confidence in [-1, 1], signed by side, (assets,).
            covariance: of a bar's returns, (assets, assets).

        Raises:
            ConfigError: the mode is not `kelly`, a shape does not fit, or a value is invalid.
        """
        views, matrix = numbers("signals", signals), numbers("covariance", covariance)
        check_joint(views, matrix, self.config.mode)
        count = len(views)
        assets, reports = new_table(AssetState, count), new_table(Report, count)
        assets["seen_variance_slow"] = np.diag(matrix)
        for a, signal in enumerate(views):
            propose(float(signal), assets[a], reports[a], True, self._params[0])
        size_together(assets, reports, np.stack([matrix, 0.0 * matrix]), self._params[0])
        shares: Floats = np.copysign(reports["kelly_fraction"], reports["wished_fraction"])
        return shares

    def determine_adaptive_stops(
        self,
        entry_price: float,
        confidence_score: float,
        market_volatility: float,
        *,
        side: int = 1,
        tick: float = 0.0,
        best_price: float | None = None,
    ) -> StopLevels:
        """Place stop and target around an entry; wider with confidence and with volatility.

        Args:
            entry_price: currency per unit, > 0.
            confidence_score: 0 to 1.
            market_volatility: standard deviation of a bar's return.
            side: +1 long (stop below, target above), -1 short (mirrored in log price).
            tick: levels are multiples of it, rounded away from the price; 0 for any.
            best_price: with `trailing`, the most favourable price since the entry: the stop is
                where it has followed that to. None for the stop as it was placed.

        Raises:
            ConfigError: an argument is not finite or out of its range (the message names it).
        """
        entry = number("entry_price", entry_price, 1e-300, math.inf)
        confidence = number("confidence_score", confidence_score, 0.0, 1.0, SHORT)
        volatility = number("market_volatility", market_volatility, 1e-12, 10.0)
        sign = float(check_side(side))
        grid = number("tick", tick, 0.0, math.inf)
        distances = stop_distances(confidence, volatility, self._params[0])
        stop = level_against(entry, distances.stop, sign, grid)
        if self.config.trailing and best_price is not None:
            best = number("best_price", best_price, 1e-300, math.inf)
            followed = level_against(best, distances.stop, sign, grid)
            stop = tighter(stop, followed, sign)
        return StopLevels(stop, level_with(entry, distances.target, sign, grid))


def check_side(side: int) -> int:
    """Return +1 or -1, or raise."""
    if isinstance(side, bool) or not isinstance(side, NUMBER) or side not in (1, -1):
        raise ConfigError(f"side = {shown(side)}: must be +1 (long) or -1 (short)")
    return int(side)


def check_joint(signals: Floats, covariance: Floats, mode: RiskMode) -> None:
    """Raise unless assets can be sized together from these."""
    if mode is not RiskMode.KELLY:
        raise ConfigError(f"mode = {mode.name.lower()}: only kelly sizes assets together")
    if signals.ndim != 1 or covariance.shape != (len(signals),) * 2:
        raise ConfigError(
            f"covariance has shape {covariance.shape} for signals of {signals.shape}: must be "
            "(assets, assets) and (assets,)"
        )
    if not (np.abs(signals) <= 1.0).all():
        raise ConfigError(f"signals = {shown(signals)}: must be in [-1, 1]")
    sound = np.isfinite(covariance).all() and np.allclose(covariance, covariance.T)
    if not sound or np.linalg.eigvalsh(covariance).min() <= 0.0:
        raise ConfigError("covariance: must be finite, symmetric and positive definite")
