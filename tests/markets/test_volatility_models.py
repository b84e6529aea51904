"""GJR-GARCH and regimes: moments in closed form, sound bars, refusals."""

import math

import numpy as np
import pytest

from tests.markets.pools import pool, returns_of
from trading_env.markets import Market, MarketSpecError, load_market
from trading_env.markets.models.regime_switching import stationary

FIELDS = ("time", "open", "high", "low", "close", "volume", "path_variance", "signals")
MODELS = pytest.mark.parametrize("model", ["gjr_garch", "regime_switching"])


@pytest.mark.proof
@MODELS
def test_bars_are_sound_and_do_not_know_how_many_follow(model: str) -> None:
    long = pool(model, assets=3, paths=4, bars=300, seed=5)
    names = ("symbols", *FIELDS, "signal_names")
    checked = Market(**{name: getattr(long, name) for name in names})  # raises if unsound
    assert checked.sha256 == long.sha256
    short = pool(model, assets=3, paths=2, bars=40, seed=5)
    for name in FIELDS[1:]:
        assert np.array_equal(getattr(long, name)[:2, :40], getattr(short, name))
    assert pool(model, assets=3, paths=2, bars=40, seed=6).sha256 != short.sha256
    assert pool(model, assets=3, paths=2, bars=40, seed=5, band="test").sha256 != short.sha256


@pytest.mark.proof
@MODELS
def test_prices_without_signal_are_a_martingale(model: str) -> None:
    market = pool(model, assets=1, paths=4000, bars=64, information_coefficient=0.0)
    growth = (market.close[:, -1] / market.close[:, 0] - 1.0).ravel()
    assert abs(growth.mean()) < 4 * growth.std() / math.sqrt(len(growth))


@pytest.mark.proof
@MODELS
def test_a_market_is_named_like_any_other(model: str) -> None:
    spec = {"generator": model, "assets": 2, "paths": 2, "bars": 40}
    assert load_market(spec, seed_band="train").source == f"{model} seed=0 band=train"
    assert load_market(model, seed_band=None).close.shape == (64, 1024, 5)


def gjr_kurtosis(alpha: float, gamma: float, beta: float) -> float:
    """Kurtosis with normal shocks: 3 (1 - p^2) / (1 - E a^2), p = E a, h' = omega + a h."""
    mean = alpha + gamma / 2
    second = beta**2 + 2 * beta * mean + 3 * (alpha**2 + alpha * gamma + gamma**2 / 2)
    return 3 * (1 - (mean + beta) ** 2) / (1 - second)


@pytest.mark.proof
@pytest.mark.parametrize(("alpha", "gamma", "beta"), [(0.05, 0.1, 0.8), (0.1, 0.0, 0.6)])
def test_gjr_garch_has_the_moments_of_its_law(alpha: float, gamma: float, beta: float) -> None:
    law = {"alpha": alpha, "gamma": gamma, "beta": beta, "tail_dof": None, "volatility": 0.01}
    market = pool(
        "gjr_garch", assets=1, paths=400, bars=4001, information_coefficient=0.0, substeps=1, **law
    )
    returns = returns_of(market)
    persistence = alpha + gamma / 2 + beta
    # 1.6 million bars in bouts of 1 / (1 - p): the error of the variance is below 1%.
    assert returns.var() == pytest.approx(1e-4, rel=0.02)
    kurtosis = np.mean(returns**4) / np.mean(returns**2) ** 2
    assert kurtosis == pytest.approx(gjr_kurtosis(alpha, gamma, beta), rel=0.05)
    r, squares = returns[:, :, 0], returns[:, :, 0] ** 2
    ahead = [np.mean(r[:, :-k] * squares[:, k:]) / 0.01**3 for k in (1, 4)]
    if gamma == 0.0:
        assert ahead == pytest.approx([0.0, 0.0], abs=0.02)
    else:  # E[r_t r_(t+k)^2] = E[r_t h_(t+1)] p^(k - 1), the first -gamma / 2 E h^1.5 E|z|^3
        least = gamma / 2 * math.sqrt(8 / math.pi)  # E h^1.5 is 1 to (E h^2)^.75, h over its mean
        assert -least * (kurtosis / 3) ** 0.75 - 0.01 < ahead[0] < -least + 0.01
        assert ahead[1] / ahead[0] == pytest.approx(persistence**3, abs=0.12)


@pytest.mark.proof
def test_gjr_garch_has_the_tail_and_the_correlation_asked_for() -> None:
    flat = {"alpha": 0.0, "gamma": 0.0, "beta": 0.0, "information_coefficient": 0.0}
    tailed = returns_of(pool("gjr_garch", assets=1, paths=400, bars=1001, tail_dof=12.0, **flat))
    kurtosis = np.mean(tailed**4) / np.mean(tailed**2) ** 2
    assert kurtosis == pytest.approx(3 + 6 / (12 - 4), abs=0.15)  # of a t variable
    pair = returns_of(
        pool("gjr_garch", assets=2, paths=100, bars=1001, tail_dof=None, correlation=0.6, **flat)
    )
    assert np.corrcoef(pair.reshape(-1, 2).T)[0, 1] == pytest.approx(0.6, abs=0.01)


def test_regimes_have_the_moments_of_their_chain() -> None:
    deviation, chances = np.array([0.01, 0.03]), np.array([[0.95, 0.05], [0.2, 0.8]])
    market = pool(
        "regime_switching",
        volatilities=deviation.tolist(),
        transition=chances.tolist(),
        assets=1,
        paths=400,
        bars=2001,
        information_coefficient=0.0,
        substeps=1,
    )
    shares = np.array([0.8, 0.2])
    assert stationary(chances) == pytest.approx(shares)
    variance, fourth = shares @ deviation**2, 3 * shares @ deviation**4
    squares = returns_of(market)[:, :, 0] ** 2
    assert squares.mean() == pytest.approx(variance, rel=0.02)
    assert np.mean(squares**2) / squares.mean() ** 2 == pytest.approx(
        fourth / variance**2, rel=0.03
    )
    # Covariance of squares at lag k: that of the regimes' variances, times 0.75^k.
    spread = shares @ deviation**4 - variance**2
    for lag in (1, 4):
        measured = np.mean(squares[:, lag:] * squares[:, :-lag]) - squares.mean() ** 2
        assert measured == pytest.approx(spread * 0.75**lag, rel=0.06)


def test_a_regime_has_its_drift_and_all_assets_share_it() -> None:
    market = pool(
        "regime_switching",
        volatilities=[0.001, 0.001],
        drifts=[0.05, -0.05],
        transition=[[0.9, 0.1], [0.1, 0.9]],
        assets=3,
        paths=50,
        bars=201,
        correlation=0.0,
        information_coefficient=0.0,
    )
    signs = np.sign(returns_of(market))
    assert (signs == signs[:, :, :1]).all()
    assert np.abs(returns_of(market)).mean() == pytest.approx(0.05, rel=0.01)
    assert np.mean(signs[:, 1:] != signs[:, :-1]) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("model", "arguments", "word"),
    [
        ("gjr_garch", {"beta": 0.95}, "below 1"),
        ("gjr_garch", {"alpha": -0.1}, "alpha"),
        ("gjr_garch", {"gamma": "0.1"}, "gamma"),
        ("gjr_garch", {"volatility": 0.0}, "volatility"),
        ("gjr_garch", {"tail_dof": 2.0}, "tail_dof"),
        ("gjr_garch", {"correlation": 1.0}, "correlation"),
        ("gjr_garch", {"bars": 1}, "bars"),
        ("regime_switching", {"volatilities": 0.01}, "volatilities"),
        ("regime_switching", {"volatilities": "0.01"}, "volatilities"),
        ("regime_switching", {"volatilities": [0.01, 0.02]}, "transition"),
        ("regime_switching", {"volatilities": [0.01, -0.02, 0.03]}, "volatilities"),
        ("regime_switching", {"drifts": [0.0]}, "drifts"),
        ("regime_switching", {"transition": [[0.5, 0.5], [0.5]]}, "transition"),
        ("regime_switching", {"transition": np.eye(3).tolist()}, "never reached"),
        ("regime_switching", {"transition": [[0.9, 0.2, 0.0]] * 3}, "sum to 1"),
        ("regime_switching", {"transition": [[math.nan, 1.0, 0.0]] * 3}, "transition.0.0 = nan"),
        ("regime_switching", {"seed": -1}, "seed"),
    ],
)
def test_an_invalid_argument_is_named_in_one_line(
    model: str, arguments: dict[str, object], word: str
) -> None:
    with pytest.raises(MarketSpecError, match=word) as caught:
        load_market({"generator": model, **arguments}, seed_band=None)
    assert len(str(caught.value)) < 200
