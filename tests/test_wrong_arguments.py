"""Whatever is given for an argument is taken, or refused in one line that names it.

Every argument of what a user calls is given every kind of value that it is not for: None, frames,
mappings, lists of any length, text, NaN, negative and huge numbers. A refusal is one of the
package's own errors, on one line of fewer than 200 characters, with the argument's name in it and
in the package's own words.
"""

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import trading_env
from tests.lanes import quick_first
from trading_env import (
    AccountConfig,
    ExecutionConfig,
    ExecutionEngine,
    ExecutionEnv,
    Market,
    MarketState,
    Order,
    PortfolioEnv,
    RewardConfig,
    RiskConfig,
    RiskManager,
    Scenario,
    evaluate,
    load_market,
    plot,
)
from trading_env.backtesting import backtest
from trading_env.core.errors import ConfigError, UserError
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.step.config import ParentConfig

VALUES: dict[str, Any] = {
    "None": None,
    "series": pd.Series([1.0, 2.0]),
    "frame": pd.DataFrame({"a": [1.0]}),
    "mapping": {"a": 1},
    "nested mapping": {"a": {"b": [1]}},
    "empty mapping": {},
    "number keys": {1: 2},
    "empty list": [],
    "list": [1, 2, 3],
    "ragged list": [[1.0], [1.0, 2.0]],
    "texts": ["a"],
    "pair": (1, "b"),
    "set": {1},
    "text": "nonsense",
    "blank": "",
    "lines": "a\nb",
    "nan": math.nan,
    "infinite": math.inf,
    "negative": -1,
    "negative fraction": -0.5,
    "True": True,
    "zero": 0,
    "large": 1e308,
    "huge": 10**400,
    "NumPy's nan": np.float64("nan"),
    "array": np.array([1.0, 2.0]),
    "objects": np.array([None, "x"]),
    "complex": 3 + 4j,
    "bytes": b"x",
    "object": object(),
    "class": int,
}
POOL = {"generator": "multiscale", "paths": 2, "bars": 200, "assets": 2}
EPISODE = {"market": POOL, "episode_length": 20}
SUBJECTS = {  # what a message calls an argument, where that is not its name
    "config": ("risk", "execution"),
    "spec": ("market", "generator", "data frame", "bars.csv"),
    "market": ("generator", "data frame"),
    "values": ("scenario",),
    "policies": ("POLICY", "no policy"),
    "reseed": ("seed",),
    "frame": ("data frame", "symbol"),
    "events": ("no events",),
    "name": ("no events",),
    "env_kwargs": ("argument",),
    "scenarios": ("scenario",),
    "severities": ("severity",),
    "markets": ("market",),
    "path": ("file", "nonsense", "a\\nb", "bars"),
}


class Called(NamedTuple):
    """Something a user calls, and the arguments to try."""

    call: Callable[..., Any]
    arguments: list[str]


def named(call: Callable[..., Any], *left_out: str) -> list[str]:
    """Names of the arguments of a call."""
    parameters = inspect.signature(call).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters if p.kind in kinds and p.name not in ("self", *left_out)]


def stepped(**given: Any) -> None:
    env = PortfolioEnv(**EPISODE)
    env.reset(seed=1)
    env.step(given["action"])


def stepped_lanes(**given: Any) -> None:
    envs = PortfolioVectorEnv(2, **EPISODE)
    envs.reset(seed=1)
    envs.step(given["action"])


def went_back(**given: Any) -> None:
    env = PortfolioEnv(**EPISODE)
    env.reset(seed=1)
    env.set_state(**{"state": env.get_state(), **given})


def recorded(**given: Any) -> None:
    engine = ExecutionEngine()
    report = engine.simulate_execution()
    engine.record_execution_feedback(**{"trade_id": "a", "execution_metrics": report, **given})


def averaged(**given: Any) -> None:
    engine = ExecutionEngine()
    engine.record_execution_feedback("a", engine.simulate_execution())
    engine.feedback(**given)


def evaluated(**given: Any) -> None:
    usual: dict[str, Any] = {"policies": {"flat": "flat"}, "scenarios": ["calm"], "episodes": 1}
    usual |= {"seed": 1, "env_kwargs": EPISODE}
    evaluate(**{**usual, **given})


def backtested(**given: Any) -> None:
    usual: dict[str, Any] = {"policies": {"flat": "flat"}, "windows": "train=100,test=50"}
    usual["markets"] = {"m": {"generator": "multiscale", "paths": 1, "bars": 180, "assets": 1}}
    backtest(**{**usual, **given})


def with_defaults(call: Callable[..., Any], **usual: Any) -> Callable[..., Any]:
    return lambda **given: call(**{**usual, **given})


MANAGER = RiskManager()
SIZED = with_defaults(
    MANAGER.calculate_position_size, confidence_score=0.5, account_balance=1e5, price=10.0
)
STOPPED = with_defaults(
    MANAGER.determine_adaptive_stops, entry_price=9.0, confidence_score=0.5, market_volatility=0.01
)
JOINT = with_defaults(
    MANAGER.joint_kelly_fractions, signals=[0.1, 0.2], covariance=np.eye(2) * 1e-4
)
CALLS: dict[str, Called] = {
    "PortfolioEnv": Called(with_defaults(PortfolioEnv, **EPISODE), named(PortfolioEnv)),
    "ExecutionEnv": Called(ExecutionEnv, named(ExecutionEnv)),
    "PortfolioVectorEnv": Called(
        with_defaults(PortfolioVectorEnv, **EPISODE),
        [*named(PortfolioVectorEnv), *named(PortfolioEnv, "detail")],
    ),
    "ExecutionVectorEnv": Called(ExecutionVectorEnv, ["parent", "num_envs"]),
    "reset": Called(lambda **given: PortfolioEnv(**EPISODE).reset(**given), ["seed", "options"]),
    "reset's options": Called(
        lambda **given: PortfolioEnv(**EPISODE).reset(options=given), ["path", "start"]
    ),
    "reset of lanes": Called(
        lambda **given: PortfolioVectorEnv(2, **EPISODE).reset(**given), ["seed", "options"]
    ),
    "its options": Called(
        lambda **given: PortfolioVectorEnv(2, **EPISODE).reset(options=given), ["reset_mask"]
    ),
    "step": Called(stepped, ["action"]),
    "step of lanes": Called(stepped_lanes, ["action"]),
    "set_state": Called(went_back, ["state", "reseed"]),
    "RiskManager": Called(RiskManager, ["config"]),
    "calculate_position_size": Called(SIZED, named(MANAGER.calculate_position_size)),
    "determine_adaptive_stops": Called(STOPPED, named(MANAGER.determine_adaptive_stops)),
    "joint_kelly_fractions": Called(JOINT, named(MANAGER.joint_kelly_fractions)),
    "ExecutionEngine": Called(ExecutionEngine, named(ExecutionEngine)),
    "simulate_execution": Called(
        lambda **given: ExecutionEngine().simulate_execution(**given), ["order", "market_state"]
    ),
    "Order": Called(
        lambda **given: ExecutionEngine().simulate_execution(Order(**given)), list(Order._fields)
    ),
    "MarketState": Called(
        lambda **given: ExecutionEngine().simulate_execution(None, MarketState(**given)),
        list(MarketState._fields),
    ),
    "record_execution_feedback": Called(recorded, ["trade_id", "execution_metrics"]),
    "feedback": Called(averaged, ["rate", "start"]),
    "export_history": Called(ExecutionEngine().export_history, ["path"]),
    "Scenario": Called(with_defaults(Scenario, name="calm", events=()), [*Scenario.model_fields]),
    "Scenario.read": Called(Scenario.read, ["values"]),
    "load_market": Called(with_defaults(load_market, spec=POOL), ["spec", "seed_band"]),
    "Market.from_file": Called(Market.from_file, ["path"]),
    "Market.from_frame": Called(Market.from_frame, ["frame"]),
    **{
        config.__name__: Called(config, list(config.model_fields))
        for config in (RiskConfig, ExecutionConfig, AccountConfig, RewardConfig, ParentConfig)
    },
    "evaluate": Called(evaluated, named(evaluate)),
    "backtest": Called(backtested, named(backtest)),
    "plot": Called(with_defaults(plot, what=load_market(POOL)), named(plot)),
}
PLAYED = ("evaluate", "backtest")


def given_wrongly() -> list[Any]:
    """Every argument of every call; those of calls that play at length are proofs."""
    cases = [(name, a) for name, called in CALLS.items() for a in called.arguments]
    return [
        *(pytest.param(*case) for case in cases if case[0] not in PLAYED),
        *(
            pytest.param(*case.values[0], marks=case.marks)
            for case in quick_first([c for c in cases if c[0] in PLAYED], 3)
        ),
    ]


def fault_of(error: Exception, argument: str) -> str:
    """Say what is wrong with a refusal, if anything is."""
    message = str(error)
    names = (argument, *SUBJECTS.get(argument, ()))
    if not isinstance(error, UserError):
        return f"is a {type(error).__name__}"
    if len(message.splitlines()) != 1 or len(message) >= 200:
        return "is not one line"
    if "pydantic" in message or "Input should" in message or "ambiguous" in message:
        return "is another library's"
    return "" if any(name in message for name in names) else f"does not name {argument}"


@pytest.mark.parametrize(("name", "argument"), given_wrongly())
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_argument_is_taken_or_refused_in_one_line(
    name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    faults = {}
    for kind, value in VALUES.items():
        try:
            CALLS[name].call(**{argument: value})
        except Exception as error:
            if fault := fault_of(error, argument):
                faults[kind] = f"{fault}: {type(error).__name__}: {error}"
    assert not faults


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
@pytest.mark.parametrize("task", ["Portfolio", "Execution"])
def test_an_unknown_argument_is_met_with_the_nearest_one(make: Any, task: str) -> None:
    with pytest.raises(ConfigError, match=r"unknown argument 'scenaro'; did you mean 'scenario'\?"):
        make(f"trading_env/{task}-v0", scenaro="price_shock")


@pytest.mark.parametrize("mode", ["nonsense", "rgb_array", "human"])
@pytest.mark.parametrize("task", ["Portfolio", "Execution"])
def test_a_batch_is_not_drawn_and_says_so(task: str, mode: str) -> None:
    with pytest.raises(ConfigError, match=f"render_mode = '{mode}': a batch is not drawn"):
        gym.make_vec(
            f"trading_env/{task}-v0", vectorization_mode="vector_entry_point", render_mode=mode
        )


def test_a_negative_confidence_is_told_how_to_be_short() -> None:
    with pytest.raises(ConfigError, match=r"confidence_score = -0.5: .* \(short: use side=-1\)"):
        RiskManager().calculate_position_size(-0.5, 1e5)


def test_an_order_given_as_a_mapping_is_told_what_an_order_is() -> None:
    with pytest.raises(ConfigError, match=r"order = \{'quantity': 100\}: give an Order, as Order"):
        ExecutionEngine().simulate_execution({"quantity": 100})  # type: ignore[arg-type]


def test_a_market_that_is_too_short_is_told_how_many_bars_are_missing() -> None:
    short = {"generator": "multiscale", "bars": 50, "assets": 1}
    with pytest.raises(ConfigError, match="has 50 bars in the band 'train', 267 too few: 64 warm"):
        PortfolioEnv(market=short)
    with pytest.raises(ConfigError, match="17 too few: 64 warm up; the longest episode is 135"):
        PortfolioEnv(market=POOL, episode_length=152)


def test_every_public_name_that_is_called_is_tried() -> None:
    tried = {name.partition(".")[0] for name in CALLS}
    assert set(trading_env.__all__) - tried == {"SB3VecEnv"}  # takes what the batch takes
