"""Stylised facts of returns: the statistics that tell a market from a random walk (Cont 2001).

With r_t the log returns of equal bars, s their standard deviation and z = (r - mean) / s:

    Hill index        1 / mean ln(a_i / a_n) over the n largest a = |r|: the exponent of a power
                      tail (Hill 1975)
    residual tails    excess kurtosis of r / EWMA volatility, lambda 0.94 (J.P. Morgan 1996)
    linear memory     autocorrelation of r; rms over lags of the score
                      sum r_t r_(t-k) / sqrt(sum r_t^2 r_(t-k)^2), which is near 1 for uncorrelated
                      returns, also when their volatility varies (Lo and MacKinlay 1988)
    clustering        autocorrelation of |r|; its decay: minus the slope of its log on the log lag
    leverage          mean over k of E[z_t z_(t+k)^2] (Bouchaud, Matacz and Potters 2001, divided
                      by s^3 instead of s^4, so that it has no unit). The correlation of r_t and
                      r_(t+k)^2 is this over the standard deviation of z^2, three to four times
                      smaller for daily indices: do not compare figures of the two
    gain and loss     skewness; |0.5% quantile| over 99.5% quantile of r
    aggregation       excess kurtosis of 21-bar returns over that of one bar: near 0 if sums
                      soon become normal
    volume            y = log volume less the mean of the 63 bars before: correlation with |r|, and
                      its own autocorrelation

and for several assets, r of shape (bars, assets):

    stress            mean pairwise correlation in the tenth of 63-bar quarters in which the
                      equally weighted market moved most, less that in the calmer half
    tail dependence   chance that one asset is in its lowest 5% given that another is, mean of pairs
    first eigenvalue  of the correlation matrix, as a share of the number of assets

Every result is a pure number. Not covered: hours of the day, and order flow.
"""

import numpy as np
from numpy.typing import ArrayLike

from trading_env.core.records import Floats

TAIL_SHARE = 0.05  # of the returns, the largest of which make the Hill index
EWMA_DECAY = 0.94
MEMORY_LAGS = 10
DECAY_LAGS = 100
LEAST_AUTOCORRELATION = 1e-3  # the log of a smaller one is noise
QUANTILE = 0.005
MONTH = 21  # bars
QUARTER = 63  # bars
STRESSED_SHARE = 0.1  # of the quarters
JOINT_TAIL = 0.05


def hill_index(returns: ArrayLike, share: float = TAIL_SHARE) -> float:
    """Estimate the exponent of the power tail of |r| from its largest `share`, in (0, 1)."""
    size = np.sort(np.abs(_series(returns, 3)))[::-1]
    count = max(int(share * len(size)), 1)
    return float(1.0 / np.log(size[:count] / size[count]).mean())


def excess_kurtosis(values: ArrayLike) -> float:
    """Fourth central moment over the squared variance, less 3: 0 for normal values."""
    centred = _centred(values)
    return float(np.mean(centred**4) / np.mean(centred**2) ** 2 - 3.0)


def skewness(values: ArrayLike) -> float:
    """Third central moment over the cubed standard deviation: 0 for symmetric values."""
    centred = _centred(values)
    return float(np.mean(centred**3) / np.mean(centred**2) ** 1.5)


def volatility_scaled(returns: ArrayLike, decay: float = EWMA_DECAY) -> Floats:
    """Divide each return by the EWMA volatility of earlier returns; the first by that of all."""
    series = _series(returns, 2)
    variance = float(np.mean(series**2))
    scale = np.empty_like(series)
    for step, value in enumerate(series.tolist()):
        scale[step] = variance
        variance = decay * variance + (1.0 - decay) * value * value
    scaled: Floats = series / np.sqrt(scale)
    return scaled


def autocorrelation(values: ArrayLike, lag: int) -> float:
    """Mean product of deviations `lag` apart, over the variance.

    Raises:
        ValueError: `lag` is not in 1 to the length less 2.
    """
    centred = _centred(values)
    if not 1 <= lag <= len(centred) - 2:
        raise ValueError(f"lag = {lag}: must be 1 to {len(centred) - 2}")
    return float(np.mean(centred[lag:] * centred[:-lag]) / np.mean(centred**2))


def linear_memory(returns: ArrayLike, lags: int = MEMORY_LAGS) -> float:
    """Root mean square over lags 1 to `lags` of the robust score of the autocorrelation."""
    centred = _centred(returns)
    squares = []
    for lag in range(1, lags + 1):
        product = centred[lag:] * centred[:-lag]
        squares.append(product.sum() ** 2 / np.sum(product**2))
    return float(np.sqrt(np.mean(squares)))


def decay_exponent(returns: ArrayLike, lags: int = DECAY_LAGS) -> float:
    """Exponent b of the fit lag^(-b) to the autocorrelation of |r| over lags 1 to `lags`.

    An autocorrelation below 0.001 counts as 0.001.
    """
    size = np.abs(_series(returns, lags + 2))
    steps = range(1, lags + 1)
    memory = [max(autocorrelation(size, lag), LEAST_AUTOCORRELATION) for lag in steps]
    slope = np.polynomial.Polynomial.fit(np.log(steps), np.log(memory), 1).convert().coef[1]
    return float(-slope)


def leverage(returns: ArrayLike, lags: int = MEMORY_LAGS) -> float:
    """Mean over k = 1 to `lags` of E[z_t z_(t+k)^2]: < 0 when a fall is followed by larger moves.

    Not a correlation: see the module's docstring, and `leverage_correlation`.
    """
    centred = _centred(returns)
    z = centred / np.sqrt(np.mean(centred**2))
    return float(np.mean([np.mean(z[:-lag] * z[lag:] ** 2) for lag in range(1, lags + 1)]))


def leverage_correlation(returns: ArrayLike, lags: int = MEMORY_LAGS) -> float:
    """Mean over k = 1 to `lags` of the correlation of r_t with r_(t+k)^2, in [-1, 1]."""
    series = _series(returns, lags + 2)
    steps = range(1, lags + 1)
    found = [np.corrcoef(series[:-lag], series[lag:] ** 2)[0, 1] for lag in steps]
    return float(np.mean(found))


def tail_asymmetry(returns: ArrayLike, share: float = QUANTILE) -> float:
    """Size of the lower over the upper quantile at `share`: > 1 when large falls are larger."""
    low, high = np.quantile(_series(returns, 2), [share, 1.0 - share])
    return float(-low / high)


def aggregated_kurtosis(returns: ArrayLike, bars: int = MONTH) -> float:
    """Excess kurtosis of sums of `bars` returns over that of single returns.

    It is 1 / bars for independent returns.
    """
    series = _series(returns, 2 * bars)
    whole = len(series) // bars * bars
    sums = series[:whole].reshape(-1, bars).sum(axis=1)
    return excess_kurtosis(sums) / excess_kurtosis(series)


def unusual_volume(volume: ArrayLike, window: int = QUARTER) -> Floats:
    """Log volume less its mean over the `window` bars before; the first `window` bars are NaN.

    A bar without volume, and each bar whose window holds one, is NaN too.
    """
    units = np.asarray(volume, dtype=np.float64)
    if units.ndim != 1 or len(units) <= window:
        raise ValueError(f"volume: needs one axis of more than {window} bars")
    logs = np.log(np.where(units > 0.0, units, np.nan))
    unusual = np.full(len(logs), np.nan)
    means = np.lib.stride_tricks.sliding_window_view(logs, window).mean(axis=1)
    unusual[window:] = logs[window:] - means[:-1]
    return unusual


def volume_correlation(returns: ArrayLike, unusual: ArrayLike) -> float:
    """Correlation of |r| with the unusual volume of the same bars, NaN left out."""
    size = np.abs(_series(returns, 2))
    other = np.asarray(unusual, dtype=np.float64)
    known = np.isfinite(other)
    return float(np.corrcoef(size[known], other[known])[0, 1])


def volume_memory(unusual: ArrayLike) -> float:
    """Autocorrelation at lag 1 of unusual volume, NaN left out."""
    values = np.asarray(unusual, dtype=np.float64)
    return autocorrelation(values[np.isfinite(values)], 1)


def pairwise_correlation(returns: ArrayLike) -> float:
    """Mean correlation of all pairs of assets; returns of shape (bars, assets)."""
    table = _table(returns)
    pairs = np.triu_indices(table.shape[1], 1)
    return float(_correlation(table)[pairs].mean())


def stress_correlation(returns: ArrayLike, quarter: int = QUARTER) -> float:
    """Mean pairwise correlation of the stressed quarters less that of the calmer half."""
    table = _table(returns)
    count = len(table) // quarter
    if count < 10:
        raise ValueError(f"returns: needs 10 quarters of {quarter} bars, got {count}")
    quarters = table[: count * quarter].reshape(count, quarter, -1)
    order = np.argsort(quarters.mean(axis=2).std(axis=1))
    correlation = np.array([pairwise_correlation(quarters[i]) for i in order])
    stressed = max(1, round(STRESSED_SHARE * count))
    return float(correlation[-stressed:].mean() - correlation[: count // 2].mean())


def tail_dependence(returns: ArrayLike, share: float = JOINT_TAIL) -> float:
    """Chance that an asset is in its lowest `share` of bars given that another is, in [0, 1]."""
    table = _table(returns)
    low = (table <= np.quantile(table, share, axis=0)).astype(np.float64)
    pairs = np.triu_indices(table.shape[1], 1)
    return float((low.T @ low)[pairs].mean() / (share * len(table)))


def first_eigenvalue(returns: ArrayLike) -> float:
    """Share of the correlation matrix's trace in its largest eigenvalue, in (0, 1]."""
    table = _table(returns)
    return float(np.linalg.eigvalsh(_correlation(table))[-1] / table.shape[1])


def _series(values: ArrayLike, least: int) -> Floats:
    """Read one series of at least `least` finite numbers that are not all equal."""
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or len(series) < least:
        raise ValueError(f"values of shape {series.shape}: needs one axis of {least} or more")
    if not np.isfinite(series).all() or np.ptp(series) == 0.0:
        raise ValueError("values: must be finite and not all equal")
    return series


def _centred(values: ArrayLike) -> Floats:
    """Read one series and subtract its mean."""
    series = _series(values, 3)
    centred: Floats = series - series.mean()
    return centred


def _correlation(table: Floats) -> Floats:
    """Correlation matrix of the columns."""
    return np.asarray(np.corrcoef(table.T), dtype=np.float64)


def _table(returns: ArrayLike) -> Floats:
    """Read returns of at least two assets, (bars, assets)."""
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise ValueError(f"returns of shape {table.shape}: needs finite (bars, 2 or more assets)")
    return table
