"""What happened in one episode, step by step: what pictures and journals are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trading_env.core.records import Floats, Table
from trading_env.envs.batch import Batch
from trading_env.envs.world import Setup

Row = TypeVar("Row")


@dataclass
class EpisodeTrace:
    """Reports and equity of one lane, in order of time.

    Row 0 is the state after reset or of a snapshot, of whose last step no more is known than prices
    and holdings. Without a row only `len` has an answer.

    Raises:
        RuntimeError: nothing was noted.
    """

    setup: Setup
    lane: int = 0
    seed: int = 0  # seed and number of the episode that was noted: with them it can be replayed
    episode: int = 0
    begun: int = 0  # step that row 0 is of
    _reports: list[Table] = field(default_factory=list)
    _stresses: list[Table] = field(default_factory=list)
    _slots: list[Table] = field(default_factory=list)
    _equity: list[float] = field(default_factory=list)
    _rows: list[int] = field(default_factory=list)

    def begin(self, batch: Batch) -> None:
        """Forget the last episode and note the state that this one begins or goes on from."""
        self._reports.clear()
        self._stresses.clear()
        self._slots.clear()
        self._equity.clear()
        self._rows.clear()
        self.seed = int(batch.seeds[self.lane])
        self.episode = int(batch.lanes.accounts["episode"][self.lane])
        self.begun = int(batch.lanes.accounts["step"][self.lane])
        self.add(batch)

    def add(self, batch: Batch) -> None:
        """Note the state after a step.

        Raises:
            ValueError: the batch does not keep reports.
        """
        if not batch.keeps_reports:
            raise ValueError("a trace needs an environment made with detail='full'")
        account = batch.lanes.accounts[self.lane]
        self._reports.append(batch.outputs.reports[self.lane].copy())
        self._stresses.append(batch.outputs.stresses[self.lane].copy())
        self._slots.append(batch.lanes.slots[self.lane].copy())
        self._equity.append(float(account["equity"]))
        self._rows.append(int(account["row"]))

    def __len__(self) -> int:
        """Rows noted: steps plus one."""
        return len(self._equity)

    def _noted(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return rows that were noted, or say why there are none."""
        if not rows:
            reason = "an environment with a render_mode keeps it, from reset() on"
            raise RuntimeError(f"the trace of the episode is empty: {reason}")
        return rows

    @property
    def step(self) -> int:
        """Steps of the episode that have been taken."""
        return self.begun + len(self._noted(self._rows)) - 1

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the assets."""
        return self.setup.market.symbols

    @property
    def reports(self) -> Table:
        """Reports as one record array, shape (rows, assets)."""
        return np.stack(self._noted(self._reports))

    @property
    def stresses(self) -> Table:
        """What the scenario did, as one record array (Stress), shape (rows, assets)."""
        return np.stack(self._noted(self._stresses))

    @property
    def slots(self) -> Table:
        """Order slots as one record array, shape (rows, slots, assets)."""
        return np.stack(self._noted(self._slots))

    @property
    def equity(self) -> Floats:
        """Equity, currency, shape (rows,)."""
        return np.array(self._noted(self._equity))

    @property
    def place(self) -> tuple[int, int]:
        """Path, and bar of it at which the episode began."""
        return divmod(self._noted(self._rows)[0] - self.begun, self.setup.market.bars)

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Time of each row's bar, shape (rows,)."""
        stamps = self.setup.market.time[np.array(self._noted(self._rows)) % self.setup.market.bars]
        days: NDArray[np.datetime64] = stamps.astype("datetime64[s]")
        return days

    @property
    def labels(self) -> list[str]:
        """Time of each row for a reader; of midnight only the day."""
        return [str(t).replace("T", " ").removesuffix(" 00:00:00") for t in self.time]
