"""PPO (Schulman et al. 2017) in one file, over the native vector environment.

Run it with `python examples/ppo_one_file.py --steps 200000`; it prints the mean reward of an
episode as it learns. What is tuned stands in `Settings`, and `main` is the loop. Lanes reset in the
same step, so an observation after an end belongs to the next episode; an end by time is
bootstrapped from the value of the last observation, an end by ruin is worth nothing more.
"""

import argparse
from dataclasses import dataclass, fields
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn

import trading_env  # noqa: F401 -- registers the ids


@dataclass
class Settings:
    """What is tuned."""

    steps: int = 200_000  # decisions in all
    lanes: int = 64
    horizon: int = 64  # decisions of a lane between two updates
    epochs: int = 4
    batch: int = 1024
    rate: float = 3e-4
    discount: float = 0.99
    smoothing: float = 0.95  # of advantages, lambda
    clip: float = 0.2
    entropy: float = 0.0
    length: int = 120  # steps of an episode
    seed: int = 0


class Agent(nn.Module):
    """A mean and a value from one body, and a spread of actions that is learned."""

    def __init__(self, size: int, actions: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.mean = nn.Linear(64, actions)
        self.value = nn.Linear(64, 1)
        self.log_spread = nn.Parameter(torch.full((actions,), -0.5))

    def forward(self, seen: torch.Tensor) -> tuple[torch.distributions.Normal, torch.Tensor]:
        inside = self.body(seen)
        chosen = torch.distributions.Normal(self.mean(inside), self.log_spread.exp())
        return chosen, self.value(inside).squeeze(-1)


def tensor(values: Any) -> torch.Tensor:
    """Return values as float32."""
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def advantages(
    rewards: torch.Tensor, values: torch.Tensor, ends: torch.Tensor, last: torch.Tensor, s: Settings
) -> torch.Tensor:
    """Estimate advantages backwards (Schulman et al. 2016); nothing flows over an end."""
    found, ahead, following = torch.zeros_like(rewards), torch.zeros_like(last), last
    for k in reversed(range(len(rewards))):
        goes_on = 1.0 - ends[k]
        surprise = rewards[k] + s.discount * following * goes_on - values[k]
        ahead = surprise + s.discount * s.smoothing * goes_on * ahead
        found[k], following = ahead, values[k]
    return found


def update(
    agent: Agent, learner: torch.optim.Optimizer, rows: dict[str, torch.Tensor], s: Settings
) -> None:
    """Improve the policy on one rollout, and keep it near to the one that played."""
    count = len(rows["seen"])
    for _ in range(s.epochs):
        for chosen in torch.randperm(count).split(s.batch):
            part = {name: values[chosen] for name, values in rows.items()}
            policy, value = agent(part["seen"])
            ratio = (policy.log_prob(part["action"]).sum(-1) - part["log_chance"]).exp()
            gain = (part["gain"] - rows["gain"].mean()) / (rows["gain"].std() + 1e-8)
            near = ratio.clamp(1.0 - s.clip, 1.0 + s.clip)
            loss = -torch.min(ratio * gain, near * gain).mean()
            loss = loss + 0.5 * (value - part["worth"]).square().mean()
            loss = loss - s.entropy * policy.entropy().sum(-1).mean()
            learner.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            learner.step()


def main(s: Settings) -> list[float]:
    """Train; return the mean reward of the episodes that ended before each update."""
    torch.manual_seed(s.seed)
    envs = gym.make_vec(
        "trading_env/Portfolio-v0",
        num_envs=s.lanes,
        vectorization_mode="vector_entry_point",
        autoreset_mode="SameStep",
        episode_length=s.length,
    )
    seen, _ = envs.reset(seed=s.seed)
    agent = Agent(seen.shape[1], envs.single_action_space.shape[0])
    learner = torch.optim.Adam(agent.parameters(), lr=s.rate, eps=1e-5)
    history = []
    for number in range(max(s.steps // (s.lanes * s.horizon), 1)):
        kept: dict[str, list[torch.Tensor]] = {
            name: [] for name in ("seen", "action", "log_chance", "value", "reward", "end")
        }
        sums: list[float] = []
        for _ in range(s.horizon):
            with torch.no_grad():
                policy, value = agent(tensor(seen))
                action = policy.sample()
            before = tensor(seen)
            seen, reward, terminated, truncated, info = envs.step(action.clamp(-1, 1).numpy())
            paid = tensor(reward)
            cut = truncated & ~terminated  # by time: what would have come is worth its value
            if cut.any():
                final = info["final_obs"][cut]
                with torch.no_grad():
                    paid[torch.as_tensor(cut)] += s.discount * agent(tensor(final))[1]
            ended = terminated | truncated
            if ended.any():
                sums += [float(x) for x in info["final_info"]["summary"]["reward"][ended]]
            row = (before, action, policy.log_prob(action).sum(-1), value, paid, tensor(ended))
            for name, values in zip(kept, row, strict=True):
                kept[name].append(values)
        played = {name: torch.stack(values) for name, values in kept.items()}
        with torch.no_grad():
            last = agent(tensor(seen))[1]
        gain = advantages(played["reward"], played["value"], played["end"], last, s)
        rows = {name: played[name].flatten(0, 1) for name in ("seen", "action", "log_chance")}
        worth = (gain + played["value"]).flatten()
        update(agent, learner, {**rows, "gain": gain.flatten(), "worth": worth}, s)
        if sums:
            history.append(float(np.mean(sums)))
            print(f"update {number}: mean reward of {len(sums)} episodes {history[-1]:+.4f}")
    return history


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="PPO in one file")
    for field in fields(Settings):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    main(Settings(**vars(parser.parse_args())))
