"""The observation's layout and bounds, from the features declared in `step/observation.py`."""

import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from trading_env.core.codes import Task
from trading_env.step.look_back import FrameFeature, WindowFeature
from trading_env.step.observation import (
    HOLDING,
    SIGNAL_LIMIT,
    AccountFeature,
    AssetFeature,
    Feature,
    ParentFeature,
)

if TYPE_CHECKING:
    BoxSpace: TypeAlias = spaces.Box[np.float32]  # no class to subscript before Gymnasium 1.4


LISTED = "listed"  # the last of an asset's signals, in a market with assets that are not always


class ObservedFeature(NamedTuple):
    """One number of an observation."""

    name: str
    low: float
    high: float
    meaning: str


def observed(features: Iterable[Feature]) -> tuple[ObservedFeature, ...]:
    """Return declared features under the names that users know."""
    return tuple(ObservedFeature(f.name.lower(), f.low, f.high, f.meaning) for f in features)


def feature_table(features: Iterable[Feature]) -> str:
    """Lay declared features out as a Markdown table."""
    rows = [f"| `{f.name}` | {f.low:g} | {f.high:g} | {f.meaning} |" for f in observed(features)]
    return "\n".join(["| feature | min | max | meaning |", "| --- | --- | --- | --- |", *rows])


def with_tables(docstring: str | None, **features: type[Feature]) -> str:
    """Put tables of features into a class's docstring, each in place of its `{name}`."""
    text = inspect.cleandoc(docstring or "")
    for name, declared in features.items():
        text = text.replace(f"{{{name}}}", feature_table(declared))
    return text


class ObservationLayout(NamedTuple):
    """Where each feature stands: asset by asset (features, then signals), then the account."""

    symbols: tuple[str, ...]
    signal_names: tuple[str, ...]
    task: Task = Task.PORTFOLIO
    window: int = 0
    frames: tuple[str, ...] = ()

    @property
    def block(self) -> tuple[ObservedFeature, ...]:
        """Features of one asset."""
        signals = tuple(
            ObservedFeature(LISTED, 0.0, 1.0, "1 when the asset could be traded in the last bar")
            if name == LISTED
            else ObservedFeature(name, -SIGNAL_LIMIT, SIGNAL_LIMIT, "user signal, clipped")
            for name in self.signal_names
        )
        own = observed(AssetFeature)
        if self.task is Task.EXECUTION:
            own = (*own[: HOLDING.start], *observed(ParentFeature), *own[HOLDING.stop :])
        return own + signals

    @property
    def features(self) -> tuple[ObservedFeature, ...]:
        """All features in order, named `SYMBOL.feature` or `account.feature`.

        Behind them the window, bar by bar from the oldest, `SYMBOL.bar-3.feature` being of the bar
        three before the last; then the frames, asset by asset, as `SYMBOL.1d.feature`.
        """
        assets = [
            feature._replace(name=f"{symbol}.{feature.name}")
            for symbol in self.symbols
            for feature in self.block
        ]
        account = [f._replace(name=f"account.{f.name}") for f in observed(AccountFeature)]
        return (*assets, *account, *self._earlier())

    @property
    def window_block(self) -> tuple[ObservedFeature, ...]:
        """What a window holds of each bar of one asset."""
        return (*observed(WindowFeature), *self.block[len(self.block) - len(self.signal_names) :])

    def _earlier(self) -> Iterator[ObservedFeature]:
        """Name what is shown of earlier bars."""
        for back in range(self.window - 1, -1, -1):
            for symbol in self.symbols:
                for feature in self.window_block:
                    yield feature._replace(name=f"{symbol}.bar-{back}.{feature.name}")
        for symbol in self.symbols:
            for frame in self.frames:
                for feature in observed(FrameFeature):
                    yield feature._replace(name=f"{symbol}.{frame}.{feature.name}")

    @property
    def now(self) -> int:
        """How many features there are before those of earlier bars."""
        return len(self.symbols) * len(self.block) + len(AccountFeature)

    def bars(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """View the window of observations as (..., window, assets, features of a bar)."""
        kept = len(self.window_block)
        size = self.window * len(self.symbols) * kept
        part = observation[..., self.now : self.now + size]
        return part.reshape(*observation.shape[:-1], self.window, len(self.symbols), kept)

    def columns(self, name: str) -> NDArray[np.intp]:
        """Positions of an asset feature, one for each asset, shape (assets,).

        Raises:
            KeyError: there is no such feature.
        """
        names = [feature.name for feature in self.block]
        if name not in names:
            raise KeyError(f"no asset feature {name!r}; known: {', '.join(names)}")
        return np.arange(len(self.symbols)) * len(names) + names.index(name)

    def account_column(self, name: str) -> int:
        """Position of an account feature.

        Raises:
            KeyError: there is no such feature.
        """
        names = [feature.name for feature in observed(AccountFeature)]
        if name not in names:
            raise KeyError(f"no account feature {name!r}; known: {', '.join(names)}")
        return len(self.symbols) * len(self.block) + names.index(name)

    def space(self) -> "BoxSpace":
        """Return the bounded box of one observation."""
        low = np.array([feature.low for feature in self.features], dtype=np.float32)
        high = np.array([feature.high for feature in self.features], dtype=np.float32)
        return spaces.Box(low, high, dtype=np.float32)
