"""Tracks are frozen, their bands apart, and a policy gets what its track shows."""

import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from tests.lanes import quick_first
from tests.tracks.golden import FILE, play
from trading_env.backtesting.aggregates import Estimate
from trading_env.backtesting.cells import ask
from trading_env.backtesting.tracks.benchmark import baselines_of, contestant_of, play_track
from trading_env.backtesting.tracks.controls import Shuffled
from trading_env.backtesting.tracks.standings import standings
from trading_env.backtesting.tracks.track import Entrant, Track, load_tracks
from trading_env.core.errors import ConfigError
from trading_env.core.files import jsonable, platform_name
from trading_env.envs.vector import ExecutionVectorEnv
from trading_env.markets.bars import BANDS
from trading_env.policies import load
from trading_env.policies.adapters import build_policy
from trading_env.policies.policy import Policy, make_envs

TRACKS = load_tracks().tracks
RECORDED = json.loads(FILE.read_text(encoding="utf-8"))
EXACT = ("almgren-chriss-v0", "obizhaeva-wang-v0")
DRAWN = [name for name, track in TRACKS.items() if not track.windows and name not in EXACT]


def shorter(name: str, episodes: int = 8) -> Track:
    return TRACKS[name].model_copy(update={"episodes": episodes})


def test_the_file_is_the_one_whose_digests_were_recorded() -> None:
    assert load_tracks().sha256 == RECORDED["tracks_sha256"]
    assert list(TRACKS) == list(RECORDED["digests"])


@pytest.mark.skipif(RECORDED["platform"] != platform_name(), reason="recorded on another platform")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in EXACT else pytest.mark.proof) for n in TRACKS]
)
def test_a_traded_rollout_on_a_track_is_played_again_to_the_bit(name: str) -> None:
    found, recorded = play(TRACKS[name]), RECORDED["digests"][name]
    assert recorded["fills"] > 0
    if found["market"] != recorded["market"]:
        pytest.skip("the market itself depends on this processor's exponential function")
    assert found == recorded


@pytest.mark.parametrize("name", quick_first(DRAWN))
def test_training_validation_and_test_have_other_paths(name: str) -> None:
    arguments = [TRACKS[name].env_kwargs(band) for band in BANDS]
    for one, other in combinations(arguments, 2):
        apart = ["seed_band", "market"]
        assert any(jsonable(one[key]) != jsonable(other[key]) for key in apart)


@pytest.mark.parametrize("name", quick_first(TRACKS))
def test_every_policy_that_a_track_names_plays_it(name: str) -> None:
    track = TRACKS[name]
    plan = track.plan({policy: track.named(policy) for policy in track.baselines})
    layout = ask(None, plan.env, plan.common(plan.slices[0])).layout
    for spec in plan.policies.values():
        build_policy(spec, layout)
    assert {track.zero, track.reference, "shuffled"} <= set(plan.policies)


class Nosy(Policy):
    """Keeps what it is told."""

    def __init__(self, **overrides: Any) -> None:
        self.env_overrides = overrides
        self.told: list[Any] = []

    def act(self, observation: Any, info: Any) -> Any:
        self.told.append(dict(info))
        return np.zeros((len(observation), 5))


@pytest.mark.proof
def test_info_is_empty_where_a_track_shows_the_observation_alone() -> None:
    for name, is_told in (("weak-signal-v0", False), ("garleanu-pedersen-5-v0", True)):
        track, nosy = shorter(name, 1), Nosy()
        plan = track.plan({"nosy": nosy})
        common = {**plan.common(plan.slices[0]), "detail": "full"}
        made = build_policy(plan.policies["nosy"], ask(None, plan.env, common).layout)
        envs = make_envs(made, 1, common)
        observation, info = envs.reset(seed=1)
        assert "position" in info
        made.act(observation, info)
        assert ("position" in nosy.told[0]) == is_told


def test_a_policy_brings_what_its_track_allows_and_nothing_else() -> None:
    assert Entrant(Nosy(risk={}), TRACKS["weak-signal-v0"]).env_overrides == {"risk": {}}
    with pytest.raises(ConfigError, match=r"ritter-v0: the policy brings 'risk'.*allows nothing"):
        Entrant(Nosy(risk={}), TRACKS["ritter-v0"])
    with pytest.raises(ConfigError, match=r"brings 'account'.*allows only risk"):
        Entrant(Nosy(account={}), TRACKS["weak-signal-v0"])


def test_a_shuffled_policy_sees_what_was_shown_earlier_in_some_lane() -> None:
    seen: list[Any] = []

    def look(observation: Any, info: Any) -> Any:
        seen.append(observation)
        return np.zeros((len(observation), 1))

    shuffled = Shuffled(build_policy(look, ExecutionVectorEnv(1).layout))
    shuffled.reset(3)
    for step in range(20):
        shuffled.act(np.array([[10.0 * step + lane] for lane in range(3)]), {})
    assert sorted(seen[0].ravel()) == [0.0, 1.0, 2.0]
    lanes = [set((each % 10.0).ravel()) for each in seen]
    assert all(each == {0.0, 1.0, 2.0} for each in lanes)
    assert all(each.max() < 10.0 * (step + 1) for step, each in enumerate(seen))
    assert any(each.max() < 10.0 * step for step, each in enumerate(seen))


@pytest.mark.parametrize("name", EXACT)
def test_controls_rank_below_the_reference(name: str) -> None:
    track = shorter(name)
    found = standings(play_track(track, baselines_of(track)))
    assert found[track.reference].rank == 1
    assert found[track.reference].score == Estimate(1.0, 1.0, 1.0)
    assert found[track.reference].headline == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    for control in ("random", "twap", "immediate", "shuffled"):
        standing = found[control]
        assert standing.rank > 1 and standing.headline is not None
        assert standing.headline.low > 0.0


@pytest.mark.proof
def test_regret_is_that_of_the_closed_form() -> None:
    track = shorter("almgren-chriss-v0")
    assert track.made is not None
    found = standings(play_track(track, baselines_of(track)))
    for name in ("twap", "immediate"):
        regret = track.made.reference_values[name] / track.made.optimal_value - 1.0
        assert found[name].headline is not None
        assert found[name].headline.value == pytest.approx(100.0 * regret, abs=1e-3)


@pytest.mark.parametrize("name", ["adaptive-execution-v0", "weak-signal-v0"])
def test_a_policy_that_comes_with_the_package_plays_its_track(name: str) -> None:
    plan = shorter(name, 1).plan({"trained": load(name)})
    common = plan.common(plan.slices[0])
    layout = ask(None, plan.env, common).layout
    made = build_policy(plan.policies["trained"], layout)
    envs = make_envs(made, 2, common, env=plan.env)
    observation, _ = envs.reset(seed=1)
    actions = made.act(observation, {})
    assert actions.shape == (2, len(layout.symbols))
    assert np.isfinite(actions).all()


def test_a_policy_that_does_not_come_with_it_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="did you mean 'adaptive-execution-v0'"):
        load("adaptive-execution")
    with pytest.raises(ValueError, match="POLICY 'momentun'"):
        contestant_of("momentun", TRACKS["weak-signal-v0"])
