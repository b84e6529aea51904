"""Checks that need no data of ours: memory, spaces, bad actions, copies; and those of chance."""

import copy
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np

from trading_env.audit.play import (
    Output,
    extremes,
    first_mismatch,
    go_on,
    known_globals,
    leaves_of,
    numbers_in,
    play_env,
    repeatable,
    samples,
    start,
    step,
)
from trading_env.audit.results import (
    FAIL,
    PASS,
    SKIPPED,
    Result,
    guarded,
    unless_left_out,
    verdict,
)
from trading_env.audit.seeds import (
    SHORT,
    fresh_draws,
    global_state,
    reset_forgets,
    same_seed,
    seed_in_info,
)
from trading_env.audit.subject import Env, Subject

Check: TypeAlias = Callable[[Subject, Sequence[Any]], Result]

CONTRACT_STEPS = 40
LONG = 150
NOTHING = "two repeated plays differ, so there is nothing to compare with:"


def contract_results(subject: Subject, advance: Callable[[int], object]) -> list[Result]:
    """Run every check of this module; `advance` is told how many are done."""
    comparing = (reset_forgets, aliasing, invalid_actions, copies)
    others = (observation_space, finite, global_state, seed_in_info)
    drawn = ("different_seeds", "unseeded_reset")
    names = ("same_seed", *drawn, *(check.__name__ for check in (*comparing, *others)))
    actions: list[Any] = []
    results = guarded(names, partial(_draw, subject, actions))
    if results:
        advance(len(results))
        return results
    results = guarded(("same_seed",), partial(_alone, same_seed, subject, actions))
    results += guarded(drawn, lambda: fresh_draws(subject, actions[:SHORT], results[0]))
    advance(len(results))
    compared = [check.__name__ for check in comparing]
    unequal = guarded(compared, partial(_unequal, compared, subject, actions))
    results += unequal
    advance(len(unequal))
    for check in (*([] if unequal else comparing), *others):
        results += guarded((check.__name__,), partial(_alone, check, subject, actions))
        advance(1)
    return results


def _draw(subject: Subject, actions: list[Any]) -> list[Result]:
    """Fill in the actions that the checks take; there is no result unless that fails."""
    actions += samples(subject.build().action_space, CONTRACT_STEPS, seed=1)
    return []


def _unequal(names: Sequence[str], subject: Subject, actions: Sequence[Any]) -> list[Result]:
    """Return that checks which compare plays cannot be made; nothing where they can."""
    found = first_mismatch(
        repeatable(subject.build(), actions), repeatable(subject.build(), actions)
    )
    if found is None:
        return []
    return [Result(name, SKIPPED, f"{NOTHING} output {found[0]}, {found[1]}") for name in names]


def _alone(check: Check, subject: Subject, actions: Sequence[Any]) -> list[Result]:
    """Run a check that gives one result."""
    return [check(subject, actions)]


def aliasing(subject: Subject, actions: Sequence[Any]) -> Result:
    """What was returned stays as it was, and writing into it does not reach the environment."""
    problem = _changed_later(subject.build(), actions) or _reached_by_writing(subject, actions)
    return verdict("aliasing", problem, "returned arrays are the caller's own")


def _changed_later(env: Env, actions: Sequence[Any]) -> str | None:
    """Hold what an episode returned through the rest of it and through another one."""
    with known_globals():
        held = [start(env, 0)]
        kept = [copy.deepcopy(held[0])]
        for action in actions:
            held.append(step(env, action))
            kept.append(copy.deepcopy(held[-1]))
            if held[-1].ended:
                break
        now = first_mismatch(kept, held)
        if now is None:
            for seed in (0, 1):
                with known_globals(seed):
                    play_env(env, samples(env.action_space, CONTRACT_STEPS, seed=2), seed)
            now = first_mismatch(kept, held)
            if now:
                return f"output {now[0]} changed in a later episode: {now[1]}"
    return f"output {now[0]} changed in later steps: {now[1]}" if now else None


def _reached_by_writing(subject: Subject, actions: Sequence[Any]) -> str | None:
    """Overwrite every array that is returned; the episode must continue as if nothing happened."""
    clean = repeatable(subject.build(), actions)
    env = subject.build()
    with known_globals():
        output = start(env, 0)
        written = [copy.deepcopy(output)]
        for action in actions[: len(clean) - 1]:
            _overwrite(output)
            output = step(env, action)
            written.append(copy.deepcopy(output))
            if output.ended:
                break
    found = first_mismatch(clean, written)
    return f"writing into returned arrays changes output {found[0]}: {found[1]}" if found else None


def _overwrite(output: Output) -> None:
    """Write nonsense into every writable array of numbers."""
    for _, leaf in leaves_of((output.observation, output.info)):
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iuf" and leaf.flags.writeable:
            leaf[...] = 77


def invalid_actions(subject: Subject, actions: Sequence[Any]) -> Result:
    """Actions outside any reading are refused, and a refusal changes nothing."""
    clean = repeatable(subject.build(), actions)
    accepted, touched = [], []
    wrong = invalid_for(subject.build().action_space, actions[0])
    for name, action in wrong.items():
        env = subject.build()
        with known_globals():
            outputs = [copy.deepcopy(start(env, 0)), *go_on(env, actions[:1])]
            try:
                with np.errstate(all="ignore"):
                    env.step(action)
            except Exception:  # any exception counts as a refusal
                if not outputs[-1].ended and first_mismatch(
                    clean, outputs + go_on(env, actions[1 : len(clean) - 1])
                ):
                    touched.append(name)
            else:
                accepted.append(name)
    problem = f"accepted: {', '.join(accepted)}" if accepted else None
    if problem is None and touched:
        problem = f"refused, but the episode went on differently: {', '.join(touched)}"
    return verdict("invalid_actions", problem, f"refused: {', '.join(wrong)}")


def invalid_for(space: gym.Space[Any], valid: Any) -> dict[str, Any]:
    """Return names and values of actions that mean nothing in a space."""
    wrong: dict[str, Any] = {"text": "buy"}
    if isinstance(space, gym.spaces.Discrete):
        wrong["below the first"] = int(space.start) - 1
        wrong["past the last"] = int(space.start + space.n)
    elif isinstance(space, gym.spaces.Box):
        wrong["NaN"] = np.full(space.shape, np.nan)
        wrong["too long"] = np.zeros(int(np.prod(space.shape)) + 1)
    elif isinstance(space, gym.spaces.MultiDiscrete | gym.spaces.MultiBinary):
        wrong["too long"] = np.zeros(np.size(valid) + 1, dtype=np.int64)
        wrong["past the last"] = np.asarray(valid) * 0 + 10**6
    return wrong


def copies(subject: Subject, actions: Sequence[Any]) -> Result:
    """A deep copy and a pickle taken in mid-episode continue as the original does."""
    half = (len(repeatable(subject.build(), actions)) - 1) // 2
    if half == 0:
        return Result("copies", SKIPPED, "the episode ends at its first step")
    ways: dict[str, Callable[[Env], Env]] = {
        "deepcopy": copy.deepcopy,
        "pickle": lambda env: pickle.loads(pickle.dumps(env)),
    }
    problems = []
    for name, clone in ways.items():
        env = subject.build()
        with known_globals():
            play_env(env, actions[:half])
            try:
                twin = clone(env)
            except Exception as error:
                problems.append(f"{name}: {type(error).__name__}: {error!s:.60}")
                continue
        with known_globals():
            one = go_on(env, actions[half:])
        with known_globals():
            found = first_mismatch(one, go_on(twin, actions[half:]))
        if found:
            problems.append(f"{name}: step {half + found[0] + 1}, {found[1]}")
    return verdict(
        "copies", "; ".join(problems) or None, "deepcopy and pickle continue identically"
    )


def observation_space(subject: Subject, actions: Sequence[Any]) -> Result:
    """Every observation lies in the declared space."""
    env = subject.build()
    problem = None
    for number, output in enumerate(play_env(env, actions)):
        if problem is None and not env.observation_space.contains(output.observation):
            shown = f"{type(output.observation).__name__} {output.observation!s:.40}"
            problem = f"output {number}: {shown!r} is not in {env.observation_space!s:.50}"
    return verdict("observation_space", problem, "every observation is in its space")


def finite(subject: Subject, actions: Sequence[Any]) -> Result:
    """No NaN and no infinity in an observation or a reward, for any action."""
    env = subject.build()
    choices = extremes(env.action_space)
    policies = [actions, *([action] * LONG for action in choices.actions.values())]
    count = 0
    for policy in policies:
        for number, output in enumerate(play_env(env, policy)):
            count += 1
            shown = {"observation": output.observation, "reward": output.reward}
            for place, array in numbers_in(shown):
                if not np.isfinite(array).all():
                    bad = array[~np.isfinite(array)].ravel()[0]
                    return Result("finite", FAIL, f"output {number}: {place} holds {bad}")
    result = Result("finite", PASS, f"{count} observations and rewards are finite")
    return unless_left_out(result, choices.left_out)
