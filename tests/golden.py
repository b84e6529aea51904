"""Golden trajectories: digests of traded episodes, so that a change of behaviour is seen at once.

    python -m tests.golden check     # compare with tests/golden.json
    python -m tests.golden record    # write the digests anew, after a change that is meant

A case is an environment (0 lanes: the single one), its arguments, a seed and a number of steps. Its
digest covers every observation, reward and flag, `info` at full detail, and the journal and order
ledger of the first lane's first episode. Actions come from a bit generator, markets named `ticks`
from integers, so that neither depends on the processor's exponential function; a case on another
market compares the market's own hash first. Digests hold on the platform they were recorded on.
"""

import hashlib
import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from trading_env.backtesting import journal, order_ledger
from trading_env.core.files import platform_name
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.markets import Market

FILE = Path(__file__).with_name("golden.json")
SINGLE = {"portfolio": PortfolioEnv, "execution": ExecutionEnv}
VECTOR = {"portfolio": PortfolioVectorEnv, "execution": ExecutionVectorEnv}
DAY_S, TICK = 86_400, 1.0 / 64.0


@lru_cache(maxsize=8)
def ticks_market(seed: int, assets: int, bars: int, signals: int) -> Market:
    """Make a market by integer arithmetic: a walk in ticks whose pace changes, with a few jumps."""
    rng = np.random.default_rng(seed)
    pace = rng.choice([20, 60, 200], size=(bars // 40 + 1, assets)).repeat(40, axis=0)[:bars]
    moves = rng.integers(-1, 2, size=(bars, assets)) * rng.integers(0, pace + 1)
    jumps = (rng.integers(0, 100, size=(bars, assets)) == 0) * rng.integers(-600, 601, moves.shape)
    closes = 12_800 + np.cumsum(moves + jumps, axis=0)
    closes = np.abs(closes) + 640  # reflected, far from 0
    opens = np.vstack([closes[:1], closes[:-1]]) + rng.integers(-30, 31, closes.shape)
    highs = np.maximum(opens, closes) + rng.integers(0, pace + 1)
    lows = np.minimum(opens, closes) - rng.integers(0, np.minimum(pace, 300) + 1)
    volume = 1_000 * rng.integers(1, 40, closes.shape) * (rng.integers(0, 60, closes.shape) > 0)
    names = tuple(f"signal_{k}" for k in range(signals))
    return Market(
        symbols=tuple(f"T{k}" for k in range(assets)),
        time=np.arange(bars, dtype=np.int64) * DAY_S,
        **{
            name: (values * TICK)[None]
            for name, values in zip(
                ("open", "high", "low", "close"), (opens, highs, lows, closes), strict=True
            )
        },
        volume=volume.astype(np.float64)[None],
        signals=rng.integers(-300, 301, (1, bars, assets, signals)) / 64.0,
        signal_names=names,
        source="ticks",
    )


def arguments(case: dict[str, Any]) -> dict[str, Any]:
    """Return the environment's arguments; a market of ticks is made here."""
    kwargs = dict(case["kwargs"])
    market = kwargs.get("market")
    if isinstance(market, dict) and "ticks" in market:
        kwargs |= {"market": ticks_market(**market["ticks"]), "seed_band": None}
    return kwargs


def feed(digest: Any, value: Any) -> None:
    """Add a value: arrays by type, shape and bytes, mappings by sorted key."""
    if isinstance(value, dict):
        for name in sorted(value):
            digest.update(f"{name}:".encode())
            feed(digest, value[name])
    elif isinstance(value, np.ndarray) and value.dtype == object:
        digest.update(json.dumps(value.tolist()).encode())
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    else:
        digest.update(f"{type(value).__name__} {value!r};".encode())


def play(case: dict[str, Any]) -> dict[str, Any]:
    """Play a case; return its digest, and figures that show how far apart two versions are."""
    lanes, kwargs = case["lanes"], arguments(case)
    if lanes:
        env = VECTOR[case["env"]](lanes, detail="full", autoreset_mode=case["mode"], **kwargs)
        assets = env.single_action_space.shape[0]
    else:
        env = SINGLE[case["env"]](detail="full", **kwargs)
        assets = env.action_space.shape[0]
    rng = np.random.default_rng(case["seed"])
    digest = hashlib.sha256()
    trace, tracing = EpisodeTrace(env.setup), True
    observations, info = env.reset(seed=case["seed"])
    feed(digest, [observations, info][0])
    feed(digest, info)
    trace.begin(env._batch)
    total, traded = 0.0, 0
    signals = np.zeros((max(lanes, 1), assets))
    for step in range(case["steps"]):
        if step % case["hold"] == 0:
            signals = rng.uniform(-1.25, 1.25, signals.shape)
        outcome = env.step(signals if lanes else signals[0])
        for part in outcome:
            feed(digest, part)
        total += float(np.sum(outcome[1]))
        traded += int(np.count_nonzero(outcome[4]["execution"]["filled"]))
        ended = np.atleast_1d(outcome[2] | outcome[3])
        if tracing:
            trace.add(env._batch)
            tracing = not ended[0]
        if ended.any() and not lanes:
            feed(digest, env.reset()[0])
        elif ended.any() and case["mode"] == "Disabled":
            feed(digest, env.reset(options={"reset_mask": ended})[0])
    for table in (journal(trace, episode=0), order_ledger(trace, episode=0)):
        digest.update(table.to_csv(index=False).encode())
    return {
        "market": env.setup.market.sha256,
        "digest": digest.hexdigest(),
        "reward": total,
        "equity": float(np.sum(env._batch.lanes.accounts["equity"])),
        "fills": traded,
    }


def load() -> dict[str, Any]:
    """Read the recorded cases."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def record() -> None:
    """Write every digest anew."""
    content = load()
    content["platform"] = platform_name()
    for case in content["cases"]:
        case["result"] = play(case)
        print(case["name"], case["result"]["fills"], case["result"]["digest"][:12])
    head = json.dumps({k: v for k, v in content.items() if k != "cases"})[:-1]
    rows = ",\n".join(json.dumps(case) for case in content["cases"])
    FILE.write_text(f'{head}, "cases": [\n{rows}\n]}}\n', encoding="utf-8")


def check() -> int:
    """Compare every case with its record; return how many differ."""
    content, differ = load(), 0
    if content["platform"] != platform_name():
        print(f"recorded on {content['platform']}, this is {platform_name()}")
    for case in content["cases"]:
        found = play(case)
        if found["market"] != case["result"]["market"]:
            print(f"{case['name']}: another market, by the processor's exponential function")
        elif found != case["result"]:
            differ += 1
            print(f"{case['name']}: {found} was {case['result']}")
    print(f"{len(content['cases'])} cases, {differ} differ")
    return differ


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        record()
    elif sys.argv[1:] == ["check"]:
        sys.exit(1 if check() else 0)
    else:
        sys.exit(f"{__doc__}")
