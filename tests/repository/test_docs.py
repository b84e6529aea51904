"""The pages say what the code has: every name is there, and every example runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts import docs
from trading_env import (
    AccountConfig,
    ExecutionConfig,
    ExecutionEnv,
    PortfolioEnv,
    RewardConfig,
    RiskConfig,
)
from trading_env.core.codes import BoundBy, Exit, Status
from trading_env.markets.loading import GENERATORS
from trading_env.step.observation import AccountFeature, AssetFeature, ParentFeature
from trading_env.stress.events import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "portfolio.md").read_text(encoding="utf-8")
PAGES = [
    path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()
]
BLOCKS = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in PAGES
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    )
]


def section(title: str) -> str:
    start = PAGE.index(f"\n## {title}\n")
    end = PAGE.find("\n## ", start + 1)
    return PAGE[start : end if end > 0 else None]


def is_named(name: str, text: str) -> bool:
    return f"`{name}`" in text or f'`info["{name}"]`' in text


def info_keys() -> set[str]:
    market = {"generator": "gbm", "assets": 1, "paths": 1, "bars": 80}
    env = PortfolioEnv(market=market, episode_length=2, detail="full")
    env.reset(seed=0)
    info = env.step(np.zeros(1, dtype=np.float32))[4]
    inner = {key for value in info.values() if isinstance(value, dict) for key in value}
    return inner | set(info)


def test_every_table_is_what_the_code_declares(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["check"]) == 0, capsys.readouterr().out


def test_a_stale_table_is_noticed() -> None:
    text = PAGE.replace("`kelly_multiplier` | `0.25`", "`kelly_multiplier` | `0.5`")
    part = docs.PAGES["docs/portfolio.md"]["risk"]()
    assert docs.replaced(text, "risk", part) == PAGE != text


@pytest.mark.parametrize("config", (RiskConfig, ExecutionConfig, AccountConfig, RewardConfig))
def test_every_setting_is_described_and_every_preset_named(config: Any) -> None:
    assert all(field.description for field in config.model_fields.values())
    assert all(f"`{preset}`" in PAGE for preset in config.presets)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_key_of_an_event_is_described(kind: Any) -> None:
    assert kind.__doc__
    undescribed = {name for name, field in kind.model_fields.items() if not field.description}
    assert undescribed <= {"kind"}


@pytest.mark.parametrize("env", (PortfolioEnv, ExecutionEnv))
def test_an_environments_docstring_holds_its_features(env: Any) -> None:
    features = {PortfolioEnv: (*AssetFeature, *AccountFeature), ExecutionEnv: ParentFeature}
    assert all(f"| `{f.name.lower()}` |" in env.__doc__ for f in features[env])
    assert "{" not in env.__doc__.partition("## Rewards")[0]


def test_every_generator_of_markets_is_on_the_page() -> None:
    assert {name for name in GENERATORS if not is_named(name, section("Arguments"))} == set()


def test_every_info_key_is_on_the_page() -> None:
    text = section("Information")
    assert {key for key in info_keys() if not is_named(key, text)} == set()


@pytest.mark.parametrize("code", (*BoundBy, *Status, *Exit), ids=lambda code: str(code.name))
def test_every_outcome_is_on_the_page(code: BoundBy | Status | Exit) -> None:
    assert f"`{code.name.lower()}`" in section("Information")


@pytest.mark.proof
@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "example", "exec"), {"__name__": "example"})
