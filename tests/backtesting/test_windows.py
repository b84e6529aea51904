"""Walk-forward windows: no test bar is trained on, and what is played is the test part."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trading_env.backtesting import Walk, backtest, make_envs, rollout
from trading_env.backtesting.cells import Slice
from trading_env.backtesting.lookup import Candidate
from trading_env.backtesting.walks import _overlap, _window, slices_of
from trading_env.backtesting.windows import Window
from trading_env.core.errors import ConfigError
from trading_env.envs.trace import EpisodeTrace
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.envs.world import WARMUP
from trading_env.markets import Market, load_market
from trading_env.markets.bars import TRAIN_SHARE, VALIDATION_SHARE
from trading_env.policies.baselines import BASELINES

WALKS = st.builds(
    Walk,
    train=st.integers(1, 300),
    test=st.integers(2, 100),
    step=st.integers(1, 200),
    purge=st.integers(0, 40),
    embargo=st.integers(0, 80),
)


@pytest.mark.proof
@given(WALKS, st.integers(2, 1000))
def test_every_window_keeps_test_apart_from_training(walk: Walk, bars: int) -> None:
    need = walk.train + walk.embargo + walk.test
    assume(walk.purge < walk.train and walk.train + walk.embargo >= WARMUP and need <= bars)
    windows = walk.windows(bars)
    for number, window in enumerate(windows):
        train = set(range(window.train_start, window.train_stop))
        test = set(range(window.test_start, window.test_stop))
        assert window.number == number
        assert window.train_start == number * walk.step
        assert len(train) == walk.train - walk.purge and len(test) == walk.test
        assert not train & test and max(train) < min(test)
        between = set(range(bars)) & set(range(max(train) + 1, min(test)))
        assert len(between) == walk.purge + walk.embargo
        assert min(test) >= WARMUP and max(test) < bars
    assert windows[-1].train_start + walk.step + need > bars  # not one more would have fitted


def test_test_parts_tile_the_market_when_the_step_is_their_length() -> None:
    windows = Walk(train=100, test=30, step=30, purge=4, embargo=6).windows(400)
    tested = [bar for w in windows for bar in range(w.test_start, w.test_stop)]
    assert tested == list(range(106, 106 + 30 * len(windows)))


def test_lengths_are_bars_or_trading_days() -> None:
    assert Walk.read("train=500,test=100") == Walk(500, 100, 100)
    assert Walk.read("train=2d, test=1d,step=7b,purge=3,embargo=1d", 78.0) == Walk(
        156, 78, 7, 3, 78
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "unknown key ''"),
        ("train=500", "test is missing"),
        ("test=500", "train is missing"),
        ("train=500,test=100,trian=3", "did you mean 'train'"),
        ("train=500,test=100,test=3", "twice"),
        ("train=5.5,test=100", "give bars"),
        ("train=-5,test=100", "give bars"),
        ("train=1y,test=100", "give bars"),
        ("train,test=100", "train = ''"),
        ("train=500,test=1", "test = 1 bars: must be >= 2"),
        ("train=500,test=100,step=0", "step = 0"),
        ("train=500,test=100,purge=500", "purge = 500"),
        ("train=40,test=100,embargo=20", "64 warm the features up"),
        ("train=900,test=100,embargo=1", "takes 1001 bars, the market has 1000"),
    ],
)
def test_lengths_that_make_no_window_are_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Walk.read(text).windows(1000)
    assert words in str(caught.value) and len(str(caught.value)) < 200


def a_market(bars: int = 260) -> Market:
    spec = {"generator": "multiscale", "paths": 1, "bars": bars, "assets": 2}
    return load_market(spec, seed_band=None)


def test_decisions_and_fills_lie_in_the_test_part() -> None:
    market = a_market()
    for cut in slices_of("m", market, "train=100,test=40,purge=5,embargo=10"):
        policy = BASELINES["random"](PortfolioVectorEnv(1, **cut.arguments).layout)
        envs = make_envs(policy, 1, {**cut.arguments, "detail": "full"})
        trace = EpisodeTrace(envs.setup)
        rollout(policy, envs, 3, [trace])
        window = cut.window
        assert window is not None
        played = trace.time.astype(np.int64)
        assert played.tolist() == market.time[window.test_start : window.test_stop].tolist()


def test_a_window_knows_nothing_of_what_comes_after_it() -> None:
    market = a_market()
    arguments: dict[str, Any] = {
        "windows": Walk(train=100, test=40, step=40, embargo=10),
        "scenarios": ["price_shock"],
        "episodes": 2,
    }
    whole = backtest({"p": BASELINES["momentum"]}, markets={"m": market}, **arguments)
    early = backtest(
        {"p": BASELINES["momentum"]}, markets={"m": market.slice_bars(0, 192)}, **arguments
    )
    assert set(whole["window"]) == {0, 1, 2} and set(early["window"]) == {0, 1}
    first = whole[whole["window"] < 2].reset_index(drop=True)
    assert first.drop(columns="withheld").equals(early.drop(columns="withheld"))


def test_a_window_counts_as_in_sample_up_to_the_last_bar_that_training_or_validation_saw() -> None:
    market = a_market()
    seen = int((TRAIN_SHARE + VALIDATION_SHARE) * market.bars)
    trained = Candidate("p", BASELINES["flat"], market=market)
    for start, sample in ((seen - 1, "in sample"), (seen, "out of sample")):
        cut = Slice("m", {}, Window(0, 0, start, start, start + 10))
        assert _window(cut, market, market, trained)["sample"] == sample
        untrained = Candidate("p", BASELINES["flat"])
        assert _window(cut, market, market, untrained)["sample"] == "out of sample"


@pytest.mark.parametrize(
    ("learnt", "tested"),
    [
        ({"generator": "gbm", "assets": 2}, {"generator": "gbm", "assets": 2}),
        ("multiscale", "us_indices"),
        ("us_indices", "mine"),
    ],
)
def test_other_bars_are_not_what_training_saw(learnt: Any, tested: Any) -> None:
    """A generator makes other pools for training; another market's dates say nothing."""
    trained = Candidate("p", BASELINES["flat"], market=learnt)
    cut = Slice("m", {}, Window(0, 0, 10, 10, 20))
    bars = a_market() if tested == "mine" else load_market(tested)
    assert _window(cut, bars, tested, trained)["sample"] == "out of sample"


def test_windows_overlap_when_they_share_a_test_bar_of_one_market() -> None:
    here = Slice("m", {}, Window(0, 0, 100, 100, 140))
    for start, market, overlap in ((139, "m", True), (140, "m", False), (139, "n", False)):
        after = Slice(market, {}, Window(1, 0, start, start, start + 40))
        assert _overlap(here, after) is overlap
