"""The search for a pace: what it touches, what it improves, and the run that it leaves."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import train
from agents import pace
from trading_env import ADAPTIVE_EXECUTION
from trading_env.backtesting.lookup import find_policy
from trading_env.backtesting.rollouts import rollout
from trading_env.cli import answers
from trading_env.core.errors import PolicyError
from trading_env.core.seeds import first_seed
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.policies.adaptive import Network
from trading_env.policies.pace import PacePolicy
from trading_env.policies.patience import Patience
from trading_env.stress.crises import crises_alone
from trading_env.stress.scenario import Scenario, load_preset

SHORT = {**ADAPTIVE_EXECUTION, "episode_length": 20}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make generations small enough for a test."""
    monkeypatch.setattr(pace, "EPISODES", 64)
    monkeypatch.setattr(pace, "JUDGED", 128)
    monkeypatch.setattr(pace, "POPULATION", 8)


def fitted(feedback: bool = True, generations: int = 2, seed: int = 0) -> pace.TrainedPace:
    rows: list[dict[str, float]] = []
    trained = pace.fit_pace(
        SHORT,
        feedback=feedback,
        generations=generations,
        seed=seed,
        advance=lambda _: None,
        record=rows.append,
    )
    assert len(rows) == generations and all(row["least_bps"] <= row["paid_bps"] for row in rows)
    return trained


@pytest.mark.usefixtures("small")
def test_training_touches_no_row_of_the_test_band_and_judges_on_the_validation_band(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[str, ExecutionVectorEnv] = {}
    usual = pace.lanes

    def watched(count: int, band: str, env_kwargs: dict[str, Any]) -> ExecutionVectorEnv:
        made[band] = usual(count, band, env_kwargs)
        return made[band]

    monkeypatch.setattr(pace, "lanes", watched)
    trained = fitted()
    hidden = ExecutionVectorEnv(1, seed_band="test", **SHORT)
    closes = {band: envs.setup.market.close for band, envs in made.items()}
    assert set(made) == {"train", "validation"}
    assert not np.isin(closes["train"], hidden.setup.market.close).any()
    assert not np.isin(closes["validation"], hidden.setup.market.close).any()
    assert not np.isin(closes["validation"], closes["train"]).any()
    assert [s.name for s in made["validation"].setup.scenarios] == ["crises_train"]
    again = pace.mean_cost(trained.policy, made["validation"], first_seed(0))
    assert again == pytest.approx(trained.validation_bps, rel=1e-12)


@pytest.mark.usefixtures("small")
def test_what_is_kept_is_never_worse_on_validation_than_the_rule_it_starts_from() -> None:
    envs = pace.lanes(128, "validation", SHORT)
    nothing = fitted(generations=1)
    rule = Patience(pace.clock_of(envs))
    paid = (
        rollout(
            rule,
            ExecutionVectorEnv(
                128, seed_band="validation", detail="none", autoreset_mode="Disabled", **SHORT
            ),
            first_seed(0),
        )
        .sums["parent_cost_bps"]
        .mean()
    )
    assert nothing.validation_bps <= paid * (1.0 + 1e-9)


@pytest.mark.usefixtures("small")
def test_the_weights_that_paid_least_in_validation_are_kept_and_not_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual, told = pace.mean_cost, []

    def rising(policy: PacePolicy, envs: ExecutionVectorEnv, seed: int) -> float:
        if envs.num_envs != pace.JUDGED:
            return usual(policy, envs, seed)
        told.append(abs(len(told) - 1.0))  # the second is the best
        return told[-1]

    monkeypatch.setattr(pace, "mean_cost", rising)
    kept = fitted(generations=6)
    assert told == [1.0, 0.0, 1.0]
    assert kept.generation == 3 and kept.validation_bps == 0.0


@pytest.mark.parametrize("feedback", [True, False])
def test_of_weights_that_pay_alike_the_smallest_are_followed(
    feedback: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pace that corrects no rule is free."""
    monkeypatch.setattr(pace, "mean_cost", lambda *_: 1.0)
    envs = pace.lanes(8, "train", SHORT)
    search = pace.Search.begin(envs, pace.PaceInputs(pace.clock_of(envs), feedback=feedback), 0)
    search.centre[:] = 0.5
    first = np.square(search.centre).sum()
    for _ in range(20):
        search.turn(envs)
    assert bool(np.square(search.centre).sum() < 0.5 * first) is feedback


@pytest.mark.proof
@pytest.mark.usefixtures("small")
def test_the_same_seed_finds_the_same_weights_and_another_seed_others() -> None:
    def weights(seed: int) -> Any:
        return fitted(seed=seed, generations=3).policy.network.weights

    first, again, other = weights(1), weights(1), weights(2)
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


def test_the_cost_of_a_pace_is_the_mean_of_what_the_summary_says() -> None:
    envs = pace.lanes(32, "train", SHORT)
    clock = pace.clock_of(envs)
    inputs = len(pace.PaceInputs(clock, feedback=True).names)
    weights = {"mean": np.zeros(inputs), "scale": np.ones(inputs)}
    weights |= {"layer_0.weight": np.zeros((1, inputs)), "layer_0.bias": np.zeros(1)}
    policy = PacePolicy(Network({k: w.astype(np.float32) for k, w in weights.items()}), clock)
    lanes = ExecutionVectorEnv(
        32, seed_band="train", detail="none", autoreset_mode="Disabled", **SHORT
    )
    told = rollout(policy, lanes, 9).sums["parent_cost_bps"].mean()
    assert pace.mean_cost(policy, envs, 9) == pytest.approx(told, rel=1e-9)


def test_no_size_and_no_length_of_a_crisis_is_in_both_families() -> None:
    def ranges(name: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for event in load_preset(name).events:
            told = event.model_dump()
            for key in ("spread", "depth", "volume", "multiplier", "duration"):
                if key in told:
                    size = told[key]
                    ends = size if isinstance(size, list | tuple) else (size, size)
                    ends = tuple(str(end).removesuffix(" bars") for end in ends)
                    low, high = sorted(float(end) for end in ends)
                    found.setdefault((told["kind"], key), []).append((low, high))
        return found

    ours, theirs = ranges("crises_train"), ranges("crises_test")
    assert set(ours) == set(theirs) and len(ours) >= 8
    for name, seen in ours.items():
        for low, high in seen:
            assert all(high < first or last < low for first, last in theirs[name]), name


def test_crises_alone_are_those_of_the_family_and_end_in_time_where_they_can() -> None:
    scenarios, groups = crises_alone(120)
    assert sorted(name for names in groups.values() for name in names) == sorted(scenarios)
    assert len(groups["crises that end in time"]) == 6
    assert len(groups["crises that outlast it"]) == 2 and len(groups["slow wires"]) == 2
    for name in groups["crises that end in time"]:
        event = Scenario.read(scenarios[name]).model_dump()["events"][0]
        latest = float(event["start"][1].removesuffix("%")) / 100.0 * 120.0
        assert latest + float(event["duration"].removesuffix(" bars")) < 120.0


@pytest.mark.proof
@pytest.mark.usefixtures("small")
def test_a_run_leaves_both_policies_a_verdict_and_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    given = ["--env", "execution", "--generations", "1", "--episodes", "8"]
    given += ["--scenario", "liquidity_drought", "--out", str(out)]
    assert answers.run(train.app, "python train.py", given) == 0
    printed = capsys.readouterr().out
    verdict = json.loads((out / "verdict.json").read_text())["verdict"]
    assert len(verdict) == 4 and all(f"  {line}" in printed for line in verdict)
    frame = pd.read_parquet(out / "evaluation" / "episodes.parquet")
    assert {"adaptive", "without_feedback", "patience", "twap", "random"} <= set(frame["policy"])
    curves = json.loads((out / "training.json").read_text())
    assert set(curves) == {"policy", "policy_without_feedback"} and len(curves["policy"]) == 1
    assert (out / "report.html").is_file() and frame["parent_cost_bps"].notna().all()
    config = tomllib.loads((out / "config.toml").read_text())
    assert config["env"] == "execution" and config["generations"] == 1
    found = find_policy(str(out))
    assert found.env == "execution" and found.length == 120
    assert json.loads((out / "manifest.json").read_text())["status"] == "finished"


@pytest.mark.parametrize("length", ["soon", None])
def test_a_run_whose_pace_tells_no_length_is_refused_in_one_line(
    tmp_path: Path, length: object
) -> None:
    told = {"format": "trading-env policy 1", "kind": "pace", "length": length}
    (tmp_path / "policy.json").write_text(json.dumps(told))
    with pytest.raises(PolicyError, match=r"policy\.json: "):
        find_policy(str(tmp_path))
