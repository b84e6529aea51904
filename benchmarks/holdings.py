"""Portfolio-v0 as a linear learner of Garleanu and Pedersen's problem sees it.

Holdings and factors of order 1 are shown, trades are taken, and the reward is what the closed form
counts: the change of equity, less the luck x'u of holdings x in a step's price noise u, less
(gamma / 2) x'Sigma x. Given what is known when x is chosen, that is the mean of the environment's
own reward, up to (gamma / 2) times the square of the expected change; but of a step's standard
deviation it leaves a thirtieth. It takes u and Sigma, as a simulator knows them.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnvWrapper

from trading_env.envs.sb3 import SB3VecEnv
from trading_env.problems import Problem
from trading_env.problems.closed_forms.linear import LinearPolicy
from trading_env.problems.optimal_trading import WEALTH

HOLDING = 0.5 / WEALTH  # share of equity that is observed as 1
TRADE = 0.1 / WEALTH  # share of equity that an action of 1 buys
KEEP = 0.9  # of the holdings is left by an action of 0: the first policies are stable
REACH = 20.0  # the largest action; none comes near
POOL = 16  # paths for each lane, from which episodes draw
RISK = 0.01  # that a step's charge for risk is to the learner at a holding of 1


class Holdings(VecEnvWrapper):
    """Show holdings and factors, take trades, and reward without luck; all of order 1.

    Attributes:
        rewards: the last rewards, currency, float64.
        luck: what was taken off them, x'u.
    """

    def __init__(self, problem: Problem, lanes: int, seed: int) -> None:
        market = problem.env_kwargs["market"] | {"paths": POOL * lanes, "seed": seed}
        kwargs = {**problem.env_kwargs, "market": market, "detail": "none"}
        envs = SB3VecEnv(lanes, seed=seed, env_id=problem.env_id, **kwargs)
        self.batch, layout = envs.native.batch, envs.native.layout
        assets, names = len(layout.symbols), layout.signal_names
        self.columns = [*layout.columns("weight"), *(layout.columns(name)[0] for name in names)]
        self.scale = np.repeat([1.0 / HOLDING, 1.0], [assets, len(names)])
        self.covariance = np.array(market["covariance"])
        self.risk_aversion = risk_aversion(problem)
        unit = shares(problem) * HOLDING / TRADE
        variance = float(np.mean(np.diag(self.covariance)))
        self.unit_reward = RISK / (0.5 * self.risk_aversion * unit * unit * variance)
        world = envs.native.setup.world
        change = np.diff(world.bars["close"], axis=0, append=0.0)  # no step begins at the last row
        self.noise = change - world.signals[:, 0] @ np.array(market["loadings"]).T
        seen = spaces.Box(-np.inf, np.inf, (len(self.columns),))
        super().__init__(envs, seen, spaces.Box(-REACH, REACH, (assets,)))

    def reset(self) -> NDArray[np.float32]:
        self.features = self._features(self.venv.reset())
        return self.features

    def step_async(self, actions: NDArray[Any]) -> None:
        held = self.features[:, : actions.shape[1]].astype(np.float64)
        self.weights = KEEP * HOLDING * held + TRADE * actions
        self.venv.step_async(self.weights)

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], Any, Any]:
        accounts = self.batch.lanes.accounts
        equity, noise = accounts["equity"].copy(), self.noise[accounts["row"]]
        units = self.weights * equity[:, None] / self.batch.lanes.assets["mark"]
        observations, _, done, infos = self.venv.step_wait()
        after = np.where(done, self.batch.outputs.final_accounts["equity"], accounts["equity"])
        risk = np.einsum("li,ij,lj->l", units, self.covariance, units)
        self.luck = (units * noise).sum(axis=1)
        self.rewards = after - equity - self.luck - 0.5 * self.risk_aversion * risk
        for i in np.flatnonzero(done):
            infos[i]["terminal_observation"] = self._features(infos[i]["terminal_observation"])
        self.features = self._features(observations)
        return self.features, (self.unit_reward * self.rewards).astype(np.float32), done, infos

    def _features(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        return (observations[..., self.columns] * self.scale).astype(np.float32)


def risk_aversion(problem: Problem) -> float:
    """Return gamma, 1 / currency."""
    wealth: float = problem.env_kwargs["account"]["initial_cash"]
    return problem.env_kwargs["reward"]["risk"] / wealth


def shares(problem: Problem) -> float:
    """Return the shares that an action of 1 buys."""
    wealth: float = problem.env_kwargs["account"]["initial_cash"]
    return TRADE * wealth / problem.env_kwargs["market"]["price"]


def weights_of(problem: Problem, policy: LinearPolicy) -> NDArray[np.float64]:
    """Return the actor's weights for which the mean action is a linear policy of shares."""
    own = policy.carry - KEEP * np.eye(len(policy.carry))
    return np.hstack([own * HOLDING / TRADE, policy.response / shares(problem)])
