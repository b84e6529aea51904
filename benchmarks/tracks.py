"""Train learners for tracks of the benchmark, each seed into a folder that the benchmark takes.

    python -m benchmarks.tracks TRACK [--seeds 10] [--first 0] --out DIR
    trading-env benchmark --track TRACK --policy DIR

PPO as `benchmarks/regret.py` trains it on Almgren-Chriss and Obizhaeva-Wang, and as
`benchmarks/regret_portfolio.py` does on Garleanu-Pedersen; the first seed of a training's paths
lies in the track's training band. A folder `seed_K` holds weights as safetensors, and what the
training took: that is its budget. Seeds that are there are kept.

Not trained here: the adaptive agents, which `train.py` trains.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import regret, regret_portfolio
from benchmarks.holdings import HOLDING, KEEP, TRADE
from trading_env.backtesting.tracks.track import Track, load_tracks
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.policies.plain import PlainPolicy
from trading_env.problems import Problem

CLASSES = {"execution": ExecutionVectorEnv, "portfolio": PortfolioVectorEnv}
TRIALS = {"execution": 1, "portfolio": 1}


def problem_of(track: Track) -> Problem:
    """Return a track's problem with the arguments of its training band."""
    made = track.made
    if made is None:
        raise SystemExit(f"{track.id}: no learner is trained here for a track without a problem")
    return Problem(
        **{name: getattr(made, name) for name in made.__dataclass_fields__ if name != "env_kwargs"},
        env_kwargs=track.env_kwargs("train"),
    )


def schedule(track: Track, seed: int) -> tuple[PlainPolicy, int, float]:
    """Train PPO on parent orders; return it, its decisions and the seconds it took."""
    model, seconds = regret.train(problem_of(track), seed)
    network = model.policy
    tensors = [*network.mlp_extractor.policy_net[::2], network.action_net]
    layers = [(t.weight.detach().numpy(), t.bias.detach().numpy()) for t in tensors]
    return PlainPolicy.of(layers, layout_of(track)), model.num_timesteps, seconds


def trader(track: Track, seed: int) -> tuple[PlainPolicy, int, float]:
    """Train a linear PPO on holdings and factors; return it as a map of the observation."""
    problem = problem_of(track)
    model, seconds = regret_portfolio.train(problem, seed)
    head = model.policy.action_net
    weight, bias = (p.detach().double().numpy() for p in (head.weight, head.bias))
    layout, assets = layout_of(track), len(weight)
    columns = [*layout.columns("weight")]
    columns += [layout.columns(name)[0] for name in layout.signal_names]
    own = np.zeros((assets, len(layout.features)))
    own[:, columns[:assets]] = KEEP * np.eye(assets) + TRADE / HOLDING * weight[:, :assets]
    own[:, columns[assets:]] += TRADE * weight[:, assets:]
    return PlainPolicy.of([(own, TRADE * bias)], layout), model.num_timesteps, seconds


def layout_of(track: Track) -> Any:
    """Return the layout of the track's observations."""
    return CLASSES[track.env](1, **track.env_kwargs("train")).layout


LEARNERS: Mapping[str, Callable[[Track, int], tuple[PlainPolicy, int, float]]] = {
    "almgren-chriss-v0": schedule,
    "obizhaeva-wang-v0": schedule,
    "garleanu-pedersen-2-v0": trader,
    "garleanu-pedersen-5-v0": trader,
}


def main() -> int:
    """Train every seed that is not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("track", choices=sorted(LEARNERS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    track = load_tracks().tracks[chosen.track]
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        folder = chosen.out / f"seed_{seed}"
        if (folder / "policy.json").exists():
            continue
        policy, steps, seconds = LEARNERS[track.id](track, seed)
        policy.save(folder, budget={"steps": steps, "trials": 1})
        print(f"seed {seed}  {steps:,} steps  {seconds:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
