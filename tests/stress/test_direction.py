"""No scenario that draws its moves tells where the price goes, and any can be played upside down.

Without costs on a market without drift a constant side has nothing to earn: always long and always
short end alike. What is measured is the profit over initial equity, in linear sizing and under the
environment's own risk manager with its stops.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import an_event, flat
from tests.kept import stress_assets
from tests.lanes import Watched
from trading_env.core.errors import ScenarioError
from trading_env.core.records import Stress, new_table
from trading_env.core.values import Address
from trading_env.envs.world import WARMUP
from trading_env.step.start import NEVER, start_of
from trading_env.stress.composition import Script, excursion
from trading_env.stress.event_table import Compiled, compile_scenarios
from trading_env.stress.scenario import (
    Scenario,
    load_preset,
    merged,
    mirrored,
    moves_price,
    preset_names,
)

DAILY = {"bar_seconds": 86_400.0, "bars_per_day": 1.0, "length": 60}
HOURLY = {"bar_seconds": 3_600.0, "bars_per_day": 24.0, "length": 60}
MINUTE = {"bar_seconds": 60.0, "bars_per_day": 390.0, "length": 60}
FAMILIES = ("random_train", "random_test")
GAP = {"kind": "price", "shape": "gap", "move": -0.2, "start": ["0%", "100%"], "chance": 0.8}
CRASH = {
    **{"kind": "price", "shape": "crash_and_retrace", "move": -0.3, "start": "2 bars"},
    **{"duration": "3 bars", "retrace": 0.5, "recovery": "2.5 bars"},
}
RISKS: dict[str, dict[str, Any]] = {
    "linear": {"preset": "linear", "max_weight": 0.4, "participation_bars": 1e9},
    "own": {},
}
MOVES = ("gap", "drift", "low_excursion", "high_excursion")


def inline(*events: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "mine", "events": list(events), **keys}


def compiled(spec: Any, severity: float = 1.0, market: dict[str, float] = DAILY) -> Compiled:
    return compile_scenarios(spec, severity=severity, symbols=("A",), **market)


def stress_at(got: Compiled, step: int, episode: int = 0) -> Any:
    """Give what the events do to a bar when each starts as early as it may."""
    stresses = new_table(Stress, 1)
    starts = got.events["earliest"].astype(np.int64)
    script = Script(got.events, got.ends, got.hits, starts)
    stress_assets(stresses, script, Address(np.uint64(3), episode, step, 0))
    return flat(stresses[0])


def gains(side: float, spec: Any, episodes: int, risk: str = "linear", seed: int = 0) -> Any:
    """Profit over initial equity of holding one side, one episode a lane."""
    length = int(DAILY["length"])
    paths = {"paths": episodes, "bars": WARMUP + length + 1, "assets": 1, "seed": 11}
    envs = Watched(
        episodes,
        market={"generator": "gbm", "volatility": 0.01, **paths},
        scenario=spec,
        execution={"preset": "zero", "participation_cap": 1.0},
        risk={**RISKS[risk], "max_drawdown": 1.0},
        account={
            "account_share": 1e-3,
            "cash_rate": 0.0,
            "margin_rate": 0.0,
            "borrow_rate": 0.0,
            "maintenance_margin": 0.0,
        },
        episode_length=length,
        seed_band=None,
    )
    envs.reset(seed=seed)
    for _ in range(length):
        envs.step(np.full((episodes, 1), side))
    accounts = envs.batch.lanes.accounts
    return accounts["equity"] / accounts["initial_equity"] - 1.0


def edge_of_a_side(spec: Any, episodes: int, risk: str) -> float:
    """What always long earns over always short, in standard errors of the paired difference."""
    apart = gains(1.0, spec, episodes, risk) - gains(-1.0, spec, episodes, risk)
    # Lanes draw their paths from a pool as large as their number, which is two samplings.
    return float(apart.mean() / (apart.std() * math.sqrt(2.0 / episodes)))


# --------------------------------------------------------------------------- no side is better


def test_a_constant_side_earns_nothing_by_a_drawn_move_and_all_by_a_written_one() -> None:
    drawn = {**GAP, "sign": "drawn"}
    assert abs(edge_of_a_side(inline(drawn), 1_000, "linear")) < 3.0
    assert edge_of_a_side(inline(GAP), 1_000, "linear") < -10.0
    assert edge_of_a_side(inline(GAP, mirror=True), 1_000, "linear") > 10.0


@pytest.mark.proof
@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_always_long_and_always_short_score_the_same_in_the_random_families(
    family: str, risk: str
) -> None:
    assert abs(edge_of_a_side(family, 10_000, risk)) < 3.0


@pytest.mark.proof
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_whose_moves_keep_their_sign_is_told_from_one_that_draws_it(family: str) -> None:
    scenario = load_preset(family)
    events = [
        event.model_copy(update={"sign": "as_written"}) if event.kind == "price" else event
        for event in scenario.events
    ]
    leaking = scenario.model_copy(update={"events": tuple(events)})
    assert edge_of_a_side(leaking, 4_000, "linear") > 10.0
    assert edge_of_a_side(mirrored(leaking), 4_000, "linear") < -10.0


@given(
    st.floats(-0.9, 0.9),
    st.floats(0.0, 4.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 3.0),
    st.sampled_from([0.0, 0.4]),
)
def test_both_sides_of_a_drawn_move_are_mirror_images_in_price_at_every_moment(
    size: float, duration: float, retrace: float, recovery: float, offset: float
) -> None:
    """Their mean is the price without the event: by how much one side gains the other loses."""
    log = math.log1p(-abs(size))
    event = an_event(move=log, duration=duration, retrace=retrace, recovery=recovery, sign=1)
    down, up = 0.0, 0.0
    for t in np.arange(9) - offset:
        sides = [excursion(event, log, float(t), is_up) for is_up in (False, True)]
        opens = [np.exp(base + side[0]) for base, side in zip((down, up), sides, strict=True)]
        assert sum(opens) == pytest.approx(2.0, rel=1e-12)
        lows = [opened * np.exp(side[2]) for opened, side in zip(opens, sides, strict=True)]
        highs = [opened * np.exp(side[3]) for opened, side in zip(opens, sides, strict=True)]
        assert lows[0] + highs[1] == pytest.approx(2.0, rel=1e-12)
        assert lows[1] + highs[0] == pytest.approx(2.0, rel=1e-12)
        down, up = (base + side[0] + side[1] for base, side in zip((down, up), sides, strict=True))
        assert math.exp(down) + math.exp(up) == pytest.approx(2.0, rel=1e-12)


def test_each_side_is_drawn_in_half_of_the_episodes_and_a_label_shares_it() -> None:
    gap = {**GAP, "start": "0 bars", "sign": "drawn"}
    got = compiled(inline({**gap, "label": "a"}, {**gap, "label": "a"}, {**gap, "label": "b"}))
    sides = []
    for episode in range(300):
        gaps = []
        for k in range(3):
            rest = Compiled(got.events[[k]], got.ends[[k]], got.hits[[k]], 1, got.scenarios)
            gaps.append(stress_at(rest, 0, episode).gap)
        assert all(math.expm1(gap) == pytest.approx(math.copysign(0.2, gap)) for gap in gaps)
        assert gaps[0] == gaps[1]
        sides.append((gaps[0] > 0.0, gaps[2] > 0.0))
    noise = 4.0 * math.sqrt(0.25 / 300)
    assert np.mean(sides, axis=0) == pytest.approx([0.5, 0.5], abs=noise)
    assert np.mean([a == b for a, b in sides]) == pytest.approx(0.5, abs=noise)


# --------------------------------------------------------------------------- when and how large


@pytest.mark.parametrize("family", FAMILIES)
def test_events_of_a_family_begin_over_the_whole_episode_or_not_at_all(family: str) -> None:
    got = compiled(family)
    moves = [event for event in got.events if event.move != 0.0]
    assert (got.events["chance"] < 1.0).all() and len(moves) >= 3
    steps = np.array([[start_of(e, 0, np.uint64(k), 0) for e in moves] for k in range(3_000)])
    last = int(DAILY["length"])
    assert ((steps == NEVER) | (steps <= last)).all()
    none = (steps == NEVER).all(axis=1).mean()
    assert none == pytest.approx(np.prod([1.0 - e.chance for e in moves]), abs=0.04)
    assert none > 0.2
    for event, column in zip(moves, steps.T, strict=True):
        begun = column[column != NEVER]
        shares = np.bincount((begun - event.earliest) * 6 // last, minlength=6) / len(begun)
        assert shares == pytest.approx(np.full(6, 1 / 6), abs=0.06)  # 4 x 0.37 / sqrt(600)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_s_moves_are_those_of_a_day_and_shrink_with_the_bar_as_its_volatility_does(
    family: str,
) -> None:
    daily, hourly, minute = (compiled(family, market=m) for m in (DAILY, HOURLY, MINUTE))
    largest = {"random_train": 0.15, "random_test": 0.35}[family]
    assert -np.expm1(daily.ends["move"].min()) == pytest.approx(largest)
    for got, bars in ((hourly, 24.0), (minute, 390.0)):
        for ours, theirs in ((got.events, daily.events), (got.ends, daily.ends)):
            np.testing.assert_allclose(ours["move"] * math.sqrt(bars), theirs["move"], rtol=1e-12)
    assert -np.expm1(minute.ends["move"].min()) < 0.025
    week = {"bar_seconds": 432_000.0, "bars_per_day": 0.2, "length": 60}
    assert (compiled(family, market=week).events["move"] == daily.events["move"]).all()


# --------------------------------------------------------------------------- upside down

CRISES = [name for name in preset_names() if moves_price(name)]


@pytest.mark.parametrize("name", CRISES)
def test_a_mirrored_preset_moves_the_log_price_the_other_way_and_is_the_same_in_all_else(
    name: str,
) -> None:
    market = {**DAILY, "length": 252}
    here, there = (compiled(spec, market=market) for spec in (name, mirrored(name)))
    differ = [n for n in here.events.dtype.names if (here.events[n] != there.events[n]).any()]
    assert set(differ) <= {"move", "sign"} and differ
    for step in range(0, 252, 3):
        one, other = (vars(stress_at(got, step)) for got in (here, there))
        if not name.startswith("random"):
            assert [other[key] for key in MOVES] == pytest.approx(
                [-one[key] for key in ("gap", "drift", "high_excursion", "low_excursion")],
                abs=1e-15,
            )
        assert {k: v for k, v in one.items() if k not in MOVES} == {
            k: v for k, v in other.items() if k not in MOVES
        }


@pytest.mark.parametrize("name", CRISES)
def test_mirrored_twice_is_as_written_and_at_severity_0_there_is_nothing_to_mirror(
    name: str,
) -> None:
    assert (compiled(mirrored(mirrored(name))).events == compiled(name).events).all()
    still = compiled(mirrored(name), severity=0.0).events
    assert not still["move"].any() and not np.signbit(still["move"]).any()


def test_the_mirror_image_of_an_episode_earns_one_side_what_the_episode_earned_the_other() -> None:
    """Paired: with the same seeds only the side of the drawn moves differs."""
    spec = inline({**GAP, "sign": "drawn", "chance": 1.0})
    base = gains(1.0, None, 400)
    here, there = (gains(1.0, each, 400) - base for each in (spec, mirrored(spec)))
    assert (np.sign(here) == -np.sign(there)).all()
    assert 0.3 < (here > 0.0).mean() < 0.7
    # 0.4 of equity, as often 20% up as down; before the last bar what follows compounds.
    np.testing.assert_allclose(here + there, 0.0, atol=0.02)


def test_mirror_is_said_in_a_file_of_a_preset_of_a_list_and_of_groups() -> None:
    down = compiled(inline(CRASH)).events["move"]
    ways: list[Any] = [
        inline(CRASH, mirror=True),
        inline({**CRASH, "mirror": True}),
        mirrored(inline(CRASH)),
        mirrored([inline(CRASH)]),
        mirrored({"one_of": [inline(CRASH)]}),
        mirrored(Scenario.read(inline(CRASH))),
        merged([Scenario.read(inline(CRASH, mirror=True)), load_preset("bad_data")]),
    ]
    for spec in ways:
        assert compiled(spec).events["move"][0] == -down[0] > 0.0
    assert (compiled(inline({**CRASH, "mirror": True}, mirror=True)).events["move"] == down).all()
    assert mirrored(None) is None
    for spec in ("random", "flash_crash_2010"):
        assert mirrored(spec) == {"preset": spec, "mirror": True}
        assert compiled({"preset": spec}).events.tobytes() == compiled(spec).events.tobytes()
    hashes = {compiled(spec).scenarios[0].sha256 for spec in ("chf_2015", mirrored("chf_2015"))}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"preset": "chf_2015", "mirror": 1}, "mirror = 1: must be true or false"),
        ({"preset": "chf_2051"}, "did you mean 'chf_2015'?"),
        ({"preset": 3}, "preset = 3: must be a preset's name or a path"),
        ({"preset": "chf_2015", "severity": 2.0}, "severity: beside 'preset' stands only"),
        (inline(GAP, mirror="yes"), "mirror"),
        (inline({**GAP, "sign": "up"}), "events[0].sign"),
        (inline({**GAP, "move": 1.5, "sign": "drawn"}), "lies between -1 and 1"),
        (inline({**GAP, "scale": "hour"}), "events[0].scale"),
    ],
)
def test_a_wrong_mirror_sign_or_scale_is_one_line(spec: Any, reason: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        compiled(spec)
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
