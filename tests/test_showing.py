"""What objects show of themselves, how small they are when pickled, and one call that draws."""

import math
import pickle
import re
from importlib.resources import files
from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import trading_env
from trading_env.core.errors import ConfigError, MarketDataError, ScenarioError
from trading_env.envs.render import colour_of
from trading_env.markets import bars, load_market

MEGABYTE = 1_000_000


def made(**kwargs: object) -> gym.Env:
    return gym.make("trading_env/Portfolio-v0", **kwargs)  # type: ignore[arg-type]


def test_an_environment_says_what_it_is_and_where_inside_its_wrappers_too() -> None:
    env = made(scenario="price_shock")
    said = "<OrderEnforcing<PortfolioEnv market='multiscale us_stock_daily seed=0 band=train', "
    assert repr(env).startswith(said + "assets=5, ")
    assert "scenario=price_shock" in repr(env) and "step=" not in repr(env)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert "step=1, equity=" in repr(env) and "step" in env.unwrapped._repr_html_()


def test_parts_show_the_settings_that_are_not_the_defaults() -> None:
    assert repr(trading_env.RiskManager()) == "RiskManager()"
    manager = trading_env.RiskManager({"max_leverage": 1.5})
    assert repr(manager) == "RiskManager({'max_leverage': 1.5})"
    assert "max_leverage" in manager._repr_html_()
    engine = trading_env.ExecutionEngine(seed=3)
    assert repr(engine) == "ExecutionEngine(seed=3); 0 trades recorded"
    scenario = trading_env.Scenario.load("price_shock")
    assert repr(scenario).startswith("Scenario('price_shock', ") and len(repr(scenario)) < 150
    for shown in (scenario, load_market("us_indices"), engine):
        assert shown._repr_html_().startswith("<table>")


def test_what_comes_from_outside_is_escaped() -> None:
    halt = {"kind": "halt", "start": "1 bars", "duration": "1 bars"}
    values = {"name": "<b>x</b>", "events": [halt]}
    assert "<b>x" not in trading_env.Scenario.read(values)._repr_html_()


def test_a_scenario_is_loaded_by_name_or_by_path(tmp_path: Path) -> None:
    by_name = trading_env.Scenario.load("price_shock")
    path = tmp_path / "mine.toml"
    path.write_bytes((Path(__file__).parents[1] / "scenarios" / "price_shock.toml").read_bytes())
    assert trading_env.Scenario.load(path) == trading_env.Scenario.load(str(path)) == by_name
    with pytest.raises(ScenarioError, match="price_shock"):
        trading_env.Scenario.load("price_shok")


@pytest.mark.parametrize("market", ["multiscale", "us_indices"])
def test_a_pickled_environment_is_small_and_goes_on_alike(market: str) -> None:
    env = made(market=market, scenario="covid_2020", episode_length=200)
    env.reset(seed=1)
    env.step(env.action_space.sample())
    stored = pickle.dumps(env)
    assert len(stored) < MEGABYTE
    twin = pickle.loads(stored)
    action = np.full(env.action_space.shape, 0.5)
    for _ in range(5):
        mine, other = env.step(action), twin.step(action)
        assert np.array_equal(mine[0], other[0]) and mine[1:3] == other[1:3]
    assert twin.unwrapped.setup.world.bars is env.unwrapped.setup.world.bars  # tables are shared


def test_a_market_that_cannot_be_made_again_alike_is_refused() -> None:
    stored = pickle.dumps(load_market("gbm", seed_band="train"))
    assert pickle.loads(stored).sha256 == load_market("gbm", seed_band="train").sha256
    make, arguments, _ = load_market("gbm", seed_band="train").__reduce_ex__(4)[1]
    with pytest.raises(MarketDataError, match="another version"):
        bars.remade(make, arguments, "0" * 64)


def test_a_cut_of_a_market_is_pickled_as_its_own_bars() -> None:
    market = load_market("gbm", seed_band="train")
    cut = pickle.loads(pickle.dumps(market.slice_bars(10, 20)))
    assert cut.bars == 10 and np.array_equal(cut.close, market.close[:, 10:20])


def test_a_report_holds_plain_numbers() -> None:
    report = trading_env.ExecutionEngine().simulate_execution(trading_env.Order(5.0))
    assert {type(value) for value in report} == {float, int, str}
    size = trading_env.RiskManager().calculate_position_size(0.5, 1e5, price=50.0)
    stops = trading_env.RiskManager().determine_adaptive_stops(50.0, 0.7, 0.01)
    assert {type(value) for value in (*size, *stops)} == {float, str}
    assert math.isfinite(report.shortfall)


def test_no_two_lines_have_one_colour_and_the_first_ten_are_those_of_the_report() -> None:
    colours = [colour_of(k) for k in range(40)]
    assert len(set(colours)) == 40
    style = files("trading_env.report").joinpath("report.css").read_text("utf-8")
    paper = style[: style.index("@media")]
    assert colours[:10] == [re.findall(rf"--s{k}: (#\w+)", paper)[0] for k in range(10)]


@pytest.mark.proof
def test_one_call_draws_a_market_an_episode_and_scores() -> None:
    pytest.importorskip("matplotlib")
    market = load_market({"generator": "gbm", "assets": 2, "paths": 1, "bars": 200})
    drawn = trading_env.plot(market)
    assert [line.get_label() for line in drawn.axes[0].lines] == ["S1", "S2"]
    env = made(market=market, seed_band=None, episode_length=20, render_mode="rgb_array")
    with pytest.raises(ConfigError, match="render_mode"):
        trading_env.plot(env)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert len(trading_env.plot(env).axes) == market.assets + 1
    frame = trading_env.evaluate(
        {"flat": "flat", "buy_and_hold": "buy_and_hold"},
        scenarios=["calm", "price_shock"],
        episodes=8,
        seed=0,
        env_kwargs={"market": "us_indices", "seed_band": "test", "episode_length": 60},
    )
    axes = trading_env.plot(frame, "return").axes[0]
    assert "%" in axes.get_xlabel()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["calm", "price_shock"]
    assert axes.get_title() == ""
    apart = pd.concat(
        [
            frame.assign(market=market, severity=level)
            for market in "AB"
            for level in (0.5, 1.0, 2.0)
        ]
    )
    axes = trading_env.plot(apart, "return").axes[0]
    rows = [tick.get_text() for tick in axes.get_yticklabels()]
    assert rows == ["A, calm", "A, price_shock", "B, calm", "B, price_shock"]
    assert axes.get_title() == "severity 1"
    assert [len(line.get_xdata()) for line in axes.lines] == [4, 4]
    for wrong in (3, frame.drop(columns="policy")):
        with pytest.raises(ConfigError, match="give a market"):
            trading_env.plot(wrong)
    with pytest.raises(ConfigError, match="sharpe"):
        trading_env.plot(frame, "sharp")
