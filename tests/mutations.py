"""Random damage to files: of values (JSON, TOML, safetensors' header), of a table, of any bytes."""

import copy
import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w

NUMBERS = [0, -1, 7, 2**63, 10**400, -0.0, 0.5, 1e30, -1e30, 1e308, float("nan"), float("inf")]
TEXTS = ["", "x", "\ud800", "\0", "a" * 10_000]
VALUES = [None, True, False, *NUMBERS, *TEXTS, [], {}, [[]], [None], [1.0], ["x"], {"": None}]
NESTED = ["[" * depth + "]" * depth for depth in (60, 300, 100_000)]
CELLS = ["", "x", -1, 0, 1e30, 1e-300, 1e308, "nan", "inf", True, 2**70, "1e400", 0.1]
BYTES = [b"{", b"[", b'"', b"9" * 30, b"e999", b"\\ud800", b",", b"null", b"\xff", b"\0"]
KINDS = ["float32", "str", "category", "bool", "object"]
HOLE = "a hole that nested brackets are put into"
MORE = ["market", "window", "stressed"]
VALUED, TABLES = (".json", ".toml", ".safetensors"), (".csv", ".parquet")


def mutate(folder: Path, names: Sequence[str], rng: np.random.Generator) -> str:
    """Damage one file of a folder; return which, and in what way."""
    name = names[rng.integers(len(names))]
    path = folder / name
    if path.suffix in VALUED and rng.random() < 0.8:
        way = _values(path, rng)
    elif path.suffix in TABLES and rng.random() < 0.8:
        way = _table(path, rng)
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
    """Replace, drop, rename or repeat values of a file."""
    content = path.read_bytes()
    if path.suffix == ".toml":
        values = tomllib.loads(content.decode())
        said = _change_values(values, rng)
        try:
            text = tomli_w.dumps(values)
        except TypeError:  # TOML has no null
            return _bytes(path, rng)
    else:
        size = int.from_bytes(content[:8], "little") if path.suffix == ".safetensors" else 0
        values = json.loads(content[8 : 8 + size] if size else content)
        said = _change_values(values, rng)
        text = json.dumps(values)
    nested = NESTED[rng.integers(len(NESTED))]
    written = text.replace(json.dumps(HOLE), nested).encode("utf-8", "surrogatepass")
    if path.suffix == ".safetensors":  # the weights follow a header, which follows its length
        written = len(written).to_bytes(8, "little") + written + content[8 + size :]
    path.write_bytes(written)
    return said


def _change_values(content: Any, rng: np.random.Generator) -> str:
    """Replace, drop, rename or repeat parts of what JSON can hold."""
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
    return "; ".join(said)


def _table(path: Path, rng: np.random.Generator) -> str:
    """Set cells, fill, rename or convert columns, drop or shuffle rows of a CSV or Parquet file."""
    is_csv = path.suffix == ".csv"
    try:
        frame = (pd.read_csv if is_csv else pd.read_parquet)(path)
    except (ValueError, pd.errors.ParserError):  # a CSV file without one header
        return _bytes(path, rng)
    if frame.empty:
        return _bytes(path, rng)
    at = int(rng.integers(frame.shape[1]))
    column = frame.columns[at]
    value = CELLS[rng.integers(len(CELLS))]
    ways = ["cell", "cell", "cell", "column", "shuffle", "cut", "name", "more"]
    what = rng.choice(ways if is_csv else [*ways, "kind", "nest"])
    if what == "cell":
        values = frame.iloc[:, at].astype(object)
        values.iloc[int(rng.integers(len(frame)))] = value
        frame = frame.drop(columns=column)
        frame.insert(at, column, values, allow_duplicates=True)
    elif what in ("column", "more"):
        frame[column if what == "column" else str(rng.choice(MORE))] = value
    elif what == "shuffle":
        frame = frame.iloc[rng.permutation(len(frame))]
    elif what == "cut":
        frame = frame.iloc[: rng.integers(len(frame))]
    elif what == "name":
        frame = frame.rename(columns={column: str(rng.choice(["x", "market", "window", "step"]))})
    elif what == "kind":
        value = KINDS[rng.integers(len(KINDS))]
        frame[column] = frame[column].astype(str if value == "object" else value, errors="ignore")
    else:
        frame[column] = [[1.0, [2.0]]] * len(frame)
    if is_csv:
        frame.to_csv(path, index=False)
    else:
        try:
            frame.to_parquet(path)
        except (TypeError, ValueError, OverflowError):  # Parquet has one type a column
            frame.astype(str).to_parquet(path)
    return f"{what} {column} {value!r:.40}"


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
