"""How large each trap of `benchmarks/traps.py` is: the mistake made, and the figure without it.

Each function makes one mistake on so many paths and returns figures, the size of the mistake first.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.backtesting.cells import Slice
from trading_env.backtesting.intervals import counts_of, mean_interval
from trading_env.backtesting.metrics import METRICS
from trading_env.backtesting.playing import play
from trading_env.backtesting.references import with_mirrors
from trading_env.backtesting.tracks.benchmark import values_of
from trading_env.backtesting.tracks.entries import read_entries
from trading_env.backtesting.tracks.track import Band, load_tracks
from trading_env.envs.spaces import ObservationLayout
from trading_env.markets import Market, load_market
from trading_env.policies.adapters import PolicySpec
from trading_env.policies.baselines import linear_risk
from trading_env.policies.policy import Action, Info, Observation, Policy
from trading_env.policies.signal_rule import SignalRule
from trading_env.stress.crises import crises_alone

BOARD = Path(__file__).resolve().parent / "leaderboard.json"
SEED = 0  # of the bootstrap
FEW = 10  # paths of a small study
SIGNAL, NOISE, ORDERS = "weak-signal-v0", "zero-drift-v0", "adaptive-execution-v0"
AIMS, KEEPS = (0.03, 0.1, 0.25, 0.5), (0.0, 0.5, 1.0)  # of rules that follow the signal
TRENDS, STRENGTHS = ("return", "trend_5", "trend_20", "trend_60"), (-1.0, -0.3, 0.3, 1.0)
LOOK_BACK = 20  # bars
FALLS = ("black_monday_1987", "ltcm_1998", "gfc_2008", "august_2011", "covid_2020")
Values = NDArray[np.float64]
Figure = dict[str, Any]


class TrendRule(Policy):
    """Hold what a trend says, times a strength; a negative one bets on its end."""

    env_overrides = linear_risk(0.05)

    def __init__(self, layout: ObservationLayout, trend: str, strength: float) -> None:
        self.columns = layout.columns(trend)
        self.strength = strength

    def act(self, observation: Observation, info: Info) -> Action:
        """Return weights, shared out among the assets."""
        wanted = self.strength * observation[:, self.columns].astype(np.float64)
        return np.clip(wanted, -1.0, 1.0) / wanted.shape[1]


def following(aim: float, keep: float) -> PolicySpec:
    """Return a rule that follows the signal."""
    return lambda layout: SignalRule(layout, aim, keep)


def trending(trend: str, strength: float) -> PolicySpec:
    """Return a rule that follows a trend."""
    return lambda layout: TrendRule(layout, trend, strength)


def on_track(
    track: str,
    policies: Mapping[str, PolicySpec | None],
    episodes: int,
    *,
    metric: str = "",
    band: Band = "test",
    scenarios: Mapping[str, Any] | None = None,
    market: Market | None = None,
    costs: str = "default",
) -> dict[str, Values]:
    """Play policies on the paths of a track; return a metric by path, of scenarios the mean.

    Args:
        track: its id.
        policies: name -> policy; None takes the track's own of that name.
        episodes: of each scenario.
        metric: empty takes the track's.
        band: of the seeds and the paths.
        scenarios: in place of the track's.
        market: in place of the band of the track's.
        costs: preset of the execution engine.
    """
    known = load_tracks().tracks[track]
    plan = known.plan({n: known.named(n) if p is None else p for n, p in policies.items()},
                      band=band)  # fmt: skip
    own = {} if market is None else {"market": market, "seed_band": None}
    played = play(
        replace(
            plan,
            episodes=episodes,
            scenarios=plan.scenarios if scenarios is None else scenarios,
            slices=[Slice(each.market, {**each.arguments, **own}) for each in plan.slices],
            env_kwargs={**plan.env_kwargs, "execution": {"preset": costs}},
        )
    )
    return values_of(played, metric or known.metric)


def figure(what: str, unit: str, values: Values, scale: float = 1.0) -> Figure:
    """Return a mean with its interval; values that are not defined are left out."""
    found = mean_interval(scale * values, np.random.default_rng(SEED))
    assert found is not None
    return {"what": what, "unit": unit, "mean": found.mean, "interval": [found.low, found.high]}


def one_training(episodes: int) -> list[Figure]:
    """Compare the best of ten trainings with their mean, where every one has a figure."""
    found = []
    for entry in read_entries(BOARD):
        if len(entry.seeds) > 1 and all(row.mean is not None for row in entry.rows):
            track = load_tracks().tracks[entry.track]
            means = track.factor * np.array([row.mean for row in entry.rows])
            chosen = np.random.default_rng(SEED).integers(0, len(means), (5000, len(means)))
            drawn = track.sign * means[chosen]
            gain = drawn.max(axis=1) - drawn.mean(axis=1)
            signed = track.sign * means
            found.append(
                {
                    "what": f"`{entry.track}`: best of {len(means)} trainings over their mean",
                    "unit": METRICS[track.metric].title.removeprefix("parent cost "),
                    "mean": float(signed.max() - signed.mean()),
                    "interval": np.quantile(gain, [0.025, 0.975]).tolist(),
                }
            )
    return found


def one_path(episodes: int) -> list[Figure]:
    """Count on how many paths the worse policy looks better."""
    found = on_track(SIGNAL, {"signal_rule": None, "buy_and_hold": None}, episodes)
    gap = found["buy_and_hold"] - found["signal_rule"]
    groups = gap[: len(gap) // FEW * FEW].reshape(-1, FEW).mean(axis=1)
    lead = figure("`signal_rule` over `buy_and_hold`, all paths", "Sharpe", -gap)
    one = figure("paths on which `buy_and_hold` is the better", "%", (gap > 0.0) * 1.0, 100.0)
    if len(groups) < FEW:
        return [one, lead]
    ten = figure(f"means of {FEW} paths on which it is", "%", (groups > 0.0) * 1.0, 100.0)
    return [one, ten, lead]


def no_costs(episodes: int) -> list[Figure]:
    """Tune and score without costs; play the same rule with them."""
    rules = {f"{aim} {keep}": following(aim, keep) for aim, keep in product(AIMS, KEEPS)}
    chosen = {}
    for costs in ("zero", "default"):
        tried = on_track(SIGNAL, rules, episodes, band="validation", costs=costs)
        chosen[costs] = max(tried, key=lambda name, tried=tried: np.nanmean(tried[name]))
    claimed = on_track(SIGNAL, {"rule": rules[chosen["zero"]]}, episodes, costs="zero")["rule"]
    paid = on_track(SIGNAL, {name: rules[name] for name in set(chosen.values())}, episodes)
    free, aware = paid[chosen["zero"]], paid[chosen["default"]]
    return [
        figure("claimed without costs, less the same rule with them", "Sharpe", claimed - free),
        figure("tuned with costs, less tuned without, both with costs", "Sharpe", aware - free),
        figure("claimed without costs", "Sharpe", claimed),
    ]


def trend_market(shift: int) -> Market:
    """Return the paths of the signal's track with the way of the last bars as their signal.

    Args:
        shift: bars by which the signal is early: with 1, decision k sees the close of bar k + 1.
    """
    market = load_market(load_tracks().tracks[SIGNAL].arguments["market"], seed_band="test")
    past = np.sign(market.close[:, LOOK_BACK:] - market.close[:, :-LOOK_BACK])
    signals = np.zeros((*market.close.shape, 1))
    signals[:, LOOK_BACK - shift : market.bars - shift, :, 0] = past
    return replace(market, signals=signals, signal_names=("signal_trend",))


def look_ahead(episodes: int) -> list[Figure]:
    """Join a signal one row too early."""
    rule = {"rule": following(1.0, 0.0)}
    sound, early = (
        on_track(SIGNAL, rule, episodes, market=trend_market(shift))["rule"] for shift in (0, 1)
    )
    return [
        figure("trend joined one bar early, less the same trend", "Sharpe", early - sound),
        figure("the same trend, as it is known", "Sharpe", sound),
    ]


def tuned_on_test(episodes: int) -> list[Figure]:
    """Choose among rules on the path that is shown, where nothing is there to earn."""
    rules = {f"{t} {s}": trending(t, s) for t, s in product(TRENDS, STRENGTHS)}
    test, other = (
        np.stack(list(on_track(NOISE, rules, episodes, metric="sharpe", band=band).values()))
        for band in ("test", "validation")
    )
    honest = np.take_along_axis(test, other.argmax(axis=0)[None], axis=0)[0]
    best = test.max(axis=0)
    count = len(rules)
    return [
        figure(
            f"best of {count} on the test path, less chosen on another", "Sharpe", best - honest
        ),
        figure(f"best of {count} on the test path", "Sharpe", best),
        figure("chosen on a validation path", "Sharpe", honest),
    ]


def known_preset(episodes: int) -> list[Figure]:
    """Be short in crashes that history had, and in their mirror images."""
    short = {"always_short": None}
    shown, mirror = (
        on_track(SIGNAL, short, episodes, metric="return", scenarios=scenarios)["always_short"]
        for scenarios in (
            {name: name for name in FALLS},
            {f"{n} mirrored": with_mirrors({n: n})[f"{n} mirrored"] for n in FALLS},
        )
    )
    knowledge = 0.5 * (shown - mirror)
    count = len(FALLS)
    return [
        figure(f"`always_short` in {count} crashes, less the mean of both ways", "return %",
               knowledge, 100.0),
        figure("`always_short` in the crashes as history had them", "return %", shown, 100.0),
        figure("the same, upside down", "return %", mirror, 100.0),
    ]  # fmt: skip


def luck(episodes: int) -> list[Figure]:
    """Compare two schedules with the market's own moves and without."""
    differences = []
    for metric in ("parent_shortfall_bps", "parent_cost_bps"):
        found = on_track(ORDERS, {"patience": None, "twap": None}, episodes, metric=metric,
                         scenarios={"calm": None})  # fmt: skip
        differences.append(found["patience"] - found["twap"])
    raw, free = differences
    weights = counts_of(np.random.default_rng(SEED), len(raw))
    drawn = [weights @ each**2 - (weights @ each) ** 2 for each in differences]
    return [
        {
            "what": "episodes that the raw figure needs for each of the luck-free",
            "unit": "times",
            "mean": float(raw.var() / free.var()),
            "interval": np.quantile(drawn[0] / drawn[1], [0.025, 0.975]).tolist(),
        },
        figure("`patience` less `twap`, raw shortfall", "bps", raw),
        figure("`patience` less `twap`, without luck", "bps", free),
    ]


def one_crisis(episodes: int) -> list[Figure]:
    """Compare waiting with trading at once, crisis by crisis; half of the paths choose which."""
    alone, groups = crises_alone(load_tracks().tracks[ORDERS].arguments["episode_length"])
    half = episodes // 2
    chosen, gaps = {}, {}
    for name in (n for group, names in groups.items() if "crises" in group for n in names):
        found = on_track(
            ORDERS, {"patience": None, "immediate": None}, episodes, scenarios={name: alone[name]}
        )
        saved = found["immediate"] - found["patience"]
        chosen[name], gaps[name] = float(saved[:half].mean()), saved[half:]
    best, worst = max(chosen, key=lambda n: chosen[n]), min(chosen, key=lambda n: chosen[n])
    spread = gaps[best] - gaps[worst]
    return [
        figure(f"saved by waiting: best crisis of {len(gaps)}, less the worst", "bps", spread),
        figure(f"saved in the best, {best}", "bps", gaps[best]),
        figure(f"saved in the worst, {worst}", "bps", gaps[worst]),
        figure("saved over all of them", "bps", np.mean(list(gaps.values()), axis=0)),
    ]
