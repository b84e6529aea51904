"""What trading costs: parent orders against the square-root law, and what follows passive fills.

    python -m benchmarks.costs [--quick] [--out FILE]
    python -m benchmarks.costs --write    # docs/costs.md and its picture from the recorded figures

Parents: a share of a day's volume, bought and sold evenly on the same seeds, so that the market's
own moves cancel; without half spread, fees and latency, so that impact is left. The mean is divided
by 2/3 sigma sqrt(Q / V), with the mean of sigma and each episode's V of a day as it begins (the
exponent of Sato and Kanazawa 2024; the mean of the way to the peak makes the factor 2/3). A parent
is worked over a day, or at a tenth of the volume where that takes longer.

Passive fills: limit orders of a small account at the last price and behind it, on a geometric
Brownian motion. Measured is the price without own impact some bars after the fill, less the fill's
price, signed by the order's side, in half spreads. An order fills when the path has gone a half
spread and its own impact beyond its limit, and nothing is known of the path after that: the mean
stays at -1, the impact being a hundredth of a half spread here.

Intervals are bootstrap 95% intervals of the mean, over episodes and paths of the price.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.exploit_hunt import play_out
from benchmarks.recording import Page, measure_or_write, stamped, table
from trading_env.backtesting.intervals import mean_interval
from trading_env.core.records import Floats
from trading_env.envs.render import colour_of
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.envs.world import WARMUP

PAGE = Page("costs", "What trading costs", __doc__, "costs")
FACTOR = 2.0 / 3.0  # of the law
WITHIN = 1.5  # the default's promise, up to a fifth of a day's volume
CAP = 0.1  # of a bar's volume
SEED = 41
MARKETS = {"us_stock_daily": 1, "btc_hourly": 24, "btc_minute": 1440}  # bars a day
SHARES = (0.001, 0.01, 0.05, 0.2)  # of a day's volume, worked in a day
DAYS = (0.6, 6.0, 20.0)  # of volume, on daily bars
HORIZONS = (0, 1, 5)  # bars after the close of the bar of the fill
OFFSETS_BPS = (0.0, 10.0)
BAR_SD = 0.002  # small, so that a mean of half spreads can be seen
QUOTED_BARS = 65
QUOTERS = 8  # episodes of quotes for each of a parent
FREE = {"latency": "zero", "half_spread_bps": 0.0, "fee_bps": 0.0}


class Parent(NamedTuple):
    """A parent order: market, share of a day's volume, and the bars it is worked over."""

    market: str
    share: float
    bars: int


def parents() -> list[Parent]:
    """Return what is worked."""
    rows = [
        Parent(market, share, max(bars_per_day, math.ceil(share * bars_per_day / CAP - 1e-9)))
        for market, bars_per_day in MARKETS.items()
        for share in SHARES
    ]
    return rows + [Parent("us_stock_daily", days, math.ceil(days / CAP - 1e-9)) for days in DAYS]


def shortfalls(parent: Parent, side: str, episodes: int) -> tuple[Floats, Floats, Any]:
    """Work a parent evenly; return its shortfalls, a day's volatility as each begins, the paths."""
    size = parent.share * MARKETS[parent.market] / parent.bars
    envs = ExecutionVectorEnv(
        episodes,
        market={"generator": "multiscale", "preset": parent.market, "assets": 1, "seed": SEED,
                "paths": min(episodes, 256), "bars": WARMUP + parent.bars + 400,
                "information_coefficient": 0.0},
        parent={"side": side, "size": (size, size)},
        execution=FREE,
        episode_length=parent.bars,
        seed_band="test",
    )  # fmt: skip
    observation, _ = envs.reset(seed=SEED)
    variance = envs.batch.lanes.assets["variance_slow"][:, 0].copy()
    path = envs.batch.lanes.accounts["row"] // envs.setup.market.bars
    even = np.zeros((episodes, 1))
    ends = play_out(envs, observation, lambda step, seen: even, parent.bars)
    volatility = np.sqrt(variance * MARKETS[parent.market])
    return ends["parent_shortfall_bps"] / 1e4, volatility, path


def interval_of(values: Floats, clusters: Any) -> dict[str, Any]:
    """Return a mean and its interval."""
    found = mean_interval(values, np.random.default_rng(SEED), clusters=clusters)
    assert found is not None
    return {"mean": found.mean, "interval": [found.low, found.high]}


def parent_row(parent: Parent, episodes: int) -> dict[str, Any]:
    """Return a parent's mean shortfall in day volatilities, and over the law, with intervals."""
    bought, volatility, path = shortfalls(parent, "buy", episodes)
    sold, _, _ = shortfalls(parent, "sell", episodes)
    cost = 0.5 * (bought + sold) / volatility.mean()
    law = FACTOR * math.sqrt(parent.share)
    return {**parent._asdict(), "law": law, **interval_of(cost, path)}


def marks(offset_bps: float, episodes: int) -> list[dict[str, Any]]:
    """Quote at random; return the mean moves after resting fills, in half spreads."""
    envs = PortfolioVectorEnv(
        episodes,
        autoreset_mode="Disabled",
        market={"generator": "gbm", "assets": 1, "paths": episodes, "volatility": BAR_SD,
                "bars": WARMUP + QUOTED_BARS + 1, "seed": SEED},
        risk={"preset": "linear", "max_weight": 1.0, "stops": False, "no_trade_band": 0.0,
              "max_drawdown": 1.0},
        execution={"order_type": "limit", "limit_offset_bps": offset_bps, "latency": "zero",
                   "time_in_force": "bar"},
        account={"account_share": 1e-6},
        episode_length=QUOTED_BARS,
        detail="full",
        seed_band="test",
    )  # fmt: skip
    envs.reset(seed=SEED)
    path = envs.batch.lanes.accounts["row"] // envs.setup.market.bars
    rng = np.random.default_rng(SEED)
    prices, fills = [], []
    for _ in range(QUOTED_BARS):
        envs.step(rng.uniform(-1.0, 1.0, (episodes, 1)))
        report = envs.batch.outputs.reports[:, 0]
        prices.append(report["undisturbed"].copy())
        rested = (report["rested"] > 0.0) & (report["rested"] == np.abs(report["filled"]))
        units = np.where(rested, report["rested"], 1.0)
        own = report["close"] / report["undisturbed"]  # own lasting impact
        half = np.where(rested, report["spread"], 1.0) / units
        fills.append((rested, np.sign(report["filled"]), report["price"] / own, half))
    bars = QUOTED_BARS - HORIZONS[-1]
    rested, side, price, half = (np.array(values)[:bars] for values in zip(*fills, strict=True))
    drawn = np.broadcast_to(path, rested.shape)[rested]
    rows = []
    for horizon in HORIZONS:
        later = np.array(prices)[horizon : bars + horizon]
        move = (side * (later - price) / half)[rested]
        row = {"offset_bps": offset_bps, "horizon": horizon, "fills": len(move)}
        rows.append(row | interval_of(move, drawn))
    return rows


def measured(quick: bool) -> dict[str, Any]:
    """Measure everything; name what the figures depend on."""
    begin = datetime.now(UTC)
    episodes = 64 if quick else 512
    chosen = [p for p in parents() if p.bars <= 60 or not quick]
    rows = [parent_row(p, episodes) for p in tqdm(chosen, unit=" parents", disable=None)]
    passive = [row for offset in OFFSETS_BPS for row in marks(offset, QUOTERS * episodes)]
    command = "python -m benchmarks.costs" + (" --quick" if quick else "")
    figures = {"episodes": episodes, "seed": SEED, "parents": rows, "passive": passive}
    return stamped(command, begin, **figures)


def parent_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lay the parents out in Markdown."""
    heads = ["market", "share of a day's volume:", "bars:", "cost, day volatilities:", "95%"]
    lines = []
    for row in rows:
        low, high = row["interval"]
        law = row["law"]
        asked = [f"`{row['market']}`", f"{row['share']:g}", f"{row['bars']:,}"]
        cost = [f"{row['mean']:.4f}", f"[{low:.4f}, {high:.4f}]", f"{law:.4f}"]
        over = [f"{row['mean'] / law:.2f}", f"[{low / law:.2f}, {high / law:.2f}]"]
        lines.append(asked + cost + over)
    return table([*heads, "law:", "cost over law:", "95%"], lines)


def passive_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lay the moves after passive fills out in Markdown."""
    heads = ["limit", "bars after the close:", "fills:", "mean move, half spreads:", "95%"]
    lines = []
    for row in rows:
        low, high = row["interval"]
        where = (
            f"{row['offset_bps']:g} bp behind the price" if row["offset_bps"] else "at the price"
        )
        moved = [f"{row['mean']:+.2f}", f"[{low:+.2f}, {high:+.2f}]"]
        lines.append([where, row["horizon"], f"{row['fills']:,}", *moved])
    return table(heads, lines)


def page(record: Mapping[str, Any]) -> str:
    """Write the page of a record."""
    rows, passive = record["parents"], record["passive"]
    inside = [row for row in rows if row["share"] <= max(SHARES)]
    worst = max(inside, key=lambda row: abs(math.log(row["mean"] / row["law"])))
    held = sum(row["interval"][0] <= -1.0 <= row["interval"][1] for row in passive)
    lines = [
        *PAGE.head(
            record,
            f", seed {record['seed']}, {record['episodes']} episodes a side of a parent "
            f"and {QUOTERS * record['episodes']:,} of quotes, {record['seconds']} seconds",
        ),
        f"![Cost of parents and moves after passive fills](images/{PAGE.picture.name})",
        "",
        "## Parent orders",
        "",
        f"Up to a fifth of a day's volume the default promises the law within a factor {WITHIN:g}; "
        f"the farthest here is {worst['mean'] / worst['law']:.2f} (`{worst['market']}`, "
        f"{worst['share']:g} of a day).",
        "",
        *parent_lines(rows),
        "",
        "## After passive fills",
        "",
        f"{held} of {len(passive)} intervals hold -1.",
        "",
        *passive_lines(passive),
    ]
    return "\n".join(lines) + "\n"


def draw(record: Mapping[str, Any]) -> None:
    """Draw both tables."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    shares = np.geomspace(5e-4, 40.0, 50)
    law = FACTOR * np.sqrt(shares)
    left.plot(shares, law, color="black", linewidth=1.0, label="2/3 sigma sqrt(Q / V)")
    left.fill_between(shares, law / WITHIN, law * WITHIN, color="0.9", label=f"factor {WITHIN:g}")
    for k, (market, marker) in enumerate(zip(MARKETS, "os^", strict=True)):
        rows = [row for row in record["parents"] if row["market"] == market]
        bars = np.array([[row["mean"] - row["interval"][0], row["interval"][1] - row["mean"]]
                         for row in rows]).T  # fmt: skip
        left.errorbar([row["share"] for row in rows], [row["mean"] for row in rows], bars,
                      fmt=marker, capsize=3, color=colour_of(k), label=market)  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="parent order, days of volume",
             ylabel="mean cost, day volatilities", title="Impact of parent orders")  # fmt: skip
    left.legend(frameon=False, fontsize=8)
    for k, (offset, marker) in enumerate(zip(OFFSETS_BPS, "os", strict=True)):
        rows = [row for row in record["passive"] if row["offset_bps"] == offset]
        label = f"{offset:g} bp behind" if offset else "at the price"
        bars = np.array([[row["mean"] - row["interval"][0], row["interval"][1] - row["mean"]]
                         for row in rows]).T  # fmt: skip
        right.errorbar([row["horizon"] + 0.15 * (offset > 0.0) for row in rows],
                       [row["mean"] for row in rows], bars, fmt=marker, capsize=3,
                       color=colour_of(k), label=label)  # fmt: skip
    right.axhline(-1.0, color="black", linewidth=1.0, label="law")
    right.axhline(0.0, color="0.8", linewidth=1.0)
    right.set(xlabel="bars after the close", ylabel="mean move, half spreads",
              title="After passive fills")  # fmt: skip
    right.legend(frameon=False, fontsize=8)
    figure.savefig(PAGE.picture, dpi=110, metadata={"Software": None})


def main() -> int:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer episodes and short parents")
    return measure_or_write(
        parser, lambda chosen: measured(chosen.quick), page, PAGE.writer(page, draw)
    )


if __name__ == "__main__":
    sys.exit(main())
