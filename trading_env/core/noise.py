"""Random numbers with an address.

A draw is a function of (seed, episode, step, asset, stream) and of nothing else, so it does not
depend on the batch size, the thread count, the order of the lanes or on how many draws another
stream made. The generator is Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
numbers: as easy as 1, 2, 3", SC 2011): the seed is the key, the rest of the address the counter.

Products stay in uint64 and words are masked to 32 bits, so the same file runs uncompiled.
"""

import math
from enum import IntEnum

import numpy as np

from trading_env.core.jit import kernel

MASK = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
DROP_LOW_5 = np.uint64(5)
DROP_LOW_6 = np.uint64(6)
TWO_26 = 67108864.0  # 2**26
UNIT_53 = 1.0 / 9007199254740992.0  # 2**-53

# Coefficients of AS 241 by falling power, the leading ones apart (Horner's scheme starts there).
CENTRE_ABOVE = (
    33430.575583588128105,
    67265.770927008700853,
    45921.953931549871457,
    13731.693765509461125,
    1971.5909503065514427,
    133.14166789178437745,
    3.3871328727963666080,
)
CENTRE_BELOW = (
    28729.085735721942674,
    39307.895800092710610,
    21213.794301586595867,
    5394.1960214247511077,
    687.18700749205790830,
    42.313330701600911252,
    1.0,
)
TAIL_ABOVE = (
    0.0227238449892691845833,
    0.241780725177450611770,
    1.27045825245236838258,
    3.64784832476320460504,
    5.76949722146069140550,
    4.63033784615654529590,
    1.42343711074968357734,
)
TAIL_BELOW = (
    5.47593808499534494600e-4,
    0.0151986665636164571966,
    0.148103976427480074590,
    0.689767334985100004550,
    1.67638483018380384940,
    2.05319162663775882187,
    1.0,
)
FAR_ABOVE = (
    2.71155556874348757815e-5,
    0.00124266094738807843860,
    0.0265321895265761230930,
    0.296560571828504891230,
    1.78482653991729133580,
    5.46378491116411436990,
    6.65790464350110377720,
)
FAR_BELOW = (
    1.42151175831644588870e-7,
    1.84631831751005468180e-5,
    7.86869131145613259100e-4,
    0.0148753612908506148525,
    0.136929880922735805310,
    0.599832206555887937690,
    1.0,
)


class Stream(IntEnum):
    """What a draw is for. One name, one use: streams never share an address."""

    EPISODE_PATH = 0
    EPISODE_START = 1
    SCENARIO_CHOICE = 2
    EVENT_START = 3
    ORDER_LATENCY = 4
    FEED_FAULT = 5
    PARENT_ORDER = 6
    EVENT_SIZE = 7
    COMMON_SHOCK = 8
    EVENT_SIGN = 9
    # Generators of synthetic markets (their seed is the pool's key, never an environment's).
    MARKET_FACTOR = 32
    MARKET_SHOCK = 33
    MARKET_TAIL = 34
    MARKET_INTRABAR = 35
    MARKET_VOLUME = 36
    MARKET_SIGNAL = 37
    MARKET_NIGHT = 38


@kernel
def philox(
    key_0: np.uint64,
    key_1: np.uint64,
    counter_0: np.uint64,
    counter_1: np.uint64,
    counter_2: np.uint64,
    counter_3: np.uint64,
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Ten rounds of Philox-4x32; every word is a uint64 below 2**32."""
    for _ in range(10):
        product_0 = MULTIPLIER_0 * counter_0
        product_1 = MULTIPLIER_1 * counter_2
        counter_0 = (product_1 >> SHIFT) ^ counter_1 ^ key_0
        counter_2 = (product_0 >> SHIFT) ^ counter_3 ^ key_1
        counter_1 = product_1 & MASK
        counter_3 = product_0 & MASK
        key_0 = (key_0 + WEYL_0) & MASK
        key_1 = (key_1 + WEYL_1) & MASK
    return counter_0, counter_1, counter_2, counter_3


@kernel
def uniforms(
    seed: np.uint64, episode: int, step: int, asset: int, stream: int
) -> tuple[float, float]:
    """Two independent uniforms on [0, 1), 53 bits each."""
    key = np.uint64(seed)
    word_0, word_1, word_2, word_3 = philox(
        key & MASK,
        key >> SHIFT,
        np.uint64(step) & MASK,
        np.uint64(episode) & MASK,
        np.uint64(asset) & MASK,
        np.uint64(stream) & MASK,
    )
    first = float(word_0 >> DROP_LOW_5) * TWO_26 + float(word_1 >> DROP_LOW_6)
    second = float(word_2 >> DROP_LOW_5) * TWO_26 + float(word_3 >> DROP_LOW_6)
    return first * UNIT_53, second * UNIT_53


@kernel
def uniform(seed: np.uint64, episode: int, step: int, asset: int, stream: int) -> float:
    """One uniform on [0, 1)."""
    return uniforms(seed, episode, step, asset, stream)[0]


@kernel
def normals(
    seed: np.uint64, episode: int, step: int, asset: int, stream: int
) -> tuple[float, float]:
    """Two independent standard normals (Box and Muller 1958)."""
    first, second = uniforms(seed, episode, step, asset, stream)
    radius = math.sqrt(-2.0 * math.log(1.0 - first))
    angle = 2.0 * math.pi * second
    return radius * math.cos(angle), radius * math.sin(angle)


@kernel
def normal(seed: np.uint64, episode: int, step: int, asset: int, stream: int) -> float:
    """One standard normal, by inversion: half the cost of a pair when one is all that is asked."""
    first = uniforms(seed, episode, step, asset, stream)[0]
    return normal_quantile(middle(first))


@kernel
def middle(first: float) -> float:
    """Middle of the step that a uniform stands for; of the largest its lower end, below 1."""
    return min(first + 0.5 * UNIT_53, 1.0 - UNIT_53)


@kernel
def normal_quantile(p: float) -> float:
    """Return the standard normal quantile of p in (0, 1) (Wichura 1988, AS 241, PPND16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = 2509.0809287301226727
        for c in CENTRE_ABOVE:
            above = above * r + c
        below = 5226.4952788528545610
        for c in CENTRE_BELOW:
            below = below * r + c
        return q * above / below
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        above = 7.74545014278341407640e-4
        for c in TAIL_ABOVE:
            above = above * r + c
        below = 1.05075007164441684324e-9
        for c in TAIL_BELOW:
            below = below * r + c
    else:
        r -= 5.0
        above = 2.01033439929228813265e-7
        for c in FAR_ABOVE:
            above = above * r + c
        below = 2.04426310338993978564e-15
        for c in FAR_BELOW:
            below = below * r + c
    return math.copysign(above / below, q)
