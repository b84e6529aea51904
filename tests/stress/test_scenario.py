"""Scenarios: what is written is what the kernels get, scaled by severity, or one clear line.

Over 300 lines because every way to write a scenario wrongly is a row of one table.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import flat
from tests.kept import stress_assets
from trading_env.core.codes import Factor, Fault, names_of
from trading_env.core.errors import ScenarioError
from trading_env.core.records import Stress, new_table
from trading_env.core.values import Address
from trading_env.stress.composition import NEUTRAL, Script
from trading_env.stress.event_table import Compiled, compile_scenarios
from trading_env.stress.scenario import (
    Scenario,
    ScenarioSpec,
    load_file,
    load_preset,
    preset_names,
)
from trading_env.stress.times import Clock

ROOT = Path(__file__).parents[2]
DAILY = {"bar_seconds": 86_400.0, "bars_per_day": 1.0, "length": 252}
MINUTE = {"bar_seconds": 60.0, "bars_per_day": 390.0, "length": 390}
MARKETS = {"daily": DAILY, "minute": MINUTE}
LOGS = ("move", *names_of(Factor))
RATES = tuple(f"{name}_rate" for name in names_of(Fault)[1:])
SIZES = (*LOGS, *RATES, "halted", "outage", "stale_bars", "spike_size", "late_bars")
NEEDED = {
    *("calm", "price_shock", "volatility_regime", "liquidity_drought", "flash_crash_2010"),
    *("bad_data", "latency_storm", "covid_2020", "gfc_2008", "exchange_outage"),
    *("black_monday_1987", "ltcm_1998", "august_2011", "chf_2015", "volmageddon_2018"),
    *("crypto_march_2020", "luna_2022", "ftx_2022", "svb_2023", "yen_unwind_2024"),
    *("slow_bear_2022", "single_name_gap", "correlation_breakdown", "stale_feed"),
    *("random_train", "random_test", "crises_train", "crises_test"),
}


def compiled(
    spec: ScenarioSpec,
    severity: float = 1.0,
    market: dict[str, float] = DAILY,
    symbols: tuple[str, ...] = ("AAA", "BBB", "CCC"),
) -> Compiled:
    return compile_scenarios(spec, severity=severity, symbols=symbols, **market)


def one(**event: Any) -> dict[str, Any]:
    """Give an inline scenario of one event; a volatility event unless it says otherwise."""
    base = {"start": "0 bars", "kind": "volatility"}
    if event.get("kind", "volatility") == "volatility":
        base |= {"multiplier": 2.0, "duration": "10 bars"}
    return {"name": "mine", "events": [base | event]}


def stress_of(got: Compiled, step: int, asset: int = 0) -> Any:
    """Give what the kernels make of the events when each starts as early as it may."""
    stresses = new_table(Stress, got.hits.shape[1])
    starts = got.events["earliest"].astype(np.int64)
    address = Address(np.uint64(0), 0, step, 0)
    stress_assets(stresses, Script(got.events, got.ends, got.hits, starts), address)
    return flat(stresses[asset])


# --------------------------------------------------------------------------- presets


def test_the_presets_are_there() -> None:
    assert set(preset_names()) >= NEEDED


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_named_after_its_file_and_says_what_it_is(name: str) -> None:
    scenario = load_preset(name)
    assert scenario.name == name
    assert scenario.description


@pytest.mark.parametrize("name", preset_names())
def test_every_sourced_event_has_a_citation(name: str) -> None:
    for event in load_preset(name).events:
        assert event.source or event.status == "assumed"


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("assets", [1, 5, 100])
@pytest.mark.parametrize("name", preset_names())
def test_every_preset_compiles_everywhere(name: str, assets: int, market: str) -> None:
    symbols = tuple(f"S{i}" for i in range(assets))
    for severity in (0.0, 0.5, 1.0, 10.0):
        got = compiled(name, severity, MARKETS[market], symbols)
        events = got.events
        assert got.groups == 1 == len(got.scenarios)
        assert got.hits.shape == (len(events), assets)
        assert got.hits.dtype == np.int8
        assert (events["earliest"] >= 0).all()
        assert (events["latest"] >= events["earliest"]).all()
        fields = vars(flat(events))
        assert all(np.isfinite(values).all() for values in fields.values())
        if severity == 0.0:
            assert all((fields[field] == 0).all() for field in SIZES)
        elif name != "calm":
            assert any((fields[field] != 0).any() for field in SIZES)


@pytest.mark.proof
@pytest.mark.parametrize("name", preset_names())
def test_severity_0_is_exactly_neutral_for_the_kernels(name: str) -> None:
    got = compiled(name, 0.0)
    for step in range(252):
        assert stress_of(got, step) == flat(NEUTRAL[0])


@pytest.mark.parametrize("name", preset_names())
def test_severity_scales_logs_rates_and_halts_linearly_and_nothing_else(name: str) -> None:
    base, more = (vars(flat(compiled(name, severity).events)) for severity in (1.0, 2.5))
    halts = (base["halted"] == 1) | (base["outage"] == 1)
    for field in base:
        factor: Any = 2.5 if field in LOGS + RATES else 1.0
        if field == "duration":
            factor = np.where(halts, 2.5, 1.0)
        expected = base[field] * factor
        if field in RATES:
            expected = np.minimum(expected, 1.0)
        np.testing.assert_allclose(more[field], expected, rtol=1e-14)


@pytest.mark.parametrize("name", preset_names())
def test_one_draw_keeps_the_order_of_a_crisis(name: str) -> None:
    # Events of a preset have ranges of one width, so that a shared draw shifts them all alike.
    for market in MARKETS.values():
        events = compiled(name, market=market).events
        for label in set(events["label"]):
            mine = events[events["label"] == label]
            assert len(set(mine["latest"] - mine["earliest"])) <= 1


CRASHES = [
    name
    for name in preset_names()
    if any(event.kind == "price" for event in load_preset(name).events)
]


@pytest.mark.parametrize("name", [name for name in CRASHES if not name.startswith("random")])
def test_liquidity_goes_before_price(name: str) -> None:
    events = compiled(name, market=MINUTE).events
    begin = events["earliest"] + events["offset"]
    assert begin[flat(events).depth < 0].min() < begin[events["move"] < 0].min()


@pytest.mark.parametrize("name", preset_names())
def test_depth_and_spread_move_together(name: str) -> None:
    events = flat(compiled(name).events)
    assert np.array_equal(events.spread > 0.0, events.depth < 0.0)


def test_some_crises_retrace_and_some_never_do() -> None:
    retraces = {name: compiled(name).events["retrace"].max() > 0.0 for name in CRASHES}
    assert sum(retraces.values()) >= 5
    assert sum(not back for back in retraces.values()) >= 5


def test_random_families_have_no_size_in_common() -> None:
    train, test = (compiled(f"random_{family}") for family in ("train", "test"))

    def ranges(got: Compiled, name: str) -> list[tuple[float, float]]:
        ends = (vars(flat(table))[name] for table in (got.events, got.ends))
        pairs = zip(*ends, strict=True)
        return [(min(pair), max(pair)) for pair in pairs if any(pair)]

    compared = 0
    for name in (*LOGS, *RATES):
        for low, high in ranges(train, name):
            for other_low, other_high in ranges(test, name):
                assert high < other_low or other_high < low, name
                compared += 1
    assert compared > 20


def test_random_stands_for_the_family_asked_for() -> None:
    for family in ("train", "test"):
        got = compile_scenarios(
            ["random", "bad_data"], severity=1.0, symbols=("A",), family=family, **DAILY
        )
        assert got.scenarios[0].name == f"random_{family} + bad_data"


def test_a_range_is_two_records_and_a_number_is_one() -> None:
    both = compiled(one(multiplier=[2.0, 8.0]), severity=2.0)
    assert (flat(both.events[0]).volatility, flat(both.ends[0]).volatility) == (
        pytest.approx(2 * math.log(2.0)),
        pytest.approx(2 * math.log(8.0)),
    )
    assert both.events[0].drawn == 1
    single = compiled(one())
    assert single.events[0] == single.ends[0]
    assert single.events[0].drawn == 0


def test_events_of_one_label_share_a_code_and_others_do_not() -> None:
    codes = [compiled(one(label=text)).events[0].label for text in ("", "a", "a", "b")]
    assert codes[0] == 0
    assert codes[1] == codes[2] != codes[3]


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ({}, (1, 0.5)),
        ({"kind": "price", "shape": "step", "move": -0.1}, (1, 0.5)),
        ({"kind": "price", "shape": "gap", "move": -0.1}, (1, 0.0)),
        ({"kind": "outage", "duration": "1 h"}, (1, 0.0)),
    ],
)
def test_clock_time_may_begin_inside_a_bar_but_gaps_and_outages_wait_for_the_open(
    event: dict[str, Any], place: tuple[int, float]
) -> None:
    got = compiled(one(start="12 h", delay="24 h", **event)).events[0]
    assert (got.earliest, got.offset) == (place[0], pytest.approx(place[1]))


def test_a_flash_crash_shows_in_the_low_of_a_daily_bar() -> None:
    got = compiled("flash_crash_2010")
    stress = stress_of(got, 50)
    assert stress.low_excursion == pytest.approx(math.log(0.94))
    assert stress.drift == pytest.approx(0.2 * math.log(0.94))  # four fifths came back
    assert stress.depth > 0.9  # a day's depth hardly feels it


@pytest.mark.parametrize(("name", "total"), [("gfc_2008", -0.399), ("covid_2020", -0.339)])
def test_a_crisis_loses_what_its_index_lost(name: str, total: float) -> None:
    moves = compiled(name).events["move"]
    assert math.expm1(moves.sum()) == pytest.approx(total, abs=0.001)


# --------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("time", "bar_seconds", "bars_per_day", "bars"),
    [
        ("20 bars", 60.0, 390.0, 20.0),
        ("1 bar", 86_400.0, 1.0, 1.0),
        ("36 min", 60.0, 390.0, 36.0),  # 36 x 60 s / 60 s
        ("36 min", 86_400.0, 1.0, 0.025),  # 2,160 s / 86,400 s
        ("2 h", 300.0, 78.0, 24.0),  # 7,200 s / 300 s
        ("90 s", 60.0, 390.0, 1.5),
        ("8 d", 86_400.0, 1.0, 8.0),
        ("8 d", 60.0, 390.0, 3_120.0),  # trading days
        ("1.5 d", 3_600.0, 24.0, 36.0),
        ("episode", 60.0, 390.0, 200.0),
        ("40%", 60.0, 390.0, 80.0),
    ],
)
def test_times_become_bars(time: str, bar_seconds: float, bars_per_day: float, bars: float) -> None:
    assert Clock(bar_seconds, bars_per_day, 200).bars(time) == pytest.approx(bars, rel=1e-12)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("0 bars", (0, 0)),
        ("251 bars", (251, 251)),
        ("40%", (100, 100)),  # 100.8 bars
        ("100%", (251, 251)),
        (["20%", "70%"], (50, 176)),  # 50.4 and 176.4
        (["10 bars", "900 bars"], (10, 251)),
        ("36 h", (1, 1)),  # inside the second day's bar
        ("21 d", (21, 21)),
    ],
)
def test_an_event_starts_inside_the_episode(start: Any, expected: tuple[int, int]) -> None:
    event = compiled(one(start=start)).events[0]
    assert (event.earliest, event.latest) == expected


def test_a_share_of_the_episode_is_not_lost_to_rounding() -> None:
    market = {"bar_seconds": 60.0, "bars_per_day": 390.0, "length": 10}
    for share in range(10):
        assert compiled(one(start=f"{share}0%"), market=market).events[0].earliest == share


def test_a_delay_moves_the_start_and_may_carry_it_past_the_end() -> None:
    event = compiled(one(start=["20%", "70%"], delay="90 bars")).events[0]
    assert (event.earliest, event.latest) == (140, 266)


def test_multipliers_and_moves_become_logs() -> None:
    events = [
        {"kind": "price", "shape": "gap", "move": -0.06, "start": "0 bars"},
        {"kind": "liquidity", "spread": 4.0, "depth": 0.25, "start": "0 bars", "duration": "1 h"},
    ]
    gap, dry = map(flat, compiled({"name": "mine", "events": events}).events)
    assert gap.move == math.log1p(-0.06)
    assert (dry.spread, dry.depth, dry.volume) == (math.log(4.0), math.log(0.25), 0.0)


def test_rates_are_capped_and_the_shape_of_a_fault_is_not_scaled() -> None:
    spec = one(kind="spike", rate=0.3, size=10.0, duration="episode")
    event = flat(compiled(spec, severity=10.0).events[0])
    assert (event.spike_rate, event.spike_size, event.duration) == (1.0, 10.0, 252.0)


# --------------------------------------------------------------------------- assets and groups


@pytest.mark.parametrize(
    ("assets", "hits"),
    [("all", [1, 1, 1]), (["BBB"], [0, 1, 0]), ([0, 2], [1, 0, 1]), (["CCC", 0], [1, 0, 1])],
)
def test_an_event_hits_the_assets_it_names(assets: Any, hits: list[int]) -> None:
    got = compiled(one(assets=assets))
    assert got.hits[0].tolist() == hits
    for asset, hit in enumerate(hits):
        assert (stress_of(got, 3, asset).volatility != 1.0) == bool(hit)


def test_none_is_calm_and_has_no_events() -> None:
    got = compiled(None)
    assert (len(got.events), got.hits.shape, got.groups) == (0, (0, 3), 1)
    assert got.scenarios[0] == compiled("calm").scenarios[0].model_copy(
        update={"description": got.scenarios[0].description}
    )


def test_a_list_composes_into_one_group() -> None:
    got = compiled(["covid_2020", "bad_data", None, one()])
    parts = [compiled(spec).events for spec in ("covid_2020", "bad_data", one())]
    assert got.groups == 1
    assert (got.events == np.concatenate(parts)).all()
    assert got.scenarios[0].name == "covid_2020 + bad_data + mine"
    assert len(got.scenarios[0].events) == len(got.events)


def test_composition_does_not_depend_on_the_order() -> None:
    ways = [["covid_2020", "bad_data"], ["bad_data", "covid_2020"]]
    here, there = (compiled(way) for way in ways)
    for step in range(252):
        left, right = (list(vars(stress_of(way, step)).values()) for way in (here, there))
        np.testing.assert_allclose(left, right, rtol=1e-14)


def test_one_of_makes_a_group_of_each() -> None:
    got = compiled({"one_of": [None, "covid_2020", ["gfc_2008", "bad_data"], "calm"]})
    covid, *rest = (len(load_preset(n).events) for n in ("covid_2020", "gfc_2008", "bad_data"))
    pair = sum(rest)
    assert got.groups == 4
    assert got.events["group"].tolist() == [1] * covid + [2] * pair
    assert [s.name for s in got.scenarios] == ["calm", "covid_2020", "gfc_2008 + bad_data", "calm"]


def test_a_path_a_scenario_and_a_mapping_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\n[[events]]\nkind = "volatility"\nstart = "0 bars"\n'
        'multiplier = 2.0\nduration = "10 bars"\n'
    )
    specs: list[ScenarioSpec] = [path, str(path), load_file(path), one(), [one()]]
    assert {compiled(spec).events.tobytes() for spec in specs} == {compiled(path).events.tobytes()}


def test_the_example_of_the_documentation_is_a_scenario(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    path = tmp_path / "squeeze.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0])
    assert compiled(path).events["earliest"].tolist() == [50, 52]
    assert all(f"| `{name}` |" in page for name in preset_names())


def test_the_hash_follows_the_content() -> None:
    same, other = Scenario.read(one()), Scenario.read(one(multiplier=2.5))
    assert same.sha256 == Scenario.read(one()).sha256 != other.sha256
    assert len({load_preset(name).sha256 for name in preset_names()}) == len(preset_names())
    assert compiled(["covid_2020", "bad_data"]).scenarios[0].sha256


# --------------------------------------------------------------------------- refusals

GAP = {"kind": "price", "shape": "gap", "move": -0.1}
CRASH = GAP | {"shape": "crash_and_retrace", "duration": "2 h", "retrace": 0.5, "recovery": "1 h"}
DRY = {"kind": "liquidity", "duration": "2 bars"}
LOST = {"kind": "missing", "rate": 0.1, "duration": "episode"}
NAN, INF = math.nan, math.inf

BAD_EVENTS: list[tuple[dict[str, Any], str, str]] = [
    ({"durations": "2 bars"}, "durations", "did you mean 'duration'?"),
    ({"kind": "volatilty"}, "kind", "did you mean 'volatility'?"),
    ({"duration": "2 weeks"}, "duration", "unit"),
    ({"duration": "-2 bars"}, "duration", "unit"),
    ({"duration": 2}, "duration", "unit"),
    ({"duration": "40%"}, "duration", "only a start"),
    ({"duration": "9999999999 bars"}, "duration", "below"),
    ({"half_life": "episode"}, "half_life", "unit"),
    ({"multiplier": 0.0}, "multiplier", "greater"),
    ({"multiplier": -2.0}, "multiplier", "greater"),
    ({"multiplier": NAN}, "multiplier", "finite"),
    ({"multiplier": INF}, "multiplier", "finite"),
    ({"multiplier": 10**400}, "multiplier", "number"),
    ({"multiplier": 10**5000}, "multiplier", "number"),
    ({"multiplier": "2"}, "multiplier", "number"),
    ({"multiplier": True}, "multiplier", "number"),
    ({"start": "101%"}, "start", "100%"),
    ({"start": "noon"}, "start", "unit"),
    ({"start": ["70%", "20%"]}, "start", "before it begins"),
    ({"start": ["20%", "70 bars"]}, "start", "same unit"),
    ({"start": ["20%"]}, "start", "earliest, latest"),
    ({"start": "252 bars"}, "start", "after the episode's end"),
    ({"delay": "10%"}, "delay", "only a start"),
    ({"assets": []}, "assets", "symbols or positions"),
    ({"assets": ["AAB"]}, "assets", "did you mean 'AAA'?"),
    ({"assets": [3]}, "assets", "0 to 2"),
    ({"assets": [-1]}, "assets", "0 to 2"),
    ({"assets": [10**5000]}, "assets", "0 to 2"),
    ({"assets": [True]}, "assets", "symbol or a position"),
    ({"assets": ["X" * 5000]}, "assets", "not in this market"),
    ({"status": "sourced"}, "source", "names its source"),
    ({"status": "guessed"}, "status", "'sourced' or 'assumed'"),
    (GAP | {"move": -1.0}, "move", "greater than -1"),
    (GAP | {"move": NAN}, "move", "finite"),
    (GAP | {"duration": "2 h"}, "duration", "a gap has none"),
    (GAP | {"retrace": 0.5}, "retrace", "a gap and a ramp have none"),
    (GAP | {"shape": "ramp"}, "duration", "a ramp and a crash_and_retrace have one"),
    (GAP | {"shape": "jump"}, "shape", "'gap'"),
    (GAP | {"move": [-0.1]}, "move", "[first, last]"),
    (GAP | {"move": [-0.1, -1.0]}, "move", "greater than -1"),
    (DRY | {"spread": [0.5, 2.0], "depth": [0.5, 2.0]}, "depth", "not a deeper one"),
    (DRY | {"kind": "correlation", "correlation": 1.0}, "correlation", "0.999"),
    (LOST | {"kind": "late", "bars": 0}, "bars", "greater than or equal to 1"),
    ({"chance": 1.5}, "chance", "less than or equal to 1"),
    ({"assets": "some"}, "assets", '"one"'),
    (CRASH | {"retrace": 1.5}, "retrace", "less than or equal to 1"),
    (CRASH | {"retrace": -0.1}, "retrace", "greater than or equal to 0"),
    (CRASH | {"recovery": None}, "recovery", "a crash_and_retrace has one"),
    (DRY | {"spread": 2.0, "depth": 2.0}, "depth", "not a deeper one"),
    (DRY | {"volume": 0.0}, "volume", "greater"),
    (LOST | {"rate": 1.5}, "rate", "less than or equal to 1"),
    (LOST | {"rate": -0.5}, "rate", "greater than or equal to 0"),
    (LOST | {"kind": "stale", "mean_bars": 0.5}, "mean_bars", "greater than or equal to 1"),
    (LOST | {"kind": "stale"}, "mean_bars", "missing"),
    (LOST | {"kind": "spike", "size": INF}, "size", "finite"),
    ({"kind": "halt", "duration": "soon"}, "duration", "unit"),
]
IDLE: list[dict[str, Any]] = [
    DRY,
    DRY | {"spread": [1.0, 1.0]},
    DRY | {"spread": 2.0, "duration": "0 bars"},
    {"kind": "halt", "duration": "0 bars"},
    {"kind": "latency", "multiplier": 1.0, "duration": "2 bars"},
    LOST | {"rate": 0.0},
    LOST | {"duration": "0 bars"},
    GAP | {"move": 0.0},
]


def refused(spec: Any, **rest: Any) -> str:
    with pytest.raises(ScenarioError) as caught:
        compiled(spec, **rest)
    message = str(caught.value)
    assert len(message) < 200
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    return message


@pytest.mark.parametrize(("event", "key", "reason"), BAD_EVENTS)
def test_a_bad_event_is_one_line_that_names_its_key(
    event: dict[str, Any], key: str, reason: str
) -> None:
    message = refused(one(**event))
    assert f"events[0].{key}" in message
    assert reason in message


@pytest.mark.parametrize("event", IDLE)
def test_an_event_that_does_nothing_is_refused(event: dict[str, Any]) -> None:
    """A size that was forgotten would be evaluated as a crisis in which all are well."""
    assert "does nothing as written" in refused({"name": "x", "events": [{"start": "0%"} | event]})


def test_the_error_counts_events_and_shows_the_value() -> None:
    spec = one()
    spec["events"] *= 2
    spec["events"] += one(multiplier=-3.0)["events"]
    message = refused(spec)
    assert message.startswith("scenario: events[2].multiplier = -3.0: ")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("covid_2002", "did you mean 'covid_2020'?"),
        ("", "no such preset"),
        (3, "give a preset's name"),
        ([["calm"]], "give a preset's name"),
        ({}, "name: missing"),
        ({"name": "mine", "events": []}, "only the scenario 'calm'"),
        ({"name": "mine", "evnts": []}, "did you mean 'events'?"),
        ({"name": "mine", "events": [{}]}, "events[0].kind: missing"),
        ({"name": "mine", "events": ["gap"]}, "events[0]"),
        ({"name": "mine", "events": "gap"}, "events"),
        ({"name": "", "events": []}, "name"),
        ({"name": "mine", 7: 8}, ""),
        ({"one_of": []}, "one_of"),
        ({"one_of": ["calm"], "name": "x"}, "one_of: stands alone"),
        ({"one_of": [{"one_of": ["calm"]}]}, "only possible at the top"),
        (["calm", {"one_of": ["calm"]}], "only possible at the top"),
        ("a\x00b/c.toml", "not a path"),
    ],
)
def test_a_bad_specification_is_one_line(spec: Any, reason: str) -> None:
    assert reason in refused(spec)


@pytest.mark.parametrize("severity", [-1.0, NAN, INF, "much", None, 10**400, 1e308])
def test_a_bad_severity_is_one_line(severity: Any) -> None:
    assert "severity" in refused("covid_2020", severity=severity)


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "name: missing"),
    "syntax": (b'name = "x"\nevents = = 1\n', "line 2"),
    "utf16": ('name = "x"'.encode("utf-16"), "not UTF-8"),
    "latin1": (b'name = "\xe9"', "not UTF-8 at byte 8"),
    "nul": (b'name = "a\x00b"', "not TOML"),
    "deep": (b"a = " + b"[\n" * 20_000, "nested too deeply"),
    "one deep line": (b"a = " + b"[" * 50_000, "line 1"),
    "long key": (b"a." * 30_000 + b"a = 1", "line 1"),
    "huge": (b"#" + b"\n" * 100_000, "larger than"),
    "digits": (b"name = " + b"9" * 1_900, "name"),
    "big integer": (b"a = " + b"1_" * 900 + b"1", "a: unknown key"),
    "nan": (
        b'name = "x"\n[[events]]\nkind = "volatility"\nstart = "0 bars"\n'
        b'duration = "1 h"\nmultiplier = nan',
        "events[0].multiplier = nan",
    ),
    "json": (b' {"name": "x", "events": []}', "JSON, and scenario files are TOML"),
    "json of one line": (b'{"name": "' + b"x" * 3_000 + b'"}', "JSON, and scenario files are TOML"),
    "control": (b'name = "x"\nevents = []\n"\\u001b[2J\\n" = 1', "unknown key"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_one_line_that_names_it(case: str, tmp_path: Path) -> None:
    content, reason = BAD_FILES[case]
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    message = refused(path)
    assert "bad.toml" in message
    assert reason in message


def test_a_file_that_is_called_json_is_told_of_toml(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[1, 2]")
    assert "list.json: JSON, and scenario files are TOML" in refused(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.toml")
    assert "not a regular file" in refused(str(tmp_path) + "/")
