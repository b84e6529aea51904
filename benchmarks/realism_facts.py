"""The stylised facts that a market is held to, and the bands they must lie in.

The facts are those of Cont (2001); the bands were drawn around real series of each kind. A fact is
`counted` or only shown: equities are judged by 14, of which 12 must hold; crypto and currencies by
11, of which 10 must hold, without the gain and loss asymmetry and volume. Facts of several assets
are shown for the market that has several.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.markets import stylized_facts as facts

Array = NDArray[np.float64]
Band = tuple[float, float]

NEEDED = {"equity": 12, "crypto": 10, "fx": 10}
KINDS = tuple(NEEDED)
NEAR = 5  # lags to each side of a long lag


class Fact(NamedTuple):
    """One fact: what it is called, and its bands for equity, crypto and fx, None for no verdict."""

    name: str
    equity: Band | None = None
    crypto: Band | None = None
    fx: Band | None = None
    counted: bool = True

    def band(self, kind: str) -> Band | None:
        """The band of one kind of market."""
        return dict(zip(KINDS, (self.equity, self.crypto, self.fx), strict=True))[kind]

    def holds(self, kind: str, value: float) -> bool:
        """Whether a value lies in the band of a kind; never without a band, nor for NaN."""
        band = self.band(kind)
        return band is not None and band[0] <= value <= band[1]


ALL_DECAY = (0.10, 0.75)
ALL_AGGREGATED = (-0.02, 1.0)
SERIES_FACTS = (
    Fact("Hill index of the top 5%", (2.2, 4.0), (2.1, 3.4), (2.4, 3.8)),
    Fact("excess kurtosis after EWMA volatility", (1.0, 250.0), (2.0, 400.0), (2.0, 400.0)),
    Fact("autocorrelation of r, lag 1", (-0.12, 0.06), (-0.12, 0.06), (-0.10, 0.06)),
    Fact("robust score of lags 1-10, rms", (0.5, 1.8), (0.4, 1.9), (0.4, 1.9)),
    Fact("autocorrelation of |r|, lag 1", (0.14, 0.46), (0.18, 0.45), (0.12, 0.36)),
    Fact("autocorrelation of |r|, lag 10", (0.09, 0.40), (0.10, 0.34), (0.04, 0.24)),
    Fact("autocorrelation of |r|, near lag 50", (0.04, 0.33), (0.05, 0.26), (0.02, 0.18)),
    Fact("autocorrelation of |r|, near lag 100", (0.03, 0.27), (0.03, 0.22), (0.01, 0.16)),
    Fact("decay exponent of |r|, lags 1-100", ALL_DECAY, ALL_DECAY, ALL_DECAY),
    Fact("leverage E[z z'^2], lags 1-10", (-0.40, -0.03), (-0.40, 0.08), (-0.10, 0.10)),
    Fact("skewness", (-2.6, 0.6)),
    Fact("0.5% over 99.5% quantile", (0.82, 1.25)),
    Fact("kurtosis of 21 bars over 1", ALL_AGGREGATED, ALL_AGGREGATED, ALL_AGGREGATED),
    Fact("leverage as a correlation", counted=False),
)
VOLUME_FACTS = (
    Fact("correlation of |r| and unusual volume", (0.12, 0.60)),
    Fact("autocorrelation of unusual volume", (0.35, 0.85), (0.35, 0.85), counted=False),
)
ASSET_FACTS = (
    Fact("stressed less calm correlation", (0.08, 0.45), counted=False),
    Fact("lower 5% tail dependence", (0.15, 0.45), counted=False),
    Fact("first eigenvalue's share", (0.25, 0.60), counted=False),
)
FACTS = SERIES_FACTS + VOLUME_FACTS + ASSET_FACTS


class Measured(NamedTuple):
    """Facts by name: an array with one value a series, or a path for facts of several assets."""

    values: dict[str, Array]
    series: int
    bars: int


def series_values(returns: Array) -> tuple[float, ...]:
    """Values of SERIES_FACTS, in their order."""
    size = np.abs(returns)
    return (
        facts.hill_index(returns),
        facts.excess_kurtosis(facts.volatility_scaled(returns)),
        facts.autocorrelation(returns, 1),
        facts.linear_memory(returns),
        facts.autocorrelation(size, 1),
        facts.autocorrelation(size, 10),
        near_lag(size, 50),
        near_lag(size, 100),
        facts.decay_exponent(returns),
        facts.leverage(returns),
        facts.skewness(returns),
        facts.tail_asymmetry(returns),
        facts.aggregated_kurtosis(returns),
        facts.leverage_correlation(returns),
    )


def near_lag(size: Array, lag: int) -> float:
    """Mean autocorrelation over the lags near one."""
    lags = range(lag - NEAR, lag + NEAR + 1)
    return float(np.mean([facts.autocorrelation(size, each) for each in lags]))


def measure(returns: Array, volume: Array | None = None) -> Measured:
    """Measure every fact that the data define.

    Args:
        returns: log returns, (paths, bars, assets).
        volume: of the same bars, or None.
    """
    paths, bars, assets = returns.shape
    places = [(path, asset) for path in range(paths) for asset in range(assets)]
    values = _columns(SERIES_FACTS, [series_values(returns[p, :, a]) for p, a in places])
    if volume is not None:
        rows = [_volume_values(returns[p, :, a], volume[p, :, a]) for p, a in places]
        values |= _columns(VOLUME_FACTS, rows)
    if assets > 2:
        values |= _columns(ASSET_FACTS, [_asset_values(table) for table in returns])
    return Measured(values, len(places), bars)


def passed(measured: dict[str, float], kind: str) -> tuple[int, int]:
    """Counted facts that hold, and counted facts there are, for one value of each."""
    judged = [f for f in FACTS if f.counted and f.band(kind) and f.name in measured]
    return sum(fact.holds(kind, measured[fact.name]) for fact in judged), len(judged)


def _volume_values(returns: Array, volume: Array) -> tuple[float, float]:
    """Values of VOLUME_FACTS."""
    unusual = facts.unusual_volume(volume)
    return facts.volume_correlation(returns, unusual), facts.volume_memory(unusual)


def _asset_values(table: Array) -> tuple[float, float, float]:
    """Values of ASSET_FACTS, of returns of shape (bars, assets)."""
    return (
        facts.stress_correlation(table),
        facts.tail_dependence(table),
        facts.first_eigenvalue(table),
    )


def _columns(named: tuple[Fact, ...], rows: list[tuple[float, ...]]) -> dict[str, Array]:
    """One array of values for each fact."""
    table = np.array(rows)
    return {fact.name: table[:, i] for i, fact in enumerate(named)}
