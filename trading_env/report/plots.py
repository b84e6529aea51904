"""One call that draws what is given: bars, an episode, or what an evaluation found.

    trading_env.plot(market)                    # its first path
    trading_env.plot(env)                       # the episode so far; needs a render mode
    trading_env.plot(trading_env.evaluate(...), "sharpe")

It returns a matplotlib figure, which a notebook shows and `savefig` writes. Colours are those of
`envs/render.py`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from trading_env.backtesting.cells import as_written
from trading_env.backtesting.metrics import METRICS
from trading_env.backtesting.tables import summarise
from trading_env.core.errors import ConfigError, shown, unknown
from trading_env.envs.render import colour_of, dated, new_figure, paint, size_of, tidy
from trading_env.envs.single import TradingEnv
from trading_env.markets.bars import Market

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(what: Any, metric: str = "return") -> "Figure":
    """Draw a market, the episode of an environment, or the frame of `evaluate` or `backtest`.

    Args:
        what: which of them.
        metric: of a frame, the name of one of its metrics.

    Raises:
        ConfigError: it is nothing of the kind, or holds nothing to draw.
    """
    what = getattr(what, "unwrapped", what)
    if isinstance(what, Market):
        return _market(what)
    if isinstance(what, TradingEnv):
        return _episode(what)
    if hasattr(what, "columns") and {"policy", "scenario"} <= set(what.columns):
        return _scores(what, metric)
    known = "a market, an environment, or the frame of evaluate or backtest"
    raise ConfigError(f"what = {shown(what)}: give {known}")


def _market(market: Market) -> "Figure":
    """Draw the closes of the first path, as multiples of the first."""
    figure = new_figure(9.0, 4.0, dpi=100)
    axes = figure.subplots()
    time = market.time.astype("datetime64[s]")
    for a, symbol in enumerate(market.symbols):
        close = market.close[0, :, a]
        axes.plot(time, close / close[0], color=colour_of(a), label=symbol)
    which = f", path 1 of {market.paths}" if market.paths > 1 else ""
    axes.set(xlabel="time", ylabel="close, multiple of the first", title=f"{market.source}{which}")
    axes.legend(fontsize=8, frameon=False)
    tidy(axes)
    dated(axes)
    return figure


def _episode(env: TradingEnv) -> "Figure":
    """Draw what happened so far."""
    if not len(env.trace):
        raise ConfigError("plot: no episode was kept: make the environment with a render_mode")
    figure = new_figure(*size_of(env.trace), dpi=100)
    paint(figure, env.trace, str(env))
    return figure


def _scores(frame: Any, metric: str) -> "Figure":
    """Draw a metric's mean of each policy in each scenario, with its bootstrap 95% interval.

    Markets stand apart. Of several severities that as written, or the largest: the title says it.
    """
    if metric not in METRICS:
        raise ConfigError(f"plot: {unknown('metric', metric, METRICS)}")
    about = METRICS[metric]
    means = summarise(frame)
    if means[metric].isna().all():
        raise ConfigError(f"plot: metric {shown(metric)}: no episode defines it")
    if "market" in means and means["market"].nunique() > 1:
        means["scenario"] = means["market"] + ", " + means["scenario"]
    severities = means.groupby("scenario")["severity"]
    means = means[means["severity"] == severities.transform(as_written)]
    scenarios = list(dict.fromkeys(means["scenario"]))
    policies = list(dict.fromkeys(means["policy"]))
    figure = new_figure(9.0, 1.2 + 0.24 * len(scenarios) * (len(policies) + 1), dpi=100)
    axes = figure.subplots()
    step = 1.0 / (len(policies) + 1)
    for p, policy in enumerate(policies):
        rows = means[means["policy"] == policy]
        heights = np.array([scenarios.index(name) for name in rows["scenario"]]) + step * p
        middle = about.factor * rows[metric].to_numpy()
        axes.plot(middle, heights, "o", color=colour_of(p), label=policy)
        if f"{metric}_low" in rows:
            ends = (about.factor * rows[f"{metric}_{end}"].to_numpy() for end in ("low", "high"))
            axes.hlines(heights, *ends, color=colour_of(p))
    axes.set_yticks(np.arange(len(scenarios)) + step * (len(policies) - 1) / 2, scenarios)
    axes.invert_yaxis()
    axes.set(xlabel=f"{about.title}, mean and 95% interval", ylabel="scenario")
    if severities.nunique().max() > 1:
        axes.set_title(f"severity {as_written(means['severity']):g}")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    tidy(axes)
    return figure
