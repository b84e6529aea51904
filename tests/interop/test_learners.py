"""Learners of other libraries train on the environments, are kept, and go on to act alike."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trading_env

pytestmark = [pytest.mark.interop, pytest.mark.slow]
sb3 = pytest.importorskip("stable_baselines3")
contrib = pytest.importorskip("sb3_contrib")
from stable_baselines3.common.callbacks import EvalCallback  # noqa: E402 -- may be missing
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TASK: dict[str, Any] = {
    "market": {"generator": "multiscale", "paths": 4, "bars": 240, "assets": 2},
    "episode_length": 12,
    "scenario": "price_shock",
}
ROLLED = {"n_steps": 16}
OFF_POLICY = {"learning_starts": 16, "batch_size": 16, "train_freq": 8, "buffer_size": 500}
LEARNERS = {
    "PPO": (sb3.PPO, "MlpPolicy", {**ROLLED, "batch_size": 16, "n_epochs": 1}),
    "A2C": (sb3.A2C, "MlpPolicy", ROLLED),
    "SAC": (sb3.SAC, "MlpPolicy", OFF_POLICY),
    "TD3": (sb3.TD3, "MlpPolicy", OFF_POLICY),
    "TQC": (contrib.TQC, "MlpPolicy", OFF_POLICY),
    "RecurrentPPO": (contrib.RecurrentPPO, "MlpLstmPolicy", {**ROLLED, "batch_size": 16}),
}


def environments(seed: int, *, training: bool) -> VecNormalize:
    lanes = VecMonitor(trading_env.SB3VecEnv(2, seed=seed, **TASK))
    return VecNormalize(lanes, training=training, norm_reward=training)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_trains_is_judged_kept_and_acts_as_before(name: str, tmp_path: Path) -> None:
    algorithm, network, settings = LEARNERS[name]
    learner = algorithm(network, environments(0, training=True), seed=0, device="cpu", **settings)
    before = {key: value.clone() for key, value in learner.policy.state_dict().items()}
    judge = EvalCallback(
        environments(1, training=False),
        eval_freq=24,
        n_eval_episodes=2,
        log_path=str(tmp_path),
        verbose=0,
        warn=False,
    )
    learner.learn(96, callback=judge)
    after = learner.policy.state_dict()
    assert any(not before[key].equal(value) for key, value in after.items())
    assert np.isfinite(judge.evaluations_results).all() and len(judge.evaluations_results) >= 1
    lengths = np.concatenate(judge.evaluations_length)
    assert set(lengths) == {TASK["episode_length"]}
    learner.save(tmp_path / "model.zip")
    again = algorithm.load(tmp_path / "model.zip", device="cpu")
    seen = learner.env.reset()
    assert np.array_equal(
        learner.predict(seen, deterministic=True)[0], again.predict(seen, deterministic=True)[0]
    )


def test_a_model_is_a_policy_of_an_evaluation() -> None:
    learner = sb3.PPO(
        "MlpPolicy", trading_env.SB3VecEnv(2, **TASK), n_steps=16, batch_size=16, device="cpu"
    )
    frame = trading_env.evaluate(
        {"ppo": learner, "flat": "flat"},
        scenarios=["calm"],
        episodes=2,
        seed=0,
        env_kwargs={key: TASK[key] for key in ("market", "episode_length")},
    )
    assert set(frame["policy"]) == {"ppo", "flat"} and np.isfinite(frame["return"]).all()


def test_a_loop_in_one_file_trains() -> None:
    spec = importlib.util.spec_from_file_location("loop", ROOT / "examples" / "ppo_one_file.py")
    assert spec is not None and spec.loader is not None
    loop = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["loop"] = loop
    spec.loader.exec_module(loop)
    settings = loop.Settings(steps=512, lanes=8, horizon=32, batch=64, epochs=1, length=16)
    history = loop.main(settings)
    assert len(history) == 2 and np.isfinite(history).all()
    assert history == loop.main(settings)  # the same seed, the same training
