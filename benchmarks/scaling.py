"""What Ray costs and brings: overhead of a cell, and 64 cells without it, with 1 and 2 workers.

    python -m benchmarks.scaling [--quick] [--out FILE]

A Ray is begun, its workers are warmed up, and then cells are timed, so that neither the start of
Ray nor compilation counts; both are given apart. Every way must give the same bytes. The overhead
of a cell is the wall time of one that does nothing; lost to a cell is the workers' time beyond the
time without Ray. Figures of a machine that others use too are labelled so and never written;
`scripts/docs.py write` puts written ones into `docs/scaling.md`.
"""

import argparse
import importlib
import os
import pickle
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.recording import save, stamped
from trading_env.backtesting.cells import Slice
from trading_env.backtesting.engine import Engine
from trading_env.backtesting.plans import Plan
from trading_env.backtesting.playing import Player, play
from trading_env.backtesting.store import CellStore
from trading_env.policies.baselines import BASELINES

WORKERS = (1, 2)
EMPTY = 1000  # cells that do nothing
ALLOWED = 0.2  # seconds lost to a cell
IDLE = 0.5  # load of a machine that nobody else uses
BUSY = "the machine was busy: these figures are not to be recorded"


def plan_of(episodes: int) -> Plan:
    """Return 64 cells."""
    names = ("momentum", "buy_and_hold", "volatility_target", "random")
    scenarios = ("calm", "bad_data", "liquidity_drought", "price_shock")
    return Plan(
        policies={name: BASELINES[name] for name in names},
        scenarios={name: name for name in scenarios},
        slices=[Slice("multiscale", {"market": {"generator": "multiscale", "paths": 64}})],
        severities=(0.25, 0.5, 1.0, 2.0),
        episodes=episodes,
    )


def nothing(number: int) -> int:
    """Do nothing."""
    return number


def peak(number: int) -> int:
    """Return the most memory that this process has held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed(plan: Plan, engine: Engine) -> tuple[float, dict[str, bytes]]:
    """Play a plan into an empty store; return seconds and what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        store = CellStore(Path(folder))
        began = time.perf_counter()
        play(plan, store=store, engine=engine)
        seconds = time.perf_counter() - began
        return seconds, {path.name: path.read_bytes() for path in store.folder.iterdir()}


def on_ray(plan: Plan, workers: int, alone: dict[str, bytes]) -> dict[str, Any]:
    """Measure a Ray of so many workers.

    Raises:
        AssertionError: a result differs from the one without Ray.
    """
    ray: Any = importlib.import_module("ray")
    engine = Engine(workers=workers)
    numbers = [(k, k) for k in range(EMPTY)]
    began = time.perf_counter()
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    list(engine.run(nothing, numbers[:1]))
    start = time.perf_counter() - began
    try:
        play(plan, engine=engine)  # warms up
        began = time.perf_counter()
        assert len(list(engine.run(nothing, numbers))) == EMPTY
        empty = (time.perf_counter() - began) / EMPTY
        seconds, kept = timed(plan, engine)
        memory = max(found for _, found in engine.run(peak, numbers[: 4 * workers]))  # type: ignore[type-var]
    finally:
        ray.shutdown()
    assert kept == alone, "a result on Ray differs from the one without"
    figures = {"seconds": seconds, "empty_s": empty, "start_s": start, "worker_bytes": memory}
    return {"workers": workers, **figures}


def measure(episodes: int) -> dict[str, Any]:
    """Measure all of it."""
    plan = plan_of(episodes)
    here = Engine()
    play(plan, engine=here)  # compiles
    seconds, alone = timed(plan, here)
    with tempfile.TemporaryDirectory() as folder:
        store = CellStore(Path(folder))
        contents = [pickle.loads(pickle.dumps(Player(plan)(unit))) for unit in [*plan.units()][:4]]
        began = time.perf_counter()
        for number in range(64):
            store.put(f"{number:064d}", contents[number % 4])
        put = (time.perf_counter() - began) / 64
    with tempfile.TemporaryDirectory() as folder:
        store = CellStore(Path(folder))
        for name, content in alone.items():
            (store.folder / name).write_bytes(content)
        began = time.perf_counter()
        play(plan, store=store, engine=here)
        kept = (time.perf_counter() - began) / plan.cells
    return {
        "cells": plan.cells,
        "episodes": episodes,
        "without_s": seconds,
        "ray": [on_ray(plan, workers, alone) for workers in WORKERS],
        "kept_s": kept,
        "put_s": put,
        "plan_bytes": len(pickle.dumps(Player(plan))),
        "item_bytes": len(pickle.dumps(next(plan.units()))),
        "result_bytes": max(len(pickle.dumps(content)) for content in contents),
        "file_bytes": max(map(len, alone.values())),
    }


def page(found: dict[str, Any]) -> str:
    """Write the figures out."""
    lines = [
        f"{found['cells']} cells of {found['episodes']} episodes of 252 steps",
        f"  without Ray   {found['without_s']:.2f} s",
    ]
    for each in found["ray"]:
        gain = found["without_s"] / each["seconds"]
        overhead = each["empty_s"]
        lost = (each["workers"] * each["seconds"] - found["without_s"]) / found["cells"]
        lines.append(
            f"  {each['workers']} workers     {each['seconds']:.2f} s, {gain:.2f} times as fast, "
            f"{lost:.3f} s lost to a cell ({'within' if lost <= ALLOWED else 'ABOVE'} {ALLOWED}); "
            f"an empty cell {1e3 * overhead:.1f} ms ({1.0 / overhead:.0f} a second); Ray begins "
            f"in {each['start_s']:.1f} s; a worker holds {each['worker_bytes'] / 2**20:.0f} MiB"
        )
    lines += [
        f"the driver: key and look-up of a kept cell {1e3 * found['kept_s']:.1f} ms, "
        f"keeping one {1e3 * found['put_s']:.1f} ms",
        f"objects: the plan {found['plan_bytes']:,} bytes, once; an item {found['item_bytes']:,}; "
        f"a result {found['result_bytes']:,}; its file {found['file_bytes']:,}",
        "every way gave the same bytes",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and write where that is asked for and the machine is free."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="cells of 2 episodes")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    chosen = parser.parse_args()
    begin, load = datetime.now(UTC), os.getloadavg()[0]
    figures = measure(2 if chosen.quick else 64)
    print(page(figures))
    if load > IDLE:
        print(f"load {load:.1f} at the start: {BUSY}", file=sys.stderr)
        return 1 if chosen.out else 0
    if chosen.out:
        command = "python -m benchmarks.scaling"
        save(stamped(command, begin, load=load, **figures), chosen.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
