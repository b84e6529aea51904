"""The risk manager as a user calls it is the step's, to the bit."""

import math
from typing import Any

import numpy as np
import pytest
from numba import njit

from tests.helpers import a_lane, execution_params, some_rulebook
from tests.kept import KEPT
from trading_env.core.codes import BoundBy, RiskMode
from trading_env.core.errors import ConfigError
from trading_env.core.records import AccountState, AssetState, new_table
from trading_env.core.world import Lanes, Outputs
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.risk_manager.config import RiskConfig
from trading_env.risk_manager.desk import Rulebook
from trading_env.risk_manager.levels import enter, trail_stop
from trading_env.risk_manager.manager import RiskManager
from trading_env.step.rows import lane_of, new_lanes, new_outputs

INPUTS = 10_000  # of each configuration: 100,000 in all
NAMES = [member.name.lower() for member in BoundBy]
NOTHING = np.zeros((2, 0, 0))
CONFIGS: list[dict[str, Any]] = [
    {},
    {"edge_bars": 500.0, "execution_floor": 0.2, "max_drawdown": 0.2},
    {"kelly_multiplier": 1.0, "max_win_probability": 0.6, "participation_bars": 50.0},
    {"stops": False, "max_weight": 2.0, "max_leverage": 1.5, "initial_margin": 0.8},
    {"trailing": True, "risk_tolerance": 0.5, "max_weight": 3.0, "max_leverage": 4.0},
    {"mode": "linear", "execution_floor": 0.5},
    {"mode": "volatility_target", "target_volatility": 0.02, "max_weight": 5.0},
    {"mode": "volatility_target", "execution_floor": 0.1, "trailing": True, "max_drawdown": 1.0},
    {"mode": "raw", "stops": False},
    {"mode": "raw", "stop_confidence_slope": 0.0},
]


@njit
def step_by_step(
    signals: Any, lanes: Lanes, outputs: Outputs, rules: Rulebook, tick: float
) -> None:
    """Decide in one lane after the other; then place its levels, and let the stop follow."""
    for i in range(signals.shape[0]):
        lane = lane_of(lanes, outputs, i, i)
        KEPT.decide(signals[i : i + 1], lane, rules)
        asset, report, slot = lane.assets[0], lane.reports[0], lane.slots[0, 0]
        slot.stop_distance = report.stop_distance
        slot.target_distance = report.target_distance
        asset.position = math.copysign(1.0, signals[i])
        enter(asset, slot, asset.mark, 1.0, tick)
        report.stop_loss = asset.stop_loss
        report.take_profit = asset.take_profit
        asset.seen_before = asset.seen_close
        trail_stop(asset, tick)


def drawn(rng: np.random.Generator, count: int) -> tuple[Any, Any, Any]:
    """Random signals, assets and accounts."""
    assets, accounts = new_table(AssetState, count), new_table(AccountState, count)
    signals = rng.uniform(-1.0, 1.0, count) * (rng.random(count) < 0.95)
    assets["seen_close"] = np.exp(rng.normal(3.0, 3.0, count))
    assets["mark"] = assets["seen_close"] * np.exp(rng.normal(0.0, 0.05, count))
    assets["seen_variance_slow"] = np.exp(rng.normal(-9.0, 2.0, count))
    assets["seen_volume_mean"] = np.exp(rng.normal(8.0, 3.0, count))
    assets["expected_slippage"] = rng.normal(1e-3, 1e-3, count)
    assets["cost_level"] = rng.normal(0.5, 1.0, count)
    assets["valid"] = assets["is_new"] = assets["listed_bars"] = 1
    accounts["seen_equity"] = np.exp(rng.normal(11.0, 2.0, count))
    accounts["seen_peak"] = accounts["seen_equity"] * (1.0 + rng.exponential(0.1, count))
    weight = rng.normal(0.0, 0.5, count) * (rng.random(count) < 0.7)
    assets["position"] = weight * accounts["seen_equity"] / assets["seen_close"]
    return signals, assets, accounts


def as_called(manager: RiskManager, signal: float, asset: Any, account: Any, cap: float) -> Any:
    """What a user gets for the same situation."""
    return manager.calculate_position_size(
        abs(signal),
        account.seen_equity,
        price=asset.seen_close,
        market_volatility=math.sqrt(asset.seen_variance_slow),
        side=int(math.copysign(1.0, signal)),
        position=asset.position,
        standing_stop=asset.stop_distance,
        entry_price=asset.entry_mid or None,
        bar_capacity=cap * asset.seen_volume_mean,
        drawdown=max(0.0, 1.0 - account.seen_equity / account.seen_peak),
        expected_slippage=asset.expected_slippage,
        cost_level=asset.cost_level,
    )


@pytest.mark.proof
@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_methods_and_kernels_return_the_same_bits(number: int) -> None:
    rng = np.random.default_rng([13, number])
    config = RiskConfig.of(CONFIGS[number])
    manager, tick = RiskManager(config), [0.0, 0.01][number % 2]
    signals, assets, accounts = drawn(rng, INPUTS)
    before = assets.copy()
    lanes, outputs = new_lanes(INPUTS, 1, 0, 1), new_outputs(INPUTS, 1, 0, INPUTS)
    lanes.assets[:, 0], lanes.accounts[:] = assets, accounts
    execution = execution_params(participation=0.1)
    rules = some_rulebook(execution=execution, risk=config.record()[0])
    step_by_step(signals, lanes, outputs, rules, tick)
    assets, reports = lanes.assets[:, 0], outputs.reports[:, 0]
    for i in range(INPUTS):
        asset, report = before[i], reports[i]
        size = as_called(manager, signals[i], asset, accounts[i], execution.participation)
        assert size.fraction == report.target_fraction
        assert size.units == report.target
        assert size.bound_by == NAMES[report.bound_by]
        if not config.stops:
            continue
        side = int(math.copysign(1.0, signals[i]))
        given = (asset.mark, abs(signals[i]), math.sqrt(asset.seen_variance_slow))
        levels = manager.determine_adaptive_stops(*given, side=side, tick=tick)
        assert tuple(levels) == (report.stop_loss, report.take_profit)
        if config.trailing:
            best = asset.seen_close
            trailed = manager.determine_adaptive_stops(
                *given, side=side, tick=tick, best_price=best
            )
            assert trailed.stop_loss == assets[i].stop_loss


@pytest.mark.proof
def test_assets_sized_together_get_the_same_bits() -> None:
    """Of two: the balance is a power of 2, so that exposures turn into shares without rounding."""
    rng = np.random.default_rng(5)
    manager = RiskManager({"covariance": "shrunk", "edge_bars": 300.0, "max_weight": 3.0})
    execution = execution_params(participation=0.1)
    rules = some_rulebook(execution=execution, risk=manager.config.record()[0])
    compared = 0
    for _ in range(1000):
        signals, assets, accounts = drawn(rng, 2)
        account, sigmas = accounts[0], np.sqrt(assets["seen_variance_slow"])
        account.seen_equity = account.seen_peak = 2.0**20
        mixed = sigmas[0] * sigmas[1] * rng.uniform(-0.95, 0.95)
        covariance = np.diag(assets["seen_variance_slow"]) + mixed * (1.0 - np.eye(2))
        lane = a_lane(assets, account, covariance)
        KEPT.decide(signals, lane, rules)
        reports = lane.reports
        shares = manager.joint_kelly_fractions(signals, covariance)
        alone = [0.0, 0.0]
        for a in (0, 1):  # before the caps of the account: the other's exposure is not known yet
            wide = RiskManager({**manager.config.as_dict(), "max_leverage": 1e9, **FREE})
            alone[a] = wide.calculate_position_size(
                0.0, 2.0**20, market_volatility=sigmas[a], kelly_fraction=shares[a]
            ).fraction
        sizes = [
            manager.calculate_position_size(
                abs(signals[a]),
                account.seen_equity,
                price=assets[a].seen_close,
                market_volatility=sigmas[a],
                position=assets[a].position,
                other_exposure=abs(alone[1 - a]) * 2.0**20,
                bar_capacity=0.1 * assets[a].seen_volume_mean,
                kelly_fraction=shares[a],
            )
            for a in (0, 1)
        ]
        held = np.abs(assets["position"] * assets["seen_close"]) / 2.0**20
        meanwhile = np.maximum(held, [abs(size.fraction) for size in sizes]).sum()
        if meanwhile > manager.config.max_leverage:  # what is held leaves no room for both
            continue
        compared += 1
        for size, report in zip(sizes, reports, strict=True):
            assert size.fraction == report.target_fraction
            assert size.units == report.target
            assert size.bound_by == NAMES[report.bound_by]
    assert compared > 200


FREE = {"initial_margin": 1e-12}


@pytest.mark.proof
@pytest.mark.parametrize("risk", [{}, {"mode": "volatility_target"}, {"execution_floor": 0.1}])
def test_a_call_is_what_the_next_step_does(risk: dict[str, Any]) -> None:
    market = {"generator": "gbm", "assets": 1, "paths": 2, "bars": 200}
    scenario = "liquidity_drought" if "execution_floor" in risk else "flash_crash_2010"
    arguments = {"scenario": scenario, "episode_length": 100, "detail": "full"}
    env = PortfolioEnv(market=market, risk=risk, **arguments)
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    manager, cap = RiskManager(risk), env.setup.world.execution["participation"][0]
    names: set[str] = set()
    for _ in range(100):
        state = env.get_state()
        asset, account = state["assets"][0, 0], state["accounts"][0]
        signal = float(rng.uniform(-1.0, 1.0))
        size = as_called(manager, signal, asset, account, cap)
        _, _, terminated, truncated, info = env.step(np.array([signal]))
        target, name = info["risk"]["target"][0], info["risk"]["bound_by"][0]
        names.add(name)
        if name != "exit_pending":
            assert size.units == target
        if terminated or truncated:
            env.reset()
    assert ("execution_feedback" in names) is ("execution_floor" in risk)


def test_without_a_balance_nothing_is_wanted() -> None:
    assert RiskManager().calculate_position_size(1.0, 0.0).units == 0.0


@pytest.mark.parametrize(("balance", "price"), [(5e-324, 1e300), (1e300, 1e-300)])
def test_a_price_that_is_no_share_of_the_balance_is_refused(balance: float, price: float) -> None:
    with pytest.raises(ConfigError, match=r"^price = [^ ]+: no share of a balance of [^ ]+$"):
        RiskManager().calculate_position_size(0.7, balance, 0.02, price=price)


def test_a_smaller_tolerance_is_a_smaller_position() -> None:
    manager = RiskManager({"max_weight": 10.0, "max_leverage": 10.0, "initial_margin": 0.01})
    sizes = [manager.calculate_position_size(1.0, 1e5, t).units for t in (0.001, 0.01)]
    assert sizes[1] == pytest.approx(10.0 * sizes[0])


def test_a_trailing_stop_never_lies_behind_the_one_it_began_as() -> None:
    manager = RiskManager({"trailing": True})
    placed = manager.determine_adaptive_stops(100.0, 0.5, 0.01)
    assert manager.determine_adaptive_stops(100.0, 0.5, 0.01, best_price=90.0) == placed
    assert manager.determine_adaptive_stops(100.0, 0.5, 0.01, best_price=110.0).stop_loss == (
        pytest.approx(1.1 * placed.stop_loss)
    )
    short = manager.determine_adaptive_stops(100.0, 0.5, 0.01, side=-1, best_price=90.0)
    assert short.stop_loss == pytest.approx(90.0 * 100.0 / placed.stop_loss)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"mode": "linear", "covariance": "shrunk"}, "covariance is of mode kelly"),
        ({"mode": "raw", "edge_bars": 10.0}, "edge_bars is of mode kelly"),
        ({"stops": False, "trailing": True}, "trailing needs stops"),
        ({"max_holding_bars": -1}, "max_holding_bars"),
        ({"execution_floor": 0.0}, "execution_floor"),
        ({"covariance_shrinkage": 0.0}, "covariance_shrinkage"),
        ({"target_volatility": 0.0}, "target_volatility"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(
    config: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        RiskConfig.of(config)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("signals", "covariance", "words"),
    [
        ([0.5], np.eye(2), "shape"),
        ([0.5, 2.0], np.eye(2), "signals"),
        ([0.5, math.nan], np.eye(2), "signals"),
        ([0.5, 0.5], np.ones((2, 2)), "positive definite"),
        ([0.5, 0.5], np.array([[1.0, 0.5], [0.0, 1.0]]), "symmetric"),
        ([0.5, 0.5], np.full((2, 2), math.inf), "finite"),
    ],
)
def test_views_that_cannot_be_sized_together_are_refused(
    signals: Any, covariance: Any, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        RiskManager().joint_kelly_fractions(signals, covariance)
    assert len(str(error.value)) < 200
    with pytest.raises(ConfigError, match="only kelly"):
        RiskManager("linear").joint_kelly_fractions([0.5], [[1.0]])


@pytest.mark.parametrize("name", ["cost_level", "expected_slippage", "kelly_fraction", "position"])
def test_an_argument_that_is_not_finite_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        RiskManager().calculate_position_size(0.5, 1e5, **{name: math.nan})


def test_every_mode_is_a_setting() -> None:
    for mode in RiskMode:
        assert RiskConfig.of({"mode": mode.name.lower()}).record()["mode"][0] == mode
