"""`trading_env/Portfolio-v0`: several assets, one cash account, orders that cost and are late."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from trading_env.config import AccountConfig, RewardConfig
from trading_env.envs.batch import DRAW, Batch
from trading_env.envs.info import check_detail, full_info, lane_of_info, summary
from trading_env.envs.spaces import ObservationLayout, action_space
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.world import (
    DEFAULT_LENGTH,
    WARMUP,
    ConfigSpec,
    MarketSpec,
    ScenarioSpec,
    build,
)
from trading_env.execution_engine import ExecutionConfig
from trading_env.kernels.drivers import serial
from trading_env.render import draw, print_line
from trading_env.risk_manager import RiskConfig
from trading_env.types import AutoReset

ALL = np.array([True])


class PortfolioEnv(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
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

    metadata: dict[str, Any] = {  # noqa: RUF012 -- Gymnasium declares it as an instance attribute
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 10,
    }

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
        self.setup = build(
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
        self.detail = check_detail(detail)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            modes = ", ".join(self.metadata["render_modes"])
            raise ValueError(f"render_mode = {render_mode!r:.60}: must be one of {modes}")
        self.render_mode = render_mode
        self._batch = Batch(self.setup, 1, keep_reports=True)
        self._trace = EpisodeTrace(self.setup)
        self.observation_space = self.layout.space()
        self.action_space = action_space(self._batch.assets)
        self._shape = (self._batch.assets,)

    @property
    def layout(self) -> ObservationLayout:
        """Where each feature stands in the observation."""
        return self.setup.layout

    @property
    def trace(self) -> EpisodeTrace:
        """What happened in this episode; kept only with a render mode."""
        return self._trace

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode: the first of `seed`, or the next one when `seed` is None.

        Raises:
            ValueError: `options` holds an unknown key, or a path or start outside the market.
        """
        path, start = self._placement(options or {})
        super().reset(seed=seed)
        seeds = None
        if seed is not None:
            seeds = np.array([seed], dtype=np.uint64)
        elif not self._batch.is_started:
            seeds = self.np_random.integers(0, 2**63, size=1, dtype=np.uint64)
        self._batch.reset(serial, seeds, ALL, path, start)
        if self.render_mode is not None:
            self._trace.begin(self._batch)
            if self.render_mode == "human":
                self.render()
        info = lane_of_info(full_info(self._batch), 0) if self.detail == "full" else {}
        return self._batch.outputs.observations[0].copy(), info

    def _placement(self, options: dict[str, Any]) -> tuple[int, int]:
        """Read path and start from reset's options."""
        unknown = set(options) - {"path", "start"}
        if unknown:
            raise ValueError(f"options: unknown key {min(unknown)!r:.60}; known: path, start")
        market, length = self.setup.market, self.setup.resolved["episode_length"]
        limits = {"path": (0, market.paths - 1), "start": (WARMUP, market.bars - 1 - length)}
        for name, (low, high) in limits.items():
            value = options.get(name, low)
            if not isinstance(value, int | np.integer) or not low <= value <= high:
                raise ValueError(f"options: {name} = {value!r:.60}: must be in [{low}, {high}]")
        return int(options.get("path", DRAW)), int(options.get("start", DRAW))

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Take one decision; see the class for the rules.

        Raises:
            ValueError: NaN, infinite, wrong-shaped or wrong-typed action; nothing has changed.
            RuntimeError: the episode has not begun, or has ended.
        """
        batch = self._batch
        actions = batch.check_actions(action, self._shape)
        if not batch.is_started or batch.lanes.accounts["done"][0] == 1:
            raise RuntimeError("step() needs an episode in progress: call reset() first")
        batch.step(serial, actions.reshape(1, -1), AutoReset.DISABLED)
        outputs = batch.outputs
        terminated = bool(outputs.terminated[0])
        truncated = bool(outputs.truncated[0])
        if self.render_mode is not None:
            self._trace.add(batch)
            if self.render_mode == "human":
                self.render()
        info: dict[str, Any] = {}
        if self.detail == "full":
            info = lane_of_info(full_info(batch), 0)
        elif self.detail == "episode" and (terminated or truncated):
            final = summary(batch.lanes.logs, batch.lanes.accounts)
            info = {"summary": lane_of_info(final, 0)}
        return (
            outputs.observations[0].copy(),
            float(outputs.rewards[0]),
            terminated,
            truncated,
            info,
        )

    def render(self) -> Any:
        """Draw the episode so far: an RGB array, a window, or one line of text."""
        if self.render_mode is None:
            raise ValueError("render() needs render_mode='human', 'rgb_array' or 'ansi'")
        if self.render_mode == "ansi":
            return print_line(self._trace)
        return draw(self._trace, show=self.render_mode == "human")

    def get_state(self) -> dict[str, Any]:
        """Return an exact, picklable snapshot; it does not hold the seed."""
        return self._batch.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot of an environment with the same arguments.

        Raises:
            ValueError: the snapshot does not fit.
        """
        self._batch.set_state(state)
