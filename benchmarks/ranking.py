"""Does the cost model change the ranking? Simple policies under five cost models, on common paths.

    python -m benchmarks.ranking [--quick] [--out FILE]
    python -m benchmarks.ranking --write    # docs/ranking.md from the recorded figures

Policies that are not trained play the test paths of two tracks once more under each cost model, and
nothing else differs: the same bars, orders to work and crises. Portfolios are the track
`weak-signal-v0`; parent orders are the track `adaptive-execution-v0`, in its crises and in calm.

The cost models are presets of the execution engine: `zero`, no costs at all; `flat_bps`, the flat
charge of most backtests; `zipline_volume_share`, the default of a library that many used, which
grows with the square of the share of volume; `square_root`, the law of one trade, each bar anew;
`default`, the same law over a whole parent order, as pressure that builds up and decays. A parent
order has to be traded whatever it costs, so that without costs all policies are equal: there
`almgren_2005`, impact without a spread, stands in the place of `zero`. The cap on a bar's volume is
no cost, and the default's under each of them.

Rank correlation is Kendall's tau-b of the policies' means: 1 for the same order, 0 for none in
common, -1 for the reverse. Its interval (bootstrap, 95%) draws paths, the same ones for every
policy and both cost models. Luck alone lowers it: `steady` is the median correlation of an order
on drawn paths with the order on all of them, under one cost model. A pair of policies is told apart
where the interval of its paired difference lies on one side of 0; it is reversed where it is told
apart under both cost models, with another winner.

Rules are not adjusted to the cost model. What a learner would learn under each is not measured.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.recording import Page, measure_or_write, stamped, table
from trading_env.backtesting.intervals import counts_of
from trading_env.backtesting.metrics import METRICS
from trading_env.backtesting.playing import play
from trading_env.backtesting.tracks.benchmark import values_of
from trading_env.backtesting.tracks.track import Track, load_tracks
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.adapters import PolicySpec
from trading_env.policies.baselines import Participation
from trading_env.policies.patience import Clock, Patience
from trading_env.policies.signal_rule import SignalRule

PAGE = Page("ranking", "Does the cost model change the ranking?", __doc__, "ranking")
SEED = 0  # of the bootstrap
CAP = 0.1  # of a bar's volume
EQUAL = 1e-9  # scores no further apart tie: what is left of nothing is rounding
COSTS = ("zero", "flat_bps", "zipline_volume_share", "square_root", "default")
COSTS_OF_ORDERS = ("almgren_2005", *COSTS[1:])
HOLDERS = (
    *("signal_rule", "buy_and_hold", "equal_weight", "volatility_target", "momentum"),
    *("buy_after_fall", "always_long", "always_short", "random"),
)
SIGNALS = {"signal fast": (0.25, 0.0), "signal unkept": (0.1, 0.0), "signal slow": (0.03, 2.0)}
WORKERS = ("patience", "twap", "vwap", "pov", "immediate", "random")
SPEEDS = {"pace 3": (3.0, 0.0), "pace 20": (20.0, 0.0), "patience 5": (5.0, 16.0)}
Values = NDArray[np.float64]


class Arena(NamedTuple):
    """Where policies are ranked."""

    track: str
    costs: tuple[str, ...]
    episodes: int  # of each scenario
    is_calm: bool = False
    """Whether the track's crises are left out."""


ARENAS = {
    "portfolios": Arena("weak-signal-v0", COSTS, 256),
    "parent orders in crises": Arena("adaptive-execution-v0", COSTS_OF_ORDERS, 128),
    "parent orders in calm": Arena("adaptive-execution-v0", COSTS_OF_ORDERS, 256, True),
}


def following(aim: float, keep: float) -> PolicySpec:
    """Return a rule that follows the signal."""
    return lambda layout: SignalRule(layout, aim, keep)


def policies_of(track: Track) -> dict[str, PolicySpec]:
    """Return the policies that are ranked."""
    if track.env == "portfolio":
        named = {name: track.named(name) for name in HOLDERS}
        return named | {name: following(*numbers) for name, numbers in SIGNALS.items()}
    length = track.arguments["episode_length"]

    def worked(speed: float, patience: float) -> Callable[[ObservationLayout], Patience]:
        return lambda layout: Patience(Clock(layout, length), speed, patience)

    named = {name: track.named(name) for name in WORKERS}
    named |= {name: worked(*numbers) for name, numbers in SPEEDS.items()}
    return named | {"pov 8%": lambda layout: Participation(layout, length, 0.08)}


def played(arena: Arena, episodes: int, costs: str) -> dict[str, Values]:
    """Return what each policy makes of each path under a cost model."""
    track = load_tracks().tracks[arena.track]
    plan = track.plan(policies_of(track))
    plan = replace(
        plan,
        episodes=episodes,
        env_kwargs={**plan.env_kwargs, "execution": {"preset": costs, "participation_cap": CAP}},
        scenarios={"calm": None} if arena.is_calm else plan.scenarios,
    )
    return values_of(play(plan), track.metric)


def kendall(scores: Values, others: Values) -> Values:
    """Return tau-b along the last axis; not a number where all scores of a side are equal."""
    first, second = np.triu_indices(scores.shape[-1], 1)
    above, below = (
        np.where(np.abs(gap) <= EQUAL, 0.0, np.sign(gap))
        for gap in (s[..., first] - s[..., second] for s in (scores, others))
    )
    untied = np.sqrt((above**2).sum(axis=-1) * (below**2).sum(axis=-1))
    agreeing = (above * below).sum(axis=-1)
    found: Values = np.divide(
        agreeing, untied, out=np.full_like(untied, np.nan), where=untied > 0.0
    )
    return found


def told_apart(drawn: Values) -> Values:
    """Return for each pair of policies which is better: 1 the first, -1 the second, 0 unknown."""
    first, second = np.triu_indices(drawn.shape[-1], 1)
    low, high = np.quantile(drawn[:, first] - drawn[:, second], [0.025, 0.975], axis=0)
    return (low > EQUAL).astype(np.float64) - (high < -EQUAL)


def ranked(tables: Mapping[str, Mapping[str, Values]], sign: float) -> dict[str, Any]:
    """Compare the orders of some cost models.

    Args:
        tables: cost model -> policy -> its values by path, on the same paths.
        sign: 1 where more is better, -1 where less is.
    """
    names = list(next(iter(tables.values())))
    values = {costs: np.stack([table[name] for name in names]) for costs, table in tables.items()}
    weights = counts_of(np.random.default_rng(SEED), next(iter(values.values())).shape[1])
    means = {costs: draws.mean(axis=1) for costs, draws in values.items()}
    drawn = {costs: weights @ draws.T for costs, draws in values.items()}
    sides = {costs: sign * told_apart(draws) for costs, draws in drawn.items()}
    scores = {}
    for costs, draws in drawn.items():
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
        rows = zip(names, means[costs], low, high, strict=True)
        scores[costs] = {name: [float(n) for n in numbers] for name, *numbers in rows}
    pairs = []
    for one, other in combinations(tables, 2):
        both = sides[one] * sides[other]
        low, high = np.quantile(kendall(drawn[one], drawn[other]), [0.025, 0.975])
        pairs.append(
            {
                "costs": [one, other],
                "tau": [float(kendall(means[one], means[other])), float(low), float(high)],
                "told_apart": int(np.count_nonzero(both)),
                "reversed": int(np.count_nonzero(both < 0.0)),
                "pairs": len(both),
            }
        )
    steady = {c: float(np.median(kendall(drawn[c], means[c][None]))) for c in tables}
    apart = {costs: int(np.count_nonzero(side)) for costs, side in sides.items()}
    return {"scores": scores, "pairs": pairs, "steady": steady, "told_apart": apart}


def measured(quick: bool) -> dict[str, Any]:
    """Rank everywhere; name what the figures depend on."""
    begin = datetime.now(UTC)
    rows = []
    for name, arena in tqdm(ARENAS.items(), unit=" rankings", disable=None):
        track, episodes = load_tracks().tracks[arena.track], 16 if quick else arena.episodes
        tables = {costs: played(arena, episodes, costs) for costs in arena.costs}
        paths = len(next(iter(tables[arena.costs[0]].values())))
        about = {"arena": name, "track": track.id, "metric": track.metric, "paths": paths}
        rows.append(about | ranked(tables, track.sign))
    command = "python -m benchmarks.ranking" + (" --quick" if quick else "")
    return stamped(command, begin, rows=rows)


def places(scores: Mapping[str, Any], sign: float) -> dict[str, int]:
    """Return each policy's place, 1 the best; equal ones share it."""
    means = {name: sign * numbers[0] for name, numbers in scores.items()}
    return {
        name: 1 + sum(other - own > EQUAL for other in means.values())
        for name, own in means.items()
    }


def scores_lines(row: Mapping[str, Any]) -> list[str]:
    """Lay the scores out, the best under the last cost model first."""
    sign = load_tracks().tracks[row["track"]].sign
    costs = list(row["scores"])
    place = {c: places(found, sign) for c, found in row["scores"].items()}
    rows = []
    for name in sorted(place[costs[-1]], key=lambda name: place[costs[-1]][name]):
        rows.append([name])
        for c in costs:
            mean, low, high = row["scores"][c][name]
            rows[-1].append(f"{mean:.2f} [{low:.2f}, {high:.2f}], {place[c][name]}")
    pairs = row["pairs"][0]["pairs"]
    rows.append(["pairs told apart", *(f"{row['told_apart'][c]} of {pairs}" for c in costs)])
    rows.append(["steady", *(f"{row['steady'][c]:.2f}" for c in costs)])
    return table(["policy", *(f"`{c}`:" for c in costs)], rows)


def pair_lines(row: Mapping[str, Any]) -> list[str]:
    """Lay the correlations out."""
    heads = ["cost models", "rank correlation:", "95%", "told apart under both:", "reversed:"]
    rows = []
    for pair in row["pairs"]:
        tau, low, high = pair["tau"]
        names = " and ".join(f"`{name}`" for name in pair["costs"])
        apart = f"{pair['told_apart']} of {pair['pairs']}"
        rows.append([names, f"{tau:.2f}", f"[{low:.2f}, {high:.2f}]", apart, pair["reversed"]])
    return table(heads, rows)


def finding(row: Mapping[str, Any]) -> str:
    """Say what one arena shows."""
    sign = load_tracks().tracks[row["track"]].sign
    least = min(row["pairs"], key=lambda pair: pair["tau"][0])
    turned = sum(pair["reversed"] > 0 for pair in row["pairs"])
    tau, low, high = least["tau"]
    told = {c: places(found, sign) for c, found in row["scores"].items() if row["told_apart"][c]}
    best = {name for place in told.values() for name in place if place[name] == 1}
    silent = [f"`{c}`" for c in row["scores"] if c not in told]
    return (
        f"- {row['arena'].capitalize()}: {'yes' if turned else 'not shown'}. {turned} of "
        f"{len(row['pairs'])} pairs of cost models reverse policies that both tell apart. The "
        f"least alike are `{least['costs'][0]}` and `{least['costs'][1]}`: {tau:.2f} "
        f"[{low:.2f}, {high:.2f}], {least['reversed']} of {least['told_apart']} reversed. Best "
        f"under one or more: {', '.join(sorted(best))}."
        + (f" Under {' and '.join(silent)} no two are told apart." if silent else "")
    )


def page(record: Mapping[str, Any]) -> str:
    """Write the page of a record."""
    rows = record["rows"]
    lines = PAGE.head(record, findings=[*map(finding, rows)])[:-1]
    for row in rows:
        title = METRICS[row["metric"]].title or row["metric"]
        better = load_tracks().tracks[row["track"]].better
        lines += [
            *("", f"## {row['arena'].capitalize()}", ""),
            f"`{row['track']}`, {row['paths']} paths. Mean {title} ({better} is better) with its "
            "interval, and the place in the order:",
            *("", *scores_lines(row), ""),
            *pair_lines(row),
        ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="16 episodes of each scenario")
    return measure_or_write(parser, lambda chosen: measured(chosen.quick), page, PAGE.writer(page))


if __name__ == "__main__":
    sys.exit(main())
