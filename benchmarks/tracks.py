"""Train learners for tracks of the benchmark, each seed into a folder that the benchmark takes.

    python -m benchmarks.tracks TRACK [--agent fitted] [--seeds 10] [--first 0] --out DIR
    trading-env benchmark --track TRACK --policy DIR

`fitted` is PPO as `benchmarks/regret.py` sets it up for Almgren-Chriss and Obizhaeva-Wang, and
`benchmarks/regret_portfolio.py` for Garleanu-Pedersen. `ppo`, `sac`, `tqc` and `recurrent_ppo` are
the learners of `train.py` with their settings there: the whole observation, the environment's
reward, the network that did best in validation. The first seed of a training's paths lies in the
track's training band. A folder `seed_K` holds weights as safetensors, and what the training took:
that is its budget. Seeds that are there are kept.

Not trained here: the adaptive agents, which `train.py` trains.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from agents.plain import AGENTS, SETTINGS, fit_plain, policy_of
from benchmarks import regret, regret_portfolio
from benchmarks.holdings import HOLDING, KEEP, TRADE
from trading_env.backtesting.tracks.track import Band, Track, load_tracks
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.plain import PlainPolicy
from trading_env.policies.policy import env_class
from trading_env.problems import Problem

ROLLOUT = SETTINGS.lanes * SETTINGS.steps
BUDGETS = {"ppo": 122 * ROLLOUT, "recurrent_ppo": 8 * ROLLOUT, "sac": 50_000, "tqc": 25_008}
"""Decisions of a training: a million of PPO, less where an update takes longer."""
NOT_HERE = {
    "bad-data-v0": "what is trained on weak-signal-v0 plays it",
    "real-indices-v0": "each window has a training part of its own",
}


def problem_of(track: Track) -> Problem:
    """Return a track's problem with the arguments of its training band."""
    made = track.made
    assert made is not None  # of those in LEARNERS
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


def plain(track: Track, agent: str, seed: int) -> tuple[PlainPolicy, int, float]:
    """Train a learner of `train.py`; return it, its decisions and the seconds it took."""
    steps = BUDGETS[agent]
    begin = time.perf_counter()
    with tqdm(total=steps, desc=f"{agent} {seed}", unit=" steps", mininterval=1.0) as bar:
        trained = fit_plain(
            track.env,
            arguments(track, "train"),
            arguments(track, "validation"),
            agent=agent,
            timesteps=steps,
            seed=seed,
            advance=bar.update,
        )
        taken = int(bar.n)
    policy = policy_of(trained.network, trained.layout)
    return policy, taken, time.perf_counter() - begin


def arguments(track: Track, band: Band) -> dict[str, Any]:
    """Return a band's arguments, without those that the trainer sets."""
    return {k: v for k, v in track.env_kwargs(band).items() if k not in ("seed_band", "detail")}


def layout_of(track: Track) -> ObservationLayout:
    """Return the layout of the track's observations."""
    return env_class(track.env)(1, **track.env_kwargs("train")).layout


LEARNERS: Mapping[str, Callable[[Track, int], tuple[PlainPolicy, int, float]]] = {
    "almgren-chriss-v0": schedule,
    "obizhaeva-wang-v0": schedule,
    "garleanu-pedersen-2-v0": trader,
    "garleanu-pedersen-5-v0": trader,
}


def main() -> int:
    """Train every seed that is not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tracks = load_tracks().tracks
    parser.add_argument("track", choices=sorted(tracks))
    parser.add_argument("--agent", choices=["fitted", *AGENTS], default="fitted")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    track, agent = tracks[chosen.track], chosen.agent
    if track.id in NOT_HERE:
        parser.error(f"{track.id}: {NOT_HERE[track.id]}")
    if agent == "fitted" and track.id not in LEARNERS:
        parser.error(f"{track.id}: nothing is fitted to it; --agent {', '.join(AGENTS)}")
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        folder = chosen.out / f"seed_{seed}"
        if (folder / "policy.json").exists():
            continue
        if agent == "fitted":
            policy, steps, seconds = LEARNERS[track.id](track, seed)
        else:
            policy, steps, seconds = plain(track, agent, seed)
        policy.save(folder, budget={"steps": steps, "trials": 1})
        print(f"seed {seed}  {steps:,} steps  {seconds:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
