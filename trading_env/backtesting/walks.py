"""Walk-forward backtests: the test part of every window of every market.

Window after window is cut out of a market with the bars that warm the features up before it, and
played from its first test bar to its last. Policies are fixed (see `windows.py`).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.engine import Engine
from trading_env.backtesting.evaluation import SEED
from trading_env.backtesting.lookup import Candidate, resolve
from trading_env.backtesting.own_signals import SignalFit, with_signals
from trading_env.backtesting.plans import Plan, named
from trading_env.backtesting.playing import Advance, play
from trading_env.backtesting.references import with_mirrors
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.runs import described, evaluated, markets_of, plan_of
from trading_env.backtesting.store import CellStore
from trading_env.backtesting.tables import episodes_frame
from trading_env.backtesting.terms import UNSTATED, Terms
from trading_env.backtesting.windows import Walk, Window
from trading_env.core.arguments import mapping
from trading_env.core.errors import ConfigError, shown
from trading_env.envs.look_back import Past
from trading_env.markets import Market, load_market
from trading_env.markets.bars import TRAIN_SHARE, VALIDATION_SHARE
from trading_env.markets.loading import MarketSpec, is_generated
from trading_env.markets.reading.times import iso
from trading_env.policies.adapters import PolicySpec

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_WINDOWS = "train=504d,test=126d,purge=5d,embargo=5d"
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
    signals: SignalFit | None = None,
    engine: Engine | None = None,
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
        env_kwargs: arguments of the environment; none of market, seed_band, episode_length,
            scenario, severity, lanes and what else is set here.
        env: "portfolio" (default) or "execution".
        trust: load policies that are pickled.
        store: keeps results by cell, so that a call that was killed can be continued.
        advance: called after each cell with whether it was played now.
        signals: fits signals of its own in each window (see `own_signals.py`).
        engine: where cells run, as in `evaluate`.

    Returns:
        One row an episode: policy, market, scenario, severity, window, seed and `METRICS`.

    Raises:
        ValueError: an argument is invalid; MismatchError when an environment that was built is not
            the one that was asked for.
    """
    found = resolve(policies, env, trust=trust)
    if found.env_kwargs:
        raise ConfigError(NO_WINDOWS)
    if store is not None and not isinstance(store, CellStore):
        raise ConfigError(f"store = {shown(store)}: give a CellStore")
    if advance is not None and not callable(advance):
        raise ConfigError(f"advance = {shown(advance)}: give a function of one argument")
    own = mapping("env_kwargs", {} if env_kwargs is None else env_kwargs)
    slices = [
        cut
        for name, spec in named("markets", markets).items()
        for cut in slices_of(name, load_market(spec, seed_band=None), windows, own, signals)
    ]
    plan = Plan(
        policies=found.policies,
        scenarios=named("scenarios", scenarios),
        slices=slices,
        severities=severities,
        episodes=episodes,
        seed=seed,
        env_kwargs=own,
        env=found.env,
    )
    return episodes_frame(play(plan, store=store, advance=advance, engine=engine))


def backtest_policy(
    found: Candidate,
    *,
    markets: Sequence[Any] = (),
    windows: str = DEFAULT_WINDOWS,
    scenarios: Mapping[str, Any],
    severities: Sequence[float] = (1.0,),
    episodes: int = 8,
    seed: int = SEED,
    mirror: bool = False,
    terms: Terms = UNSTATED,
    folder: RunFolder | None = None,
    engine: Engine | None = None,
) -> dict[str, Any]:
    """Evaluate a policy on walk-forward windows, as `evaluate_policy` does under scenarios."""
    if found.env_kwargs:
        raise ConfigError(NO_WINDOWS)
    slices: list[Slice] = []
    bars = {}
    specs = markets_of(markets, found)
    for name, spec in specs.items():
        bars[name] = load_market(spec, seed_band=None)
        slices += slices_of(name, bars[name], windows)
    scenarios = with_mirrors(scenarios) if mirror else scenarios
    settings = found.terms.merged(terms).arguments(found.env)
    plan = plan_of(found, scenarios, slices, severities, episodes, seed, None, settings)
    played = [_window(cut, bars[cut.market], specs[cut.market], found) for cut in slices]
    notes = [
        f"Means over {len(played)} test windows, {episodes} episodes of each; no policy is fitted "
        "to a window."
    ]
    if any(_overlap(here, after) for here, after in pairwise(slices)):
        notes.append("Test windows overlap: their episodes are not independent.")
    if any(window["sample"] != "out of sample" for window in played):
        notes.append(f"{found.name} was trained on bars that some windows test it on.")
    about = {"markets": {name: described(each) for name, each in bars.items()}, "windows": played}
    return evaluated(found, plan, notes, about, folder, engine or Engine())


def _overlap(here: Slice, after: Slice) -> bool:
    """Tell whether two neighbouring windows of one market share test bars."""
    if here.market != after.market or here.window is None or after.window is None:
        return False
    return after.window.test_start < here.window.test_stop


def _window(cut: Slice, market: Market, spec: Any, found: Candidate) -> dict[str, Any]:
    """Describe a window, and whether training may have seen its test bars.

    It may have where it learned on the same symbols until later than the test begins. What a
    generator makes for training is in no other pool.
    """
    window = cut.window
    assert window is not None
    stamps = {
        part: [iso(market.time[start]), iso(market.time[stop - 1])]
        for part, start, stop in (
            ("train", window.train_start, window.train_stop),
            ("test", window.test_start, window.test_stop),
        )
    }
    sample = "out of sample"
    if found.market is not None and not is_generated(found.market) and not is_generated(spec):
        learnt = load_market(found.market, seed_band=None)
        seen = int((TRAIN_SHARE + VALIDATION_SHARE) * learnt.bars)
        is_later = market.time[window.test_start] > learnt.time[seen - 1]
        if set(market.symbols) & set(learnt.symbols) and not is_later:
            sample = "in sample"
    return {"market": cut.market, **window._asdict(), **stamps, "sample": sample}


def slices_of(
    name: str,
    market: Market,
    windows: Walk | str,
    env_kwargs: Mapping[str, Any] | None = None,
    signals: SignalFit | None = None,
) -> list[Slice]:
    """Cut every window's test part, with its warm-up, out of a whole market.

    Raises:
        ConfigError: the lengths make no window in it, or its signals cannot be made.
    """
    walk = windows if isinstance(windows, Walk) else Walk.read(windows, market.bars_per_day)
    own = env_kwargs or {}
    warmup = Past.of(own.get("window"), own.get("frames"), market).warmup(market)
    found = []
    for window in walk.windows(market.bars, warmup):
        first = window.test_start - warmup
        cut = market.slice_bars(first, window.test_stop)
        if signals is not None:
            train = market.slice_bars(window.train_start, window.train_stop)
            cut = with_signals(signals, train, cut)
        found.append(_slice(name, cut, window))
    return found


def _slice(name: str, cut: Market, window: Window) -> Slice:
    """The first decision is taken at the close of the first test bar, the last fill in the last."""
    length = window.test_stop - window.test_start - 1
    return Slice(name, {"market": cut, "seed_band": None, "episode_length": length}, window)
