"""A result is of what was asked, or it is refused; and a kept one is of the same thing still.

Over 300 lines because every way to ask for something else is tried on the same cells.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trading_env.backtesting import playing
from trading_env.backtesting.cells import Slice
from trading_env.backtesting.evaluation import evaluate, evaluate_policy
from trading_env.backtesting.fingerprint import fingerprint
from trading_env.backtesting.lookup import Candidate
from trading_env.backtesting.plans import Plan
from trading_env.backtesting.playing import play
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.store import CellStore
from trading_env.core.errors import ConfigError, MismatchError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adapters import build_policy
from trading_env.policies.baselines import BASELINES, Constant, Random

LAYOUT = ObservationLayout(("A", "B"), ())
MARKET = {"generator": "multiscale", "paths": 2, "bars": 140, "assets": 2}


def a_plan(**changes: Any) -> Plan:
    given: dict[str, Any] = {
        "policies": {"hold": BASELINES["buy_and_hold"], "flat": BASELINES["flat"]},
        "scenarios": {"price_shock": "price_shock"},
        "slices": [Slice("m", {})],
        "severities": (0.0, 1.0),
        "episodes": 1,
        "seed": 5,
        "env_kwargs": {"market": MARKET, "episode_length": 20},
    }
    return Plan(**{**given, **changes})


class Meddler(Constant):
    """Asks for another environment than the one it is evaluated in."""

    def __init__(self, layout: ObservationLayout, **overrides: Any) -> None:
        super().__init__(layout, 0.5)
        self.env_overrides = overrides


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ({"episode_length": 5}, "episode_length"),
        ({"execution": "zero"}, "execution."),
        ({"market": {**MARKET, "bars": 150}}, "market."),
        ({"seed_band": "test"}, "market.source"),
        ({"reward": "growth"}, "reward."),
    ],
)
def test_a_policy_that_plays_something_else_is_refused(
    overrides: dict[str, Any], name: str
) -> None:
    plan = a_plan(policies={"m": lambda layout: Meddler(layout, **overrides)})
    with pytest.raises(MismatchError, match=name) as caught:
        list(play(plan))
    assert len(str(caught.value)) < 200


def test_a_policy_may_bring_the_risk_manager_it_needs() -> None:
    risk = {"preset": "linear", "no_trade_band": 0.1}
    plan = a_plan(policies={"m": lambda layout: Meddler(layout, risk=risk)})
    assert [p.environment["risk"]["no_trade_band"] for p in play(plan)] == [0.1, 0.1]


@pytest.mark.parametrize(
    ("planted", "name"),
    [({"severity": 0.5}, "severity"), ({"scenario": "bad_data"}, "scenarios")],
)
def test_an_environment_built_with_another_scenario_is_refused(
    planted: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = playing.make_envs

    def meddled(*arguments: Any, **cell: Any) -> Any:
        return honest(*arguments, **{**cell, **planted})

    monkeypatch.setattr(playing, "make_envs", meddled)
    with pytest.raises(MismatchError, match=f"built {name}"):
        list(play(a_plan(severities=(1.0,))))


def test_events_that_are_not_those_of_the_severity_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = playing.make_envs

    def meddled(*arguments: Any, **cell: Any) -> Any:
        envs = honest(*arguments, **cell)
        envs.setup.world.events["move"] *= 0.5  # what the kernels read, not what is reported
        return envs

    monkeypatch.setattr(playing, "make_envs", meddled)
    with pytest.raises(MismatchError, match="other events"):
        list(play(a_plan(severities=(1.0,))))


def played(plan: Plan, store: CellStore) -> list[bool]:
    """Play a plan; tell for each cell whether it was played now."""
    news: list[bool] = []
    list(play(plan, store=store, advance=news.append))
    return news


def test_what_is_kept_is_not_played_again_and_is_the_same(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    first = list(play(a_plan(), store=store))
    again = list(play(a_plan(), store=store))
    assert repr(first) == repr(again) == repr(list(play(a_plan())))
    assert played(a_plan(), store) == [False] * 4


@pytest.mark.proof
@pytest.mark.parametrize(
    ("changes", "redone"),
    [
        ({"severities": (0.0, 2.0)}, 2),
        ({"seed": 6}, 4),
        ({"episodes": 2}, 4),
        ({"scenarios": {"price_shock": "bad_data"}}, 4),
        ({"env_kwargs": {"market": {**MARKET, "seed": 1}, "episode_length": 20}}, 4),
        ({"env_kwargs": {"market": MARKET, "episode_length": 21}}, 4),
        ({"env_kwargs": {"market": MARKET, "episode_length": 20, "execution": "zero"}}, 4),
        ({"policies": {"hold": BASELINES["equal_weight"], "flat": BASELINES["flat"]}}, 2),
        ({"policies": {"hold": BASELINES["buy_and_hold"], "flat": lambda s: Constant(s, 0.1)}}, 2),
    ],
)
def test_only_what_changed_is_played_again(
    changes: dict[str, Any], redone: int, tmp_path: Path
) -> None:
    store = CellStore(tmp_path)
    assert played(a_plan(), store) == [True] * 4
    assert sum(played(a_plan(**changes), store)) == redone


def cut(text: str) -> str:
    return text[: len(text) // 2]


def one_digit(text: str) -> str:
    content = json.loads(text)
    content["content"]["metrics"]["return"][0] += 1e-9
    return json.dumps(content)


@pytest.mark.proof
@pytest.mark.parametrize("damage", [cut, one_digit, lambda text: "", lambda text: "[]"])
def test_a_damaged_result_counts_as_missing(damage: Callable[[str], str], tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    wanted = list(play(a_plan(), store=store))
    victim = sorted(tmp_path.iterdir())[0]
    victim.write_text(damage(victim.read_text()))
    assert sum(played(a_plan(), store)) == 1
    assert repr(list(play(a_plan(), store=store))) == repr(wanted)


class Opaque(Constant):
    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 0.0)
        self.held = (k for k in range(3))


def test_a_fingerprint_follows_the_content_of_a_policy() -> None:
    prints = [fingerprint(make(LAYOUT)) for make in BASELINES.values()]
    assert len(set(prints)) == len(prints)
    assert prints == [fingerprint(make(LAYOUT)) for make in BASELINES.values()]
    weights = [Constant(LAYOUT, 0.5), Constant(LAYOUT, 0.5)]
    weights[0].table, weights[1].table = np.zeros(3), np.array([0.0, 0.0, 1e-300])  # type: ignore[attr-defined]
    assert fingerprint(weights[0]) != fingerprint(weights[1])
    assert fingerprint(Random(LAYOUT, 1)) != fingerprint(Random(LAYOUT, 2))
    used = Random(LAYOUT, 1)
    used.act(np.zeros((4, 2), dtype=np.float32), {})
    assert fingerprint(used) == fingerprint(Random(LAYOUT, 1))


def test_a_policy_without_definite_content_says_what_it_is_or_is_refused() -> None:
    with pytest.raises(ConfigError, match="attribute `fingerprint`"):
        fingerprint(Opaque(LAYOUT))
    told = Opaque(LAYOUT)
    told.fingerprint = "weights of Tuesday"
    assert len(fingerprint(told)) == 64


def test_a_policy_without_definite_content_is_scored_where_nothing_is_stored(
    tmp_path: Path,
) -> None:
    def scored(folder: RunFolder | None) -> dict[str, Any]:
        asked: dict[str, Any] = {"episodes": 1, "length": 8, "market": MARKET, "beside": ["flat"]}
        return evaluate_policy(Candidate("p", Opaque), folder=folder, **asked)

    assert scored(None)["failed"] == []
    with pytest.raises(ConfigError, match=r"^policy Opaque\.held: a generator has no .*gerprint`"):
        scored(RunFolder(tmp_path, "evaluate", ""))


@pytest.mark.parametrize(
    "changes", [{"episodes": 0}, {"seed": -1}, {"policies": {}}, {"severities": ()}, {"env": "x"}]
)
def test_a_plan_that_cannot_be_played_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(changes))):
        a_plan(**changes)


MODULE = """
from pathlib import Path

import numpy as np
from numba import njit

WEIGHT = float(Path(__file__).with_name("weight.txt").read_text())


def helper(x):
    return WEIGHT * x


@njit
def compiled(x):
    return WEIGHT + x


def by_global(observation, info):
    return np.full((len(observation), 5), WEIGHT)


def by_helper(observation, info):
    return np.full((len(observation), 5), helper(1.0))


def by_compiled(observation, info):
    return np.full((len(observation), 5), compiled(1.0))


def by_default(observation, info, weight=WEIGHT):
    return np.full((len(observation), 5), weight)


class Data:
    weight = WEIGHT

    def reset(self, num_envs):
        pass

    def act(self, observation, info):
        return np.full((len(observation), 5), self.weight)


class Method:
    def reset(self, num_envs):
        self.me = POLICY

    def act(self, observation, info):
        return np.full((len(observation), 5), WEIGHT)


POLICY = Method()
"""
USERS = ("by_global", "by_helper", "by_compiled", "by_default", "Data", "Method")


@pytest.mark.parametrize("name", USERS)
def test_what_a_policy_uses_of_its_module_belongs_to_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that its file reads at import, so that the file stays the same."""
    (tmp_path / "policy.py").write_text(MODULE, encoding="utf-8")
    prints = []
    for weight in ("0.2", "0.9", "0.2"):
        (tmp_path / "weight.txt").write_text(weight, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("policy", tmp_path / "policy.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "policy", module)
        spec.loader.exec_module(module)
        prints.append(fingerprint(build_policy(getattr(module, name), LAYOUT)))
    assert prints[0] == prints[2] != prints[1]


def test_a_policy_that_keeps_what_it_saw_is_scored_as_one_that_copies_it() -> None:
    def change(copy: bool) -> Any:
        last: dict[str, Any] = {}

        def act(observation: Any, info: Any) -> Any:
            move = observation - last.get("seen", observation)
            last["seen"] = observation.copy() if copy else observation
            return np.sign(move[:, :5])

        return act

    kept, copied = (
        evaluate(
            {"p": change(copy)},
            scenarios=["calm"],
            seed=0,
            episodes=2,
            env_kwargs={"episode_length": 9},
        )
        for copy in (False, True)
    )
    assert kept["turnover"].min() > 0.0
    assert kept.equals(copied)
