"""Checkpoints of a training: all that its next interval depends on, so that it goes on to the bit.

    checkpoints/LEARNER-NUMBER-SHA256.safetensors

A file is whole or absent (`core/files.py`), and its name holds the hash of its content. Two are
kept of each learner; the newest that is as its name says wins, and one that is not is named and
passed over. It holds tensors and JSON, so nothing in it is executed, and what is read has the
names, types and shapes that the learner declares. A checkpoint says which training it is of:
another one refuses it, and names what differs.

Not kept: what a picture of the training shows (`tensorboard/` goes on with the interval that was
lost in it). To the bit is meant on the same machine and versions.
"""

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors import numpy as tensor_files

from trading_env.core.doors import Checked, read_file
from trading_env.core.errors import ConfigError, DivergedError, UserError, one_line, shown
from trading_env.core.files import write_bytes
from trading_env.envs.snapshot import arguments_of
from trading_env.envs.vector import TradingVectorEnv

NAME = re.compile(r"(.+)-([0-9]{12})-([0-9a-f]{64})\.safetensors")
NOTES = "notes"  # the tensor that holds the JSON, as bytes
MATTER = ("numpy", "torch", "stable-baselines3", "sb3-contrib")  # versions decide the last bit
Tensors = Mapping[str, NDArray[Any]]


class Notes(Checked):
    """What a checkpoint holds beside its tensors; each learner declares its own."""

    of: dict[str, Any]


N = TypeVar("N", bound=Notes)


class Found(NamedTuple):
    """A checkpoint's file, and the hash that its name holds."""

    path: Path
    sha256: str


class Checkpoints:
    """The checkpoints of one learner.

    Args:
        folder: of the run; they lie in `checkpoints/`.
        learner: its name.
    """

    def __init__(self, folder: Path, learner: str) -> None:
        self.folder = folder / "checkpoints"
        self.learner = learner

    def write(self, number: int, tensors: Tensors, notes: Notes) -> None:
        """Write one, then remove all but it and the newest before it."""
        content = {**tensors, NOTES: as_bytes(notes.model_dump_json().encode())}
        data = tensor_files.save({name: np.array(t, order="C") for name, t in content.items()})
        name = f"{self.learner}-{number:012d}-{hashlib.sha256(data).hexdigest()}.safetensors"
        write_bytes(self.folder / name, data)
        found = self._files()
        before = [key for key in found if key < number][-1:]
        for key, files in found.items():
            for file in files:
                if key not in before and file.path.name != name:
                    file.path.unlink(missing_ok=True)

    def newest(
        self, like: Tensors, kind: type[N], of: Mapping[str, Any]
    ) -> tuple[dict[str, NDArray[Any]], N] | None:
        """Return tensors and notes of the newest valid one; None if there is none.

        Args:
            like: the tensors that it must hold, for their names, types and shapes.
            kind: of the notes.
            of: what the training is, from `described`.

        Raises:
            ConfigError: it is of another training.
        """
        for files in reversed(self._files().values()):
            for file in files:
                try:
                    tensors, notes = _read(file, like, kind)
                except UserError as error:
                    print(one_line(f"note: {error}; passed over"), file=sys.stderr)
                    continue
                _check_same(file.path, notes.of, of)
                return tensors, notes
        return None

    def clear(self) -> None:
        """Remove them."""
        for files in self._files().values():
            for file in files:
                file.path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _files(self) -> dict[int, list[Found]]:
        """Return the files by their number, in its order."""
        found: dict[int, list[Found]] = {}
        for path in sorted(self.folder.glob(f"{self.learner}-*")):
            name = NAME.fullmatch(path.name)
            if name and name[1] == self.learner:
                found.setdefault(int(name[2]), []).append(Found(path, name[3]))
        return found


def _read(file: Found, like: Tensors, kind: type[N]) -> tuple[dict[str, NDArray[Any]], N]:
    """Read a checkpoint.

    Raises:
        UserError: it is not what its name or its learner says.
    """
    content = read_file(file.path)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UserError.at(file.path, "", "damaged")
    try:
        tensors = tensor_files.load(content)
        notes = TypeAdapter(kind).validate_json(tensors.pop(NOTES).tobytes())
    except (SafetensorError, ValidationError, ValueError, KeyError, TypeError):
        raise UserError.at(file.path, "", "not a checkpoint of this learner") from None
    shapes = {name: (t.dtype, t.shape) for name, t in tensors.items()}
    if shapes != {name: (t.dtype, t.shape) for name, t in like.items()}:
        raise UserError.at(file.path, "", "holds other tensors than this learner has")
    for name, tensor in tensors.items():
        if not_finite(tensor):
            raise UserError.at(file.path, name, "is not finite")
    return tensors, notes


def described(**settings: Any) -> dict[str, Any]:
    """Return what a training is: its settings, each under its full name, and what else matters.

    A vector environment stands for all that decides how it goes on, but its seeds.
    """
    return _flat("", settings) | {f"version of {name}": version(name) for name in MATTER}


def _flat(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, TradingVectorEnv):
        value = json.loads(arguments_of(value.setup, value.num_envs, value.batch.autoreset))
    if not isinstance(value, dict):
        return {name: json.loads(json.dumps(value))}
    parts = [_flat(f"{name}.{key}".lstrip("."), part) for key, part in value.items()]
    return {key: part for found in parts for key, part in found.items()}


def _check_same(path: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    for name in sorted({*here, *there}):
        if here.get(name) != there.get(name):
            values = f"{shown(here.get(name), 24)} here, {shown(there.get(name), 24)} there"
            raise ConfigError.at(path.parent, name, f"{values}; give another folder")


def as_bytes(content: bytes) -> NDArray[np.uint8]:
    """Return bytes as a tensor."""
    return np.frombuffer(content, dtype=np.uint8)


def not_finite(values: NDArray[Any]) -> bool:
    """Tell whether an array of numbers holds one that is not finite."""
    return values.dtype.kind == "f" and not bool(np.isfinite(values).all())


def check_finite(what: str, values: Any, step: int, unit: str) -> None:
    """Stop a training that has left the finite numbers.

    Raises:
        DivergedError: names what is not finite, and when.
    """
    array = np.asarray(values)
    if not_finite(array):
        worst = float(array[~np.isfinite(array)].flat[0])
        raise DivergedError(
            f"training diverged: {what} is {worst} at {unit} {step}; the last checkpoint is kept"
        )
