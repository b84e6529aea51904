"""The pages say what the code has: every name is there, and every example runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from trading_env import AccountConfig, ExecutionConfig, PortfolioEnv, RewardConfig, RiskConfig
from trading_env.core.codes import BoundBy, Exit, Status
from trading_env.markets.loading import GENERATORS
from trading_env.step.config import ParentConfig
from trading_env.step.observation import ACCOUNT_FEATURES, ASSET_FEATURES, PARENT_FEATURES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "portfolio.md").read_text(encoding="utf-8")
EXECUTION_PAGE = (ROOT / "docs" / "execution.md").read_text(encoding="utf-8")
CONFIGS = (RiskConfig, ExecutionConfig, AccountConfig, RewardConfig)
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


@pytest.mark.parametrize("feature", (*ASSET_FEATURES, *ACCOUNT_FEATURES), ids=lambda f: f.name)
def test_every_feature_is_on_the_page_with_its_bounds(feature: object) -> None:
    row = f"| `{feature.name}` | {feature.low:g} | {feature.high:g} |"  # type: ignore[attr-defined]
    assert row in section("Observation Space")


@pytest.mark.parametrize("feature", PARENT_FEATURES, ids=lambda f: f.name)
def test_every_parent_feature_is_on_its_page(feature: object) -> None:
    row = f"| `{feature.name}` | {feature.low:g} | {feature.high:g} |"  # type: ignore[attr-defined]
    assert row in EXECUTION_PAGE


def test_every_key_of_a_parent_is_on_its_page_with_its_default() -> None:
    for name, field in ParentConfig.model_fields.items():
        default = f'"{field.default}"' if isinstance(field.default, str) else str(field.default)
        assert f"| `{name}` | `{default}` |" in EXECUTION_PAGE


@pytest.mark.parametrize("config", CONFIGS)
def test_every_setting_is_on_the_page_with_its_default(config: type) -> None:
    part = PAGE.split(f"\n### {config.label}\n")[1].partition("\n### ")[0]  # type: ignore[attr-defined]
    for name, field in config.model_fields.items():  # type: ignore[attr-defined]
        default = f'"{field.default}"' if isinstance(field.default, str) else str(field.default)
        assert f"| `{name}` | `{default}` |" in part
    assert all(f"`{preset}`" in PAGE for preset in config.presets)  # type: ignore[attr-defined]


def test_every_generator_of_markets_is_on_the_page() -> None:
    assert {name for name in GENERATORS if not is_named(name, section("Arguments"))} == set()


def test_every_info_key_is_on_the_page() -> None:
    text = section("Information")
    assert {key for key in info_keys() if not is_named(key, text)} == set()


@pytest.mark.parametrize("code", (*BoundBy, *Status, *Exit), ids=lambda code: str(code.name))
def test_every_outcome_is_on_the_page(code: BoundBy | Status | Exit) -> None:
    assert f"`{code.name.lower()}`" in section("Information")


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "example", "exec"), {"__name__": "example"})
