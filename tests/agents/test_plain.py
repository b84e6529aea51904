"""The plain learner goes on to the bit, and what it learned is read as data by any command."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import train
from agents import plain
from agents.checkpoint import Checkpoints
from agents.learner_state import network_of
from agents.plain import AGENTS, REPLAYERS, REPLAYING, SETTINGS, fit_plain, policy_of
from trading_env.backtesting.lookup import find_policy
from trading_env.cli import answers
from trading_env.core.errors import PolicyError
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.policies.adaptive import write_policy
from trading_env.policies.plain import PlainPolicy, features_of
from trading_env.policies.policy import make_envs
from trading_env.policies.recurrent import RecurrentPolicy

MARKET = {"generator": "multiscale", "paths": 4, "bars": 700, "assets": 2}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "portfolio": {"market": MARKET, "episode_length": 20, "scenario": "price_shock"},
    "execution": {"market": {**MARKET, "assets": 1}, "episode_length": 20, "scenario": "crises"},
}
STEPS = 700  # of 8 lanes: 6 rollouts of 16 steps, over ends of episodes


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    little = replace(SETTINGS, lanes=8, steps=16, batch_size=64, epochs=2, judgements=3)
    recurrent = replace(little, memory=8, hidden=(16,))
    monkeypatch.setattr(plain, "ON_POLICY", {"ppo": little, "recurrent_ppo": recurrent})
    few = replace(REPLAYING, lanes=4, updates=2, kept=160, batch_size=32, judgements=4)
    monkeypatch.setattr(plain, "REPLAYING", few)
    monkeypatch.setattr(plain, "EPISODES", 4)


def nothing(steps: int) -> None:
    """For a progress bar that is not there."""


def fit(env: str, folder: Path, advance: Any = nothing, **others: Any) -> Any:
    given: dict[str, Any] = {"seed": 3, "advance": advance, "checkpoints": Checkpoints(folder, "p")}
    return fit_plain(env, ARGUMENTS[env], ARGUMENTS[env], **{"timesteps": STEPS, **given, **others})


def stopped_and_resumed(
    folder: Path, after: int, env: str, **others: Any
) -> tuple[Any, Any, list[int]]:
    """Train undisturbed, and stopped after so many reports; what both and the rest reported."""
    whole = fit(env, folder / "whole", **others)
    done = []

    def stops(steps: int) -> None:
        done.append(steps)
        if len(done) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(env, folder / "stopped", stops, **others)
    begun: list[int] = []
    return whole, fit(env, folder / "stopped", begun.append, **others), begun


def assert_equal(one: Any, other: Any) -> None:
    """Compare what two trainings kept, to the bit."""
    assert one.network.weights.keys() == other.network.weights.keys()
    for name, weight in one.network.weights.items():
        assert weight.tobytes() == other.network.weights[name].tobytes(), name
    assert (one.step, one.validation_score) == (other.step, other.validation_score)


def kept_in(folder: Path) -> list[str]:
    """Return the hashes of the last checkpoints: of all that a learner is."""
    return sorted(path.name.rpartition("-")[2] for path in (folder / "checkpoints").iterdir())


@pytest.mark.proof
@pytest.mark.parametrize(
    ("env", "agent"),
    [("portfolio", "ppo"), ("execution", "ppo"), ("portfolio", "recurrent_ppo")],
)
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    env: str, agent: str, tmp_path: Path
) -> None:
    whole, again, begun = stopped_and_resumed(tmp_path, 50, env, agent=agent)
    assert begun[0] == 3 * 8 * 16  # rollouts that were kept
    assert_equal(whole, again)
    assert kept_in(tmp_path / "whole") == kept_in(tmp_path / "stopped")


@pytest.mark.proof
@pytest.mark.parametrize("agent", REPLAYERS)
def test_a_learner_that_keeps_what_it_met_goes_on_to_the_bit(agent: str, tmp_path: Path) -> None:
    """Stopped between two judgements, with a buffer that has gone round."""
    little = {"agent": agent, "timesteps": 240}
    whole, again, begun = stopped_and_resumed(tmp_path, 52, "portfolio", **little)
    assert begun[0] == 180 and sum(begun) == 240
    assert_equal(whole, again)
    assert kept_in(tmp_path / "whole") == kept_in(tmp_path / "stopped")


def test_of_a_training_without_a_mean_each_network_is_judged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = []
    monkeypatch.setattr(plain, "policy_of", lambda *given: judged.append(1) or policy_of(*given))
    fit("portfolio", tmp_path, timesteps=256)
    assert len(judged) == 2  # after the first of two rollouts, and at the end


@pytest.mark.proof
@pytest.mark.parametrize("agent", AGENTS)
def test_another_seed_is_another_network(agent: str) -> None:
    arguments: dict[str, Any] = {"agent": agent, "timesteps": 120, "advance": nothing}
    where = ARGUMENTS["portfolio"]
    fits = [fit_plain("portfolio", where, where, seed=seed, **arguments) for seed in (0, 1)]
    assert not np.array_equal(*[each.network.weights["layer_1.weight"] for each in fits])


@pytest.mark.parametrize("agent", REPLAYERS)
def test_what_is_saved_answers_as_the_learner_does(agent: str) -> None:
    """The mean action of SAC and TQC ends in a tanh, which a saved network has none of."""
    envs = plain.Lanes(4, seed=1, **ARGUMENTS["portfolio"])
    seen = plain.moments(plain.Lanes(4, seed=1, **ARGUMENTS["portfolio"]), 1)
    learner = plain.replayer_of(agent, envs, seen, 1, None)
    observation = envs.reset()
    mean, _ = learner.predict(observation, deterministic=True)
    answered = PlainPolicy(network_of(learner), envs.native.layout).act(observation, {})
    assert np.abs(mean).max() > 0.0
    np.testing.assert_allclose(answered, mean, rtol=1e-5, atol=1e-6)  # sums of float32


@pytest.mark.proof
@pytest.mark.parametrize("env", ARGUMENTS)
def test_a_memory_that_is_saved_answers_as_the_learner_does(env: str, tmp_path: Path) -> None:
    """Over two episodes: it goes on within one, and is empty when the next begins."""
    given = {"env_id": f"trading_env/{env.title()}-v0", "seed": 1, **ARGUMENTS[env]}
    envs, seen = plain.Lanes(4, **given), plain.moments(plain.Lanes(4, **given), 1)
    settings = plain.ON_POLICY["recurrent_ppo"]
    learner = plain.learner_of(envs, seen, settings, 1)
    learner.learn(256)
    plain.policy_of(network_of(learner), envs.native.layout).save(tmp_path)
    policy = RecurrentPolicy.load(tmp_path, envs.native.layout)
    differ = []
    for episode in range(2):
        native = make_envs(policy, 4, ARGUMENTS[env], env=env)
        observation = native.reset(seed=episode)[0]
        policy.reset(4)
        state, begins = None, np.ones(4, dtype=bool)
        for _ in range(15):
            wanted, state = learner.predict(observation, state, begins, deterministic=True)
            answered = policy.act(observation, {})
            np.testing.assert_allclose(answered, wanted, rtol=1e-5, atol=2e-6)  # sums of float32
            differ.append(
                np.abs(answered - policy.network.answer(policy.network.empty(4)[0])).max()
            )
            begins = np.zeros(4, dtype=bool)
            observation = native.step(answered)[0]
    assert max(differ) > 1e-3  # the memory decides something


def test_a_memory_begins_with_an_episode(tmp_path: Path) -> None:
    trained = fit("portfolio", tmp_path, agent="recurrent_ppo", timesteps=120)
    policy = plain.policy_of(trained.network, trained.layout)
    with pytest.raises(RuntimeError, match="call reset"):
        policy.act(np.zeros((1, len(trained.layout.features)), np.float32), {})


@pytest.mark.proof
@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda weights: weights.pop("memory.offset"), "memory.offset: is missing"),
        (
            lambda weights: weights.update({"memory.of_itself": np.zeros((8, 8), np.float32)}),
            "must be float32 of",
        ),
    ],
)
def test_a_damaged_memory_is_refused(
    edit: Callable[[dict[str, Any]], Any], reason: str, tmp_path: Path
) -> None:
    trained = fit("portfolio", tmp_path, agent="recurrent_ppo", timesteps=120)
    edit(trained.network.weights)
    with pytest.raises(PolicyError, match=reason):
        weights = trained.network.weights
        description = {"kind": "recurrent_ppo", "env": "portfolio", "memory": 8}
        sizes = {"sizes": trained.network.sizes, "features": features_of(trained.layout)}
        write_policy(tmp_path / "damaged", weights, {**description, **sizes})
        RecurrentPolicy.load(tmp_path / "damaged", trained.layout)


def run(*argv: str) -> int:
    return answers.run(train.app, "python train.py", argv)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("env", "agent"),
    [
        ("portfolio", "ppo"),
        ("execution", "recurrent_ppo"),
        pytest.param("portfolio", "tqc", marks=pytest.mark.slow),
        ("execution", "sac"),
    ],
)
def test_a_run_is_evaluated_and_its_policy_is_read_as_data(
    env: str, agent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, market = tmp_path / "run", json.dumps(ARGUMENTS[env]["market"])
    given = ["--env", env, "--agent", agent, "--market", market, "--timesteps", "400"]
    assert run(*given, "--episodes", "6", "--scenario", "price_shock", "--out", str(out)) == 0
    said = capsys.readouterr().out
    assert f"Verdict, {env}" in said and "adaptive" not in said
    kept = {path.name for path in (out / "policy").iterdir()}
    assert kept == {"policy.json", "policy.safetensors"}
    found = find_policy(str(out))
    assert (found.name, found.env) == (agent, env)
    summary = json.loads((out / "evaluation" / "summary.json").read_text())
    assert summary["learner"] == agent and summary["failed"] == []
    assert run("--resume", str(out)) == 0
    assert "kept from an earlier run" in capsys.readouterr().err


def test_a_policy_of_another_market_is_refused_in_one_line(tmp_path: Path) -> None:
    trained = fit("portfolio", tmp_path)
    PlainPolicy(trained.network, trained.layout).save(tmp_path, kind="ppo")
    assert PlainPolicy.load(tmp_path, trained.layout).network.sizes[-1] == 2
    other = PortfolioVectorEnv(1, market={**MARKET, "assets": 3}).layout
    with pytest.raises(PolicyError, match="features: other ones than the environment shows"):
        PlainPolicy.load(tmp_path, other)


def test_generations_are_of_the_adaptive_agent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--agent", "ppo", "--env", "execution", "--generations", "2") == 2
    assert "generations = 2: is of --agent adaptive" in capsys.readouterr().err


def test_the_learner_trains_in_the_account_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def caught(env: str, env_kwargs: dict[str, Any], *_: Any, **__: Any) -> Any:
        seen.update(env_kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(plain, "fit_plain", caught)
    given = ["--env", "portfolio", "--agent", "ppo", "--market", json.dumps(MARKET)]
    given += ["--cash", "10000", "--account", "cash", "--out", str(tmp_path / "run")]
    assert run(*given) == 130
    assert seen["account"] == {"preset": "cash", "initial_cash": 10000.0}
