"""The counterfactual twin measures the account's own impact, and forks part where they differ."""

from typing import Any

import numpy as np
import pytest

from trading_env.backtesting.twin import first_difference, own_impact, replayed, twin_of
from trading_env.core.codes import Factor
from trading_env.core.records import Floats
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.single import TradingEnv
from trading_env.envs.trace import EpisodeTrace

MARKET = {"generator": "multiscale", "paths": 2, "bars": 200, "assets": 2}
ARGUMENTS: dict[str, Any] = {"market": MARKET, "episode_length": 40, "scenario": "price_shock"}


def played(env: TradingEnv, actions: Any) -> EpisodeTrace:
    """Play the second episode of a seed: its number is part of every draw's address."""
    env.reset(seed=5)
    env.reset()
    for action in actions:
        *_, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            break
    return env.trace


def actions(*, only_first: bool = False) -> Floats:
    drawn = np.random.default_rng(0).uniform(-1.0, 1.0, (40, 2))
    return drawn * [1.0, 0.0] if only_first else drawn


@pytest.fixture(scope="module", params=[PortfolioEnv, ExecutionEnv])
def trace(request: pytest.FixtureRequest) -> EpisodeTrace:
    return played(request.param(**ARGUMENTS, render_mode="ansi"), actions())


def test_a_recorded_episode_plays_again_to_the_bit(trace: EpisodeTrace) -> None:
    assert first_difference(trace, replayed(trace)) is None


def test_without_orders_the_price_is_what_the_undisturbed_one_was(trace: EpisodeTrace) -> None:
    twin = twin_of(trace)
    assert (twin.reports["traded"][:-1] == 0.0).all()  # a parent is completed in the last row
    assert np.abs(own_impact(trace)).max() > 0.01
    assert (own_impact(twin)[:-1] == 0.0).all()


@pytest.mark.parametrize("form", ["box", "dict"])
def test_an_account_that_sends_orders_has_a_twin_and_is_not_played_again(form: str) -> None:
    env = PortfolioEnv(**ARGUMENTS, action="orders", action_form=form, render_mode="ansi")
    env.action_space.seed(1)
    trace = played(env, [env.action_space.sample() for _ in range(40)])
    assert np.abs(own_impact(trace)).max() > 0.01
    assert (twin_of(trace).reports["traded"] == 0.0).all()
    with pytest.raises(ValueError, match="a trace keeps signals only"):
        replayed(trace)


def test_an_asset_that_was_not_traded_does_not_move() -> None:
    env = PortfolioEnv(**ARGUMENTS, render_mode="ansi")
    impact = own_impact(played(env, actions(only_first=True)))
    assert np.abs(impact[:, 0]).max() > 0.0
    assert (impact[:, 1] == 0.0).all()


def test_the_price_moves_with_the_first_fill_and_against_the_account() -> None:
    env = PortfolioEnv(**ARGUMENTS, render_mode="ansi")
    trace = played(env, actions(only_first=True))
    first = int((trace.reports["filled"][:, 0] != 0.0).argmax())
    impact = own_impact(trace)[:, 0]
    assert (impact[:first] == 0.0).all()
    assert np.sign(impact[first]) == np.sign(trace.reports["filled"][first, 0])


def test_twice_the_permanent_impact_moves_the_price_twice_as_far() -> None:
    base = PortfolioEnv(**ARGUMENTS, render_mode="ansi").setup.world.execution["permanent"][0]
    assert base > 0.0
    trace = played(PortfolioEnv(**ARGUMENTS, render_mode="ansi"), actions(only_first=True))
    setup = trace.setup
    execution = setup.world.execution.copy()
    execution["permanent"] *= 2.0
    fork = replayed(trace, setup._replace(world=setup.world._replace(execution=execution)))
    first = int((trace.reports["filled"][:, 0] != 0.0).argmax())
    assert fork.reports["filled"][first, 0] == trace.reports["filled"][first, 0]
    moved = [np.log1p(1e-4 * own_impact(t)[first, 0]) for t in (trace, fork)]
    assert moved[1] == pytest.approx(2.0 * moved[0], rel=1e-9)


@pytest.mark.parametrize(
    ("change", "field", "asset"),
    [
        ({"execution": {"half_spread_bps": 3.0}}, "price", "S1"),
        ({"execution": {"latency_ms": 9e6}}, "latency_s", "S1"),
        ({"risk": {"kelly_multiplier": 0.1}}, "wished_fraction", "S1"),
        ({"scenario": None}, "events.", "S1"),
        ({"severity": 0.5}, "events.", "S1"),
    ],
)
def test_a_fork_names_the_first_step_and_field_that_differ(
    change: dict[str, Any], field: str, asset: str
) -> None:
    trace = played(PortfolioEnv(**ARGUMENTS, render_mode="ansi"), actions())
    fork = replayed(trace, PortfolioEnv(**(ARGUMENTS | change)).setup)
    found = first_difference(trace, fork)
    assert found is not None
    assert found.field.startswith(field) and found.asset == asset
    assert found.first != found.second
    before = trace.reports[: found.step], fork.reports[: found.step]
    assert (before[0] == before[1]).all()


def test_a_shock_parts_the_runs_in_its_first_row() -> None:
    trace = played(PortfolioEnv(**ARGUMENTS, render_mode="ansi"), actions())
    calm = replayed(trace, PortfolioEnv(**(ARGUMENTS | {"scenario": None})).setup)
    found = first_difference(trace, calm)
    bent = (trace.stresses["factor"][..., Factor.SPREAD] != 1.0).any(axis=1)
    assert found is not None and found.step == int(bent.argmax()) > 0


def test_one_changed_action_parts_the_runs_where_it_was_taken() -> None:
    changed = actions()
    changed[17, 1] *= 0.5
    runs = [played(PortfolioEnv(**ARGUMENTS, render_mode="ansi"), a) for a in (actions(), changed)]
    found = first_difference(*runs)
    assert found is not None
    assert (found.step, found.asset, found.field) == (18, "S2", "signal")
    assert found.second == 0.5 * found.first


def test_a_run_that_only_ends_earlier_differs_in_its_rows() -> None:
    whole, part = (
        played(PortfolioEnv(**ARGUMENTS, render_mode="ansi"), actions()[:n]) for n in (40, 30)
    )
    assert first_difference(whole, part) == (31, "", "rows", 41.0, 31.0)


def test_a_fork_with_other_assets_or_fewer_bars_is_refused(trace: EpisodeTrace) -> None:
    other = PortfolioEnv(market=MARKET | {"assets": 3}, episode_length=40)
    with pytest.raises(ValueError, match="'S3'"):
        replayed(trace, other.setup)
    with pytest.raises(ValueError, match="runs of"):
        first_difference(trace, EpisodeTrace(other.setup))
    short = PortfolioEnv(market=MARKET | {"bars": 70}, episode_length=2, seed_band=None)
    with pytest.raises(ValueError, match="has no path"):
        replayed(trace, short.setup)
