"""Tables of results: one row an episode, means by cell and paired differences.

Every policy meets the same episodes, so a difference between two policies in one episode is a
paired difference. A metric that an episode does not define (the Sharpe ratio of doing nothing, the
fill ratio of no order) is missing in the table, never 0; the column `withheld` says why.
"""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trading_env.backtesting.intervals import Interval, mean_interval
from trading_env.backtesting.metrics import METRICS, PAIRED
from trading_env.backtesting.playing import Played
from trading_env.core.errors import shown

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("policy", "scenario", "severity", "seed")
WALK_KEYS = ("policy", "market", "scenario", "severity", "window", "seed")
WITHHELD = "withheld"


def episodes_frame(results: Iterable[Played], keys: Sequence[str] = WALK_KEYS) -> "pd.DataFrame":
    """Lay results out, one row an episode: `keys`, `METRICS`, `withheld`."""
    import pandas as pd

    frames = []
    for played in results:
        seeds = np.uint64(played.cell.seed) + np.arange(played.cell.episodes, dtype=np.uint64)
        cell = {**played.cell._asdict(), "seed": seeds}
        metrics = {name: np.array(played.metrics[name], dtype=np.float64) for name in METRICS}
        reasons = [json.dumps(reasons) for reasons in played.reasons]
        named = {name: cell[name] for name in keys}
        frames.append(pd.DataFrame({**named, **metrics, WITHHELD: reasons}))
    return pd.concat(frames, ignore_index=True)


def curves_frame(results: Iterable[Played]) -> "pd.DataFrame":
    """Lay the equity curves out: one row a cell and step, see `playing.curve_of`."""
    import pandas as pd

    frames = [pd.DataFrame()]
    for played in (each for each in results if not each.failure):
        cell = played.cell._asdict()
        named = {name: cell[name] for name in WALK_KEYS[:-1]}
        frame = pd.DataFrame({**named, **played.curve})
        seconds = pd.to_numeric(frame["time"])
        frame["time"] = pd.to_datetime(seconds, unit="s", utc=True)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def pool(frame: "pd.DataFrame", name: str) -> "pd.DataFrame":
    """Average each policy's episodes of one seed over the scenarios, as one scenario `name`.

    Episodes of one seed run over the same bars in every scenario, so a seed is the unit that may
    be counted once. Of a policy that failed in one of them (nothing is defined there) no mean is
    left: it would be over fewer scenarios than the others'.
    """
    keys = [key for key in WALK_KEYS if key in frame and key != "scenario"]
    groups = frame.groupby(keys, sort=False, dropna=False)
    means = groups[list(METRICS)].mean().reset_index()
    failed = frame[list(METRICS)].isna().all(axis=1)
    by = [frame[key] for key in keys]
    incomplete = failed.groupby(by, sort=False, dropna=False).any().to_numpy()
    means.loc[incomplete, list(METRICS)] = np.nan
    return means.assign(scenario=name, withheld=groups[WITHHELD].agg(_all_reasons).to_numpy())


def as_pairs(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Take a metric away from two policies in each episode in which either lacks it.

    So their means over scenarios are over the same ones.
    """
    names = list(METRICS)
    by = [frame[key] for key in WALK_KEYS[1:] if key in frame]
    is_missing = frame[names].isna().groupby(by, sort=False, dropna=False).transform("any")
    return frame.assign(**frame[names].mask(is_missing))


def _all_reasons(texts: "pd.Series[str]") -> str:
    """Merge the reasons of several episodes."""
    merged: dict[str, str] = {}
    for text in texts:
        merged |= json.loads(text)
    return json.dumps(merged)


def cell_keys(frame: "pd.DataFrame") -> list[str]:
    """Return the columns that tell a frame's cells apart, windows taken together."""
    return [key for key in ("policy", "market", "scenario", "severity") if key in frame]


def summarise(
    frame: "pd.DataFrame", *, baseline: str | None = None, seed: int = 0
) -> "pd.DataFrame":
    """Average episodes by policy, scenario and severity; pair them with a baseline's.

    Without a baseline each metric of `PAIRED` has a bootstrap 95% interval of its mean over the
    episodes, `METRIC_low` and `METRIC_high`. The episodes of one walk-forward window have the same
    bars and are drawn together. Fewer than six episodes, or windows, have no interval.

    Args:
        frame: what `evaluate` returned, or `episodes_frame`.
        baseline: a policy's name; adds, for each metric of `PAIRED`, the mean paired difference
            to it as `diff_METRIC` with a bootstrap 95% interval `diff_METRIC_low`,
            `diff_METRIC_high`.
        seed: of the bootstrap.

    Raises:
        ValueError: the baseline is not in the frame.
    """
    import pandas as pd

    if baseline is not None and baseline not in set(frame["policy"]):
        known = ", ".join(dict.fromkeys(frame["policy"]))
        raise ValueError(f"baseline {shown(baseline)} was not evaluated; known: {known:.80}")
    by = cell_keys(frame)
    means = frame.groupby(by, sort=False)[list(METRICS)].mean()
    means.insert(0, "episodes", frame.groupby(by, sort=False).size())
    means = means.reset_index()
    if baseline is None:
        rows = [
            {**dict(zip(by, keys, strict=True)), **_intervals(cell, seed)}
            for keys, cell in frame.groupby(by, sort=False)
        ]
        return means.merge(pd.DataFrame(rows), on=by, how="left")
    reference = frame[frame["policy"] == baseline].drop(columns="policy")
    on = [key for key in WALK_KEYS[1:] if key in frame]
    pairs = frame.merge(reference, on=on, suffixes=("", "_baseline"))
    rows = [
        {**dict(zip(by, keys, strict=True)), **_paired(cell, seed)}
        for keys, cell in pairs.groupby(by, sort=False)
    ]
    return means.merge(pd.DataFrame(rows), on=by, how="left")


def _clusters(cell: "pd.DataFrame") -> "pd.Series[Any] | None":
    """Return what episodes of a cell share bars by: their window, where there are windows."""
    return cell["window"] if "window" in cell and cell["window"].notna().all() else None


def _interval(values: Any, cell: "pd.DataFrame", seed: int) -> Interval | None:
    """Interval of a mean over a cell; its draws follow from the seed and the cell's size alone."""
    return mean_interval(values, np.random.default_rng(seed), clusters=_clusters(cell))


def _intervals(cell: "pd.DataFrame", seed: int) -> dict[str, float]:
    """Interval of each metric's mean over the episodes of one cell; NaN where undefined."""
    row: dict[str, float] = {}
    for metric in PAIRED:
        interval = _interval(cell[metric], cell, seed)
        low, high = (np.nan, np.nan) if interval is None else interval[1:3]
        row |= {f"{metric}_low": low, f"{metric}_high": high}
    return row


def _paired(cell: "pd.DataFrame", seed: int) -> dict[str, float]:
    """Mean paired difference of each metric of one cell and its interval; NaN where undefined."""
    row: dict[str, float] = {}
    for metric in PAIRED:
        difference = cell[metric] - cell[f"{metric}_baseline"]
        interval = _interval(difference, cell, seed)
        values = (difference.mean(), np.nan, np.nan) if interval is None else interval[:3]
        for name, value in zip(("", "_low", "_high"), values, strict=True):
            row[f"diff_{metric}{name}"] = value
    return row


def reasons(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Say by cell why metrics are withheld, beside the rows of `summarise(frame)`.

    Returns:
        One mapping a cell: its keys, and `reasons`: metric -> "k of n episodes: why" for each
        metric that some episode does not define.
    """
    rows = []
    by = cell_keys(frame)
    for keys, cell in frame.groupby(by, sort=False):
        parsed = [json.loads(text) for text in cell[WITHHELD]]
        why: dict[str, str] = {}
        for metric in METRICS:
            missing = np.flatnonzero(cell[metric].isna())
            if len(missing):
                found = dict.fromkeys(parsed[i].get(metric, "not defined") for i in missing)
                why[metric] = f"{len(missing)} of {len(cell)} episodes: {'; '.join(found)}"
        rows.append({**dict(zip(by, keys, strict=True)), "reasons": why})
    return rows
