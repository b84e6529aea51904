"""The summary of an evaluation: tables, pictures and the report are made from it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.tables import as_pairs, pool, reasons, summarise

if TYPE_CHECKING:
    import pandas as pd

ALL, HELD_OUT = "all scenarios", "held-out scenarios"
# policies that answer without looking
CONSTANTS = ("flat", "always_long", "always_short", "twap", "immediate")


def pools_of(scenarios: Sequence[str], trained_on: Sequence[str]) -> dict[str, list[str]]:
    """Return name -> scenarios whose mean by seed is a row of its own, where they are several."""
    held_out = [name for name in scenarios if name not in trained_on] if trained_on else []
    pools = {HELD_OUT: held_out, ALL: list(scenarios)}
    return {name: members for name, members in pools.items() if len(members) > 1}


def summary_of(
    frame: "pd.DataFrame",
    *,
    learner: str,
    baselines: Sequence[str],
    scenarios: Sequence[Mapping[str, Any]],
    market: str,
    notes: Sequence[str],
    pools: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Summarise episodes; JSON-able.

    Args:
        frame: one row an episode.
        learner: the policy that the others are compared with.
        baselines: policies to take the learner's paired differences to.
        scenarios: in the order of the tables, each with `name` and `role`.
        market: its name.
        notes: what a reader has to know.
        pools: name -> scenarios whose mean by seed is a row of its own.

    Returns:
        `learner`, `market`, `episodes`, `scenarios` (the pools last), `notes`; `means`, one row a
        cell; `reasons`, the same cells: why a metric is withheld; `differences`, by baseline the
        learner's rows with `diff_METRIC`, `diff_METRIC_low`, `diff_METRIC_high`; `constants`,
        which policies answer without looking.
    """
    import pandas as pd

    pools = pools or {}

    def with_pools(frame: pd.DataFrame) -> pd.DataFrame:
        pooled = [pool(frame[frame["scenario"].isin(of)], name) for name, of in pools.items()]
        return pd.concat([frame, *pooled], ignore_index=True)

    together = with_pools(frame)
    differences = {}
    for baseline in baselines:
        pair = as_pairs(frame[frame["policy"].isin([learner, baseline])])
        table = summarise(with_pools(pair), baseline=baseline)
        differences[baseline] = records(table[table["policy"] == learner])
    return {
        "learner": learner,
        "market": market,
        "episodes": int(frame.groupby(["policy", "scenario", "severity"]).size().max()),
        "scenarios": [*map(dict, scenarios), *({"name": n, "role": "mean by seed"} for n in pools)],
        "notes": list(notes),
        "means": records(summarise(together)),
        "reasons": reasons(together),
        "differences": differences,
        "constants": [name for name in CONSTANTS if name in set(frame["policy"])],
    }


def window_means(
    frame: "pd.DataFrame", windows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Add each window's means to its description."""
    described = []
    for window in windows:
        is_here = (frame["window"] == window["number"]) & (frame["market"] == window["market"])
        described.append({**window, "means": records(summarise(frame[is_here]))})
    return described


def records(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows as JSON-able dicts; NaN becomes None."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]
