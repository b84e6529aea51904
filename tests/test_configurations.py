"""The generator of random settings: every field is drawn, within its bounds, a new one too."""

from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field

from tests.configurations import USUAL, RandomPicks, random_configuration, settings_of
from tests.lanes import Watched
from trading_env.core.codes import RiskMode
from trading_env.core.settings import Settings

DRAWS = 60


class Novel(Settings):
    """Settings that no table knows."""

    share: float = Field(0.5, ge=0.0, le=1.0)
    above: float = Field(0.2, gt=0.0)
    below: float = Field(-1.0, lt=0.0)
    free: float = 3.0
    count: int = Field(2, ge=1, le=5)
    often: int | None = Field(None, ge=1)
    rarely: float | None = Field(None, gt=7.0)
    switch: bool = False
    kind: Literal["one", "other"] = "one"
    mode: RiskMode = RiskMode.KELLY
    pair: tuple[Annotated[float, Field(gt=0.0)], Annotated[float, Field(le=1.0)]] = (1.0, 1.0)


def draws_of(config: type[Settings]) -> list[dict[str, Any]]:
    return [settings_of(config, RandomPicks(np.random.default_rng(k))) for k in range(DRAWS)]


def test_a_new_setting_is_drawn_by_existing() -> None:
    """In every draw, within its bounds, which the class itself checks."""
    draws = draws_of(Novel)
    for name in Novel.model_fields:
        values = {given[name] for given in draws}
        assert len(values) >= (5 if name == "count" else 2), name


@pytest.mark.parametrize("config", USUAL)
def test_every_setting_is_drawn(config: type[Settings]) -> None:
    """Where it goes with the others: a value that does not is left out."""
    usual, draws = USUAL[config], draws_of(config)
    assert set(usual) <= set(config.model_fields), "a range of a setting that is gone"
    fixed = {name for name, values in usual.items() if isinstance(values, list) and len(values) < 2}
    for name in set(config.model_fields) - fixed:
        assert len({given[name] for given in draws if name in given}) >= 2, name


def test_a_configuration_is_a_function_of_its_generator() -> None:
    one, same, other = (random_configuration(np.random.default_rng(k)) for k in (5, 5, 6))
    assert one == same
    assert one != other


@pytest.mark.proof
def test_most_configurations_trade() -> None:
    """A configuration in which no order is filled proves nothing."""
    traded = []
    for draw in range(40):
        rng = np.random.default_rng(draw)
        envs = Watched(8, **random_configuration(rng))
        envs.reset(seed=draw)
        fills = 0
        for _ in range(20):
            _, _, terminated, truncated, _ = envs.step(
                rng.uniform(-1.0, 1.0, envs.action_space.shape)
            )
            fills += int((envs.batch.outputs.reports["traded"] > 0.0).sum())
            envs.renew(terminated | truncated)
        traded.append(fills > 0)
    assert sum(traded) > 0.75 * len(traded)
