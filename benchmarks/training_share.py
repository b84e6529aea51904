"""What of a training's time goes into the environment: `train.py`'s two learners.

    python -m benchmarks.training_share [--timesteps N] [--generations N] [--out FILE]

Each learner trains as `train.py` trains it, only shorter; the time in `step` and `reset` of the
native vector environments is added up, and what is left is the learner's. The machine code is
compiled before. A share is a ratio within one process, so a busy machine moves it little.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from agents.pace import fit_pace
from agents.portfolio import fit
from benchmarks.credit import ARGUMENTS as PORTFOLIO
from benchmarks.recording import measure_or_write, stamped, table
from trading_env import ADAPTIVE_EXECUTION
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv

Made = type[PortfolioVectorEnv] | type[ExecutionVectorEnv]


@contextmanager
def timed(made: Made) -> Iterator[list[float]]:
    """Collect the seconds that each call of `step` and `reset` takes."""
    seconds: list[float] = []

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*arguments: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                seconds.append(time.perf_counter() - begin)

        return watching

    with ExitStack() as stack:
        for name in ("step", "reset"):
            stack.enter_context(patch.object(made, name, watched(getattr(made, name))))
        yield seconds


def share(name: str, made: Made, train: Callable[[], object]) -> dict[str, Any]:
    """Train once; return how the time was spent."""
    with timed(made) as seconds:
        begin = time.perf_counter()
        train()
        whole = time.perf_counter() - begin
    inside = sum(seconds)
    return {"learner": name, "seconds": round(whole, 1), "share": round(inside / whole, 3)}


def ignore(_: object) -> None:
    """Show no progress."""


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Train both learners."""
    begin = datetime.now(UTC)

    def portfolio(timesteps: int = chosen.timesteps) -> None:
        fit(PORTFOLIO, timesteps=timesteps, seed=0, advance=ignore)

    def execution(generations: int = chosen.generations) -> None:
        search = {"feedback": True, "generations": generations, "seed": 0}
        fit_pace(ADAPTIVE_EXECUTION, **search, advance=ignore, record=ignore)

    portfolio(1)
    execution(1)
    rows = [
        share("portfolio (PPO)", PortfolioVectorEnv, portfolio),
        share("execution (cross-entropy search)", ExecutionVectorEnv, execution),
    ]
    sizes = f"--timesteps {chosen.timesteps} --generations {chosen.generations}"
    return stamped(f"python -m benchmarks.training_share {sizes}", begin, rows=rows)


def page(record: Mapping[str, Any]) -> str:
    """Lay the shares out."""
    lines = [f"`{record['command']}`, commit {record['commit']}, {record['machine']}:", ""]
    rows = ((r["learner"], r["seconds"], f"{r['share']:.1%}") for r in record["rows"])
    return "\n".join([*lines, *table(["learner", "seconds:", "in the environment:"], rows)])


def main() -> int:
    """Measure both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--timesteps", type=int, default=200_000, help="decisions of a portfolio")
    parser.add_argument("--generations", type=int, default=2, help="of the search for a pace")

    def write() -> None:
        raise SystemExit("it has no page of its own: the figures are printed")

    return measure_or_write(parser, measure, page, write)


if __name__ == "__main__":
    sys.exit(main())
