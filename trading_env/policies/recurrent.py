"""A network with a memory, as RecurrentPPO trains it: an LSTM before the layers of a plain one.

With x the standardised observation, h what the memory said last and c what it holds, both 0 when an
episode begins (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000):

    (i, f, g, o) = of_input x + of_itself h + offset
    c = s(f) c + s(i) tanh(g)        h = s(o) tanh(c)        s(z) = 1 / (1 + e^-z)

and h goes to the layers. Acting needs numpy alone, in float32.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trading_env.policies.adaptive import Network, Size
from trading_env.policies.plain import PlainPolicy, WholeDescription
from trading_env.policies.policy import Action, Info, Observation

RECURRENT = ("recurrent_ppo",)  # kinds
Memory = tuple[NDArray[np.float32], NDArray[np.float32]]  # h and c, both (rows, cells)


class RecurrentDescription(WholeDescription):
    """And what a policy with a memory says besides."""

    kind: Literal["recurrent_ppo"]
    memory: Size

    @property
    def cells(self) -> int:
        """Numbers that the memory holds."""
        return self.memory


@dataclass(frozen=True)
class RecurrentNetwork(Network):
    """A `Network` whose first layer sees what an LSTM makes of all inputs so far.

    `weights` holds besides `memory.of_input` (4 cells, inputs), `memory.of_itself` (4 cells, cells)
    and `memory.offset` (4 cells,), in the order i, f, g, o.
    """

    @property
    def cells(self) -> int:
        """Numbers that the memory holds."""
        return len(self.weights["memory.offset"]) // 4

    def empty(self, rows: int) -> Memory:
        """Return the memory that episodes begin with."""
        return (np.zeros((rows, self.cells), np.float32), np.zeros((rows, self.cells), np.float32))

    def remember(self, observations: NDArray[np.float32], memory: Memory) -> Memory:
        """Return the memory after one more observation (rows, inputs)."""
        said, held = memory
        weights = self.weights
        gates = self.standardised(observations) @ weights["memory.of_input"].T
        gates = gates + said @ weights["memory.of_itself"].T + weights["memory.offset"]
        let_in, keep, new, show = np.split(gates, 4, axis=1)
        held = sigmoid(keep) * held + sigmoid(let_in) * np.tanh(new)
        return sigmoid(show) * np.tanh(held), held


def sigmoid(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 / (1 + e^-z), without an overflow."""
    half: NDArray[np.float32] = np.float32(0.5) * (1.0 + np.tanh(np.float32(0.5) * z))
    return half


class RecurrentPolicy(PlainPolicy):
    """Deterministic actions of a network with a memory; it is empty when episodes begin."""

    description = RecurrentDescription
    made_of = RecurrentNetwork
    network: RecurrentNetwork
    _memory: Memory | None = None

    def reset(self, num_envs: int) -> None:
        """Forget."""
        self._memory = self.network.empty(num_envs)

    def act(self, observation: Observation, info: Info) -> Action:
        """Return the actions (num_envs, assets).

        Raises:
            RuntimeError: no episode has begun.
        """
        if self._memory is None:
            raise RuntimeError("act() needs an episode: call reset(num_envs) first")
        self._memory = self.network.remember(observation, self._memory)
        return self.network.answer(self._memory[0])

    def save(self, folder: Path, *, kind: str = "recurrent_ppo", **notes: Any) -> None:
        """Write weights and description; `notes` are kept in the description."""
        super().save(folder, kind=kind, memory=self.network.cells, **notes)
