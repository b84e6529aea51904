"""The market half of the oracle in `reference.py`: noise, stress, bars, averages.

Written from `docs/model.md` (sections 3, 6, 7) alone; it shares no code with the kernels.
"""

import math
from statistics import NormalDist  # its inv_cdf is Wichura's AS 241, PPND16
from typing import Any

from trading_env.core.codes import Factor, Fault, names_of

Record = dict[str, Any]

LATENCY_STREAM, SIZE_STREAM, COMMON_STREAM, SIGN_STREAM = 4, 7, 8, 9
COMMON_BARS = 20
SMALLEST_VARIANCE = 1e-12
SETTLED = 88  # bars since a listing: 1 / 88 is less than the slow rate
HALT_SHARE = 0.5  # of a bar
STRETCH_FLOOR = 0.25
LOWEST, HIGHEST = math.exp(-20.0), math.exp(20.0)  # true price over the table's


def clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def ewma(mean: float, x: float, rate: float) -> float:
    return mean + rate * (x - mean)


def mean_volume(mean: float, volume: float) -> float:
    """The volume itself while there was none."""
    return ewma(mean, volume, rate_of(60)) if mean > 0.0 else volume


def rate_of(half_life: float) -> float:
    return 1.0 - 2.0 ** (-1.0 / half_life)


# --------------------------------------------------------------------------- 3. randomness


def philox(seed: int, counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Philox-4x32-10."""
    mask = 0xFFFFFFFF
    k0, k1 = seed & mask, (seed >> 32) & mask
    c0, c1, c2, c3 = counter
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & mask, (p0 >> 32) ^ c3 ^ k1, p0 & mask
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c0, c1, c2, c3


def uniforms(seed: int, step: int, episode: int, asset: int, stream: int) -> tuple[float, float]:
    w0, w1, w2, w3 = philox(seed, (step, episode, asset, stream))
    first = ((w0 >> 5) * 2**26 + (w1 >> 6)) * 2.0**-53
    return first, ((w2 >> 5) * 2**26 + (w3 >> 6)) * 2.0**-53


def normal(seed: int, step: int, episode: int, asset: int, stream: int) -> float:
    first, _ = uniforms(seed, step, episode, asset, stream)
    return NormalDist().inv_cdf(min(first + 2.0**-54, 1.0 - 2.0**-53))


# --------------------------------------------------------------------------- 6. stress


def weight_of(event: Record, t: float, covered: float) -> float:
    if event["half_life"] == 0.0 or t + 1.0 <= event["duration"]:
        return covered
    b = math.log(2.0) / event["half_life"]
    u = max(t - event["duration"], 0.0)
    return covered + (math.exp(-b * u) - math.exp(-b * (t + 1.0 - event["duration"]))) / b


def injected(event: Record, move: float, t: float) -> float:
    """y(t), the injected path; ln(2 - e^y) for an event that goes up."""
    y = as_written(event, move, t)
    return math.log(2.0 - math.exp(y)) if event["up"] else y


def as_written(event: Record, move: float, t: float) -> float:
    """The path before it is turned up."""
    duration, recovery = event["duration"], event["recovery"]
    if t < duration:
        return move * t / duration
    if recovery == 0.0:
        return move * (1.0 - event["retrace"])
    return move * (1.0 - event["retrace"] * min((t - duration) / recovery, 1.0))


def path_of(event: Record, move: float, t: float) -> tuple[float, float, float, float]:
    """Gap, drift, low and high excursion of one event in [t, t + 1)."""
    gap = 0.0
    begin = injected(event, move, t) if t > 0 else 0.0
    peak = math.log(2.0 - math.exp(move)) if event["up"] else move
    if t <= 0 and event["duration"] == 0.0:
        begin = gap = peak
    drift = injected(event, move, t + 1) - begin
    points = [0.0, drift]
    if t < event["duration"] < t + 1:
        points.append(peak - begin)
    turned = event["duration"] + event["recovery"]
    if t < turned < t + 1:
        points.append(injected(event, move, turned) - begin)
    return gap, drift, min(points), max(points)


MULTIPLIERS = names_of(Factor)
RATES = tuple(f"{name}_rate" for name in names_of(Fault)[1:])


def drawn(world: Record, number: int, seed: int, episode: int) -> tuple[Record, float]:
    """An event with the sizes and the side of this episode, and the uniform of its asset."""
    event, end = world["events"][number], world["ends"][number]
    share, which = uniforms(seed, event["label"], episode, event["group"], SIZE_STREAM)
    event = dict(event)
    if event["drawn"]:
        for name in ("move", *MULTIPLIERS, *RATES):
            event[name] += share * (end[name] - event[name])
    tossed, _ = uniforms(seed, event["label"], episode, event["group"], SIGN_STREAM)
    event["up"] = {0: False, 1: tossed < 0.5, -1: tossed >= 0.5}[event["sign"]]
    return event, which


def compose(world: Record, state: Record, asset: int, seed: int) -> Record:
    """What the active events do to one asset in the bar after the decision."""
    sums = dict.fromkeys(("gap", "drift", "low_excursion", "high_excursion"), 0.0)
    logs = dict.fromkeys(MULTIPLIERS, 0.0)
    rates = dict.fromkeys(RATES, 0.0)
    most = {"stale_bars": 0.0, "spike_size": 0.0, "late_bars": 0, "outage": 0.0}
    halted = 0
    for number in range(len(world["events"])):
        event, which = drawn(world, number, seed, state["account"]["episode"])
        bars = state["account"]["step"] - state["starts"][number]
        end = event["offset"] + event["duration"] + event["recovery"]
        lasts = bars < max(end, 1.0) or event["half_life"] > 0.0
        mine = event["group"] == state["account"]["group"] and world["hits"][number][asset]
        if event["one"]:
            mine = mine and asset == math.floor(which * len(state["assets"]))
        if bars < 0 or not lasts or not mine:
            continue
        t = bars - event["offset"]
        covered = clip(min(event["duration"], t + 1.0) - max(t, 0.0), 0.0, 1.0)
        for name, value in zip(sums, path_of(event, event["move"], t), strict=True):
            sums[name] += value
        for name in MULTIPLIERS:
            logs[name] += weight_of(event, t, covered) * event[name]
        for name in RATES:
            rates[name] += covered * event[name]
        if event["outage"]:
            most["outage"] = max(most["outage"], event["duration"] - t)
        for name in ("stale_bars", "spike_size", "late_bars"):
            most[name] = max(most[name], event[name])
        if event["halted"] and covered >= HALT_SHARE:
            halted = 1
    multipliers = {name: math.exp(value) for name, value in logs.items()}
    limited = {name: min(value, 1.0) for name, value in rates.items()}
    stress = {**sums, **multipliers, **limited, **most, "halted": halted, "common": 0.0}
    if stress["own"] < 1.0:
        stress["common"] = common_shock(world, state["account"], asset, stress["own"], seed)
    return stress


def common_shock(world: Record, account: Record, asset: int, own: float, seed: int) -> float:
    """sqrt(1 - own) s z; the account's row is already that of the coming bar."""
    row = account["row"]
    returns = []
    for k in range(row - COMMON_BARS, row):
        notice = world["notices"][k][asset] if world["notices"] else {"kept": 1.0, "units": 1.0}
        last = world["bars"][k - 1][asset]["close"] * (notice["kept"] / notice["units"])
        returns.append(world["bars"][k][asset]["close"] / last - 1.0)
    s = math.sqrt(sum(r * r for r in returns) / COMMON_BARS)
    z = normal(seed, account["step"], account["episode"], 0, COMMON_STREAM)
    return math.sqrt(1.0 - own) * s * z


# --------------------------------------------------------------------------- 7. the bar


def stretched(ratio: float, m: float, plus: float) -> float:
    r = m * (ratio - 1.0) + plus
    if abs(r) <= 1.0 - STRETCH_FLOOR:
        return 1.0 + r
    kept = STRETCH_FLOOR * math.exp(max((1.0 - abs(r)) / STRETCH_FLOOR - 1.0, -20.0))
    return kept if r < 0.0 else 2.0 - kept


def cut(y: float, ratio: float, displacement: float) -> float:
    """Losses end at e^-20 of the table's price, and gains at what mirrors them."""
    least = LOWEST / displacement
    return min(max(y, ratio * least), 2.0 - (2.0 - ratio) * least)


def undisturbed_bar(
    base: Record, last_close: float, displacement: float, stress: Record
) -> tuple[Record, float]:
    """The bar without the account's own impact, and the displacement after it."""
    bar = {**base, "volume": base["volume"] * stress["volume"]}
    gap, drift, m = stress["gap"], stress["drift"], stress["volatility"]
    low_excursion, high_excursion = stress["low_excursion"], stress["high_excursion"]
    neutral = (gap, drift, low_excursion, high_excursion, m) == (0.0, 0.0, 0.0, 0.0, 1.0)
    if neutral and stress["own"] == 1.0:
        for name in ("open", "high", "low", "close"):
            bar[name] = base[name] if displacement == 1.0 else base[name] * displacement
        return bar, displacement
    a = m * math.sqrt(stress["own"])
    names = ("open", "high", "low", "close")
    ratios = {name: base[name] / last_close for name in names}
    st = {
        name: cut(stretched(y, a, m * stress["common"]), y, displacement)
        for name, y in ratios.items()
    }
    opened = st["open"] * math.exp(clip(gap, -20.0, 20.0))
    closed = st["close"] * math.exp(clip(gap + drift, -20.0, 20.0))
    up = opened * math.exp(clip(high_excursion, -20.0, 20.0))
    down = opened * math.exp(clip(low_excursion, -20.0, 20.0))
    high = max(opened, closed, up) * st["high"] / max(st["open"], st["close"])
    low = min(opened, closed, down) * st["low"] / min(st["open"], st["close"])
    scale = last_close * displacement
    prices = {"open": opened, "high": high, "low": low, "close": closed}
    for name, price in prices.items():
        bar[name] = clip(price * scale, LOWEST * base[name], HIGHEST * base[name])
    moved = displacement * closed * last_close / base["close"]
    return bar, clip(moved, LOWEST, HIGHEST)


def shifted(price: float, permanent: float, asset: Record, world: Record) -> float:
    """A price moved by own permanent impact."""
    if world["execution"]["impact_reference"] == "first":
        return max(price + permanent * asset["reference_price"], 1e-6 * price)
    return price * math.exp(clip(permanent, -20.0, 20.0))


def move_variances(asset: Record, name: str, change: float, bar: Record) -> None:
    """By one bar; a new listing's begin with its range and weigh all its bars alike."""
    n, square = asset["listed_bars"], change**2
    if n == 0:
        return
    is_first = n < SETTLED and asset[f"{name}_slow"] <= SMALLEST_VARIANCE
    if is_first:
        square = math.log(bar["high"] / bar["low"]) ** 2
    square = max(square, SMALLEST_VARIANCE)
    for speed, half_life in (("fast", 10), ("slow", 60)):
        weight = rate_of(half_life)
        if n < SETTLED:
            weight = 1.0 if is_first else max(weight, 1.0 / n)
        asset[f"{name}_{speed}"] = ewma(asset[f"{name}_{speed}"], square, weight)


def update_averages(asset: Record, undisturbed: float, bar: Record, in_table: float) -> None:
    move_variances(asset, "variance", undisturbed / asset["undisturbed"] - 1.0, bar)
    asset["volume_mean"] = mean_volume(asset["volume_mean"], bar["volume"])
    asset["volume_usual"] = mean_volume(asset["volume_usual"], in_table)
    asset["undisturbed"] = undisturbed
