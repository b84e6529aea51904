"""The ablation of the risk manager: one signal, same episodes, a page that is its record's."""

import json

import numpy as np
import pytest

from benchmarks import ablation
from trading_env.backtesting import make_envs
from trading_env.envs.vector import PortfolioVectorEnv
from trading_env.risk_manager.config import RiskConfig

SMALL = {
    "market": {"generator": "multiscale", "assets": ablation.ASSETS, "paths": 4, "bars": 120},
    "seed_band": "test",
    "episode_length": 30,
}


def test_the_page_is_written_from_the_record() -> None:
    record = json.loads(ablation.PAGE.record.read_text(encoding="utf-8"))
    assert ablation.PAGE.path.read_text(encoding="utf-8") == ablation.page(record)
    assert record["modes"] == ablation.MODES
    assert record["environment"] == ablation.ENVIRONMENT


def test_modes_differ_in_the_risk_manager_and_in_nothing_else() -> None:
    """The same actions on the same bars; caps and band as the default's."""
    followed, built = [], []
    for risk in ablation.MODES.values():
        layout = PortfolioVectorEnv(1, **SMALL).layout
        policy = ablation.SignalFollower(layout, risk)
        envs = make_envs(policy, 3, SMALL)
        observations, _ = envs.reset(seed=4)
        actions = []
        for _ in range(20):
            actions.append(policy.act(observations, {}))
            observations, *_ = envs.step(actions[-1])
        followed.append(np.array(actions))
        built.append(RiskConfig.of(risk))
        assert built[-1].as_dict() == envs.setup.resolved["risk"]
    assert all((actions == followed[0]).all() for actions in followed)
    default = RiskConfig()
    assert [config.as_dict()["mode"] for config in built] == list(ablation.MODES)
    for name in ("max_weight", "max_leverage", "max_drawdown", "initial_margin", "no_trade_band"):
        assert {getattr(config, name) for config in built} == {getattr(default, name)}


@pytest.mark.proof
def test_differences_are_paired_by_seed() -> None:
    frame = ablation.played(6, 5, SMALL)  # fewer have no interval
    rows = {(row["mode"], row["scenario"]): row for row in ablation.rows_of(frame)}
    assert len(rows) == len(ablation.MODES) * len(ablation.SCENARIOS)
    calm = frame[frame["scenario"] == "calm"].pivot(index="seed", columns="policy")["return"]
    expected = (calm["raw"] - calm["linear"]).mean()
    assert rows["raw", "calm"]["diff_return"][0] == pytest.approx(expected, rel=1e-9)
    assert rows["linear", "calm"]["diff_return"] == [0.0, 0.0, 0.0]
    assert rows["kelly", "calm"]["return"][0] == pytest.approx(calm["kelly"].mean(), rel=1e-9)


def test_what_excludes_nothing_is_said_as_such() -> None:
    flat = {f"diff_{metric}": [0.0, -1.0, 1.0] for metric in ablation.METRICS}
    rows = [{"mode": "raw", "scenario": "calm", **flat}]
    assert "no difference that excludes 0" in ablation.findings(rows)[0]
    rows[0]["diff_sharpe"] = [-0.2, -0.3, -0.1]
    assert ablation.findings(rows)[0].endswith("lower sharpe.")
