"""Evaluate policies: from Python as a table, and into a run folder as the command line does.

Everything is checked before anything is played or written.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.engine import Engine
from trading_env.backtesting.lookup import Candidate, resolve
from trading_env.backtesting.plans import Plan, named
from trading_env.backtesting.playing import play
from trading_env.backtesting.references import with_mirrors
from trading_env.backtesting.run_folder import RunFolder
from trading_env.backtesting.runs import described, evaluated, market_name, markets_of, plan_of
from trading_env.backtesting.tables import KEYS, episodes_frame
from trading_env.backtesting.terms import UNSTATED, Terms
from trading_env.core.arguments import mapping
from trading_env.core.errors import ConfigError
from trading_env.envs.world import DEFAULT_LENGTH, EXECUTION_DEFAULTS, WARMUP
from trading_env.markets import load_market
from trading_env.markets.bars import bars_for
from trading_env.policies.adapters import PolicySpec
from trading_env.stress.scenario import preset_names

if TYPE_CHECKING:
    import pandas as pd

SEED = 1_000_000  # of the first episode, whatever the training's seed


def evaluate(
    policies: Mapping[str, PolicySpec | str] | str,
    *,
    scenarios: Mapping[str, Any] | Sequence[str],
    severities: Sequence[float] = (1.0,),
    episodes: int,
    seed: int,
    env_kwargs: Mapping[str, Any] | None = None,
    env: str | None = None,
    trust: bool = False,
    engine: Engine | None = None,
) -> "pd.DataFrame":
    """Play every policy in every scenario at every severity on the same seeds.

    Args:
        policies: name -> anything that `policies.adapters` takes, or a text as POLICY on the
            command line; or one such text, which comes with its ablation or with its problem's
            other policies.
        scenarios: presets' names, or name -> anything the environment takes as a scenario.
        severities: 1 as written, 0 none.
        episodes: of each cell, >= 1; episode k has seed `seed` + k.
        seed: of the first episode.
        env_kwargs: arguments of the environment, over those of the policies' problem; none of
            scenario, severity, lanes and what else is set here.
        env: "portfolio" (default) or "execution".
        trust: load policies that are pickled.
        engine: where cells run; with one, a cell that fails is rows of withheld metrics. Without
            one cells run here, and what a cell raises is raised.

    Returns:
        One row an episode: policy, scenario, severity, seed, `METRICS`, and why a metric is
        withheld, as JSON.

    Raises:
        ValueError: an argument is invalid; MismatchError when an environment that was built is not
            the one that was asked for.
    """
    found = resolve(policies, env, trust=trust)
    own = mapping("env_kwargs", {} if env_kwargs is None else env_kwargs)
    plan = Plan(
        policies=found.policies,
        scenarios=named("scenarios", scenarios),
        slices=[Slice("market", {})],
        severities=severities,
        episodes=episodes,
        seed=seed,
        env_kwargs={**found.env_kwargs, **own},
        env=found.env,
    )
    return episodes_frame(play(plan, engine=engine), KEYS)


def evaluate_policy(
    found: Candidate,
    *,
    scenarios: Mapping[str, Any] | None = None,
    severities: Sequence[float] = (1.0,),
    episodes: int = 64,
    seed: int = SEED,
    market: Any = None,
    band: str | None = None,
    length: int | None = None,
    beside: Sequence[str] | None = None,
    mirror: bool = False,
    terms: Terms = UNSTATED,
    folder: RunFolder | None = None,
    engine: Engine | None = None,
) -> dict[str, Any]:
    """Evaluate a policy under scenarios, beside others; return the summary.

    Args:
        found: the policy, and what comes with it.
        scenarios: name -> scenario; None takes all presets, or none for a problem.
        severities: 1 as written, 0 none.
        episodes: of each cell.
        seed: of the first episode.
        market: None takes the run's, or the task's default. A problem brings its own.
        band: part of the market; None is the test band.
        length: steps of an episode; None takes the task's usual length, or what the bars allow.
        beside: baselines' names; None takes constant answers, buy-and-hold and, where a scenario
            moves the price, `REFERENCES`.
        mirror: also play upside down each scenario that moves the price, as `NAME mirrored`.
        terms: of every account; those left out are what the policy's run was trained on.
        folder: where to write all of it.
        engine: where cells run; None is here, one after another.

    Raises:
        ValueError: an argument is invalid; nothing was played or written then.
    """
    settings = dict(found.env_kwargs)
    if settings:
        brought = {"market": market, "band": band, "length": length, **terms.options()}
        for name, given in brought.items():
            if given is not None:
                raise ConfigError(f"{name}: a problem brings its own")
        cut = {name: settings.pop(name) for name in ("market", "seed_band", "episode_length")}
    else:
        ((name, market),) = markets_of([] if market is None else [market], found).items()
        band = band or "test"
        length = found.length if length is None else length
        length = _length(name, market, found.env, band) if length is None else length
        cut = {"market": market, "seed_band": band, "episode_length": length}
    if scenarios is None:
        scenarios = named("scenarios", ["calm"] if settings else preset_names())
    settings = settings or found.terms.merged(terms).arguments(found.env)
    scenarios = with_mirrors(scenarios) if mirror else scenarios
    name, bars = market_name(cut["market"]), load_market(cut["market"], seed_band=cut["seed_band"])
    plan = plan_of(
        found, scenarios, [Slice(name, cut)], severities, episodes, seed, beside, settings
    )
    where = f"the {cut['seed_band']} band" if cut["seed_band"] else "the whole market"
    notes = [
        f"Means over {episodes} episodes of {cut['episode_length']} steps on {where}, the same "
        "seeds for every policy."
    ]
    if bars.paths == 1:
        notes.append(
            "Episodes are cut from one history and overlap: intervals speak of that history, not "
            "of years to come."
        )
    about = {"markets": {name: described(bars)}, "band": cut["seed_band"]}
    return evaluated(found, plan, notes, about, folder, engine or Engine())


def _length(name: str, market: Any, env: str, band: str) -> int:
    """Return the task's usual length of an episode, or what the bars allow."""
    usual = EXECUTION_DEFAULTS["episode_length"] if env == "execution" else DEFAULT_LENGTH
    bars = load_market(market, seed_band=band).bars
    if bars < WARMUP + 2:
        need = f"{WARMUP + 2} are needed, so about {bars_for(band, WARMUP + 2)} in all"
        reason = f"{bars} bars in the band {band!r}, {need}"
        raise ConfigError(f"market {name[-80:]}: {reason}")
    return min(int(usual), bars - WARMUP - 1)
