"""`trading_env/Portfolio-v0`: several assets, one cash account, orders that cost and are late."""

from collections.abc import Sequence
from typing import Any

from trading_env.envs.single import TradingEnv
from trading_env.envs.spaces import with_tables
from trading_env.envs.world import DEFAULT_LENGTH, ConfigSpec, RewardSpec, build
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.funds import AccountConfig
from trading_env.markets.loading import MarketSpec
from trading_env.risk_manager.config import RiskConfig
from trading_env.step.observation import AccountFeature, AssetFeature
from trading_env.stress.scenario import ScenarioSpec


class PortfolioEnv(TradingEnv):
    """Trade several assets from one cash account through a risk manager and an execution engine.

    ## Description
    Decision k is taken at the close of bar k, from what the data feed has shown. The risk manager
    turns each signal into a target position with a stop and a target; the difference to what is
    held and outstanding becomes an order; the order arrives late, fills at the price of its
    arrival plus half spread and impact, at most a share of the bar's volume, and the rest works
    on. A scenario may move the true market, its liquidity, the latency and the feed. The rules
    are in `docs/model.md`.

    ## Action Space
    `Box(-1, 1, (assets,), float32)`: signed conviction. The sign is the direction, the magnitude
    the confidence; 0 wants no position. It is a target, not an order: repeating an action trades
    only to hold the target. Finite values beyond the box saturate at its edge; NaN, infinities,
    wrong shapes and wrong types raise ValueError and change nothing.

    With `action = "target+type"` it is `Box(-1, 1, (assets, 4), float32)`: signal, order type
    (thirds of [-1, 1]: market, limit, stop), offset (times 2 shown standard deviations of a bar,
    how far the limit lies on the better side of the shown price, or a stop's trigger on the worse
    side) and time in force (below 0: the bar it arrives in, else the episode). What works with
    another limit or trigger is replaced. With `action = "orders"` the signal asks for one more
    order of the size that the risk manager gives it, on top of what is held and live, 0 for none;
    the types are quarters, the fourth taking back what works, and orders stay until then, or until
    one on the other side arrives. `action_form = "dict"` gives the columns names:
    `Dict(signal: Box, type: MultiDiscrete, offset: Box, time_in_force: MultiDiscrete)`.

    ## Observation Space
    `Box` of float32 with finite bounds: asset by asset the features below and then the market's
    `signal_*` columns (clipped to +-5), then the account's. All are scale-free.

    Of each asset:

    {asset}

    Of the account:

    {account}

    ## Rewards
    `scale x` the sum of the terms that `reward` weighs: by default (preset `execution_quality`)
    `growth` (log growth of equity), `shortfall` (minus what fills cost over equity) and
    `liquidation` (what closing every position would cost when the episode ends). Other presets:
    `growth`, `mean_variance`.

    ## Starting State
    All cash. Path, first bar, scenario and the start of its events are drawn from the seed and
    the episode number; 64 bars before the first decision warm the averages up.

    ## Episode End
    Truncated after `episode_length` steps; terminated when equity is 0 or less.

    ## Arguments
    - market: name, file, mapping (of either) or `Market`; default `multiscale`, five assets.
    - scenario: preset, file, mapping, list (composed), `{"one_of": [...]}` (drawn), or None.
    - severity: >= 0; 1 as written, 0 equals no scenario bit for bit.
    - risk, execution, account, reward: preset, mapping or config object; reward may be a function
      of named terms, as `lambda growth, turnover: growth - turnover**2`.
    - episode_length: steps.
    - seed_band: "train", "validation" or "test", disjoint; None takes every bar.
    - window: the last so many bars of each asset behind the features; None shows none.
    - frames: coarser bars behind them, as ["4h", "1d"]; None shows none.
    - action: "target", "target+type" or "orders"; action_form: "box" or "dict" for the last two.
    - detail: "none", "episode" or "full", how much goes to `info`.
    - render_mode: "human", "rgb_array" or "ansi".

    `reset(options={"path": p, "start": b})` fixes the path and the bar of the first decision.

    ## Version History
    - v0: first version.
    """

    def __init__(
        self,
        *,
        market: MarketSpec = "multiscale",
        scenario: ScenarioSpec = None,
        severity: float = 1.0,
        risk: RiskConfig | ConfigSpec = None,
        execution: ExecutionConfig | ConfigSpec = None,
        account: AccountConfig | ConfigSpec = None,
        reward: RewardSpec = "execution_quality",
        episode_length: int = DEFAULT_LENGTH,
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
            market=market,
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


PortfolioEnv.__doc__ = with_tables(PortfolioEnv.__doc__, asset=AssetFeature, account=AccountFeature)
