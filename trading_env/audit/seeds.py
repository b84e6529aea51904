"""Checks of chance: what a seed fixes, what its absence draws, and where chance comes from."""

import random
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from trading_env.audit.play import (
    first_mismatch,
    known_globals,
    mismatch,
    numbers_in,
    play_env,
    repeatable,
    samples,
)
from trading_env.audit.results import FAIL, PASS, SKIPPED, Result, verdict
from trading_env.audit.subject import Subject

DRAWS = 8  # episodes that must not all be equal: two equal outcomes of a coin pass 1 time in 128
SHORT = 10
EARLIER_EPISODES = 8
EARLIER_STEPS = 150
SECRET = 987_654_321


def same_seed(subject: Subject, actions: Sequence[Any]) -> Result:
    """One seed and the same actions give one episode, in a new environment and in a used one."""
    first, second = subject.build(), subject.build()
    with known_globals():  # once: draws from a global generator still differ from play to play
        plays = [play_env(env, actions, 7) for env in (first, second, first)]
    problem = None
    for who, other in (("a second environment", plays[1]), ("the same one again", plays[2])):
        found = first_mismatch(plays[0], other)
        if found and problem is None:
            problem = f"reset(seed=7) in {who}: output {found[0]}, {found[1]}"
    return verdict("same_seed", problem, f"three plays of {len(plays[0])} outputs are equal")


def fresh_draws(subject: Subject, actions: Sequence[Any], same: Result) -> list[Result]:
    """Where episodes are random, other seeds give others, and so does a reset without a seed."""
    names = ("different_seeds", "unseeded_reset")
    env = subject.build()
    with known_globals():
        seeded = [play_env(subject.build(), actions, seed) for seed in range(DRAWS)]
        fresh = [play_env(subject.build(), actions, None) for _ in range(DRAWS)]
        again = [play_env(env, actions, None) for _ in range(DRAWS)]
    kinds = {"seeds": seeded, "new environments": fresh, "resets of one": again}
    varied = {
        name: any(first_mismatch(plays[0], p) for p in plays) for name, plays in kinds.items()
    }
    if not any(varied.values()):
        why = f"not random: {DRAWS} seeds and {2 * DRAWS} resets without one give one episode"
        return [Result(name, SKIPPED, why) for name in names]
    if same.outcome == FAIL:
        seeds = Result(names[0], SKIPPED, "the seed does not fix the episode")
    else:
        problem = None if varied["seeds"] else f"seeds 0 to {DRAWS - 1} give one episode"
        seeds = verdict(names[0], problem, f"seeds 0 to {DRAWS - 1} do not all agree")
    stuck = [name for name in ("new environments", "resets of one") if not varied[name]]
    problem = f"{DRAWS} unseeded {stuck[0]} give one episode" if stuck else None
    return [seeds, verdict(names[1], problem, f"{DRAWS} resets without a seed do not all agree")]


def reset_forgets(subject: Subject, actions: Sequence[Any]) -> Result:
    """An episode does not depend on the episodes played before it in the same environment."""
    used = subject.build()
    for seed in range(EARLIER_EPISODES):
        clean = repeatable(subject.build(), actions, seed)
        with known_globals(seed):
            found = first_mismatch(clean, play_env(used, actions, seed))
            if found:
                text = f"output {found[0]} of seed {seed} after earlier episodes: {found[1]}"
                return Result("reset_forgets", FAIL, text)
            play_env(used, samples(used.action_space, EARLIER_STEPS, seed), seed)
    return Result("reset_forgets", PASS, f"{EARLIER_EPISODES} seeds in a used environment")


def global_state(subject: Subject, actions: Sequence[Any]) -> Result:
    """Nothing of the process changes: its generators, and warnings are not turned into errors."""
    problem = subject.side_effects or None
    legacy, standard = np.random.get_state(), random.getstate()  # noqa: NPY002
    with warnings.catch_warnings():
        repeat = subject.build()
        play_env(repeat, actions)
    if mismatch(legacy, np.random.get_state(), "state"):  # noqa: NPY002
        problem = "; ".join(filter(None, [problem, "draws from numpy's global generator"]))
    if random.getstate() != standard:
        problem = "; ".join(filter(None, [problem, "draws from the random module's generator"]))
    return verdict("global_state", problem, "generators are as they were, no warning is an error")


def seed_in_info(subject: Subject, actions: Sequence[Any]) -> Result:
    """No value of info equals the seed."""
    problem = None
    for number, output in enumerate(play_env(subject.build(), actions, SECRET)):
        for place, array in numbers_in(output.info):
            if problem is None and (array == SECRET).any():
                problem = f"output {number}: info {place} holds the seed {SECRET}"
    return verdict("seed_in_info", problem, "no value of info equals the seed")
