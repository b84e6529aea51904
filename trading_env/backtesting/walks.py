"""Walk-forward backtests: the test part of every window of every market.

Window after window is cut out of a market with the bars that warm the features up before it, and
played from its first test bar to its last. Policies are fixed (see `windows.py`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.lookup import resolve
from trading_env.backtesting.plans import Advance, Plan, named, play
from trading_env.backtesting.store import CellStore
from trading_env.backtesting.tables import episodes_frame
from trading_env.backtesting.windows import Walk, Window
from trading_env.core.errors import ConfigError
from trading_env.envs.world import WARMUP
from trading_env.markets import Market, load_market
from trading_env.markets.loading import MarketSpec
from trading_env.policies.adapters import PolicySpec

if TYPE_CHECKING:
    import pandas as pd

NO_WINDOWS = "POLICY: a problem has its own market, without windows: evaluate it"


def backtest(
    policies: Mapping[str, PolicySpec | str] | str,
    *,
    markets: Mapping[str, MarketSpec] | Sequence[str],
    windows: Walk | str,
    scenarios: Mapping[str, Any] | Sequence[str] = ("calm",),
    severities: Sequence[float] = (1.0,),
    episodes: int = 1,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    env: str | None = None,
    trust: bool = False,
    store: CellStore | None = None,
    advance: Advance | None = None,
) -> "pd.DataFrame":
    """Play every policy on the test part of every window of every market.

    Args:
        policies: as in `evaluate`.
        markets: names or paths of markets, or name -> anything `load_market` takes.
        windows: lengths in bars, or text as `Walk.read` takes it.
        scenarios: presets' names, or name -> anything the environment takes as a scenario.
        severities: 1 as written, 0 none.
        episodes: of each cell; they have the same bars and differ in what is drawn from the seed.
        seed: of the first episode.
        env_kwargs: arguments of the environment.
        env: "portfolio" (default) or "execution".
        trust: load policies that are pickled.
        store: keeps results by cell, so that a call that was killed can be continued.
        advance: called after each cell with whether it was played now.

    Returns:
        One row an episode: policy, market, scenario, severity, window, seed and `METRICS`.

    Raises:
        ValueError: an argument is invalid; MismatchError when an environment that was built is not
            the one that was asked for.
    """
    found = resolve(policies, env, trust=trust)
    if found.env_kwargs:
        raise ConfigError(NO_WINDOWS)
    slices = [
        cut
        for name, spec in named(markets).items()
        for cut in slices_of(name, load_market(spec, seed_band=None), windows)
    ]
    plan = Plan(
        policies=found.policies,
        scenarios=named(scenarios),
        slices=slices,
        severities=severities,
        episodes=episodes,
        seed=seed,
        env_kwargs=dict(env_kwargs or {}),
        env=found.env,
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
