"""What each trap of an evaluation is worth: the size of the mistake, measured by making it.

    python -m benchmarks.traps [--quick] [--only TRAP] [--out FILE]
    python -m benchmarks.traps --write    # docs/before_you_publish.md from the recorded figures

Each trap is a claim that looks like a result. It is made here on purpose, by rules that are not
trained, on the paths of the benchmark's tracks, beside the same figure without the mistake. Where
it concerns trainings, the ten of `benchmarks/leaderboard.json` are read.

An interval is a bootstrap 95% interval over paths (of trainings: over trainings); differences are
paired by path. Sizes are those of these markets, rules and lengths: another study meets the same
traps at another size.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tqdm import tqdm

from benchmarks import trap_sizes as sizes
from benchmarks.recording import Page, measure_or_write, stamped, table
from benchmarks.trap_sizes import FALLS, FEW, LOOK_BACK, NOISE, ORDERS, SIGNAL, Figure

PAGE = Page("traps", "Before you publish", __doc__, "before_you_publish")
EPISODES, QUICK = 256, 32


class Trap(NamedTuple):
    """A mistake, and what is offered against it."""

    what: str
    how: str
    against: str
    measure: Callable[[int], list[Figure]]


TRAPS = {
    "one training": Trap(
        "The best of several trainings, or the only one, is shown as what the method does.",
        "The ten trainings of each learner on record: the best over the mean of all.",
        "A learner on a track shows ten trainings, and intervals draw trainings and paths "
        "(`trading-env benchmark`, `train.py --seeds 10`).",
        sizes.one_training,
    ),
    "one path": Trap(
        "One seed, or one history, is evaluated, and who wins on it is called the better.",
        f"A rule that is better over all paths against holding, on `{SIGNAL}`: how often one path, "
        f"or the mean of {FEW}, says the opposite.",
        "Every policy meets the same seeds, every difference has an interval, and fewer than six "
        "pairs have none (`trading-env evaluate`).",
        sizes.one_path,
    ),
    "no costs": Trap(
        "Rules are tuned and scored without spread, impact and fees.",
        f"The rule of a grid that does best in validation without costs, on `{SIGNAL}`, then with "
        "the default costs.",
        "Costs are on by default; [the ranking under five cost models](ranking.md) shows what "
        "depends on them.",
        sizes.no_costs,
    ),
    "look-ahead": Trap(
        "A signal is joined one row off, so that it knows the bar that is about to be traded.",
        f"The way of the last {LOOK_BACK} bars as the signal of a rule, and the same one bar "
        f"early, on the paths of `{SIGNAL}`.",
        "`trading-env audit` changes every bar after a decision and compares what came before; "
        "signals of a backtest are fitted inside windows and refused when an earlier value moves.",
        sizes.look_ahead,
    ),
    "tuned on test": Trap(
        "Settings are chosen on the data that the result is then reported on.",
        f"Rules that follow or fade a trend on `{NOISE}`, where nothing is there to earn: each "
        "path is a study of its own, which shows the best rule of all on that very path.",
        "Bands of seeds and of paths for training, validation and test; walk-forward windows; the "
        "deflated Sharpe ratio and the probability of backtest overfitting; entries say how many "
        "settings were tried.",
        sizes.tuned_on_test,
    ),
    "knowing the preset": Trap(
        "A crisis is replayed as history had it, so that its direction is known beforehand.",
        f"A policy that is always short, without any other thought, in {', '.join(FALLS)}.",
        "Constant answers play beside every policy where a price moves, `--mirror` plays crises "
        "upside down, and random families draw sign, size and time.",
        sizes.known_preset,
    ),
    "luck": Trap(
        "The market's own moves while an order is worked are counted as skill.",
        f"Two schedules on the same orders of `{ORDERS}` in calm: implementation shortfall as it "
        "is, and less the market's own moves.",
        "`parent_cost_bps` leaves them out; `slippage` and `surprise` show fills without them.",
        sizes.luck,
    ),
    "one crisis": Trap(
        "A method is shown in the one crisis that suits it.",
        f"A rule that waits while trading is dear against trading at once, in each crisis of "
        f"`{ORDERS}`'s family alone, those that outlast the order included. Half of the paths "
        "choose the best and the worst, the other half is shown.",
        "`trading-env evaluate` plays every preset at several severities; families hold sizes and "
        "lengths for the test that training has not seen.",
        sizes.one_crisis,
    ),
}


def measured(chosen: argparse.Namespace) -> dict[str, Any]:
    """Fall into every trap; name what the figures depend on."""
    begin = datetime.now(UTC)
    episodes = QUICK if chosen.quick else EPISODES
    names = [chosen.only] if chosen.only else list(TRAPS)
    rows = [
        {"trap": name, "figures": TRAPS[name].measure(episodes)}
        for name in tqdm(names, unit=" traps", disable=None)
    ]
    command = "python -m benchmarks.traps" + (" --quick" if chosen.quick else "")
    command += f' --only "{chosen.only}"' if chosen.only else ""
    return stamped(command, begin, episodes=episodes, rows=rows)


def shown(found: Mapping[str, Any]) -> tuple[str, str]:
    """Write a size and its interval."""
    digits = 1 if found["unit"] in ("%", "return %", "times") else 2
    low, high = found["interval"]
    return (f"{found['mean']:+.{digits}f} {found['unit'].removeprefix('return ')}",
            f"[{low:+.{digits}f}, {high:+.{digits}f}]")  # fmt: skip


def page(record: Mapping[str, Any]) -> str:
    """Write the page of a record."""
    first = ((row["trap"], row["figures"][0]) for row in record["rows"])
    lines = [
        *PAGE.head(record, f", {record['episodes']} paths"),
        *table(
            ["trap", "what the mistake adds or hides", "size:", "95%"],
            ([trap, found["what"], *shown(found)] for trap, found in first),
        ),
    ]
    for row in record["rows"]:
        trap = TRAPS[row["trap"]]
        lines += ["", f"## {row['trap'].capitalize()}", "", trap.what, "", f"Measured: {trap.how}"]
        lines += [f'`python -m benchmarks.traps --only "{row["trap"]}"`', ""]
        figures = ([each["what"], *shown(each)] for each in row["figures"])
        lines += table(["figure", "size:", "95%"], figures)
        lines += ["", f"Against it: {trap.against}"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} paths")
    parser.add_argument("--only", choices=TRAPS, help="one trap")
    return measure_or_write(parser, measured, page, PAGE.writer(page))


if __name__ == "__main__":
    sys.exit(main())
