"""The summary of an evaluation: what tables, pictures and the report are made from."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.tables import pool, reasons, summarise

if TYPE_CHECKING:
    import pandas as pd

ALL = "all scenarios"
CONSTANTS = ("flat", "always_long", "twap", "immediate")  # policies that answer without looking


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
        learner: the policy that the others are there for.
        baselines: policies to take the learner's paired differences to.
        scenarios: in the order of the tables, each with `name` and `role`.
        market: its name.
        notes: what a reader has to know.
        pools: name -> scenarios whose mean by seed is a row of its own.

    Returns:
        `learner`, `market`, `episodes`, `scenarios`, `notes`; `means`, one row a cell; `reasons`,
        the same cells: why a metric is withheld; `differences`, by baseline the learner's rows
        with `diff_METRIC`, `diff_METRIC_low`, `diff_METRIC_high`; `constants`, which policies
        answer without looking.
    """
    import pandas as pd

    pooled = [pool(frame[frame["scenario"].isin(of)], name) for name, of in (pools or {}).items()]
    together = pd.concat([frame, *pooled], ignore_index=True)
    differences = {}
    for baseline in baselines:
        pair = together[together["policy"].isin([learner, baseline])]
        table = summarise(pair, baseline=baseline)
        differences[baseline] = records(table[table["policy"] == learner])
    return {
        "learner": learner,
        "market": market,
        "episodes": int(frame.groupby(["policy", "scenario", "severity"]).size().max()),
        "scenarios": [dict(scenario) for scenario in scenarios],
        "notes": list(notes),
        "means": records(summarise(together)),
        "reasons": reasons(together),
        "differences": differences,
        "constants": [name for name in CONSTANTS if name in set(frame["policy"])],
    }


def records(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows as JSON-able dicts; NaN becomes None."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]
