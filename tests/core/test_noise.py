"""Noise: the published generator, at addresses that do not collide."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trading_env.core.noise import Stream, middle, normal_quantile, normals, philox, uniforms

DRAWS = 20_000
ALL_ONES = 0xFFFFFFFF
PI_COUNTER = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
PI_KEY = (0xA4093822, 0x299F31D0)
KNOWN_ANSWERS = [  # Random123's kat_vectors, philox4x32 of 10 rounds
    ((0, 0), (0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((ALL_ONES,) * 2, (ALL_ONES,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (PI_KEY, PI_COUNTER, "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
ORIGIN = {"seed": np.uint64(1), "episode": 2, "step": 3, "asset": 4, "stream": 5}


def sample(draw: Any, stream: int) -> NDArray[np.float64]:
    return np.array([draw(np.uint64(11), 0, k, 0, stream) for k in range(DRAWS)])


@pytest.mark.parametrize(("key", "counter", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_words(
    key: tuple[int, ...], counter: tuple[int, ...], answer: str
) -> None:
    words = philox(*[np.uint64(word) for word in (*key, *counter)])
    assert " ".join(f"{int(word):08x}" for word in words) == answer


@pytest.mark.proof
def test_uniforms_are_uniform_and_the_pair_is_uncorrelated() -> None:
    pairs = sample(uniforms, Stream.FEED_FAULT)
    error = 4.0 / np.sqrt(DRAWS)  # four standard errors, in units of one draw's deviation
    assert pairs.min() >= 0.0 and pairs.max() < 1.0
    assert np.abs(pairs.mean(axis=0) - 0.5).max() < error * np.sqrt(1 / 12)
    assert np.abs((pairs**2).mean(axis=0) - 1 / 3).max() < error * np.sqrt(4 / 45)
    assert abs(np.corrcoef(pairs.T)[0, 1]) < error
    serial = np.corrcoef(pairs[1:, 0], pairs[:-1, 0])[0, 1]
    assert abs(serial) < error


def test_uniforms_fill_their_bins_evenly() -> None:
    counts = np.histogram(sample(uniforms, 0)[:, 0], bins=50, range=(0.0, 1.0))[0]
    expected = DRAWS / 50
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 49 + 5 * np.sqrt(2 * 49)


@pytest.mark.proof
def test_normals_have_the_moments_of_the_normal_law() -> None:
    z = sample(normals, Stream.ORDER_LATENCY)
    error = 4.0 / np.sqrt(DRAWS)
    assert np.abs(z.mean(axis=0)).max() < error
    assert np.abs((z**2).mean(axis=0) - 1.0).max() < error * np.sqrt(2)
    assert np.abs((z**3).mean(axis=0)).max() < error * np.sqrt(15)
    assert np.abs((z**4).mean(axis=0) - 3.0).max() < error * np.sqrt(96)
    assert abs(np.corrcoef(z.T)[0, 1]) < error


def test_a_draw_depends_on_its_address_and_on_nothing_else() -> None:
    first = uniforms(**ORIGIN)
    uniforms(np.uint64(9), 9, 9, 9, 9)
    assert uniforms(**ORIGIN) == first


@pytest.mark.parametrize("part", ["episode", "step", "asset", "stream"])
def test_each_part_of_the_address_matters(part: str) -> None:
    assert uniforms(**{**ORIGIN, part: ORIGIN[part] + 1}) != uniforms(**ORIGIN)


@pytest.mark.parametrize("bit", [0, 31, 32, 63])
def test_each_bit_of_the_seed_matters(bit: int) -> None:
    other = ORIGIN["seed"] ^ np.uint64(1 << bit)
    assert uniforms(**{**ORIGIN, "seed": other}) != uniforms(**ORIGIN)


def test_swapped_coordinates_are_different_addresses() -> None:
    seed = np.uint64(3)
    draws = {uniforms(seed, e, s, a, 0) for e in range(6) for s in range(6) for a in range(6)}
    assert len(draws) == 6**3


def test_no_two_streams_share_a_number() -> None:
    assert len({stream.value for stream in Stream}) == len(Stream.__members__)


@pytest.mark.parametrize("first", [0.0, 2.0**-53, 0.25, 0.5, 1.0 - 2.0**-52, 1.0 - 2.0**-53])
def test_every_uniform_has_a_normal(first: float) -> None:
    """The largest one too, half a step above which the nearest float is 1."""
    p = middle(first)
    assert p == min(first + 2.0**-54, 1.0 - 2.0**-53)
    assert np.isfinite(normal_quantile(p))
