"""`trading_env/Portfolio-v0`: several assets, one cash account, orders that cost and are late."""

from trading_env.envs.single import TradingEnv
from trading_env.envs.world import DEFAULT_LENGTH, ConfigSpec, MarketSpec, ScenarioSpec, build
from trading_env.execution_engine.config import AccountConfig, ExecutionConfig
from trading_env.risk_manager.config import RiskConfig
from trading_env.step.config import RewardConfig


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

    ## Observation Space
    `Box` of float32 with finite bounds: asset by asset the features below and then the market's
    `signal_*` columns (clipped to +-5), then the account's. All are scale-free.

    | Feature (each asset) | Min | Max | Unit |
    | --- | --- | --- | --- |
    | return | -5 | 5 | last shown return, slow standard deviations (sd) |
    | trend_5, trend_20, trend_60 | -5 | 5 | mean return by half-life, its own sd |
    | volatility | 0 | 1 | slow sd of a bar's return |
    | volatility_change | -1 | 1 | contrast (a-b)/(a+b) of fast and slow sd |
    | volume | -1 | 1 | contrast of volume and its mean |
    | range | 0 | 5 | high less low over close, sd |
    | weight, working | -5 | 5 | position, outstanding orders, over equity |
    | open_profit | -5 | 5 | price over entry, sd, signed by side |
    | stop_room, target_room | 0 | 1 | contrast of price and level, 0 for none |
    | exit_pending | 0 | 1 | a stop or margin call is being worked |
    | slippage | -1 | 1 | mean realised cost of fills, percent |
    | surprise | -1 | 1 | contrast of realised and expected cost |
    | latency | 0 | 1 | mean latency t / (t + 1 s) |
    | fill_ratio | 0 | 1 | mean filled share |
    | age | 0 | 1 | bars n since the last delivered bar, n / (n + 1) |
    | valid | 0 | 1 | the last bar was delivered |

    | Feature (account) | Min | Max | Unit |
    | --- | --- | --- | --- |
    | cash, net | -5 | 5 | over equity |
    | gross | 0 | 5 | over equity |
    | drawdown | 0 | 1 | from the highest equity shown |
    | growth | -5 | 5 | log of equity over initial equity |
    | time_left | 0 | 1 | share of the episode |

    ## Rewards
    `scale x` the weighted sum of `growth` (log growth of equity), `shortfall` (minus
    implementation shortfall over equity), `risk` (minus half the squared return) and `turnover`.
    Presets: `execution_quality` (default), `growth`, `mean_variance`.

    ## Starting State
    All cash. Path, first bar, scenario and the start of its events are drawn from the seed and
    the episode number; 64 bars before the first decision warm the averages up.

    ## Episode End
    Truncated after `episode_length` steps; terminated when equity is 0 or less.

    ## Arguments
    - market: name, file, generator mapping or `Market`; default `multiscale`, five assets.
    - scenario: preset, file, mapping, list (composed), `{"one_of": [...]}` (drawn), or None.
    - severity: >= 0; 1 as written, 0 equals no scenario bit for bit.
    - risk, execution, account, reward: preset, mapping or config object.
    - episode_length: steps.
    - seed_band: "train", "validation" or "test", disjoint; None takes every bar.
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
        reward: RewardConfig | ConfigSpec = "execution_quality",
        episode_length: int = DEFAULT_LENGTH,
        seed_band: str | None = "train",
        detail: str = "episode",
        render_mode: str | None = None,
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
        )
        super().__init__(setup, detail, render_mode)
