"""A portfolio as Stable-Baselines3 sees it: each asset of each lane is an environment of its own.

Its observation are the features of that asset, its action is that asset's conviction, and its
reward is that asset's own part of what the account earned:

    profit_k      (value after - value before + what its fills brought - fees - financing) / equity
    reward_k      100 (profit_k - lambda / 2 (2 profit_k profit - profit_k^2))

The profits of the assets add up to the account's return, `profit`. What is charged for risk is the
part of lambda / 2 profit^2, the account's, that would not be there without the asset (a difference
reward: Wolpert and Tumer 2001), so an asset that hedges the others is paid for it. One reward for
all assets would make each learn from the luck of the others.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from trading_env.core.records import Floats
from trading_env.envs.actions import action_box
from trading_env.envs.sb3 import BatchVecEnv
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.policies.adaptive import asset_rows

SCALE = 100.0  # a reward of 1 is a percent of equity


class Bookkeeper:
    """What each asset of each lane has earned since the last step or reset."""

    def __init__(self, envs: PortfolioVectorEnv) -> None:
        self.envs = envs
        self.begin()

    def begin(self) -> None:
        """Note what positions are worth, and the equity, before a step."""
        batch = self.envs.batch
        self.value = self._value()
        self.equity = batch.lanes.accounts["equity"].copy()

    def _value(self) -> Floats:
        assets = self.envs.batch.lanes.assets
        worth: Floats = assets["position"] * assets["value"]
        return worth

    def profits(self) -> Floats:
        """Return what the step brought, (lanes, assets), shares of the equity before it."""
        reports = self.envs.batch.outputs.reports
        earned = self._value() - self.value + reports["cash_flow"]
        earned = earned - reports["fees"] - reports["financing"]
        profits: Floats = earned / self.equity[:, None]
        return profits


def credits_of(profits: Floats, risk_aversion: float) -> Floats:
    """Return the reward of each asset, (lanes, assets); the module has the rule."""
    total = profits.sum(axis=1, keepdims=True)
    risk = 0.5 * risk_aversion * (2.0 * profits * total - profits**2)
    return SCALE * (profits - risk)


class AssetRows(BatchVecEnv):
    """The rows of a batch of portfolios.

    Args:
        lanes: portfolios stepped together.
        seed: of the first episodes; lane k has `seed` + k.
        risk_aversion: lambda.
        kwargs: of the vector environment.
    """

    def __init__(self, lanes: int, *, seed: int, risk_aversion: float, **kwargs: Any) -> None:
        mode = AutoresetMode.DISABLED  # so that the books of an episode's last step can be read
        self.native = PortfolioVectorEnv(
            lanes, autoreset_mode=mode, detail="full", copy=False, **kwargs
        )
        self.layout = self.native.layout
        self.risk_aversion = risk_aversion
        self.first_seed: int | None = seed
        self.assets = len(self.layout.symbols)
        self.render_mode = None
        low = np.array([feature.low for feature in self.layout.block], dtype=np.float32)
        high = np.array([feature.high for feature in self.layout.block], dtype=np.float32)
        super().__init__(lanes * self.assets, spaces.Box(low, high), action_box(1))

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every lane."""
        observation, _ = self.native.reset(seed=self.first_seed)
        self.first_seed = None
        self.books = Bookkeeper(self.native)
        return asset_rows(observation, self.layout)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions until `step_wait`."""
        self.actions = actions.reshape(self.native.num_envs, self.assets)

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step every lane; one that has ended begins its next episode."""
        observation, _, terminated, truncated, _ = self.native.step(self.actions)
        rewards = credits_of(self.books.profits(), self.risk_aversion).astype(np.float32)
        seen = asset_rows(observation, self.layout)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if done.any():
            for lane in np.flatnonzero(done):
                for row in range(lane * self.assets, (lane + 1) * self.assets):
                    infos[row]["terminal_observation"] = seen[row]
                    infos[row]["TimeLimit.truncated"] = not terminated[lane]
            observation, _ = self.native.reset(options={"reset_mask": done})
            seen = asset_rows(observation, self.layout)
        self.books.begin()
        return seen, rewards.reshape(-1), np.repeat(done, self.assets), infos

    def set_state(self, state: dict[str, Any]) -> NDArray[np.float32]:
        """Go back to a snapshot, with books begun there; return what was observed then."""
        observations = super().set_state(state)
        self.books = Bookkeeper(self.native)
        return asset_rows(observations, self.layout)
