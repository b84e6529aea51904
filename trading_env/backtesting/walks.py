"""Walk-forward backtests: the test part of every window of every market.

Window after window is cut out of a market with the bars that warm the features up before it, and
played from its first test bar to its last. Policies are fixed (see `windows.py`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.plans import Advance, Plan, play
from trading_env.backtesting.store import CellStore
from trading_env.backtesting.tables import episodes_frame, named_scenarios
from trading_env.backtesting.windows import Walk, Window
from trading_env.envs.world import WARMUP
from trading_env.markets import Market, load_market
from trading_env.markets.loading import MarketSpec
from trading_env.policies.policy import PolicySpec

if TYPE_CHECKING:
    import pandas as pd


def backtest(
    policies: Mapping[str, PolicySpec],
    *,
    markets: Mapping[str, MarketSpec] | Sequence[str],
    windows: Walk | str,
    scenarios: Mapping[str, Any] | Sequence[str] = ("calm",),
    severities: Sequence[float] = (1.0,),
    episodes: int = 1,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    env: str = "portfolio",
    store: CellStore | None = None,
    advance: Advance | None = None,
) -> "pd.DataFrame":
    """Play every policy on the test part of every window of every market.

    Args:
        policies: name -> a policy, or a function of the `ObservationLayout` that makes one.
        markets: names or paths of markets, or name -> anything `load_market` takes.
        windows: lengths in bars, or text as `Walk.read` takes it.
        scenarios: presets' names, or name -> anything the environment takes as a scenario.
        severities: 1 as written, 0 none.
        episodes: of each cell; they have the same bars and differ in what is drawn from the seed.
        seed: of the first episode.
        env_kwargs: arguments of the environment.
        env: "portfolio" or "execution".
        store: where results are kept by cell; a call that was killed goes on from there.
        advance: called after each cell with whether it was played now.

    Returns:
        One row an episode: policy, market, scenario, severity, window, seed and `METRICS`.

    Raises:
        ValueError: an argument is impossible; MismatchError when an environment that was built is
            not the one that was asked for.
    """
    named = markets if isinstance(markets, Mapping) else {name: name for name in markets}
    slices = [
        cut
        for name, spec in named.items()
        for cut in slices_of(name, load_market(spec, seed_band=None), windows)
    ]
    plan = Plan(
        policies=policies,
        scenarios=named_scenarios(scenarios),
        slices=slices,
        severities=severities,
        episodes=episodes,
        seed=seed,
        env_kwargs=dict(env_kwargs or {}),
        env=env,
    )
    return episodes_frame(play(plan, store=store, advance=advance))


def slices_of(name: str, market: Market, windows: Walk | str) -> list[Slice]:
    """Cut every window's test part, with its warm-up, out of a whole market.

    Raises:
        ConfigError: the lengths make no window in it.
    """
    walk = windows if isinstance(windows, Walk) else Walk.read(windows, market.bars_per_day)
    return [_slice(name, market, window) for window in walk.windows(market.bars)]


def _slice(name: str, market: Market, window: Window) -> Slice:
    """The first decision is taken at the close of the first test bar, the last fill in the last."""
    cut = market.slice_bars(window.test_start - WARMUP, window.test_stop)
    length = window.test_stop - window.test_start - 1
    return Slice(name, {"market": cut, "seed_band": None, "episode_length": length}, window)
