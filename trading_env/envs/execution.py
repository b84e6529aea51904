"""`trading_env/Execution-v0`: parent orders worked to completion by a deadline."""

from collections.abc import Sequence
from typing import Any

from trading_env.core.codes import Task
from trading_env.envs.single import TradingEnv
from trading_env.envs.spaces import with_tables
from trading_env.envs.world import EXECUTION_DEFAULTS, ConfigSpec, RewardSpec, build
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.funds import AccountConfig
from trading_env.markets.loading import MarketSpec
from trading_env.risk_manager.config import RiskConfig
from trading_env.step.config import ParentConfig
from trading_env.step.observation import ParentFeature
from trading_env.stress.scenario import ScenarioSpec


class ExecutionEnv(TradingEnv):
    """Work parent orders, one in each asset, to completion by a deadline.

    ## Description
    Every asset has a parent order to buy or to sell. Decision k is taken at the close of bar k;
    a pace asks for a share of what is left, the child order for it arrives late and fills at the
    price of its arrival plus half spread and impact, at most a share of the bar's volume. What
    the deadline finds unfilled is completed at cost. The rules are in `docs/model.md`.

    ## Action Space
    `Box(-1, 1, (assets,), float32)`: pace. -1 asks for nothing, 0 for the even pace (what is left
    over the steps left), +1 for all that is left; linear between, so that every quantity from
    nothing to all can be asked for. The last step asks for all. Finite values beyond the box
    saturate at its edge; NaN, infinities, wrong shapes and wrong types raise ValueError and change
    nothing.

    With `action = "target+type"` or `"orders"` each asset has four numbers as in
    `trading_env/Portfolio-v0`, of which the signal is the pace; with "orders" its share is of what
    is left and not yet ordered.

    ## Observation Space
    As in `trading_env/Portfolio-v0`, with six features of each asset replaced:

    {parent}

    ## Rewards
    `scale x` the weighted sum of `shortfall` (minus the parent orders' implementation shortfall in
    the step), `risk` (minus the squared price risk of what is left) and `turnover`, in units of
    the arrival value (`growth` is 0). The shortfall of an episode adds up to Perold's. Preset
    `arrival_price` (default) weighs risk by 10.

    ## Starting State
    A seller holds what is to be sold, a buyer nothing; cash is the arrival value of all parent
    orders. Sides and sizes are drawn from the seed, or given.

    ## Episode End
    Terminated when every parent order is done, at the deadline after `episode_length` steps, and
    at ruin; what is left then is completed at cost.

    ## Arguments
    - parent: `{"side": "buy" | "sell" | "random", "size": (low, high)}`, the size as a share of
      the volume to be expected over the horizon, or `{"quantity": units}` for each asset.
    - episode_length: steps to the deadline.
    - market: default one asset of `multiscale`.
    - risk: `participation_bars`, `no_trade_band` and `feedback_rate` act on child orders.
    - scenario, severity, execution, account, reward, seed_band, window, frames, detail,
      render_mode, action, action_form: as in `trading_env/Portfolio-v0`.

    ## Version History
    - v0: first version.
    """

    def __init__(
        self,
        *,
        market: MarketSpec = EXECUTION_DEFAULTS["market"],
        parent: ParentConfig | ConfigSpec = None,
        scenario: ScenarioSpec = None,
        severity: float = 1.0,
        risk: RiskConfig | ConfigSpec = None,
        execution: ExecutionConfig | ConfigSpec = None,
        account: AccountConfig | ConfigSpec = None,
        reward: RewardSpec = EXECUTION_DEFAULTS["reward"],
        episode_length: int = EXECUTION_DEFAULTS["episode_length"],
        seed_band: str | None = "train",
        window: int | None = None,
        frames: Sequence[str] | None = None,
        action: str = "target",
        action_form: str = "box",
        detail: str = "episode",
        render_mode: str | None = None,
        **others: Any,
    ) -> None:
        setup = build(
            Task.EXECUTION,
            market=market,
            parent=parent,
            scenario=scenario,
            severity=severity,
            risk=risk,
            execution=execution,
            account=account,
            reward=reward,
            episode_length=episode_length,
            seed_band=seed_band,
            window=window,
            frames=frames,
            action=action,
            action_form=action_form,
            **others,
        )
        super().__init__(setup, detail, render_mode)


ExecutionEnv.__doc__ = with_tables(ExecutionEnv.__doc__, parent=ParentFeature)
