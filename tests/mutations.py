"""Random damage to files: of the values of a JSON file, of the rows of a CSV file, of any bytes."""

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NUMBERS = [0, -1, 7, 2**63, 10**400, -0.0, 0.5, 1e30, -1e30, 1e308, float("nan"), float("inf")]
TEXTS = ["", "x", "\ud800", "\0", "a" * 10_000]
VALUES = [None, True, False, *NUMBERS, *TEXTS, [], {}, [[]], [None], [1.0], ["x"], {"": None}]
NESTED = ["[" * depth + "]" * depth for depth in (60, 300, 100_000)]
CELLS = ["", "x", -1, 0, 1e30, 1e-300, 1e308, "nan", "inf", True, 2**70, "1e400", 0.1]
BYTES = [b"{", b"[", b'"', b"9" * 30, b"e999", b"\\ud800", b",", b"null", b"\xff", b"\0"]
HOLE = "a hole that nested brackets are put into"


def mutate(folder: Path, names: Sequence[str], rng: np.random.Generator) -> str:
    """Damage one file of a folder; return which, and in what way."""
    name = names[rng.integers(len(names))]
    path = folder / name
    if path.suffix == ".json" and rng.random() < 0.8:
        way = _values(path, rng)
    elif path.suffix == ".csv" and rng.random() < 0.8:
        way = _rows(path, rng)
    else:
        way = _bytes(path, rng)
    return f"{name}: {way}"


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield (*way, key)
        yield from _places(item, (*way, key))


def _values(path: Path, rng: np.random.Generator) -> str:
    """Replace, drop, rename or repeat parts of a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    said = []
    for _ in range(rng.integers(1, 4)):
        places = list(_places(content))
        if not places:
            break
        *way, key = places[rng.integers(len(places))]
        part = content
        for step in way:
            part = part[step]
        what = rng.choice(["value", "value", "value", "nest", "drop", "again"])
        if what == "value":
            part[key] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
        elif what == "nest":
            part[key] = HOLE
        elif what == "drop":
            del part[key]
        elif isinstance(part, list):
            part.append(copy.deepcopy(part[key]))
        else:
            part[str(rng.choice(["x", "severity", "market", "window", "name"]))] = part.pop(key)
        said.append(f"{what} {(*way, key)}")
    nested = NESTED[rng.integers(len(NESTED))]
    text = json.dumps(content).replace(json.dumps(HOLE), nested)
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return "; ".join(said)


def _rows(path: Path, rng: np.random.Generator) -> str:
    """Set cells, fill or rename columns, drop or shuffle rows of a CSV file."""
    frame = pd.read_csv(path).astype(object)
    column = str(rng.choice(frame.columns.to_list()))
    value = CELLS[rng.integers(len(CELLS))]
    what = rng.choice(["cell", "cell", "cell", "column", "shuffle", "cut", "name", "more"])
    if what == "cell":
        frame.iloc[int(rng.integers(len(frame))), frame.columns.get_loc(column)] = value
    elif what == "column":
        frame[column] = value
    elif what == "shuffle":
        frame = frame.iloc[rng.permutation(len(frame))]
    elif what == "cut":
        frame = frame.iloc[: rng.integers(len(frame))]
    elif what == "name":
        frame = frame.rename(columns={column: str(rng.choice(["x", "market", "window", "step"]))})
    else:
        frame[str(rng.choice(["market", "window", "stressed"]))] = value
    frame.to_csv(path, index=False)
    return f"{what} {column} {value!r}"


def _bytes(path: Path, rng: np.random.Generator) -> str:
    """Change, drop or insert bytes."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 3, 10])):
        at, what = int(rng.integers(len(content) or 1)), rng.random()
        if what < 0.5 and content:
            content[at] = int(rng.integers(256))
        elif what < 0.8:
            del content[at : at + int(rng.choice([1, 5, 50]))]
        else:
            content[at:at] = BYTES[rng.integers(len(BYTES))]
    path.write_bytes(bytes(content))
    return "bytes"
