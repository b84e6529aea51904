"""Cells run one after another or on Ray: the same results, and one that fails is one failed row."""

import json
import os
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_env.backtesting import engine as engines
from trading_env.backtesting.cells import Slice
from trading_env.backtesting.engine import RETRIES, Engine, Failure
from trading_env.backtesting.plans import Plan
from trading_env.backtesting.playing import Played, play
from trading_env.backtesting.store import CellStore
from trading_env.backtesting.tables import curves_frame, episodes_frame, pool
from trading_env.cli.main import main
from trading_env.core.errors import ConfigError, MismatchError
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.baselines import BASELINES, Constant

MARKET = {"generator": "multiscale", "paths": 2, "bars": 140, "assets": 2}
with_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is missing: pip install 'execution-gym[ray]'"
)


class Fragile(Constant):
    """Raises in the middle of an episode, as a user's policy may."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 0.5)

    def act(self, observation: Any, info: Any) -> Any:
        if self.steps > 3:
            raise ZeroDivisionError("no such price")
        self.steps += 1
        return super().act(observation, info)

    def reset(self, num_envs: int) -> None:
        super().reset(num_envs)
        self.steps = 0


class Stuck(Constant):
    """Never answers."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 0.5)

    def act(self, observation: Any, info: Any) -> Any:
        try:
            time.sleep(1000.0)
        except Exception:
            return super().act(observation, info)
        raise AssertionError


POLICIES = {"flat": BASELINES["flat"], "fragile": Fragile, "random": BASELINES["random"]}


def a_plan(**changes: Any) -> Plan:
    given: dict[str, Any] = {
        "policies": POLICIES,
        "scenarios": {name: name for name in ("calm", "price_shock")},
        "slices": [Slice("m", {})],
        "severities": (1.0,),
        "episodes": 2,
        "seed": 5,
        "env_kwargs": {"market": MARKET, "episode_length": 20},
    }
    return Plan(**{**given, **changes})


def tables(results: list[Played]) -> bytes:
    """What users see of results, as bytes."""
    frames = (episodes_frame(results), curves_frame(results))
    return "".join(frame.to_csv(index=False) for frame in frames).encode()


def square(number: int) -> int:
    if number == 2:
        raise ValueError("two\nlines")
    if number == 3:
        time.sleep(1000.0)
    if number == 4:
        raise SystemExit("a policy wants to leave")
    return number**2


EXPECTED: list[tuple[int, Any]] = [
    (0, 0),
    (1, 1),
    (2, "ValueError: two lines"),
    (3, "took longer than 0.5 s"),
    (4, "SystemExit: a policy wants to leave"),
    (5, 25),
]


def outcomes(engine: Engine) -> list[tuple[int, Any]]:
    found = engine.run(square, ((k, k) for k in range(6)))
    return sorted((k, each.reason if isinstance(each, Failure) else each) for k, each in found)


@pytest.mark.proof
def test_a_cell_that_raises_or_hangs_is_one_failure_and_the_others_go_on() -> None:
    began = time.monotonic()
    assert outcomes(Engine(limit_s=0.5)) == EXPECTED
    assert time.monotonic() - began < 10.0


def mismatched(number: int) -> int:
    raise MismatchError("built severity = 1.0, asked 2.0")


def test_a_cell_of_something_else_than_was_asked_is_refused_as_a_whole() -> None:
    with pytest.raises(MismatchError, match="built severity"):
        list(Engine().run(mismatched, [(1, 1)]))


@pytest.mark.slow
@pytest.mark.ray
@with_ray
def test_on_ray_it_is_refused_as_well() -> None:
    with pytest.raises(MismatchError, match="built severity"):
        list(Engine(workers=1).run(mismatched, [(1, 1)]))


def test_a_failure_says_where_it_was_raised() -> None:
    failures = [f for _, f in Engine().run(square, [(2, 2)]) if isinstance(f, Failure)]
    assert "in square" in failures[0].trace


def test_items_are_asked_for_one_at_a_time() -> None:
    asked: list[int] = []

    def items() -> Iterator[tuple[int, int]]:
        for number in (5, 6, 7):
            asked.append(number)
            yield number, number

    done = Engine().run(square, items())
    assert next(done) == (5, 25) and asked == [5]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workers": -1}, "workers = -1: must be >= 1"),
        ({"limit_s": 0.0}, "time-limit = 0.0: must be > 0"),
        ({"limit_s": float("nan")}, "time-limit = nan: must be > 0"),
        ({"workers": 2, "address": "auto"}, "workers: are of this machine, and --ray names"),
    ],
)
def test_what_cannot_run_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Engine(**given)


@with_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:port"])
def test_an_address_where_no_cluster_answers_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.init", lambda **_: pytest.fail("Ray would try for a quarter hour"))
    with pytest.raises(ConfigError, match=f"ray = '{address}': no cluster answers there"):
        next(Engine(address=address).run(len, [("a", "cell")]))


@pytest.mark.parametrize(
    ("option", "named"), [(["--workers", "2"], "workers = 2"), (["--ray", "auto"], "ray = 'auto'")]
)
def test_without_ray_one_line_says_how_to_get_it(
    option: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    out = tmp_path / "run"
    assert main(["evaluate", "flat", *option, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said == f"error: {named}: needs Ray: pip install 'execution-gym[ray]'\n"
    assert not out.exists()


def test_a_failed_cell_is_withheld_and_is_played_again(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    results = play(a_plan(), store=store, engine=Engine())
    failed = [p.cell for p in results if p.failure]
    assert [(cell.policy, cell.scenario) for cell in failed] == [
        ("fragile", "calm"),
        ("fragile", "price_shock"),
    ]
    frame = episodes_frame(results)
    rows = frame[frame["policy"] == "fragile"]
    assert len(rows) == 4 and rows["return"].isna().all()
    assert json.loads(rows["withheld"].iloc[0])["return"].startswith("failed: ZeroDivisionError")
    news: list[bool] = []
    again = play(a_plan(), store=store, engine=Engine(), advance=news.append)
    assert news == [False, False, True, True, False, False]
    assert tables(again) == tables(results)


def test_without_an_engine_what_a_cell_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="no such price"):
        play(a_plan())


def test_no_mean_over_scenarios_leaves_a_failed_one_out() -> None:
    results = play(a_plan(policies={"flat": BASELINES["flat"]}), engine=Engine())
    (nothing,) = play(
        a_plan(policies={"flat": Fragile}, scenarios={"calm": "calm"}), engine=Engine()
    )
    whole = pool(episodes_frame(results), "all")
    partial = pool(episodes_frame([nothing, results[1]]), "all")
    assert whole["return"].notna().all() and partial["return"].isna().all()
    assert "failed: ZeroDivisionError" in partial["withheld"].iloc[0]


COMMAND = [
    *("evaluate", "POLICY", "--market", json.dumps(MARKET), "--scenarios", "calm,price_shock"),
    *("--episodes", "2", "--length", "20", "--band", "train"),
]


def command(policy: str) -> list[str]:
    return [policy if word == "POLICY" else word for word in COMMAND]


@pytest.mark.proof
def test_a_command_says_which_cells_failed_and_writes_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    policy = f"{__name__}:Fragile"
    assert main([*command("flat"), "--out", str(out)]) == 0
    assert main(["report", str(out)]) == 0
    of_the_first = ("journal.parquet", "orders.parquet", "episode.png", "report.html")
    assert all((out / name).exists() for name in of_the_first)
    capsys.readouterr()
    assert main([*command(policy), "--out", str(out)]) == 1
    assert not any((out / name).exists() for name in of_the_first), "these are another policy's"
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert len(lines) == 2 and all(len(line) < 220 for line in lines)
    assert lines[0].startswith("error: policy Fragile, market multiscale, scenario calm, severity")
    assert lines[0].endswith("ZeroDivisionError: no such price")
    assert "flat" in printed.out and "Fragile" in printed.out
    summary = json.loads((out / "evaluation" / "summary.json").read_text())
    assert [cell["scenario"] for cell in summary["failed"]] == ["calm", "price_shock"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert "in act" in manifest["failed"][0]["trace"]
    assert set(pd.read_parquet(out / "evaluation" / "curves.parquet")["policy"]) > {"flat"}
    assert main(["report", str(out)]) == 0


@pytest.mark.slow
@pytest.mark.ray
@with_ray
def test_two_workers_give_the_bytes_of_none(tmp_path: Path) -> None:
    """Byte for byte, in files and tables, cells that raise and hang included."""
    plan = a_plan(policies={**POLICIES, "stuck": Stuck})
    alone, both = CellStore(tmp_path / "alone"), CellStore(tmp_path / "both")
    expected = play(plan, store=alone, engine=Engine(limit_s=2.0))
    news: list[bool] = []
    found = play(plan, store=both, engine=Engine(workers=2, limit_s=2.0), advance=news.append)
    assert tables(found) == tables(expected) and news == [True] * 8
    assert contents(both.folder) == contents(alone.folder) and len(contents(both.folder)) == 4


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.ray
@with_ray
@pytest.mark.parametrize("workers", [1, 4])
def test_any_number_of_workers_gives_the_same_outcomes(workers: int) -> None:
    assert outcomes(Engine(workers=workers, limit_s=0.5)) == EXPECTED


class Mortal:
    """Ends its process in some cells, the first time or always."""

    def __init__(self, folder: Path, always: bool) -> None:
        self.folder, self.always = folder, always

    def __call__(self, number: int) -> float:
        been = self.folder / f"{number}-{len(list(self.folder.glob(f'{number}-*')))}"
        been.touch()
        if number % 8 == 0 and (self.always or been.name.endswith("-0")):
            os._exit(9)
        return float(np.sum(np.random.default_rng(number).normal(size=1000)))


@pytest.mark.slow
@pytest.mark.ray
@with_ray
def test_workers_that_die_in_the_middle_lose_nothing(tmp_path: Path) -> None:
    expected = {n: float(np.sum(np.random.default_rng(n).normal(size=1000))) for n in range(40)}
    found = list(Engine(workers=2).run(Mortal(tmp_path, False), ((n, n) for n in range(40))))
    assert len(found) == 40 and dict(found) == expected
    assert len(list(tmp_path.glob("*-1"))) == 5  # begun a second time


@pytest.mark.slow
@pytest.mark.ray
@with_ray
def test_a_cell_that_always_ends_its_process_is_one_failure(tmp_path: Path) -> None:
    found = dict(Engine(workers=2).run(Mortal(tmp_path, True), ((n, n) for n in range(1, 9))))
    failed = {n: each for n, each in found.items() if isinstance(each, Failure)}
    assert set(failed) == {8} and len(found) == 8
    assert f"its process ended {RETRIES + 1} times" in failed[8].reason
    assert len(list(tmp_path.glob("8-*"))) == RETRIES + 1
