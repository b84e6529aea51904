"""What the crisis presets do to simulated prices, beside the figures they were made from.

    python -m benchmarks.crises [--episodes 1000] [--out FILE]

Nobody trades: the account stays flat in every episode, on a market whose calm volatility and
correlation are known. Episodes are laid over each other at the start of the first price event. Of
the mean path are read the fall, the bars it takes (those of 95% of it, over 0.95) and the share of
the log fall that has come back when the recovery ends; of the returns around the mean path, over
the bars of the fall, the volatility against that of the same episodes without scenario and the
correlation of two assets; of the multipliers in force the widest spread, the thinnest depth and
the largest volume. Events that hit one asset are measured on it.

`status` says of each figure whether it has a source (named in the preset) or is assumed. The exit
code is 1 when a simulated figure misses its own by more than the tolerance, which is two standard
errors of the noisiest preset at 1000 episodes, plus a bar for lengths.

Over 300 lines because the table of crises and their figures is part of it.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.recording import save, stamped
from trading_env.core.codes import Factor
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.envs.world import WARMUP

EPISODES = 1000
SEED = 0
SOURCED, ASSUMED = "sourced", "assumed"

TOLERANCES = {
    "fall": ("absolute", 0.02),
    "length": ("bars", 0.06),
    "back": ("absolute", 0.08),
    "volatility": ("relative", 0.08),
    "correlation": ("absolute", 0.05),
    "spread": ("relative", 0.06),
    "depth": ("relative", 0.06),
    "volume": ("relative", 0.06),
}

Paths = NDArray[np.float64]


class Figure(NamedTuple):
    """A number that a preset stands for."""

    name: str  # key of TOLERANCES
    value: float
    status: str


class Crisis(NamedTuple):
    """Where a preset is measured, and against what."""

    market: dict[str, Any]
    length: int  # steps of an episode
    fall: int  # bars that the move takes
    back: int  # bars that its recovery takes
    figures: tuple[Figure, ...]


def daily(correlation: float = 0.3) -> dict[str, Any]:
    """Daily bars of constant volatility; two assets of a known correlation."""
    return {"generator": "gbm", "volatility": 0.006, "correlation": correlation, "assets": 2}


def bars_of(preset: str) -> dict[str, Any]:
    """Bars of another length."""
    return {"generator": "multiscale", "preset": preset, "assets": 2}


def figures(status: str = SOURCED, **values: float) -> tuple[Figure, ...]:
    """Name figures of one status."""
    return tuple(Figure(name, value, status) for name, value in values.items())


def alone(market: dict[str, Any]) -> dict[str, Any]:
    """One asset: the one that is hit."""
    return {**market, "assets": 1}


MINUTES, HOURS = bars_of("gbpusd_minute"), bars_of("btc_hourly")
CRISES = {
    "black_monday_1987": Crisis(
        daily(), 60, 1, 2,
        figures(fall=-0.205, back=0.60, volatility=4.1, volume=3.0)
        + figures(ASSUMED, spread=5.0, depth=0.25),
    ),
    "ltcm_1998": Crisis(
        daily(0.20), 240, 58, 10,
        figures(fall=-0.192, length=58, back=0.5, volatility=2.5, correlation=0.41)
        + figures(ASSUMED, spread=2.0, depth=0.5),
    ),
    "gfc_2008": Crisis(
        daily(0.32), 180, 49, 0,
        figures(fall=-0.399, length=49, volatility=3.4, correlation=0.67, spread=3.0, volume=1.5)
        + figures(ASSUMED, depth=0.4),
    ),
    "flash_crash_2010": Crisis(
        MINUTES, 160, 16, 20,
        figures(fall=-0.06, length=16)
        + figures(ASSUMED, back=0.8, volatility=5.0, spread=10.0, depth=0.009),
    ),
    "august_2011": Crisis(
        daily(0.33), 230, 11, 53,
        figures(fall=-0.168, length=11, back=0.5, volatility=2.7, correlation=0.77, volume=1.2)
        + figures(ASSUMED, spread=2.0, depth=0.4),
    ),
    "chf_2015": Crisis(
        MINUTES, 160, 5, 25,
        figures(fall=-0.284) + figures(ASSUMED, back=0.46, spread=50.0, depth=0.02),
    ),
    "volmageddon_2018": Crisis(
        daily(0.10), 70, 9, 5,
        figures(fall=-0.102, length=9, back=0.5, volatility=4.6, correlation=0.63, volume=1.4)
        + figures(ASSUMED, spread=2.0, depth=0.3),
    ),
    "covid_2020": Crisis(
        daily(0.24), 140, 23, 15,
        figures(fall=-0.339, length=23, back=0.5, volatility=3.8, correlation=0.75)
        + figures(spread=3.0, depth=0.083, volume=2.2),
    ),
    "crypto_march_2020": Crisis(
        HOURS, 140, 37, 1,
        figures(fall=-0.51, length=37, back=0.29, volatility=10.7, volume=53.0)
        + figures(ASSUMED, spread=6.0, depth=0.2),
    ),
    "luna_2022": Crisis(
        alone(HOURS), 120, 24, 0,
        figures(fall=-0.98, length=24) + figures(ASSUMED, volatility=5.0, depth=0.048),
    ),
    "ftx_2022": Crisis(
        HOURS, 120, 24, 0,
        figures(fall=-0.15, length=24, depth=0.59) + figures(ASSUMED, volatility=3.0, spread=2.0),
    ),
    "svb_2023": Crisis(
        alone(daily()), 60, 2, 0,
        figures(fall=(1.0 - 0.60) * (1.0 - 0.63) - 1.0) + figures(ASSUMED, spread=5.0, depth=0.2),
    ),
    "yen_unwind_2024": Crisis(
        daily(), 60, 1, 1,
        figures(fall=-0.124, back=0.72, volatility=1.65)
        + figures(ASSUMED, spread=2.0, depth=0.3),
    ),
    "slow_bear_2022": Crisis(
        daily(0.22), 252, 195, 0,
        figures(fall=-0.254, length=195, volatility=1.9, correlation=0.36)
        + figures(ASSUMED, spread=1.3, depth=0.7),
    ),
    "price_shock": Crisis(
        daily(), 60, 1, 0,
        figures(volatility=2.1) + figures(ASSUMED, fall=-0.06, spread=3.0, depth=0.4),
    ),
    "single_name_gap": Crisis(
        alone(daily()), 60, 1, 0,
        figures(ASSUMED, fall=-0.42, volatility=4.0, spread=5.0, depth=0.2),
    ),
    "volatility_regime": Crisis(
        daily(), 220, 60, 0, figures(ASSUMED, volatility=3.0, spread=1.5, depth=0.7)
    ),
    "correlation_breakdown": Crisis(
        daily(0.3), 220, 60, 0, figures(ASSUMED, volatility=1.5, correlation=0.8 + 0.2 * 0.3)
    ),
    "liquidity_drought": Crisis(
        daily(), 150, 40, 0, figures(ASSUMED, spread=10.0, depth=0.25)
    ),
}  # fmt: skip


class Run(NamedTuple):
    """Episodes in which nobody trades, from the start of the first price event on."""

    closes: Paths  # (episodes, bars + 1, assets)
    multipliers: dict[str, Paths]  # (episodes, bars)


def play(scenario: str | None, crisis: Crisis, episodes: int, begin: Any = None) -> tuple[Run, Any]:
    """Play episodes to their end; return what followed the first price event, and its steps."""
    bars = WARMUP + 1 + crisis.length
    envs = PortfolioVectorEnv(
        episodes,
        market={**crisis.market, "paths": episodes, "bars": bars},
        scenario=scenario,
        episode_length=crisis.length,
        detail="full",
        autoreset_mode="Disabled",
        copy=False,
    )
    envs.reset(seed=SEED)
    batch, flat = envs.batch, np.zeros((episodes, envs.batch.assets), dtype=np.float32)
    closes = [batch.lanes.assets["mark"].copy()]
    names = ("spread", "depth", "volume")
    noted: dict[str, list[Paths]] = {name: [] for name in names}
    for _ in range(crisis.length):
        envs.step(flat)
        closes.append(batch.lanes.assets["mark"].copy())
        for name in names:
            noted[name].append(batch.outputs.stresses["factor"][:, 0, Factor[name.upper()]].copy())
    if begin is None:
        events = envs.setup.world.events
        begin = batch.lanes.starts[:, int(np.argmax(main_events(events)))].copy()
    horizon = crisis.fall + crisis.back
    kept = np.flatnonzero(begin + horizon <= crisis.length)
    reach = begin[kept, None] + np.arange(horizon + 1)
    path = np.array(closes).transpose(1, 0, 2)[kept[:, None], reach]
    multipliers = {
        name: np.array(rows).T[kept[:, None], reach[:, :-1]] for name, rows in noted.items()
    }
    return Run(path, multipliers), begin


def main_events(events: Any) -> Any:
    """Mark price events; where there are none, all but the first, which is liquidity."""
    moves = events["move"] != 0.0
    return moves if moves.any() else np.arange(len(events)) == min(1, len(events) - 1)


def measure(preset: str, episodes: int = EPISODES) -> list[dict[str, Any]]:
    """Play a preset and return a row for each of its figures."""
    crisis = CRISES[preset]
    run, begin = play(preset, crisis, episodes)
    calm, _ = play(None, crisis, episodes, begin)
    rows = []
    for figure in crisis.figures:
        simulated = simulate(figure, crisis, run, calm)
        kind, width = TOLERANCES[figure.name]
        allowed = width if kind == "absolute" else width * abs(figure.value)
        allowed += 1.0 if kind == "bars" else 0.0
        rows.append(
            {
                "preset": preset,
                "figure": figure.name,
                "status": figure.status,
                "value": figure.value,
                "simulated": simulated,
                "tolerance": allowed,
                "holds": bool(abs(simulated - figure.value) <= allowed),
                "episodes": len(run.closes),
            }
        )
    return rows


def simulate(figure: Figure, crisis: Crisis, run: Run, calm: Run) -> float:
    """Return what the episodes make of a figure."""
    fall = crisis.fall
    mean = (run.closes[:, :, 0] / run.closes[:, :1, 0]).mean(axis=0)
    bottom = float(np.log(mean[fall]))
    if figure.name == "fall":
        return float(mean[fall] - 1.0)
    if figure.name == "length":
        done = np.log(mean[: fall + 1]) / np.log1p(figure_of(crisis, "fall"))
        return float(np.interp(0.95, np.maximum.accumulate(done), np.arange(fall + 1)) / 0.95)
    if figure.name == "back":
        return 1.0 - float(np.log(mean[fall + crisis.back])) / bottom
    if figure.name == "volatility":
        return float(np.sqrt((wiggles(run, fall) ** 2).mean() / (wiggles(calm, fall) ** 2).mean()))
    if figure.name == "correlation":
        moves = wiggles(run, fall)
        return float((moves[:, :, 0] * moves[:, :, 1]).mean() / (moves**2).mean())
    in_force = run.multipliers[figure.name].mean(axis=0)
    return float(in_force.min() if figure.name == "depth" else in_force.max())


def figure_of(crisis: Crisis, name: str) -> float:
    """Return a figure's value."""
    return next(figure.value for figure in crisis.figures if figure.name == name)


def wiggles(run: Run, fall: int) -> Paths:
    """Return log returns over the bars of the fall, around their mean over the episodes."""
    returns = np.diff(np.log(run.closes[:, : fall + 1]), axis=1)
    return np.asarray(returns - returns.mean(axis=0))


def line_of(row: dict[str, Any]) -> str:
    """Lay a row out."""
    verdict = "" if row["holds"] else "  MISSED"
    return (
        f"{row['preset']:<22} {row['figure']:<12} {row['status']:<8} {row['value']:>9.3f} "
        f"{row['simulated']:>10.3f} +-{row['tolerance']:<7.3f} {row['episodes']:>6}{verdict}"
    )


def main() -> int:
    """Measure every preset, print the table, and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen, begin = parser.parse_args(), datetime.now(UTC)
    print(f"{'preset':<22} {'figure':<12} {'status':<8} {'value':>9} {'simulated':>10}")
    rows = []
    for preset in CRISES:
        for row in measure(preset, chosen.episodes):
            rows.append(row)
            print(line_of(row), flush=True)
    if chosen.out:
        command = f"python -m benchmarks.crises --episodes {chosen.episodes}"
        save(stamped(command, begin, rows=rows), chosen.out)
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
