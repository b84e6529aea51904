"""What the oracle in `reference.py` shows the agent.

Written from `docs/model.md` (section 17) alone; it shares no code with the kernels.
"""

import math
from typing import Any

from tests.oracle.feed import HALF_LIVES
from tests.oracle.market import clip, rate_of
from trading_env.core.codes import Exit

Record = dict[str, Any]


def contrast(a: float, b: float) -> float:
    return (a - b) / (a + b) if a + b > 0.0 else 0.0


def observe(world: Record, state: Record, reports: list[Record]) -> list[float]:
    account = state["account"]
    equity = max(account["seen_equity"], 1e-9 * account["initial_equity"])
    values: list[float] = []
    for a, (asset, report) in enumerate(zip(state["assets"], reports, strict=True)):
        values += asset_features(world["each"][a], asset, report["working"], equity)
        values += [clip(x, -5.0, 5.0) for x in world["signals"][account["row"]][a]]
    held = [a["position"] * a["seen_close"] / equity for a in state["assets"]]
    values += [
        clip(account["cash"] / equity, -5.0, 5.0),
        clip(sum(abs(x) for x in held), 0.0, 5.0),
        clip(sum(held), -5.0, 5.0),
        clip(1.0 - equity / account["seen_peak"], 0.0, 1.0),
        clip(math.log(equity / account["initial_equity"]), -5.0, 5.0),
        clip(1.0 - account["step"] / world["length"], 0.0, 1.0),
    ]
    return values


def asset_features(world: Record, asset: Record, working: float, equity: float) -> list[float]:
    s, sd = asset["seen_close"], math.sqrt(asset["seen_variance_slow"])
    trends = []
    for j, half_life in enumerate(HALF_LIVES):
        r = rate_of(half_life)
        trends.append(clip(asset[f"trend_{j}"] / sd * math.sqrt((2 - r) / r), -5.0, 5.0))
    open_profit = 0.0
    if asset["position"] != 0.0:
        side = math.copysign(1.0, asset["position"])
        open_profit = side * (s / asset["entry_price"] - 1.0) / sd
    levels = (asset["stop_loss"], asset["take_profit"])
    rooms = [abs(contrast(s, level)) if level > 0.0 else 0.0 for level in levels]
    return [
        clip(asset["seen_return"] / sd, -5.0, 5.0),
        *trends,
        clip(min(sd, 1.0), 0.0, 1.0),
        clip(contrast(math.sqrt(asset["seen_variance_fast"]), sd), -1.0, 1.0),
        clip(contrast(asset["seen_volume"], asset["seen_volume_mean"]), -1.0, 1.0),
        clip((asset["seen_high"] - asset["seen_low"]) / s / sd, 0.0, 5.0),
        clip(asset["position"] * s / equity, -5.0, 5.0),
        clip(working * s / equity, -5.0, 5.0),
        clip(open_profit, -5.0, 5.0),
        *[clip(room, 0.0, 1.0) for room in rooms],
        float(asset["exit_pending"] != Exit.NONE),
        clip(100.0 * asset["slippage"], -1.0, 1.0),
        clip(contrast(max(asset["slippage"], 0.0), asset["expected_slippage"]), -1.0, 1.0),
        clip(asset["latency"] / (asset["latency"] + 1.0), 0.0, 1.0),
        clip(asset["fill_ratio"], 0.0, 1.0),
        *cost_features(world, asset),
        clip(asset["age"] / (asset["age"] + 1.0), 0.0, 1.0),
        float(asset["valid"]),
    ]


def cost_features(world: Record, asset: Record) -> list[float]:
    """The quotes, and what the cost model makes of fills."""
    usual, bars = world["execution"]["half_spread_bps"] * 1e-4, asset["crisis_bars"]
    return [
        clip(contrast(asset["seen_half_spread"], usual), -1.0, 1.0),
        clip(contrast(asset["seen_depth"], 1.0), -1.0, 1.0),
        clip(bars / (bars + 10.0), 0.0, 1.0),
        clip(asset["cost_level"], -4.0, 4.0),
        clip(math.sqrt(asset["cost_variance"]), 0.0, 2.0),
        clip(asset["last_cost"], -4.0, 4.0),
    ]
