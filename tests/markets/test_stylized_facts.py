"""Each statistic recovers the parameter of a series that was made from it."""

import math

import numpy as np
import pytest

from trading_env.markets import stylized_facts as facts

COUNT = 200_000


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_kurtosis_of_normals_is_zero_and_of_laplace_three(
    generator: np.random.Generator,
) -> None:
    error = math.sqrt(24 / COUNT)
    assert abs(facts.excess_kurtosis(generator.normal(3.0, 2.0, COUNT))) < 4 * error
    # The eighth moment of a Laplace variable makes the error of its kurtosis about 0.15.
    assert facts.excess_kurtosis(generator.laplace(size=COUNT)) == pytest.approx(3.0, abs=0.5)


def test_the_skewness_of_exponentials_is_two(generator: np.random.Generator) -> None:
    drawn = generator.exponential(size=COUNT)
    assert facts.skewness(drawn) == pytest.approx(2.0, abs=0.1)
    assert facts.skewness(-drawn) == pytest.approx(-facts.skewness(drawn))


@pytest.mark.parametrize("exponent", [2.0, 3.0, 5.0])
def test_the_hill_index_of_a_pareto_sample_is_its_exponent(
    exponent: float, generator: np.random.Generator
) -> None:
    drawn = (1.0 + generator.pareto(exponent, COUNT)) * generator.choice([-1.0, 1.0], COUNT)
    error = exponent / math.sqrt(0.05 * COUNT)
    assert facts.hill_index(drawn) == pytest.approx(exponent, abs=4 * error)


def test_the_autocorrelation_of_an_ar1_is_a_power_of_its_coefficient(
    generator: np.random.Generator,
) -> None:
    values = np.empty(COUNT)
    state = 0.0
    for step, noise in enumerate(generator.normal(size=COUNT).tolist()):
        state = 0.8 * state + noise
        values[step] = state
    for lag in (1, 2, 5):
        # Bartlett: the error of any lag is below sqrt((1 + phi^2) / (1 - phi^2) / n).
        error = math.sqrt(1.64 / 0.36 / COUNT)
        assert facts.autocorrelation(values, lag) == pytest.approx(0.8**lag, abs=4 * error)


def test_the_score_of_linear_memory_is_one_also_when_volatility_varies(
    generator: np.random.Generator,
) -> None:
    calm_and_wild = np.where(np.arange(COUNT) // 500 % 2, 1.0, 6.0)
    drawn = calm_and_wild * generator.normal(size=COUNT)
    # Mean of ten squared scores: 1 +- sqrt(2 / 10), so below 1.35 at four errors.
    assert 0.3 < facts.linear_memory(drawn) < 1.35
    assert facts.linear_memory(drawn[1:] + 0.2 * drawn[:-1]) > 5.0


def test_volatility_scaling_leaves_returns_of_one_size_at_one() -> None:
    steady = 0.01 * np.where(np.arange(100) % 2, 1.0, -1.0)
    assert facts.volatility_scaled(steady) == pytest.approx(steady / 0.01)


def test_volatility_scaling_knows_only_earlier_returns(generator: np.random.Generator) -> None:
    first = generator.normal(size=50)
    second = first.copy()
    second[30], second[40] = -first[30], 2 * first[40]
    scaled = facts.volatility_scaled(first) / facts.volatility_scaled(second)
    ratio = np.mean(second**2) / np.mean(first**2)  # both start from the variance of all
    assert scaled[0] == pytest.approx(math.sqrt(ratio))
    alone = np.array([0.5, 2.0, 1.0])
    variance = np.mean(alone**2)
    assert facts.volatility_scaled(alone)[1] == pytest.approx(
        2.0 / math.sqrt(0.94 * variance + 0.06 * 0.25)
    )


@pytest.mark.parametrize("exponent", [0.5, 0.8])
def test_the_decay_exponent_is_that_of_a_power_law_memory(
    exponent: float, generator: np.random.Generator
) -> None:
    # Gaussian with autocovariance 0.3 k^-b, by circulant embedding; far from 0, so |r| = r.
    half = 2**18
    lags = np.minimum(np.arange(2 * half), 2 * half - np.arange(2 * half))
    covariance = 0.3 * np.maximum(lags, 1.0) ** -exponent
    covariance[0] = 1.0
    spectrum = np.maximum(np.fft.rfft(covariance).real, 0.0)
    white = np.fft.rfft(generator.normal(size=2 * half))
    values = 100.0 + np.fft.irfft(white * np.sqrt(spectrum))
    # Taking the mean off hides near 2.7 n^-b of the covariance's 0.3, here 5% of lag 100's.
    assert facts.decay_exponent(values) == pytest.approx(exponent, abs=0.05)


@pytest.mark.parametrize(("amplitude", "rho"), [(0.3, -0.6), (0.4, 0.0), (0.3, 0.5)])
def test_leverage_is_that_of_lognormal_volatility(
    amplitude: float, rho: float, generator: np.random.Generator
) -> None:
    # sigma' = exp(a (rho e + sqrt(1 - rho^2) n)): E[z z'^2] = 2 a rho exp(-a^2 / 2), one bar on.
    shock, noise = generator.normal(size=(2, COUNT))
    volatility = np.exp(amplitude * (rho * shock + math.sqrt(1.0 - rho**2) * noise))
    returns = np.r_[shock[0], volatility[:-1] * shock[1:]]
    exact = 2.0 * amplitude * rho * math.exp(-(amplitude**2) / 2.0)
    # z z'^2 has a variance below 20 at these amplitudes.
    assert facts.leverage(returns, 1) == pytest.approx(exact, abs=4 * math.sqrt(20 / COUNT))
    spread = np.sqrt(facts.excess_kurtosis(returns) + 2.0)  # standard deviation of z^2
    assert facts.leverage_correlation(returns, 1) == pytest.approx(
        facts.leverage(returns, 1) / spread, abs=0.005
    )


def test_leverage_does_not_depend_on_scale_or_drift(generator: np.random.Generator) -> None:
    returns = generator.standard_t(4, 3000)
    assert facts.leverage(0.01 * returns + 5.0) == pytest.approx(facts.leverage(returns))


def test_falls_twice_as_large_as_rises_double_the_tail_asymmetry(
    generator: np.random.Generator,
) -> None:
    drawn = generator.laplace(size=COUNT)
    stretched = np.where(drawn < 0.0, 2.0 * drawn, drawn)
    assert facts.tail_asymmetry(stretched) / facts.tail_asymmetry(drawn) == pytest.approx(2.0)


def test_sums_of_independent_returns_have_their_share_of_the_kurtosis(
    generator: np.random.Generator,
) -> None:
    drawn = generator.laplace(size=2_000_000)
    error = math.sqrt(24 / (2_000_000 / 21)) / 3.0
    assert facts.aggregated_kurtosis(drawn) == pytest.approx(1 / 21, abs=5 * error)


def test_unusual_volume_is_measured_from_the_bars_before() -> None:
    growing = np.exp(0.01 * np.arange(200))
    unusual = facts.unusual_volume(growing)
    assert np.isnan(unusual[:63]).all()
    assert unusual[63:] == pytest.approx(np.full(137, 0.32))  # mean of 1 to 63 bars back: 32
    growing[100] = 0.0
    gone = np.isnan(facts.unusual_volume(growing))
    assert gone[100:164].all()
    assert not gone[63:100].any()
    assert not gone[164:].any()


def test_volume_statistics_leave_unknown_bars_out(generator: np.random.Generator) -> None:
    returns, noise = generator.normal(size=(2, COUNT))
    size = np.abs(returns)
    unusual = (size - size.mean()) / size.std() + noise
    unusual[:100] = np.nan
    assert facts.volume_correlation(returns, unusual) == pytest.approx(math.sqrt(0.5), abs=0.01)
    assert facts.volume_memory(unusual) == pytest.approx(0.0, abs=4 / math.sqrt(COUNT))


def test_one_factor_gives_the_correlation_and_the_eigenvalue(
    generator: np.random.Generator,
) -> None:
    common, own = generator.normal(size=(COUNT, 1)), generator.normal(size=(COUNT, 4))
    table = math.sqrt(0.3) * common + math.sqrt(0.7) * own
    assert facts.pairwise_correlation(table) == pytest.approx(0.3, abs=0.01)
    assert facts.first_eigenvalue(table) == pytest.approx((1 + 3 * 0.3) / 4, abs=0.01)
    assert facts.stress_correlation(table) < 0.2  # selecting large moves by chance gives this much


def test_correlation_that_comes_with_volatility_is_found(generator: np.random.Generator) -> None:
    stressed = np.arange(100) % 10 == 9  # every tenth quarter
    scale = np.repeat(np.where(stressed, 5.0, 0.0), 63)[:, None]
    table = scale * generator.normal(size=(6300, 1)) + generator.normal(size=(6300, 5))
    expected = 25.0 / 26.0  # in the stressed quarters; 0 in the others
    assert facts.stress_correlation(table) == pytest.approx(expected, abs=0.06)


def test_tail_dependence_is_the_share_without_and_one_with_a_common_order(
    generator: np.random.Generator,
) -> None:
    table = generator.normal(size=(COUNT, 3))
    assert facts.tail_dependence(table) == pytest.approx(0.05, abs=0.01)
    same = np.repeat(table[:, :1], 3, axis=1) ** 3
    assert facts.tail_dependence(same) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "values", [[1.0], [[1.0, 2.0, 3.0]], [1.0, 1.0, 1.0], [1.0, 2.0, math.nan]]
)
def test_values_that_are_not_a_series_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values"):
        facts.excess_kurtosis(values)


@pytest.mark.parametrize("lag", [0, -1, 9])
def test_a_lag_outside_the_series_is_refused(lag: int) -> None:
    with pytest.raises(ValueError, match=f"lag = {lag}"):
        facts.autocorrelation(np.arange(10.0), lag)


def test_tables_and_volumes_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="2 or more assets"):
        facts.pairwise_correlation(np.ones((5, 1)))
    with pytest.raises(ValueError, match="10 quarters"):
        facts.stress_correlation(np.random.default_rng(0).normal(size=(600, 2)))
    with pytest.raises(ValueError, match="63"):
        facts.unusual_volume(np.ones(63))
