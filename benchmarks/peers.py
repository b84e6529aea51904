"""This environment beside others: steps a second, in turns on one machine in one run.

    python -m venv PEERS && PEERS/bin/pip install gym-anytrading gym-trading-env sekai
    python -m benchmarks.peers --python PEERS/bin/python [--rounds N] [--out FILE]
    python -m benchmarks.peers --write    # the page from the recorded figures

Each environment waits in a process of its own (`benchmarks/contenders.py`) and is timed for half a
second in every round, one after the other, so that a machine that slows down slows all of them. A
figure is the median of the rounds; a ratio is the median of the ratios within rounds. Where a
process got less of a processor than the clock went by, a neighbour was at work: a row is withheld
if that happened in half of its rounds.

Environments that draw other rules into a step do other work; the last column says which.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from tqdm import tqdm

from benchmarks.contenders import CONTENDERS
from benchmarks.recording import ROOT, Page, measure_or_write, stamped, table

PAGE = Page("peers", "Beside other environments", __doc__, "peers")
LEAST_SHARE = 0.95  # of a processor that a figure needs
AGAINST = {"sekai 1,024 x 1": "trading_env 1,024 x 1", "sekai 1,024 x 10": "trading_env 1,024 x 10"}
THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


class Contender:
    """A process that holds one environment and times it when asked."""

    def __init__(self, name: str, python: str) -> None:
        """Start it, and wait until it is warm."""
        self.name = name
        self.rows: list[dict[str, float]] = []
        own = name.startswith("trading_env")
        self.process = subprocess.Popen(
            [sys.executable if own else python, "-m", "benchmarks.contenders", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | THREADS,
            cwd=ROOT,
        )
        self.answer()

    def answer(self) -> str:
        """Read its next line."""
        line = cast(Any, self.process.stdout).readline()
        if not line:
            raise SystemExit(f"error: {self.name} ended: see above; is it installed there?")
        return str(line)

    def time(self) -> None:
        """Add one figure."""
        asked = cast(Any, self.process.stdin)
        asked.write("\n")
        asked.flush()
        row = json.loads(self.answer())
        row["rate"] = row["steps"] / row["seconds"]
        row["share"] = row["processor_s"] / row["seconds"]
        self.rows.append(row)

    def end(self) -> None:
        """Let it go."""
        cast(Any, self.process.stdin).close()
        self.process.wait()


def row_of(contender: Contender) -> dict[str, Any]:
    """Sum one contender up."""
    shares = [row["share"] for row in contender.rows]
    rates = [row["rate"] for row in contender.rows]
    quiet = statistics.median(shares) >= LEAST_SHARE
    figures = {"median": statistics.median(rates), "best": max(rates), "slowest": min(rates)}
    return {
        "name": contender.name,
        "does": CONTENDERS[contender.name][1],
        "processor": round(statistics.median(shares), 3),
        "quiet": quiet,
        **({key: round(value) for key, value in figures.items()} if quiet else {}),
    }


def measured(chosen: argparse.Namespace) -> dict[str, Any]:
    """Time all of them in turns."""
    begin = datetime.now(UTC)
    contenders = {name: Contender(name, chosen.python) for name in CONTENDERS}
    for _ in tqdm(range(chosen.rounds), unit=" rounds", disable=None):
        for contender in contenders.values():
            contender.time()
    rows = [row_of(contender) for contender in contenders.values()]
    ratios = []
    for peer, own in AGAINST.items():
        pairs = zip(contenders[own].rows, contenders[peer].rows, strict=True)
        ratio = [mine["rate"] / theirs["rate"] for mine, theirs in pairs]
        ratios.append({"of": own, "over": peer, "median": round(statistics.median(ratio), 2)})
    for contender in contenders.values():
        contender.end()
    command = f"python -m benchmarks.peers --rounds {chosen.rounds}"
    return stamped(command, begin, rows=rows, ratios=ratios)


def page(record: Mapping[str, Any]) -> str:
    """Write the page of a record."""
    heads = ["environments x assets", "env-steps a second, median:", "best:", "slowest:"]
    rows = []
    for row in record["rows"]:
        names = ("median", "best", "slowest")
        figures = [f"{row[name]:,}" if row["quiet"] else "-" for name in names]
        busy = "" if row["quiet"] else f"; withheld: it got {row['processor']:.0%} of a processor"
        rows.append([row["name"], *figures, f"{row['does']}{busy}"])
    lines = [*PAGE.head(record), *table([*heads, "a step is"], rows), ""]
    lines += [
        f"{ratio['of']} over {ratio['over']}, round by round: {ratio['median']}."
        for ratio in record["ratios"]
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--rounds", type=int, default=9, help="figures of each")
    return measure_or_write(parser, measured, page, PAGE.writer(page))


if __name__ == "__main__":
    sys.exit(main())
