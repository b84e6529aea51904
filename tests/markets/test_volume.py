"""A market is traded on the volume it has, on one that is stated, or not at all."""

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import trading_env  # noqa: F401 -- registers the ids
from trading_env.cli.main import main
from trading_env.core.errors import UserError
from trading_env.markets import Market, MarketDataError, MarketSpecError, load_market

PORTFOLIO, EXECUTION = "trading_env/Portfolio-v0", "trading_env/Execution-v0"
BARS = 110


def rates(volume: Any = 0.0, symbol: str = "EURUSD", bars: int = BARS) -> pd.DataFrame:
    """Days of a rate that moves by half a percent."""
    rng = np.random.default_rng(3)
    close = 1.1 * np.exp(np.cumsum(0.005 * rng.standard_normal(bars)))
    opened = np.concatenate(([1.1], close[:-1]))
    prices = {"open": opened, "close": close}
    prices |= {"high": np.maximum(opened, close), "low": np.minimum(opened, close)}
    time = pd.bdate_range("2020-01-06", periods=bars)
    return pd.DataFrame({"time": time, "symbol": symbol, **prices, "volume": volume})


def started(market: Any, task: str = PORTFOLIO, **settings: Any) -> Any:
    settings = {"seed_band": None, "episode_length": 20, "detail": "full", **settings}
    return gym.make(task, market=market, **settings)


def played(env: Any, action: float = 1.0) -> dict[str, Any]:
    """Play an episode; whatever is not finite fails."""
    observation, info = env.reset(seed=5)
    done = False
    while not done:
        _check(observation, info)
        shape = env.action_space.shape
        observation, reward, terminated, truncated, info = env.step(np.full(shape, action))
        assert np.isfinite(reward)
        done = terminated or truncated
    _check(observation, info)
    return dict(info)


def _check(*values: Any) -> None:
    for value in values:
        if isinstance(value, dict):
            _check(*value.values())
        elif not isinstance(value, str) and not isinstance(value, list):
            array = np.asarray(value)
            assert array.dtype.kind not in "fc" or np.isfinite(array).all(), value


def silent(first: int, count: int) -> np.ndarray:
    volume = np.full(BARS, 1e6)
    volume[first : first + count] = 0.0
    return volume


@pytest.mark.parametrize("task", [PORTFOLIO, EXECUTION])
@pytest.mark.parametrize(
    ("volume", "share"),
    [(0.0, "100%"), (-0.0, "100%"), (silent(0, 70), "64%"), (silent(10, 66), "60%")],
)
def test_a_market_without_volume_is_refused_by_name(task: str, volume: Any, share: str) -> None:
    market = Market.from_frame(rates(volume), source="fx.csv")
    for settings in ({}, {"account": {"initial_cash": 1e5}}, {"parent": {"quantity": 5.0}}):
        if ("account" in settings) == (task == EXECUTION):
            continue
        if "parent" in settings and task == PORTFOLIO:
            continue
        with pytest.raises(UserError) as caught:
            started(market, task, **settings)
        message = str(caught.value)
        assert len(message) < 200
        assert message.startswith(f"fx.csv: EURUSD: {share} of its bars have no volume")
        assert "liquidity" in message


def test_one_silent_asset_among_others_is_refused_by_name() -> None:
    frame = pd.concat([rates(1e6, "A"), rates(0.0, "B")])
    with pytest.raises(MarketDataError, match="B: 100% of its bars"):
        started(Market.from_frame(frame))


@pytest.mark.parametrize("volume", [silent(20, 64), silent(90, 20)])
def test_a_pause_that_no_warm_up_lies_in_is_traded_around(volume: np.ndarray) -> None:
    played(started(Market.from_frame(rates(volume))))


@pytest.mark.parametrize("has_column", [True, False])
def test_stated_liquidity_is_the_value_of_every_day(has_column: bool) -> None:
    frame = rates(np.nan) if has_column else rates().drop(columns="volume")
    for per_day in (None, 2.0):
        market = Market.from_frame(frame, liquidity=3e8, bars_per_day=per_day)
        value = market.volume * market.close * market.bars_per_day
        assert value == pytest.approx(3e8)
        assert market.slice_bars(0, 50).liquidity == 3e8
        assert market.describe()["stated_liquidity"] == 3e8
    info = played(started(market))
    first = started(market).reset(seed=5)[1]
    assert first["cash"] == pytest.approx(0.05 * 3e8, rel=0.1)
    assert info["summary"]["turnover"] > 0.0


def test_unlimited_liquidity_costs_the_spread_and_the_fee_alone() -> None:
    market = Market.from_frame(rates(), liquidity="unlimited")
    calm = {"spread_exponent": 0.0}
    env = started(market, execution=calm, risk="raw")
    cash = env.reset(seed=5)[1]["cash"]
    assert cash == 1e6
    assert env.unwrapped.setup.resolved["account"]["initial_cash"] == 1e6
    info = played(env)
    assert info["summary"]["fill_ratio"] == pytest.approx(1.0)
    costs = info["summary"]["shortfall_bps"]
    free = played(started(market, execution={**calm, "temporary_impact": 0.0}, risk="raw"))
    assert costs == pytest.approx(free["summary"]["shortfall_bps"], abs=0.01)
    rich = started(market, account={"initial_cash": 7.0}).reset(seed=5)[1]
    assert rich["cash"] == 7.0


def test_a_parent_order_is_no_share_of_unlimited_volume() -> None:
    market = Market.from_frame(rates(), liquidity="unlimited")
    with pytest.raises(UserError, match="parent: quantity = None: a share of unlimited volume"):
        started(market, EXECUTION)
    info = played(started(market, EXECUTION, parent={"quantity": 1e5}), action=0.0)
    assert info["position"][0] == pytest.approx(1e5)


def test_a_market_in_which_nothing_trades_holds_no_account_and_no_order() -> None:
    pool = {"generator": "factor", "volume": 0.0, "paths": 2, "bars": 100}
    with pytest.raises(UserError, match="have no volume"):
        started(pool)
    with pytest.raises(UserError, match="have no volume"):
        started(pool, EXECUTION, parent={"quantity": 10.0})


@pytest.mark.parametrize("liquidity", [0.0, -1.0, 1e16, float("nan"), "endless", True])
def test_a_liquidity_that_is_none_is_refused(liquidity: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="market: liquidity"):
        Market.from_frame(rates(), liquidity=liquidity)
    with pytest.raises(MarketSpecError, match="market: liquidity"):
        load_market({"path": str(tmp_path / "a.csv"), "liquidity": liquidity}, seed_band=None)


def test_a_file_is_read_as_its_mapping_says_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fx.csv"
    rates().drop(columns=["symbol", "volume"]).to_csv(path, index=False)
    spec = {"path": str(path), "liquidity": 1e8, "calendar": "24/7"}
    market = load_market(spec, seed_band=None)
    assert market is load_market(dict(reversed(spec.items())), seed_band=None)
    assert market is not load_market(spec | {"liquidity": 2e8}, seed_band=None)
    assert (market.bars_per_year, market.symbols) == (365.25, ("fx",))
    assert main(["data", "describe", f'{{"path": "{path}", "liquidity": 1e8}}', "--json"]) == 0
    assert '"stated_liquidity": 100000000.0' in capsys.readouterr().out
    assert main(["data", "validate", f'{{"path": "{path}", "liquidity": "unlimited"}}']) == 0
    assert main(["data", "validate", str(path)]) == 1
    assert "nothing fills until liquidity is stated (--liquidity)" in capsys.readouterr().out
    for wrong in ({"path": 3}, {"path": str(path), "liqidity": 1.0}):
        with pytest.raises(MarketSpecError):
            load_market(wrong, seed_band=None)


def late() -> Market:
    """A from the first bar, B after 80 of 110."""
    with pytest.warns(UserWarning, match="1 of 2 symbols are listed late"):
        return Market.from_frame(pd.concat([rates(1e6, "A"), rates(1e6, "B").iloc[80:]]))


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        (PORTFOLIO, {}),
        (PORTFOLIO, {"risk": "raw"}),
        (PORTFOLIO, {"risk": {"covariance": "shrunk"}}),
        (EXECUTION, {}),
    ],
)
@pytest.mark.parametrize("scenario", [None, "correlation_breakdown", "bad_data"])
def test_a_late_listing_is_untraded_before_and_finite_throughout(
    task: str, settings: dict[str, Any], scenario: str | None
) -> None:
    market = late()
    assert market.bars == BARS
    env = started(market, task, scenario=scenario, **settings)
    _, info = env.reset(seed=1, options={"path": 0, "start": 66})
    _check(info)
    for k in range(67, 67 + 20):
        observation, reward, terminated, truncated, info = env.step(np.ones(2))
        _check(observation, reward, info)
        if k < 80:
            assert info["execution"]["filled"][1] == 0.0
            assert info["position"][1] == 0.0
        if terminated or truncated:
            break


def test_stated_liquidity_begins_with_the_listing() -> None:
    frame = pd.concat([rates(0.0, "A"), rates(0.0, "B").iloc[80:]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        market = Market.from_frame(frame, liquidity=1e8)
    assert (market.volume[0, :80, 1] == 0.0).all()
    assert (market.volume[0, 80:, 1] > 0.0).all()
    assert (market.volume[0, :, 0] > 0.0).all()


def test_nobody_listed_is_refused() -> None:
    frame = rates(1e6)
    frame.loc[:70, ["open", "high", "low", "close"]] = 1.1
    frame.loc[:70, "volume"] = 0.0
    frame.loc[71, "open"] = frame.loc[71, "low"] = frame.loc[71, ["close", "high"]].min()
    with pytest.raises(MarketDataError, match="EURUSD: 65% of its bars have no volume"):
        started(Market.from_frame(frame))
