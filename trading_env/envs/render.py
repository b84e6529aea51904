"""Pictures of episodes: prices with fills, stops and shocks, and the equity curve.

Colours can be told apart by colour-blind readers: marks are Okabe and Ito's, lines those of the
report. Side is shown by the marker's shape too. Nothing here imports matplotlib until something is
drawn.
"""

from colorsys import hsv_to_rgb
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trading_env.core.codes import Exit
from trading_env.core.records import Flags, Floats, Table
from trading_env.envs.info import BOUND_BY_NAMES, EXIT_NAMES, FAULT_NAMES, STATUS_NAMES
from trading_env.envs.trace import EpisodeTrace
from trading_env.stress.activity import active_kinds, is_active

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#333333"
BUY, SELL, EXIT = "#0072B2", "#D55E00", "#CC79A7"
STRESS, HALT, FAULT = "#F0E442", "#999999", "#009E73"
LINES = (  # the looks of the report on paper, in its order
    *("#0072b2", "#d55e00", "#0a6b51", "#580151", "#010000"),
    *("#7f4d00", "#590cd3", "#bf1a4f", "#0399ff", "#838c98"),
)
MARKER_AREA = (12.0, 120.0)  # points squared, smallest and largest fill
HEIGHT_PER_ASSET = 2.4  # inches


def draw(trace: EpisodeTrace, *, show: bool) -> NDArray[np.uint8] | None:
    """Draw the episode so far: an array (height, width, 3), or a window when `show`.

    Its title says where the episode is and what the scenario does just now.
    """
    happening = " | ".join(_events(trace)) or "no event"
    title = f"step {trace.step}, {trace.labels[-1]}: {happening}"
    if show:
        import matplotlib.pyplot as plt

        figure = plt.figure("episode", layout="constrained", clear=True)
        figure.set_size_inches(*size_of(trace))
        paint(figure, trace, title)
        plt.pause(0.001)
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = new_figure(*size_of(trace), dpi=80)
    paint(figure, trace, title)
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib leaves it untyped
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def print_line(trace: EpisodeTrace) -> str:
    """Say in one line what the last step did."""
    last, equity = trace.reports[-1], trace.equity
    change = 100.0 * (equity[-1] / equity[0] - 1.0)
    parts = [f"step {trace.step} {trace.labels[-1]} equity {equity[-1]:,.2f} ({change:+.2f}%)"]
    for symbol, report in zip(trace.symbols, last, strict=True):
        text = f"{symbol} {report['close']:,.2f} position {report['position']:,.4g}"
        if report["traded"] > 0.0:
            text += f" filled {report['filled']:+,.4g} @ {report['price']:,.2f}"
        names = (
            STATUS_NAMES[report["status"]],
            BOUND_BY_NAMES[report["bound_by"]],
            EXIT_NAMES[report["exit"]],
        )
        notes = [name for name in names if name != "none"]
        parts.append(f"{text} [{', '.join(notes)}]" if notes else text)
    return " | ".join([*parts, *_events(trace)])


def _events(trace: EpisodeTrace) -> list[str]:
    """Say what the scenario did in the last bar, once for assets that met the same."""
    said: dict[str, list[str]] = {}
    last = zip(trace.symbols, trace.stresses[-1], trace.reports[-1], strict=True)
    for symbol, stress, report in last:
        notes = [f"{kind} {what}" for kind, what in active_kinds(stress).items()]
        if report["feed_fault"] != 0:
            notes.append(f"feed {FAULT_NAMES[report['feed_fault']]}")
        if notes:
            said.setdefault(", ".join(notes), []).append(symbol)
    return [f"{', '.join(symbols)}: {text}" for text, symbols in said.items()]


def save_episode(trace: EpisodeTrace, path: str | Path, *, title: str = "") -> None:
    """Save the picture of an episode as PNG."""
    figure = new_figure(*size_of(trace), dpi=120)
    paint(figure, trace, title)
    figure.savefig(path, format="png")


def save_equity_curves(
    curves: "Mapping[str, Mapping[str, Sequence[float]]]", path: str | Path, *, title: str
) -> None:
    """Save the equity curves of policies, the first two with the middle half of their episodes.

    A curve has `equity`, `equity_low` and `equity_high`: multiples of the start, (steps + 1,).
    """
    figure = new_figure(9.0, 4.5, dpi=120)
    axes = figure.subplots()
    for i, (name, curve) in enumerate(curves.items()):
        middle, low, high = (
            100.0 * (np.asarray(curve[key]) - 1.0)
            for key in ("equity", "equity_low", "equity_high")
        )
        colour = colour_of(i)
        style = "-" if i < len(LINES) else "--"
        axes.plot(middle, style, color=colour, linewidth=2.2 if i == 0 else 1.2)
        axes.annotate(
            name,
            (len(middle) - 1, middle[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
        if i < 2:
            axes.fill_between(np.arange(len(middle)), low, high, color=colour, alpha=0.12, lw=0)
    _spread_labels(axes)
    axes.axhline(0.0, color=INK, linewidth=0.6)
    axes.set(xlabel="step", ylabel="equity, % above the start", title=title)
    tidy(axes)
    figure.savefig(path, format="png")


def colour_of(number: int) -> str:
    """Return a line's colour, which no other line has: ten that are told apart, then hues."""
    if number < len(LINES):
        return LINES[number]
    parts = hsv_to_rgb(number * 0.381966 % 1.0, 0.65, 0.75)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _spread_labels(axes: "Axes", gap: float = 0.045) -> None:
    """Push the labels at the curves' ends apart until they no longer overlap."""
    low, high = axes.get_ylim()
    labels: list[Any] = sorted(axes.texts, key=lambda label: label.xy[1])
    height = -np.inf
    for label in labels:
        wanted = (label.xy[1] - low) / (high - low)
        height = max(wanted, height + gap)
        label.set_position((4, (height - wanted) * axes.get_window_extent().height * 0.5))
    end = max(label.xy[0] for label in labels)
    axes.set_xlim(0, end * 1.16)


def paint(figure: "Figure", trace: EpisodeTrace, title: str = "") -> None:
    """Draw one panel an asset and one of equity into a figure."""
    reports, count = trace.reports, len(trace.symbols)
    panels = figure.subplots(count + 1, 1, sharex=True, squeeze=False)[:, 0]
    time = trace.time
    for a, symbol in enumerate(trace.symbols):
        _asset_panel(panels[a], time, reports[:, a], trace.stresses[:, a], symbol)
    _equity_panel(panels[-1], time, trace.equity)
    for axes in panels:
        tidy(axes)
    dated(panels[-1])
    panels[-1].set_xlabel("time of the bar, UTC", fontsize=8)
    if title:
        figure.suptitle(title, fontsize=9, wrap=True)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=5, fontsize=7, frameon=False)


def _asset_panel(axes: "Axes", time: Any, reports: Table, stresses: Table, symbol: str) -> None:
    """Price, what the feed showed, stops, targets, fills and the scenario's events."""
    _shade(axes, time, is_active(stresses), STRESS, 0.35)
    _shade(axes, time, stresses["halted"] == 1, HALT, 0.5)
    close, seen = reports["close"], reports["seen_close"]
    axes.plot(time, close, color=INK, linewidth=1.0)
    low, high = axes.get_ylim()
    differs = seen != close
    if differs.any():
        inside = np.clip(seen[differs], low, high)
        axes.plot(time[differs], inside, "x", color=FAULT, markersize=4, markeredgewidth=1.0)
    for name, colour in (("stop_loss", SELL), ("take_profit", BUY)):
        rows = np.flatnonzero(reports[name][:-1] > 0.0)
        levels = reports[name][rows]
        axes.hlines(levels, time[rows], time[rows + 1], color=colour, linewidth=1.0, alpha=0.8)
    _fills(axes, time, reports)
    axes.set_ylim(low, high)
    axes.set_ylabel(f"{symbol}, price")


def _fills(axes: "Axes", time: Any, reports: Table) -> None:
    """Fills as triangles whose area grows with quantity; exits of the risk manager as diamonds."""
    filled = reports["filled"]
    largest = max(float(np.abs(filled).max()), 1e-300)
    smallest, biggest = MARKER_AREA
    area = smallest + (biggest - smallest) * np.abs(filled) / largest
    by_exit = reports["exit"] != Exit.NONE
    for chosen, marker, colour in (
        ((filled > 0.0) & ~by_exit, "^", BUY),
        ((filled < 0.0) & ~by_exit, "v", SELL),
        ((filled != 0.0) & by_exit, "D", EXIT),
    ):
        axes.scatter(
            time[chosen],
            reports["price"][chosen],
            s=area[chosen],
            marker=marker,
            color=colour,
            alpha=0.75,
            linewidths=0,
            zorder=3,
        )


def _equity_panel(axes: "Axes", time: Any, equity: Floats) -> None:
    """Equity over its start, with the drawdown from its peak shaded."""
    relative = 100.0 * (equity / equity[0] - 1.0)
    peak = np.maximum.accumulate(relative)
    axes.fill_between(time, relative, peak, color=SELL, alpha=0.15, linewidth=0)
    axes.plot(time, relative, color=INK, linewidth=1.3)
    axes.axhline(0.0, color=INK, linewidth=0.5)
    axes.set_ylabel("equity, % of start")


def _shade(axes: "Axes", time: Any, chosen: Flags, colour: str, alpha: float) -> None:
    """Shade each run of chosen rows, from the bar before it to its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    for first, after in edges.reshape(-1, 2):
        axes.axvspan(time[max(first - 1, 0)], time[after - 1], color=colour, alpha=alpha, lw=0)


def _legend() -> list[Any]:
    """Explain every mark once."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], marker=marker, color=colour, linestyle="", markersize=5, label=label)

    return [
        mark("^", BUY, "buy"),
        mark("v", SELL, "sell"),
        mark("D", EXIT, "exit by the risk manager, or a delisting"),
        mark("x", FAULT, "price shown, where it is not the true one"),
        Patch(color=STRESS, alpha=0.35, label="scenario event"),
        Patch(color=HALT, alpha=0.5, label="halt"),
        Line2D([], [], color=SELL, linewidth=1.0, label="stop"),
        Line2D([], [], color=BUY, linewidth=1.0, label="target"),
    ]


def size_of(trace: EpisodeTrace) -> tuple[float, float]:
    return 10.0, HEIGHT_PER_ASSET * (len(trace.symbols) + 1) + 0.6


def new_figure(width: float, height: float, *, dpi: int) -> "Figure":
    """Return an empty figure."""
    from trading_env.envs.picture import Picture

    return Picture(figsize=(width, height), dpi=dpi, layout="constrained")


def dated(axes: "Axes") -> None:
    """Label the time axis with few dates, so that none overlaps another."""
    import matplotlib.dates

    dates: Any = matplotlib.dates  # matplotlib leaves it untyped
    locator = dates.AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def tidy(axes: "Axes") -> None:
    """Leave only the lines that carry a number."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", linewidth=0.3, alpha=0.6)
