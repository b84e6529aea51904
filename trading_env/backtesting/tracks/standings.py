"""What contestants did on a track, on its scale: figures, ranks and entries."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from trading_env.backtesting.aggregates import (
    Draws,
    Estimate,
    aggregate,
    difference,
    ranks,
    scores_of,
)
from trading_env.backtesting.tracks.benchmark import Contestant, Results
from trading_env.backtesting.tracks.entries import Entry, Figure, Row, digest_of, policy_digest
from trading_env.backtesting.tracks.track import Tracks
from trading_env.core.files import git_state, platform_name, versions
from trading_env.core.sources import PACKAGE


class Standing(NamedTuple):
    """What a contestant's table says."""

    mean: Estimate | None  # of the metric, in its title's unit
    score: Estimate | None
    headline: Estimate | None  # regret in percent, or share in percent
    difference: Estimate | None  # to the reference, paired, in the title's unit
    rank: int


def standings(results: Results) -> dict[str, Standing]:
    """Put every contestant on the track's scale, and rank them.

    A policy of which some episode does not define the metric has no figures: it stands last.
    """
    track, tables = results.track, results.tables
    high = tables[track.reference].mean(axis=0)
    is_there = {name: bool(np.isfinite(table).all()) for name, table in tables.items()}
    means = {
        name: aggregate([scores_of(track.factor * table, 0.0, 1.0)]) if is_there[name] else None
        for name, table in tables.items()
    }
    scores: dict[str, Estimate | None] = dict.fromkeys(tables)
    if is_there[track.zero] and is_there[track.reference]:
        for name in tables:
            scores[name] = aggregate([drawn_scores(results, name)]) if is_there[name] else None
    places = dict(zip(tables, ranks([scores[name] for name in tables]), strict=True))
    return {
        name: Standing(
            means[name],
            scores[name],
            _headline(results, name) if is_there[name] else None,
            difference(track.factor * table, track.factor * high) if is_there[name] else None,
            places[name],
        )
        for name, table in tables.items()
    }


def drawn_scores(results: Results, name: str) -> Draws:
    """Return a contestant's scores, and those of the draws."""
    ends = [
        results.tables[end].mean(axis=0) for end in (results.track.zero, results.track.reference)
    ]
    return scores_of(results.tables[name], *ends)


def _headline(results: Results, name: str) -> Estimate | None:
    """Return regret or share of the optimum, percent."""
    track, table = results.track, results.tables[name]
    if not track.headline:
        return None
    best = results.tables[track.reference].mean(axis=0)
    if track.headline == "share":
        return _scaled(
            aggregate([scores_of(table, results.tables[track.floor].mean(axis=0), best)]), 100.0
        )
    share = _scaled(aggregate([scores_of(table, 0.0, best)]), 100.0)
    if best.mean() < 0.0:  # a cost: value / optimum - 1
        return Estimate(share.value - 100.0, share.low - 100.0, share.high - 100.0)
    return Estimate(100.0 - share.value, 100.0 - share.high, 100.0 - share.low)


def _scaled(found: Estimate, factor: float) -> Estimate:
    return Estimate(*(factor * value for value in found))


def entries_of(results: Results, tracks: Tracks, command: str = "") -> list[Entry]:
    """Write the entry of every contestant."""
    found = standings(results)
    common: Mapping[str, Any] = {
        "track": results.track.id,
        "tracks_sha256": tracks.sha256,
        "versions": versions(),
        "platform": platform_name(),
        "markets_sha256": results.markets_sha256,
        "commit": git_state(PACKAGE)["commit"],
        "command": command,
        "metric": results.track.metric,
    }
    return [_entry(results, who, found[who.name], common) for who in results.contestants]


def _entry(
    results: Results, who: Contestant, standing: Standing, common: Mapping[str, Any]
) -> Entry:
    table = results.tables[who.name]
    rows = []
    for training, values in zip(who.trainings, table, strict=True):
        mean = float(values.mean())
        rows.append(
            Row(
                seed=training.seed,
                policy=training.text,
                policy_sha256=policy_digest(training.text),
                mean=mean if np.isfinite(mean) else None,
                values_sha256=digest_of(values.tolist()),
            )
        )
    assert who.budget is not None
    return Entry(
        **common,
        policy=who.name,
        seeds=[training.seed for training in who.trainings],
        budget=who.budget,
        mean=_figure(standing.mean),
        score=_figure(standing.score),
        headline=_figure(standing.headline),
        difference=_figure(standing.difference),
        rank=standing.rank,
        rows=rows,
    )


def _figure(found: Estimate | None) -> Figure | None:
    return None if found is None else Figure(**found._asdict())
