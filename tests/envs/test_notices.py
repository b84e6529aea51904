"""Splits, dividends, listings and rates through the environment: value, causality, parity.

Over 300 lines because every law is of one market, whose bars and notices the helpers make.
"""

from typing import Any

import numpy as np
import pytest

from tests.configurations import CHOSEN, RandomPicks, settings_of
from tests.helpers import a_desk, a_report, an_asset
from tests.lanes import quick_first
from trading_env.core.codes import Listing
from trading_env.core.errors import ConfigError, MarketDataError
from trading_env.core.records import NoticeRecord, new_table
from trading_env.envs.execution import ExecutionEnv
from trading_env.envs.portfolio import PortfolioEnv
from trading_env.envs.snapshot import StateError
from trading_env.envs.vector import ExecutionVectorEnv, PortfolioVectorEnv
from trading_env.execution_engine.config import ExecutionConfig
from trading_env.execution_engine.notices import serve_notice
from trading_env.markets import Market
from trading_env.risk_manager.config import RiskConfig
from trading_env.risk_manager.instructions import COLUMNS

DAY_S, BARS, LENGTH, START = 86_400, 150, 60, 68
LATE, END = 80, 105  # the second asset is listed at bar LATE, the third until bar END
FREE = {"preset": "zero", "participation_cap": 1.0}


def bars_of(seed: int, **notices: Any) -> dict[str, Any]:
    """Bars of three assets, raw: their prices follow the splits."""
    rng = np.random.default_rng(seed)
    shape = (1, BARS, 3)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, shape), axis=1))
    opened = np.concatenate((close[:, :1], close[:, :-1]), axis=1)
    units = np.cumprod(notices.get("split", np.ones(shape)), axis=1)
    bars = {"open": opened / units, "close": close / units, "volume": 1e6 * units}
    if "listed" in notices:
        bars["volume"] = bars["volume"] * notices["listed"]
        for name in ("open", "close"):
            bars[name][:, :LATE, 1] = bars["open"][:, LATE, 1:2]
            bars[name][:, END:, 2] = bars["close"][:, END - 1, 2:3]
    bars["high"] = np.maximum(bars["open"], bars["close"])
    bars["low"] = np.minimum(bars["open"], bars["close"])
    return bars


def all_notices(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    shape = (1, BARS, 3)
    listed = np.ones(shape)
    listed[:, :LATE, 1] = listed[:, END:, 2] = 0.0
    split = rng.choice([1.0, 2.0, 0.2, 1.05], shape, p=[0.88, 0.05, 0.04, 0.03])
    split[:, : LATE + 1, 1] = split[:, END:, 2] = split[:, 0] = 1.0
    return {
        "split": split,
        "dividend": rng.choice([0.0, 1e-3], shape, p=[0.9, 0.1]),
        "listed": listed,
        "recovery": np.full(shape, 0.4),
        "funding": rng.choice([0.0, 1e-3, -1e-3], shape),
        "borrow": rng.choice([0.0, 0.1], shape),
    }


def market(seed: int = 1, bars: dict[str, Any] | None = None, **notices: Any) -> Market:
    return Market(
        symbols=("A", "B", "C"),
        time=DAY_S * np.arange(1, BARS + 1),
        **(bars_of(seed, **notices) if bars is None else bars),
        signals=np.zeros((1, BARS, 3, 0)),
        notices=notices,
    )


def played(env: PortfolioEnv, actions: Any, seed: int = 3, start: int = START) -> list[Any]:
    """Every output of an episode that starts at a bar."""
    outputs = [env.reset(seed=seed, options={"path": 0, "start": start})]
    for action in actions:
        outputs.append(env.step(action))
        if outputs[-1][2] or outputs[-1][3]:
            break
    return outputs


def random_actions(seed: int, steps: int = LENGTH) -> Any:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (steps, 3)).astype(np.float32)


@pytest.mark.parametrize("scenario", [None, "price_shock"])
def test_value_is_conserved_through_every_notice(scenario: Any) -> None:
    """Cash moves by fills, fees and financing alone, positions by fills and splits alone."""
    env = PortfolioEnv(
        market=market(**all_notices(2)),
        seed_band=None,
        episode_length=LENGTH,
        detail="full",
        risk="linear",
        scenario=scenario,
    )
    env.reset(seed=3, options={"path": 0, "start": START})
    account, notices = env._batch.lanes.accounts[0], env.setup.world.notices
    seen: set[str] = set()
    for action in random_actions(5):
        held = env._batch.lanes.assets["position"][0].copy()
        cash, owed = float(account["cash"]), float(account["financing_paid"])
        _, _, terminated, truncated, info = env.step(action)
        row, report = notices[int(account["row"])], env._batch.outputs.reports[0]
        np.testing.assert_allclose(
            info["position"], held * row["units"] + report["filled"], rtol=1e-9, atol=1e-9
        )
        scale = 1e-9 * (abs(cash) + report["notional"].sum())
        flow = report["cash_flow"].sum() - report["fees"].sum()
        assert abs(info["cash"] - (cash + flow - (account["financing_paid"] - owed))) <= scale
        total = info["cash"] + float(np.dot(info["position"], info["mark"]))
        assert abs(info["equity"] - total) <= scale
        parts = sum(report[name] for name in ("delay", "spread", "impact", "fees", "opportunity"))
        assert (np.abs(parts - report["shortfall"]) <= scale).all()
        seen |= {name for name in ("units", "kept") if (row[name] != 1.0).any()}
        seen |= {str(name) for name in info["execution"]["exit"]}
        if terminated or truncated:
            break
    assert {"units", "kept", "delisted"} <= seen


def test_a_split_and_a_dividend_change_no_equity() -> None:
    """In a market that stands still but for them, an account that holds is worth what it was."""
    shape = (1, BARS, 3)
    split, dividend = np.ones(shape), np.zeros(shape)
    split[:, 75], split[:, 85] = (4.0, 0.1, 1.05), (0.5, 3.0, 1.0)
    dividend[:, 80] = (5.0, 100.0, 1.0)
    price = 100.0 / np.cumprod(split, axis=1)
    price[:, 80:] *= 1.0 - dividend[:, 80:81] / price[:, 79:80]
    bars = dict.fromkeys(("open", "high", "low", "close"), price) | {"volume": np.full(shape, 1e6)}
    env = PortfolioEnv(
        market=market(bars=bars, split=split, dividend=dividend),
        seed_band=None,
        episode_length=30,
        detail="full",
        risk={"preset": "linear", "no_trade_band": 0.02},
        execution=FREE,
        account={"margin_rate": 0.0, "borrow_rate": 0.0},
    )
    outputs = played(env, np.tile(np.float32([0.3, 0.3, -0.3]), (30, 1)))
    begun = outputs[2][4]["equity"]
    for _, _, _, _, info in outputs[2:]:
        assert info["equity"] == pytest.approx(begun, rel=1e-12)
    before, after = outputs[75 - START - 1][4], outputs[75 - START][4]
    np.testing.assert_allclose(after["position"] / before["position"], (4.0, 0.1, 1.05))
    paid = -outputs[80 - START][4]["execution"]["financing"]
    np.testing.assert_allclose(paid, outputs[80 - START][4]["position"] * dividend[0, 80])


def test_an_asset_is_traded_while_it_is_listed_alone() -> None:
    env = PortfolioEnv(
        market=market(**all_notices(2)),
        seed_band=None,
        episode_length=LENGTH,
        detail="full",
        risk="raw",
        execution=FREE,
    )
    columns = env.layout.columns("listed")
    for k, output in enumerate(played(env, np.full((LENGTH, 3), 0.2, np.float32))):
        row = START + k
        listed = np.array([True, row >= LATE, row < END])
        assert output[0][columns].tolist() == listed.tolist()
        if k == 0:
            continue
        info = output[4]
        assert (info["position"][~listed] == 0.0).all()
        assert info["position"][1] == 0.0 or row > LATE
        assert (info["execution"]["exit"][2] == "delisted") == (row == END)


def test_a_delisted_position_is_paid_back_at_its_recovery() -> None:
    env = PortfolioEnv(
        market=market(listed=all_notices(1)["listed"], recovery=np.full((1, BARS, 3), 0.4)),
        seed_band=None,
        episode_length=LENGTH,
        detail="full",
        risk="linear",
        execution=FREE,
    )
    outputs = played(env, np.tile(np.float32([0.0, 0.0, 0.2]), (LENGTH, 1)))
    before, after = outputs[END - START - 1][4], outputs[END - START][4]
    worth = before["position"][2] * before["mark"][2]
    assert worth > 0.0
    assert after["cash"] == pytest.approx(before["cash"] + 0.4 * worth, rel=1e-9)
    assert after["execution"]["shortfall"][2] == 0.0


def test_a_stop_order_waits_on_the_other_side_of_a_split() -> None:
    """A sale below the price, sent before two for one, is where adjusted bars have it."""
    split = np.ones((1, BARS, 3))
    split[0, START + 2] = 2.0
    ends = []
    for given in ({"split": split}, {}):
        env = PortfolioEnv(
            market=market(bars=bars_of(1, **given), **given),
            seed_band=None,
            episode_length=10,
            detail="full",
            action="orders",
            execution=FREE,
            risk={"preset": "linear", "stops": False},
        )
        wait = np.zeros((10, 3, 4), np.float32)
        wait[0] = [-0.5, 0.25, 1.0, 1.0]  # a stop order two standard deviations away
        outputs = played(env, wait)
        status = [out[4]["orders"]["status"][:, 0].tolist() for out in outputs[1:]]
        ends.append((status, outputs[3][4]["orders"]["trigger"][:, 0]))
    assert ends[0][0] == ends[1][0]
    np.testing.assert_allclose(2.0 * ends[0][1], ends[1][1], rtol=1e-9)
    assert (ends[1][1] > 0.0).any()


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_snapshot_after_a_dividend_goes_on(side: str) -> None:
    dividend = np.zeros((1, BARS, 3))
    dividend[0, START + 2] = 5.0
    envs = ExecutionVectorEnv(
        1,
        market=market(dividend=dividend),
        seed_band=None,
        episode_length=BARS - 66,
        parent={"side": side, "size": (0.05, 0.05)},
    )
    envs.reset(seed=0)
    for _ in range(8):
        envs.step(np.zeros((1, 3)))
        envs.set_state(envs.get_state())
    state = envs.get_state()
    state["accounts"]["arrival_value"] *= 0.5
    with pytest.raises(StateError, match="arrival_value"):
        envs.set_state(state)


def test_windows_and_frames_go_over_a_split_as_if_there_were_none() -> None:
    """Raw bars with their splits, in the warm-up and later, show what adjusted bars show.

    Prices and volumes differ by powers of the splits alone, so features do by rounding: ten units
    in the last place of float32 at the largest feature, 5.
    """
    split = np.ones((1, BARS, 3))
    for asset, (early, late) in enumerate([(30, 90), (78, 81), (80, 100)]):
        split[0, early, asset], split[0, late, asset] = 4.0, 0.2
    seen = []
    for given in ({"split": split}, {}):
        env = PortfolioEnv(
            market=market(bars=bars_of(1, **given), **given),
            seed_band=None,
            episode_length=40,
            window=12,
            frames=["1w"],
        )
        still = np.zeros((40, 3), np.float32)
        seen.append(np.array([output[0] for output in played(env, still, start=80)]))
    assert seen[0].shape == (41, *env.observation_space.shape)
    np.testing.assert_allclose(seen[0], seen[1], rtol=0.0, atol=5e-6)


CUTS = (70, 80, 81, 90, 104, 105, 106, 115)  # around listings, and between
DRAWS = 200


@pytest.mark.parametrize("draw", quick_first(range(DRAWS), len(CUTS)))
def test_no_notice_is_known_before_its_bar(draw: int) -> None:
    """Other bars and notices from row `cut` on leave every output before its bar as it was.

    A window, a coarser frame and every kind of action are on.
    """
    rng = np.random.default_rng([3, draw])
    cut = CUTS[draw] if draw < len(CUTS) else int(rng.integers(START + 2, START + LENGTH))
    notices, other = all_notices(2 + 2 * draw), all_notices(3 + 2 * draw)
    bars, others = bars_of(1 + 2 * draw, **notices), bars_of(2 + 2 * draw, **notices)
    for name in ("split", "dividend", "funding", "borrow"):
        other[name] = np.concatenate((notices[name][:, :cut], other[name][:, cut:]), axis=1)
    other |= {name: notices[name] for name in ("listed", "recovery")}
    units = np.cumprod(other["split"] / notices["split"], axis=1)
    changed = {}
    for name, values in bars.items():
        scale = units if name == "volume" else 1.0 / units
        changed[name] = np.concatenate((values[:, :cut], (others[name] * scale)[:, cut:]), axis=1)
    changed["high"] = np.maximum(changed["open"], changed["close"])
    changed["low"] = np.minimum(changed["open"], changed["close"])
    for asset, span in ((1, slice(0, LATE)), (2, slice(END, None))):  # these stand still
        for name in ("open", "high", "low", "close"):
            still = changed["open"][:, LATE, 1] if asset == 1 else changed["close"][:, END - 1, 2]
            changed[name][:, span, asset] = still
    actions = rng.uniform(-1.0, 1.0, (LENGTH, 3, COLUMNS))
    one, two = (
        played(
            PortfolioEnv(
                market=market(bars=table, **given),
                seed_band=None,
                episode_length=LENGTH,
                detail="full",
                scenario="correlation_breakdown",
                risk={"covariance": "shrunk"},
                action=("target", *CHOSEN)[draw % 3],
                window=5,
                frames=["2d"],
            ),
            actions if draw % 3 else actions[..., 0],
            seed=draw,
        )
        for table, given in ((bars, notices), (changed, other))
    )
    assert len(one) > cut - START
    for k in range(cut - START):
        np.testing.assert_array_equal(one[k][0], two[k][0])
        if k:
            assert one[k][1] == two[k][1]
            assert one[k][4]["cash"] == two[k][4]["cash"]


@pytest.mark.parametrize("kind", [PortfolioVectorEnv, ExecutionVectorEnv])
def test_a_vector_is_its_single_environments_with_notices(kind: Any) -> None:
    rng = np.random.default_rng(8)
    arguments: dict[str, Any] = {
        "market": market(**all_notices(2)),
        "seed_band": None,
        "episode_length": 30,
        "execution": {
            **settings_of(ExecutionConfig, RandomPicks(rng)),
            "assets": {"B": {"tick": 0.05, "lot": 1.0, "fee_bps": 3.0}},
        },
    }
    if kind is PortfolioVectorEnv:
        arguments["risk"] = settings_of(RiskConfig, RandomPicks(rng))
    lanes = kind(4, **arguments)
    singles = [kind(1, **arguments) for _ in range(4)]
    observed, _ = lanes.reset(seed=5)
    for k, single in enumerate(singles):
        np.testing.assert_array_equal(single.reset(seed=5 + k)[0][0], observed[k])
    for _ in range(45):
        actions = rng.uniform(-1.0, 1.0, (4, 3))
        observed, rewards, *_ = lanes.step(actions)
        for k, single in enumerate(singles):
            own = single.step(actions[k : k + 1])
            np.testing.assert_array_equal(own[0][0], observed[k])
            assert own[1][0] == rewards[k]


@pytest.mark.parametrize("units", [10.0, 0.1])
def test_a_split_changes_no_fee_of_an_exit_that_works_on(units: float) -> None:
    """Each part pays the fee of its own units: nothing is paid back, and nothing paid twice."""
    split = np.ones((1, BARS, 3))
    split[0, START + 8] = units
    price = 100.0 / np.cumprod(split, axis=1)
    bars = dict.fromkeys(("open", "high", "low", "close"), price)
    env = PortfolioEnv(
        market=market(bars={**bars, "volume": 1e6 * 100.0 / price}, split=split),
        seed_band=None,
        episode_length=14,
        detail="full",
        execution={"preset": "zero", "fee_per_unit": 0.005, "participation_cap": 0.1},
        risk={"preset": "raw", "max_weight": 0.3, "max_holding_bars": 5},
        account={"initial_cash": 2e8},
    )
    steps = [
        out[4]["execution"]
        for out in played(env, np.float32([[1.0] * 3] * 5 + [[0.0] * 3] * 9))[1:]
    ]
    left = [step["exit"][0] for step in steps]
    assert left[6:9] == ["time_stop"] * 3  # before the split, at it, and after it
    for step in steps:
        np.testing.assert_allclose(step["fees"], 0.005 * np.abs(step["filled"]), rtol=1e-9)


def parents_of(given: Any, start: int, lot: float = 0.0) -> Any:
    """Play Execution-v0 without haste; return the parent orders and all outputs."""
    env = ExecutionEnv(
        market=market(listed=all_notices(1)["listed"]),
        seed_band=None,
        episode_length=6,
        detail="full",
        execution={"lot": lot},
        parent=given,
    )
    outputs = [env.reset(seed=3, options={"path": 0, "start": start})]
    parents = env.unwrapped._batch.lanes.assets["parent"][0].copy()
    while len(outputs) == 1 or not outputs[-1][2]:
        outputs.append(env.step(np.full(3, -1.0)))
        assert env.observation_space.contains(outputs[-1][0])
    return parents, outputs


PARENTS = [{"side": "buy"}, {"side": "sell"}, {"quantity": [500.0, -500.0, -500.0]}]


@pytest.mark.parametrize("lot", [0.0, 1.0])
@pytest.mark.parametrize("given", PARENTS)
@pytest.mark.parametrize(("start", "absent"), [(LATE - 3, 1), (LATE - 10, 1), (END + 5, 2)])
def test_there_is_no_parent_order_in_what_is_not_listed(
    given: Any, lot: float, start: int, absent: int
) -> None:
    """Not yet, not within the episode, or no more: nothing is to be done, and nothing trades."""
    parents, outputs = parents_of(given, start, lot)
    assert ((parents != 0.0) == (np.arange(3) != absent)).all()
    for output in outputs[1:]:
        assert output[4]["execution"]["filled"][absent] == 0.0
        assert output[4]["execution"]["sent"][absent] == 0.0
        assert output[4]["position"][absent] == 0.0


@pytest.mark.parametrize(
    ("units", "start"), [([0.0, 500.0, 0.0], LATE - 3), ([0.0, 0.0, -5.0], END)]
)
def test_an_episode_without_any_parent_order_ends_at_once(units: list[float], start: int) -> None:
    parents, outputs = parents_of({"quantity": units}, start)
    assert (parents == 0.0).all()
    assert len(outputs) == 2
    assert outputs[1][1] == 0.0
    assert outputs[1][4]["summary"]["parent_shortfall"] == 0.0
    assert outputs[1][4]["equity"] > 0.0


def test_what_is_not_listed_is_left_as_it_is_held() -> None:
    """A notice says that nothing is traded, not that something is to be sold."""
    asset, report = an_asset(position=70.0, goal=20.0), a_report(target=20.0)
    notice = new_table(NoticeRecord, 1)[0]
    notice.units = notice.kept = 1.0
    notice.listing = Listing.NOT_YET
    serve_notice(a_desk(asset, report=report), notice)
    assert (asset.listed_bars, report.target) == (0, 70.0)


WRONG = {
    "a split in adjusted prices": ("split", 70, 2.0, "adjusted already"),
    "a dividend of the whole price": ("dividend", 70, 1e4, "less than 0.99"),
    "a listing that comes back": ("listed", 70, 0.0, "another asset"),
    "a recovery without a listing": ("recovery", 70, 0.5, "needs listed"),
    "a borrow fee below 0": ("borrow", 70, -1.0, "0 to 10"),
    "a name that is none": ("splits", 70, 1.0, "did you mean 'split'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_notice_is_one_line_that_locates_it(case: str) -> None:
    name, row, value, reason = WRONG[case]
    array = np.full((1, BARS, 3), 0.0 if name in ("dividend", "borrow") else 1.0)
    array[:, row] = value
    bars = bars_of(1)
    if name == "listed":
        bars["volume"][:, row] = 0.0
    with pytest.raises(MarketDataError, match=reason) as found:
        market(bars=bars, **{name: array})
    assert "\n" not in str(found.value)


def test_an_account_that_cannot_borrow_owes_no_funding() -> None:
    funded = market(funding=np.zeros((1, BARS, 3)))
    with pytest.raises(ConfigError, match="funding is owed"):
        PortfolioEnv(market=funded, seed_band=None, episode_length=30, account="cash")
