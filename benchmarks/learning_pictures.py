"""The pictures of `docs/learning.md`: the pace through a crisis, savings, convictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from trading_env.envs.render import LINES as COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
BINS = np.linspace(-2.5, 2.5, 21)  # of the signal, in its standard deviations


def draw(record: Mapping[str, Any]) -> None:
    """Draw the three pictures."""
    figure = Figure(figsize=(8.0, 4.2), dpi=120, layout="constrained")
    paint_fan(figure.subplots(), record["fan"])
    figure.savefig(IMAGES / "pace.png")
    figure = Figure(figsize=(8.0, 4.2), dpi=120, layout="constrained")
    paint_savings(figure.subplots(), record["savings"])
    figure.savefig(IMAGES / "saving.png")
    figure = Figure(figsize=(6.0, 4.2), dpi=120, layout="constrained")
    paint_convictions(figure.subplots(), record["convictions"])
    figure.savefig(IMAGES / "conviction.png")


def paint_fan(axes: "Axes", curves: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """What is left of the order by step, median and middle half."""
    steps = len(next(iter(curves.values()))["middle"])
    axes.axvspan(0.3 * steps, 0.3 * steps + 25, color="#F0E442", alpha=0.3, lw=0)
    axes.text(0.3 * steps + 1, 1.02, "drought", fontsize=8)
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        style = "--" if name in ("twap", "knows the path") else "-"
        axes.plot(curve["middle"], style, color=colour, label=name.replace("_", " "))
        axes.fill_between(range(steps), curve["low"], curve["high"], color=colour, alpha=0.12, lw=0)
    axes.set(xlabel="step (one-minute bars)", ylabel="share of the parent order left")
    axes.set_ylim(0.0, 1.1)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def paint_savings(axes: "Axes", savings: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    """Difference of cost in each crisis, with intervals."""
    for k, (colour, (other, rows)) in enumerate(zip(COLOURS, savings.items(), strict=False)):
        places = np.arange(len(rows)) + 0.25 * (k - 0.5)
        middle = np.array([row[1] for row in rows])
        ends = np.abs(np.array([[row[2], row[3]] for row in rows]).T - middle)
        axes.errorbar(
            middle,
            places,
            xerr=ends,
            fmt="os"[k],
            color=colour,
            label=f"against {other.replace('_', ' ')}",
            markersize=5,
            capsize=2,
        )
    axes.axvline(0.0, color="#333333", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="difference of a parent order's cost, % (left: the agent pays less)")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def paint_convictions(axes: "Axes", means: Mapping[str, Sequence[float]]) -> None:
    """Mean conviction against the signal."""
    middles = 0.5 * (BINS[1:] + BINS[:-1])
    for colour, (name, values) in zip(COLOURS, means.items(), strict=False):
        axes.plot(middles, values, "o-", color=colour, markersize=4, label=name.replace("_", " "))
    axes.axhline(0.0, color="#333333", linewidth=0.6)
    axes.set(xlabel="signal of an asset, standard deviations", ylabel="mean conviction")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
