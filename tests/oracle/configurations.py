"""Random worlds for the comparison with the oracle: wider than `configurations.py` on purpose.

Bars with gaps and without volume, crises with fractional times, latencies from a share of a bar to
three, stops and limits that bars reach, leverage near its margin, coefficients far from any market.
"""

from typing import Any

import numpy as np

from tests.configurations import BAR_S, RandomPicks, random_configuration, settings_of
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.markets import Market, load_market
from trading_env.risk_manager.config import RiskConfig
from trading_env.stress.events import KINDS, Fading, Multiplied

BARS = 160
DAY_S = 86400
SHARES = (0.1, 0.1, 0.8)  # of bars: no volume, little, usual
MULTIPLIED = [name for name, kind in KINDS.items() if issubclass(kind, Multiplied)]


def rough_market(rng: np.random.Generator, noticed: np.random.Generator | None = None) -> Market:
    """Return one or two assets with wild bars, of which some trade nothing."""
    assets = int(rng.integers(1, 3))
    shape = (1, BARS, assets)
    sd = float(rng.choice([0.002, 0.02, 0.1]))
    steps = sd * rng.standard_normal((2, *shape))  # overnight, intraday
    late = int(rng.integers(90, 120)) if assets > 1 and rng.random() < 0.3 else 0
    steps[:, :, :late, 0] = 0.0  # the first asset is listed late
    close = 100.0 * np.exp(np.cumsum(steps.sum(axis=0), axis=1))
    opened = close * np.exp(-steps[1])
    shadows = np.exp(sd * np.abs(rng.standard_normal((2, *shape))))
    shadows[:, :, :late, 0] = 1.0
    volume = np.exp(rng.normal(8.0, 0.5, shape)) * rng.choice([0.0, 0.01, 1.0], shape, p=SHARES)
    volume[:, : late + 1, 0] = np.where(np.arange(late + 1) < late, 0.0, 3000.0)
    seconds = int(rng.choice([60, 3600, DAY_S]))
    gaps = np.where(rng.random(BARS) < 0.1, 3, 1)
    bars = {"open": opened, "close": close, "volume": volume}
    bars["high"] = np.maximum(opened, close) * shadows[0]
    bars["low"] = np.minimum(opened, close) / shadows[1]
    notices = {} if noticed is None else some_notices(noticed, bars, late)
    return Market(
        symbols=("A", "B")[:assets],
        time=1_577_836_800 + np.cumsum(gaps) * seconds,
        **bars,
        notices=notices,
        signals=rng.normal(0.0, 4.0, (*shape, 1)),
        signal_names=("signal_x",),
        bar_seconds=float(seconds),
        bars_per_day=DAY_S / seconds,
        bars_per_year=252.0 * DAY_S / seconds,
    )


def some_notices(rng: np.random.Generator, bars: dict[str, Any], late: int) -> dict[str, Any]:
    """Draw splits, dividends, rates and listings, and make the bars follow; see `notices.py`."""
    shape = bars["close"].shape
    found: dict[str, Any] = {}
    found["split"] = rng.choice([1.0, 2.0, 0.1, 1.05, 3.0], shape, p=[0.9, 0.03, 0.03, 0.02, 0.02])
    found["split"][:, :, 0][:, : late + 1] = 1.0
    found["split"][:, 0] = 1.0
    units = np.cumprod(found["split"], axis=1)
    for name in ("open", "high", "low", "close"):
        bars[name] = bars[name] / units
    bars["volume"] = bars["volume"] * units
    paid = rng.choice([0.0, 0.01, 0.2], shape, p=[0.9, 0.08, 0.02])
    found["dividend"] = paid * bars["close"]
    found["dividend"][:, 1:] = paid[:, 1:] * bars["close"][:, :-1] / found["split"][:, 1:]
    found["listed"] = np.ones(shape)
    found["listed"][:, :late, 0] = 0.0
    if shape[2] > 1:
        end = int(rng.integers(80, 120))
        for name in ("open", "high", "low", "close"):
            bars[name][:, end:, 1] = bars["close"][:, end - 1 : end, 1]
        bars["volume"][:, end:, 1] = 0.0
        found["listed"][:, end:, 1] = 0.0
        found["split"][:, end:, 1] = 1.0
        found["recovery"] = np.full(shape, float(rng.choice([1.0, 0.4, 0.0])))
    if rng.random() < 0.5:
        found["funding"] = rng.choice([0.0, 1e-3, -1e-3], shape)
        found["borrow"] = rng.choice([0.0, 0.02, 0.5], shape)
    return found


def some_bars(rng: np.random.Generator, most: float) -> str:
    """Return a time: whole bars, or not."""
    number = float(rng.uniform(0.0, most))
    return f"{number if rng.integers(2) else round(number):.3f} bars"


def rough_scenario(rng: np.random.Generator) -> dict[str, Any]:
    """Return a scenario of every kind of event, with sizes that few crises have."""
    kinds: list[dict[str, Any]] = [
        {"kind": "price", "shape": "gap", "move": float(rng.uniform(-0.2, 0.2))},
        {"kind": "price", "shape": "ramp", "move": float(rng.uniform(-0.3, 0.4))},
        {"kind": "price", "shape": "crash_and_retrace", "move": float(rng.uniform(-0.5, 0.3))},
        {"kind": "volatility", "multiplier": float(rng.choice([0.0001, 0.5, 2.0, 15.0]))},
        {"kind": "liquidity", "spread": 5.0, "depth": 0.05, "volume": float(rng.uniform(0.01, 2))},
        {"kind": "latency", "multiplier": float(rng.choice([0.1, 20.0, 1000.0]))},
        {"kind": "correlation", "correlation": float(rng.uniform(0.0, 0.99))},
        {"kind": "fees", "multiplier": float(rng.choice([0.2, 5.0]))},
        {"kind": "resilience", "multiplier": float(rng.choice([0.01, 0.3, 2.0]))},
        *({"kind": "halt"}, {"kind": "halt"}),  # the rarest of meetings: at work in a halt
        {"kind": "outage"},
        {"kind": "price", "shape": "step", "move": [-0.2, float(rng.uniform(-0.1, 0.2))]},
        {"kind": "duplicate", "rate": float(rng.uniform(0.0, 0.5))},
        {"kind": "late", "rate": float(rng.uniform(0, 0.5)), "bars": int(rng.integers(1, 4))},
        {"kind": "missing", "rate": float(rng.uniform(0.0, 0.8))},
        {
            "kind": "stale",
            "rate": float(rng.uniform(0, 0.5)),
            "mean_bars": float(rng.uniform(1, 4)),
        },
        {"kind": "spike", "rate": float(rng.uniform(0.0, 0.8)), "size": float(rng.uniform(1, 60))},
    ]
    known = {event["kind"] for event in kinds}
    kinds += [
        {"kind": kind, "multiplier": float(rng.choice([0.2, 5.0]))}
        for kind in MULTIPLIED
        if kind not in known
    ]
    events = []
    for event in rng.permutation(np.array(kinds, dtype=object))[: rng.integers(1, 11)]:
        if event.get("shape") not in ("gap", "step"):
            event["duration"] = some_bars(rng, 6.0)
        if event["kind"] != "price" and event["duration"] == "0.000 bars":
            event["duration"] = "1.000 bars"  # no time at all is refused
        if event.get("shape") == "crash_and_retrace":
            event.update(retrace=float(rng.uniform(0.0, 1.0)), recovery=some_bars(rng, 4.0))
        if issubclass(KINDS[event["kind"]], Fading) and rng.integers(2):
            event["half_life"] = some_bars(rng, 5.0)
        if event["kind"] in ("volatility", "latency", "fees") and rng.integers(2):
            event["multiplier"] = [event["multiplier"], float(rng.uniform(0.5, 3.0))]
        if event["kind"] == "price" and rng.integers(2):
            turned = {"sign": "drawn", "scale": "day", "mirror": bool(rng.integers(2))}
            event.update({key: turned[key] for key in turned if rng.integers(2)})
        if rng.integers(3) == 0:
            event["assets"] = "one" if rng.integers(2) else [0]
        if rng.integers(4) == 0:
            event.update(label="apart", chance=0.7)
        events.append({**event, "start": ["0 bars", "10 bars"], "delay": some_bars(rng, 5.0)})
    return {"name": "rough", "events": events}


def busy(seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings under which orders arrive inside bars that meet close stops and targets."""
    risk = {
        "mode": ["linear", "linear", "volatility_target"],
        "stops": [True],
        "stop_width": (0.2, 1.0),
        "horizon_bars": [1.0],
        "no_trade_band": [0.0],
        "max_weight": [1.0],
        "max_leverage": [4.0],
        "initial_margin": [0.2],
        "risk_tolerance": [1.0],
        "max_drawdown": [1.0],
        "participation_bars": [20.0],
    }
    execution = {
        "latency_ms": (100.0 * seconds, 500.0 * seconds),
        "latency_log_sd": [0.7],
        "half_spread_bps": [1.5],
        "temporary_impact": [0.142],
        "permanent_impact": [0.314],
        "participation_cap": [0.2, 1.0],
    }
    return risk, execution


def patient(seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings under which several orders rest where bars meet them, and stops and targets."""
    risk, _ = busy(seconds)
    risk |= {"stop_width": (0.2, 2.0), "reward_to_risk": (0.3, 2.0)}
    execution = {
        "latency_ms": (0.0, 1500.0 * seconds),
        "half_spread_bps": [0.0, 1.5, 10.0],
        "temporary_impact": [0.036],
        "permanent_impact": [0.05],
        "participation_cap": [1.0, 0.1, 0.01],
        "lot": [0.0],
        "order_type": ["limit"],
        "limit_offset_bps": [2.0, 20.0, 100.0],
        "time_in_force": ["episode"],
    }
    return risk, execution


def leveraged() -> dict[str, Any]:
    """Settings under which positions are so large that a bar can reach the margin."""
    return {
        "mode": ["linear", "linear", "kelly"],
        "kelly_multiplier": [2.0],
        "max_win_probability": [0.9],
        "stop_width": [5.0],
        "max_weight": [3.0],
        "max_leverage": [4.5],
        "initial_margin": [0.1, 0.2],
        "risk_tolerance": [1.0],
        "max_drawdown": [1.0],
        "participation_bars": [20.0],
        "no_trade_band": [0.0],
    }


def reference_configuration(rng: np.random.Generator) -> dict[str, Any]:
    """Draw arguments of the environment."""
    given, picks = random_configuration(rng), RandomPicks(rng)
    extra = rng.spawn(1)[0]  # for what only some worlds have
    given["market"]["assets"] = picks.one_of([1, 1, 2, 3])
    rough = picks.one_of([False, True])
    if rough:
        noticed = extra if extra.random() < 0.8 else None
        given.update(market=rough_market(rng, noticed), seed_band=None)
    if picks.one_of([False, True]):
        scenario = rough_scenario(rng)
        given["scenario"] = picks.one_of([scenario, scenario, {"one_of": [scenario, "covid_2020"]}])
    seconds = given["market"].bar_seconds if rough else BAR_S[given["market"]["preset"]]
    often, seldom = [True, True, False], [0.0, 0.0, 0.0]
    bars_ms = [1000.0 * seconds * share for share in (1e-6, 0.2, 0.5, 1.0, 1.7, 3.0)]
    risk = {"stops": often, "feedback_rate": [0.1, 1.0]}
    execution = {
        "latency_ms": [*[None] * 5, *bars_ms, 0.0, 80.0, 3e5, 5e7, 2e8],
        "half_spread_bps": [0.0, 1.5, 30.0, 900.0],
        "temporary_impact": [0.0, 0.142, 3.0],
        "permanent_impact": [0.0, 0.314, 20.0],
        "transient_weights": [0.0, 0.3, 1.0, 7.0, 44.0],
        "fee_bps": [-1.5, 0.0, 5.0],
        "maker_fee_bps": [None, -1.5, 2.0],
        "volatility_scaled": often,
        "transient_times_s": [seconds * 10.0**power for power in (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0)],
        "tick": [*seldom, 0.01, 0.5],
        "lot": [*seldom, 1.0, 100.0, 12_345.0],
        "limit_offset_bps": [-300.0, -10.0, 0.0, 10.0, 200.0],
    }
    if rng.random() < 0.4:
        hurried = picks.one_of([busy, patient])(seconds)
        risk, execution = risk | hurried[0], execution | hurried[1]
        given["account"]["account_share"] = float(10.0 ** rng.uniform(-3.0, 0.0))
    given["risk"] = settings_of(RiskConfig, picks, **risk)
    given["execution"] = settings_of(ExecutionConfig, picks, **execution)
    given["account"]["maintenance_margin"] = picks.one_of([0.0, 0.1, 0.25, 0.7])
    if rng.random() < 0.25:
        given["risk"] = settings_of(RiskConfig, picks, **leveraged())
        given["account"].update(maintenance_margin=picks.one_of([0.05, 0.15, 0.3]))
        given["account"].update(account_share=1e-3)
    own_settings(given, extra)
    return given


def own_settings(given: dict[str, Any], rng: np.random.Generator) -> None:
    """Give the first asset settings of its own, and make an account that cannot borrow of some."""
    first = load_market(given["market"], seed_band=given["seed_band"]).symbols[0]
    if rng.random() < 0.4:
        own = {"tick": 0.05, "lot": 10.0, "minimum_notional": 1e4, "fee_bps": 3.0}
        own |= {"maker_fee_bps": 1.0, "half_spread_bps": 7.0, "participation_cap": 0.05}
        kept = [name for name in own if rng.random() < 0.5]
        given["execution"]["assets"] = {first: {name: own[name] for name in kept}}
        rebated = given["execution"]["assets"][first].get("half_spread_bps")
        if rebated is not None and given["execution"].get("fee_bps", 0.0) < -rebated:
            given["execution"]["assets"][first]["fee_bps"] = 0.0
        given["account"]["borrow_rates"] = {first: 0.3}
    notices = getattr(given["market"], "notices", {})
    if rng.random() < 0.2 and "funding" not in notices:
        given["account"].update(short_selling=False, borrowing=False, funding_rate=0.0)
        given["risk"].update(max_leverage=3.0, initial_margin=0.3, max_weight=3.0)
