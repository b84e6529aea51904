"""How the time of a step grows, and where it goes.

    python -m benchmarks.growth [--out FILE]
    python -m benchmarks.growth --write    # the page and its picture from the recorded figures

One thing grows at a time; the rest is 1,024 environments of one asset (of 64 where assets grow), no
scenario, one thread, random actions, which send an order at nearly every step. A figure is the
fastest of several runs, in nanoseconds for a step of one asset in one environment: a neighbour on
the machine makes a run slower and none faster. The first call, which compiles, is not timed.

The history is that of the market's table, of which an episode reads its own part alone; events are
spread over the episode, and act on a tenth of it each.

Where it goes is told by differences, ten assets each: an asset that sends no order, in 64
environments, whose state stays in the processor's second cache; what orders and fills add to that;
what 1,024 environments add, whose state does not; what a scenario of all presets adds. Beside them
stands the floor of `benchmarks/floor.py`: the arithmetic alone.
"""

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numba
import numpy as np
from tqdm import tqdm

from benchmarks.floor import fastest_s, floor_ns
from benchmarks.recording import Page, measure_or_write, stamped, table
from trading_env.envs.render import colour_of
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.stress.scenario import preset_names

PAGE = Page("growth", "How the time of a step grows", __doc__, "growth")
LANES, ASSET_LANES, PART_ASSETS, BARS, LENGTH = 1024, 64, 10, 1000, 252
MAX_BARS = 1_000_000  # of a path
RUNS = 20  # of a point
POINTS: dict[str, tuple[int, ...]] = {
    "assets": (1, 2, 5, 10, 20, 50, 100, 200, 500),
    "environments": (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536),
    "bars of history": (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
    "events": (0, 1, 4, 16, 64),
    "threads": (1, 2),
}


def arguments(axis: str, value: int) -> dict[str, Any]:
    """Return what the environments of a point are made with."""
    market = {"generator": "gbm", "assets": 1, "paths": 1, "bars": BARS}
    lanes, scenario = LANES, None
    if axis == "assets":
        lanes, market["assets"] = ASSET_LANES, value
    elif axis == "environments":
        lanes = value
    elif axis == "bars of history":
        market["bars"], market["paths"] = min(value, MAX_BARS), -(-value // MAX_BARS)
    elif axis == "events" and value > 0:
        scenario = {"name": "growth", "events": [event(k, value) for k in range(value)]}
    return {"num_envs": lanes, "market": market, "scenario": scenario, "episode_length": LENGTH}


def event(k: int, count: int) -> dict[str, Any]:
    """Return one of so many events."""
    start = f"{k * LENGTH // count} bars"
    duration = f"{LENGTH // 10} bars"
    return {"kind": "volatility", "multiplier": 1.1, "start": start, "duration": duration}


def time_point(axis: str, value: int) -> float:
    """Return nanoseconds for a step of one asset in one environment."""
    numba.set_num_threads(value if axis == "threads" else 1)
    return time_step(PortfolioVectorEnv(**arguments(axis, value)), conviction=1.0)


def time_part(lanes: int, scenario: Any, conviction: float) -> float:
    """Return the same for environments of ten assets, and convictions up to a size."""
    market = {"generator": "multiscale", "assets": PART_ASSETS}
    return time_step(PortfolioVectorEnv(lanes, market=market, scenario=scenario), conviction)


def time_step(envs: PortfolioVectorEnv, conviction: float) -> float:
    """Return nanoseconds for a step of one asset in one environment: the fastest run."""
    size = envs.num_envs * len(envs.layout.symbols)
    shape = (8, envs.num_envs, size // envs.num_envs)
    actions = conviction * np.random.default_rng(0).uniform(-1.0, 1.0, shape)
    envs.reset(seed=0)
    envs.step(actions[0])
    return 1e9 * fastest_s(lambda k: envs.step(actions[k % 8]), RUNS) / size


def parts() -> dict[str, float]:
    """Tell where the time of an asset's step goes, nanoseconds."""
    numba.set_num_threads(1)
    every = {"one_of": preset_names()}
    still = time_part(ASSET_LANES, None, 0.0)
    cached = time_part(ASSET_LANES, None, 1.0)
    large = time_part(LANES, None, 1.0)
    stressed = time_part(LANES, every, 1.0)
    features = len(PortfolioVectorEnv(1, market={"generator": "gbm", "assets": 1}).layout.features)
    found = {
        "an asset that sends nothing, 64 environments": still,
        "orders and fills": cached - still,
        "state beyond the second cache, 1,024 environments": large - cached,
        "a scenario": stressed - large,
        "all of it": stressed,
        "the floor": floor_ns(LANES, PART_ASSETS, features, RUNS) / PART_ASSETS,
    }
    return {name: round(ns, 1) for name, ns in found.items()}


def measured() -> dict[str, Any]:
    """Time every point; name what the figures depend on."""
    begin = datetime.now(UTC)
    points = [(axis, value) for axis, values in POINTS.items() for value in values]
    rows = [
        {"axis": axis, "value": value, "ns": round(time_point(axis, value), 1)}
        for axis, value in tqdm(points, unit=" points", disable=None)
    ]
    return stamped("python -m benchmarks.growth", begin, rows=rows, parts=parts())


def of_axis(record: Mapping[str, Any], axis: str) -> tuple[list[int], list[float]]:
    """Return the values of an axis and their times."""
    rows = [row for row in record["rows"] if row["axis"] == axis]
    return [row["value"] for row in rows], [row["ns"] for row in rows]


def page(record: Mapping[str, Any]) -> str:
    """Write the page of a record."""
    lines = [
        *PAGE.head(record),
        f"![Time of a step](images/{PAGE.picture.name})",
        "",
    ]
    for axis in POINTS:
        values, times = of_axis(record, axis)
        row = ["ns", *(f"{ns:,.0f}" for ns in times)]
        lines += [*table([axis, *(f"{value:,}:" for value in values)], [row]), ""]
    parts = ((name, f"{ns:,.0f}") for name, ns in record["parts"].items())
    lines += table(["where the time goes", "ns:"], parts)
    return "\n".join(lines).rstrip() + "\n"


def draw(record: Mapping[str, Any]) -> None:
    """Draw every axis but that of threads."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    shown = [axis for axis in POINTS if axis != "threads"]
    for axes, axis in zip(figure.subplots(1, len(shown), sharey=True), shown, strict=True):
        values, times = of_axis(record, axis)
        axes.plot(values, times, marker="o", color=colour_of(0))
        axes.set(xscale="symlog" if 0 in values else "log", yscale="log", xlabel=axis)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("ns for an asset's step")
    figure.savefig(PAGE.picture, dpi=110, metadata={"Software": None})


def main() -> int:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    return measure_or_write(parser, lambda chosen: measured(), page, PAGE.writer(page, draw))


if __name__ == "__main__":
    sys.exit(main())
