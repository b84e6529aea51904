"""The journals count steps and orders as the environment does."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from trading_env.backtesting import journal, order_ledger
from trading_env.envs.info import ORDER_NAMES
from trading_env.envs.portfolio import PortfolioEnv

MARKET = {"generator": "multiscale", "assets": 2, "paths": 1, "bars": 300}
PAGE = Path(__file__).parent.parent.parent / "docs" / "portfolio.md"


def made() -> PortfolioEnv:
    env = PortfolioEnv(market=MARKET, episode_length=20, detail="full", render_mode="ansi")
    env.reset(seed=0)
    return env


def test_steps_are_those_of_info_from_the_first_and_after_a_snapshot() -> None:
    env = made()
    seen: list[Any] = [env.step(np.array([0.9, -0.9]))[4]["step"] for _ in range(6)]
    assert journal(env.trace, episode=0)["step"].unique().tolist() == seen == [1, 2, 3, 4, 5, 6]
    env.set_state(env.get_state())
    seen = [env.step(np.array([-0.9, 0.9]))[4]["step"] for _ in range(3)]
    assert journal(env.trace, episode=0)["step"].unique().tolist() == seen == [7, 8, 9]
    orders = order_ledger(env.trace, episode=0)
    assert (orders["identity"] <= orders["step"]).all()
    assert set(orders["step"]) <= set(seen)


def test_an_order_s_row_is_of_the_step_in_which_info_shows_its_end() -> None:
    env, ends = made(), set()
    for _ in range(6):
        info = env.step(np.array([0.5, -0.5]))[4]
        orders = info["orders"]
        ended = np.isin(orders["status"], ["filled", "cancelled", "expired"])
        ends |= {(info["step"], int(k)) for k in orders["identity"][ended]}
    last = order_ledger(env.trace, episode=0)
    over = last[last["status"].isin(["filled", "cancelled", "expired"])]
    assert set(zip(over["step"], over["identity"], strict=True)) == ends != set()


def test_a_pure_cancel_has_a_name_of_its_own_and_is_no_order() -> None:
    env = PortfolioEnv(
        market=MARKET,
        action="orders",
        execution={"order_type": "limit", "latency_ms": 0.0},
        episode_length=40,
        detail="full",
        render_mode="ansi",
    )
    env.reset(seed=0)
    wait, take_back = np.array([[0.5, -0.3, 1.0, 1.0]] * 2), np.array([[0.0, 1.0, 0.0, 1.0]] * 2)
    seen: set[str] = set()
    for step in range(12):
        info = env.step(take_back if step % 3 == 2 else wait)[4]
        orders = info["orders"]
        assert (orders["quantity"][orders["status"] == "took_back"] == 0.0).all()
        seen |= set(orders["status"].ravel())
    assert "took_back" in seen and "none" not in seen
    assert len(order_ledger(env.trace, episode=0)) == info["summary"]["orders"] > 0


def test_every_name_of_an_order_s_status_is_on_its_page() -> None:
    (row,) = re.findall(r"^\| `status` \| (`empty`.*)\|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert {"empty", "in_flight", "working", "took_back"} < set(re.findall(r"`(\w+)`", row))
    assert set(re.findall(r"`(\w+)`", row)) <= set(ORDER_NAMES.ravel())
