"""How like real markets the synthetic ones are: every preset against the stylised facts.

    python -m benchmarks.realism [--seed 2718] [--presets NAME ...] [--data DIR] [--out FILE]
                                 [--page]

Each preset is generated from a pool of the band "test", which nothing was fitted to. A fact's value
is the median over the pool's series, and so is the verdict; the range beside it holds 90% of the
series. The number of facts that a single series passes is printed too: it is the harder count. A
geometric Brownian motion is the control: it must fail.

Beside it stands the same statistic of real bars. Without --data those are the index of the package
`arch` and what a run with --data recorded in `benchmarks/results/realism.json`; --data DIR measures
them again from the files that `real_series.py` names. --page writes `docs/realism.md`.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import real_series
from benchmarks.realism_facts import FACTS, NEEDED, Measured, measure, passed
from benchmarks.recording import save, stamped, table
from trading_env.markets.models.synthetic import GbmMarket, MultiscaleMarket

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "benchmarks" / "results" / "realism.json"
PAGE = ROOT / "docs" / "realism.md"
SEED = 2718


class Size(NamedTuple):
    """How much of a preset is generated."""

    kind: str
    assets: int
    paths: int
    bars: int


SIZES = {
    "us_stock_daily": Size("equity", 14, 4, 7_800),
    "us_index_daily": Size("equity", 1, 32, 7_800),
    "us_stock_residual_daily": Size("equity", 1, 32, 7_800),
    "btc_hourly": Size("crypto", 1, 32, 20_000),
    "btc_minute": Size("crypto", 1, 32, 20_000),
    "gbpusd_minute": Size("fx", 1, 32, 20_000),
    "eurusd_hourly": Size("fx", 1, 32, 20_000),
}


def judge(preset: str, size: Size, seed: int) -> dict[str, Any]:
    """Generate a preset and hold it to the facts of its kind."""
    _, assets, paths, bars = size
    generator = MultiscaleMarket(
        preset=preset, assets=assets, paths=paths, bars=bars + 1, seed=seed
    )
    market = generator.generate("test")
    found = measure(np.diff(np.log(market.close), axis=1), market.volume[:, 1:])
    return {"preset": preset, **size._asdict(), **verdicts(found, size.kind)}


def control(size: Size, seed: int) -> dict[str, Any]:
    """Hold a geometric Brownian motion to the same facts."""
    generator = GbmMarket(assets=1, paths=size.paths, bars=size.bars + 1, seed=seed)
    market = generator.generate("test")
    found = measure(np.diff(np.log(market.close), axis=1), market.volume[:, 1:])
    return verdicts(found, size.kind)


def verdicts(found: Measured, kind: str) -> dict[str, Any]:
    """Medians, ranges and verdicts of what was measured, and the counts."""
    values = found.values
    medians = medians_of(found)
    held, judged = passed(medians, kind)
    each = [
        passed({name: column[i] for name, column in values.items() if len(column) > i}, kind)[0]
        for i in range(found.series)
    ]
    rows = []
    for fact in FACTS:
        if fact.name not in values:
            continue
        low, high = np.quantile(values[fact.name], [0.05, 0.95])
        median, band = medians[fact.name], fact.band(kind)
        holds = fact.holds(kind, median) if band else None
        row = {"fact": fact.name, "counted": bool(fact.counted and band), "median": median}
        rows.append(row | {"low": float(low), "high": float(high), "band": band, "holds": holds})
    return {
        "passed": held,
        "of": judged,
        "needed": NEEDED[kind],
        "passed_a_series": float(np.mean(each)),
        "facts": rows,
    }


def medians_of(found: Measured) -> dict[str, float]:
    """Median of each fact over the series."""
    return {name: float(np.median(column)) for name, column in found.values.items()}


def real_figures(data: Path | None) -> dict[str, Any]:
    """Medians of the real series of each preset, with their source."""
    known: dict[str, Any] = {}
    if data is None and RECORDED.exists():
        known = json.loads(RECORDED.read_text(encoding="utf-8"))["real"]
    elif data is not None:
        known = {name: real_row(read(data)) for name, read in real_series.READERS.items()}
    known["us_index_daily"] = real_row(real_series.index())
    known["gbpusd_minute"] = {
        "source": real_series.POUND_SOURCE,
        "values": real_series.POUND_MINUTES,
    }
    return known


def real_row(series: real_series.Series) -> dict[str, Any]:
    """Measure one real series; its source says how many bars it has."""
    found = measure(series.returns, series.volume)
    source = f"{series.source}; {found.bars:,} returns"
    return {"source": source, "values": medians_of(found)}


HEADING = ("fact", "synthetic, median:", "90% of series:", "real:", "band", "verdict")


def rows_of(market: dict[str, Any], real: dict[str, Any] | None) -> list[list[str]]:
    """Rows of one market's table."""
    rows = []
    for row in market["facts"]:
        value = (real or {"values": {}})["values"].get(row["fact"])
        band = f"{row['band'][0]:g} to {row['band'][1]:g}" if row["band"] else "-"
        verdict = "-" if row["holds"] is None else "pass" if row["holds"] else "FAIL"
        if row["holds"] is not None and not row["counted"]:
            verdict += " (not counted)"
        spread = f"{_short(row['low'])} to {_short(row['high'])}"
        shown = "-" if value is None else _short(value)
        name = row["fact"].replace("|", "\\|")
        rows.append([name, _short(row["median"]), spread, shown, band, verdict])
    return rows


def _short(value: float) -> str:
    """Three digits, and no more than three after the point."""
    return (
        "-" if not math.isfinite(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    )


def summary_of(market: dict[str, Any], real: dict[str, Any] | None) -> str:
    """One sentence: how many facts held, and of the real series."""
    size = f"{market['paths']} paths of {market['bars']:,} bars"
    if market["assets"] > 1:
        size += f", {market['assets']} assets"
    text = (
        f"{market['passed']} of {market['of']} facts hold ({market['needed']} needed); "
        f"{market['passed_a_series']:.1f} in a single series; {size}."
    )
    if real is None:
        return text + " Real: none recorded."
    held, judged = passed(real["values"], market["kind"])
    return f"{text} Real: {real['source']}; {held} of the {judged} facts that it has hold."


def page(record: dict[str, Any]) -> str:
    """The page of a record, Markdown."""
    lines = [INTRODUCTION.format(**record)]
    for market in record["markets"]:
        real = record["real"].get(market["preset"])
        rows = rows_of(market, real)
        lines += [f"## `{market['preset']}`", "", summary_of(market, real), ""]
        lines += [*table(HEADING, rows), ""]
    return "\n".join(lines).rstrip() + "\n"


INTRODUCTION = """# Realism of the synthetic markets

Written by `{command}`
(commit {commit}, {machine}); do not edit. What each statistic is, and where it comes from, is in
`trading_env/markets/stylized_facts.py`; the bands are in `benchmarks/realism_facts.py`.

The pools are of seed {seed} and band `{band}`, which nothing was fitted to. A verdict judges the
median over the series of a pool. The presets were fitted to some of these facts (tails, clustering,
leverage) on real series, so a pass says that the fit holds on unseen paths, not that the model was
right without it. Not modelled, and so not judged: hours of the day.

Control: {control[passed]} of the {control[of]} equity facts hold for a geometric Brownian motion of
the index's size.

Leverage is given twice, as the normalised moment that the band is for and as a correlation: for one
series the second is about a quarter of the first.
"""


def show(market: dict[str, Any], real: dict[str, Any] | None) -> None:
    """Print one market's table."""
    print(f"\n{market['preset']}: {summary_of(market, real)}")
    print("\n".join(table(HEADING, rows_of(market, real))), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the presets; the status is 1 when one of them holds too few facts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--presets", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--data", type=Path, help="folder of real series (see real_series.py)")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--page", action="store_true", help="write docs/realism.md")
    chosen, begin = parser.parse_args(argv), datetime.now(UTC)
    real = real_figures(chosen.data)
    markets = []
    for preset in chosen.presets:
        markets.append(judge(preset, SIZES[preset], chosen.seed))
        show(markets[-1], real.get(preset))
    random_walk = control(SIZES["us_index_daily"], chosen.seed)
    held, judged = random_walk["passed"], random_walk["of"]
    print(f"\ncontrol, geometric Brownian motion: {held} of {judged} facts hold")
    given = " --data DIR" if chosen.data else ""
    record = stamped(
        f"python -m benchmarks.realism --seed {chosen.seed}{given}",
        begin,
        seed=chosen.seed,
        band="test",
        markets=markets,
        real=real,
        control=random_walk,
    )
    if chosen.out:
        save(record, chosen.out)
    if chosen.page:
        PAGE.write_text(page(record), encoding="utf-8")
    failed = [market["preset"] for market in markets if market["passed"] < market["needed"]]
    if held >= random_walk["needed"]:
        failed.append("control (it must fail)")
    print(f"failed: {', '.join(failed)}" if failed else "every market passes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
