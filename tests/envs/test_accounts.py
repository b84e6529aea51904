"""Kinds of accounts, and settings of one asset, through the environment."""

from typing import Any

import numpy as np
import pytest

from tests.configurations import RandomPicks, settings_of
from trading_env.core.errors import ConfigError
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.markets import load_market

POOL = {"generator": "multiscale", "assets": 2, "paths": 2, "bars": 200}
GREEDY = {"preset": "raw", "max_weight": 3.0}  # three times the account in every asset
STEPS = 60


def episode(seed: int, **arguments: Any) -> Any:
    """Play wild actions; yield the environment and each step's info."""
    settings = {"market": POOL, "episode_length": STEPS, "risk": GREEDY, "detail": "full"}
    env = PortfolioEnv(**settings | arguments)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    for _ in range(STEPS):
        _, _, terminated, truncated, info = env.step(rng.uniform(-1.0, 1.0, 2))
        yield env, info
        if terminated or truncated:
            return


@pytest.mark.parametrize("seed", range(4))
def test_a_cash_account_never_owes_and_is_never_short(seed: int) -> None:
    """Whatever it asks for and trading costs; a sale's fee is less than what it brings here."""
    picks = RandomPicks(np.random.default_rng(seed))
    fees = {"fee_minimum": [None, 1.0], "fee_per_unit": [0.0, 1e-3], "tick": [0.0, 0.01]}
    execution = settings_of(ExecutionConfig, picks, lot=[0.0, 1.0], **fees)
    bought = 0
    account = {"preset": "cash", "initial_cash": 1e7}
    for _, info in episode(seed, account=account, execution=execution, scenario="flash_crash_2010"):
        assert info["cash"] >= 0.0
        assert (info["position"] >= 0.0).all()
        bought += int((info["execution"]["filled"] > 0.0).sum())
    assert bought > 0


def test_a_margin_account_goes_where_a_cash_account_may_not() -> None:
    infos = [info for _, info in episode(1, account={"initial_cash": 1e7})]
    assert min(info["cash"] for info in infos) < 0.0
    assert min(info["position"].min() for info in infos) < 0.0


def test_a_long_only_account_borrows_and_says_what_bound() -> None:
    infos = [info for _, info in episode(1, account={"preset": "long_only", "initial_cash": 1e7})]
    assert min(info["position"].min() for info in infos) >= 0.0
    assert min(info["cash"] for info in infos) < 0.0
    for info in infos:
        at_work = info["risk"]["bound_by"] != "exit_pending"
        refused = (info["risk"]["wished_fraction"] < 0.0) & at_work
        assert (info["risk"]["bound_by"][refused] == "margin").all()


def test_a_liquidation_costs_its_fee_and_nothing_else_more() -> None:
    """The margin call's fills pay it on their notional, besides what they paid without."""
    account = {"maintenance_margin": 0.6, "initial_cash": 1e7}
    risk = {"preset": "raw", "max_weight": 1.0}
    free = episode(2, account=account, risk=risk)
    dear = episode(2, account=account | {"liquidation_fee": 0.02}, risk=risk)
    for (_, one), (env, other) in zip(free, dear, strict=True):
        called = one["execution"]["exit"] == "margin_call"
        assert (other["execution"]["exit"] == one["execution"]["exit"]).all()
        if called.any():
            report = env._batch.outputs.reports[0]
            added = other["execution"]["fees"] - one["execution"]["fees"]
            expected = np.where(called, 0.02 * report["notional"], 0.0)
            np.testing.assert_allclose(added, expected, rtol=1e-9, atol=1e-6)
            return
    raise AssertionError("no margin call")


def test_shorts_are_called_at_their_own_margin() -> None:
    """With 90% of shorts and nothing of longs, the account is called when it is short alone."""
    account = {"maintenance_margin": 0.0, "short_maintenance_margin": 0.9, "margin_rate": 0.0}
    for side in (1.0, -1.0):
        settings = {"market": POOL, "episode_length": STEPS, "risk": GREEDY, "detail": "full"}
        env = PortfolioEnv(**settings, account=account)
        env.reset(seed=4)
        for _ in range(20):
            *_, info = env.step(np.full(2, 0.4 * side))
        assert (info["summary"]["margin_calls"] > 0) == (side < 0.0)


def test_an_asset_may_have_settings_of_its_own() -> None:
    """A tick, a lot and a fee of the second asset alone; the first trades as it did."""
    own = {"tick": 0.5, "lot": 7.0, "fee_bps": 40.0, "half_spread_bps": 60.0}
    names = load_market(POOL, seed_band="train").symbols
    plain = {"fee_bps": 1.0, "half_spread_bps": 1.0}
    differ = {**plain, "assets": {names[1]: own}}
    seen = 0
    for (_, one), (_, other) in zip(
        episode(3, execution=plain), episode(3, execution=differ), strict=True
    ):
        filled = other["execution"]["filled"][1]
        if filled != 0.0:
            seen += 1
            sent = other["execution"]["sent"][1]
            assert sent / 7.0 == pytest.approx(round(sent / 7.0), abs=1e-6)
            notional = abs(filled * other["execution"]["price"][1])
            assert other["execution"]["fees"][1] == pytest.approx(40e-4 * notional, rel=1e-6)
            assert other["execution"]["spread"][1] > one["execution"]["spread"][1]
        if seen > 3:
            break
    assert seen > 3


def test_orders_below_the_minimum_are_not_sent() -> None:
    execution = {"minimum_notional": 1e6}
    account = {"initial_cash": 1e7}
    for _, info in episode(3, execution=execution, account=account):
        sent = np.abs(info["execution"]["sent"]) * info["execution"]["decision_price"]
        assert ((sent == 0.0) | (sent > 0.5e6)).all()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"account": {"borrowing": False}}, "needs short_selling"),
        ({"account": {"preset": "cash", "funding_rate": 0.1}}, "owed without cash"),
        ({"account": {"borrow_rates": {"X": 0.1}}}, "unknown symbol 'X'"),
        ({"account": {"borrow_rates": {"X": -1.0}}}, "must be in"),
        ({"execution": {"assets": {"X": {"tick": 0.1}}}}, "unknown symbol 'X'"),
        ({"execution": {"assets": {"multiscale_0": {"tik": 0.1}}}}, "unknown"),
    ],
)
def test_a_wrong_account_is_one_line(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as found:
        PortfolioEnv(market=POOL, episode_length=STEPS, **arguments)
    assert "\n" not in str(found.value)


def test_a_parent_order_is_not_worked_from_a_cash_account() -> None:
    with pytest.raises(ConfigError, match="filled on any cash"):
        ExecutionEnv(account="cash")
