"""Read tables of bars from text files.

Text is UTF-8 with commas and decimal points, plain or gzip (the first bytes decide, not the name).
A `MarketDataError` gives the file, the line and the column of the first error; no value is guessed,
filled or dropped (blank lines are skipped). Limits: 1 MiB for a line, 1 GiB for an unpacked file,
and above 16 MiB 100 times its packed size.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from trading_env.core.doors import check_regular
from trading_env.core.errors import MarketDataError, clip
from trading_env.core.records import Floats
from trading_env.markets.reading.stamps import mixed_kinds, parse_time_stamp
from trading_env.markets.reading.tables import BarTable, Columns, find_columns

MAX_FILE_BYTES = 1 << 30
MAX_BLANK = 100_000
MAX_LINE_BYTES = 1 << 20
MAX_EXPANSION = 100
EXPANSION_FLOOR = 1 << 24
CHUNK = 8192


def read_csv(path: Path, *, has_volume: bool = True) -> BarTable:
    """Read a .csv or .csv.gz file; in errors the header is line 1.

    Args:
        path: The file.
        has_volume: False leaves a column of volume unread.
    """
    source = str(path)
    check_regular(path, MarketDataError)
    try:
        return _parse(source, _lines(path), has_volume)
    except csv.Error as error:
        raise MarketDataError.at(source, "", f"broken CSV: {clip(error, 60)} (a quote?)") from None
    except (OSError, EOFError, zlib.error) as error:
        raise MarketDataError.at(source, "", f"unreadable: {clip(error, 60)}") from None


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file as text, within the limits on size."""
    with path.open("rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        if magic in (b"\xff\xfe", b"\xfe\xff"):
            raise MarketDataError.at(str(path), "line 1", "UTF-16 text; save it as UTF-8")
        packed = magic == b"\x1f\x8b"
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
        expanded = MAX_EXPANSION * path.stat().st_size if packed else MAX_FILE_BYTES
        limit = min(MAX_FILE_BYTES, max(EXPANSION_FLOOR, expanded))
        total, blank = 0, 0
        for number in count(1):
            line = stream.readline(MAX_LINE_BYTES + 1)
            total += len(line)
            blank = 0 if line.strip() else blank + 1
            if blank > MAX_BLANK:
                reason = f"more than {MAX_BLANK:,} blank lines in a row"
                raise MarketDataError.at(str(path), f"line {number}", reason)
            if total > limit:
                raise MarketDataError.at(str(path), "", f"unpacks to more than {limit >> 20} MiB")
            if not line:
                return
            yield _decode(line, number, str(path))


def _decode(line: bytes, number: int, source: str) -> str:
    """Decode one line."""
    if len(line) > MAX_LINE_BYTES:
        raise MarketDataError.at(source, f"line {number}", "longer than 1 MiB")
    if b"\0" in line:
        raise MarketDataError.at(
            source, f"line {number}", "contains a NUL byte (UTF-16 or a binary file?)"
        )
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise MarketDataError.at(source, f"line {number}", "not UTF-8 text") from None


def _parse(source: str, lines: Iterator[str], has_volume: bool) -> BarTable:
    """Parse in chunks, so that memory need not hold the whole text."""
    reader = csv.reader(lines, strict=True)
    header = next(reader, None)
    if not header:
        raise MarketDataError.at(
            source, "line 1", "the file is empty" if header is None else "no header"
        )
    columns = find_columns(header, source, has_volume)
    parser = _Parser(source, header, columns)
    rows: list[list[str]] = []
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            reason = f"{len(row)} fields, the header has {len(header)} (a decimal comma?)"
            raise MarketDataError.at(source, f"line {reader.line_num}", reason)
        rows.append(row)
        parser.line_numbers.append(reader.line_num)
        if len(rows) == CHUNK:
            parser.add(rows)
            rows = []
    if rows:
        parser.add(rows)
    return parser.table()


class _Parser:
    """Turn chunks of text cells into columns of numbers."""

    def __init__(self, source: str, header: Sequence[str], columns: Columns) -> None:
        self.source = source
        self.header = header
        self.columns = columns
        self.line_numbers: list[int] = []
        self.done = 0
        self.kind = ""
        self.symbols: list[str] = []
        self.times: list[NDArray[np.int64]] = []
        self.numbers: dict[str, list[Floats]] = {name: [] for name in columns.numbers}

    def add(self, rows: list[list[str]]) -> None:
        """Convert one chunk."""
        cells = list(zip(*rows, strict=True))
        self.times.append(self._times(cells[self.columns.time]))
        for name, position in self.columns.numbers.items():
            self.numbers[name].append(self._numbers(cells[position], position))
        if self.columns.symbol is not None:
            self.symbols.extend(cells[self.columns.symbol])
        self.done += len(rows)

    def table(self) -> BarTable:
        """Join the chunks."""
        if not self.done:
            raise MarketDataError.at(self.source, "line 1", "a header and no data rows")
        return BarTable(
            source=self.source,
            row_word="line",
            rows=np.array(self.line_numbers, dtype=np.int64),
            time_name=self.header[self.columns.time].strip(),
            time=np.concatenate(self.times),
            symbols=None if self.columns.symbol is None else self.symbols,
            numbers={name: np.concatenate(parts) for name, parts in self.numbers.items()},
        )

    def _times(self, cells: Sequence[str]) -> NDArray[np.int64]:
        """Parse time stamps, all of one kind."""
        seconds = np.empty(len(cells), dtype=np.int64)
        for index, text in enumerate(cells):
            try:
                seconds[index], kind = parse_time_stamp(text)
            except ValueError as error:
                raise self._error(index, self.columns.time, str(error)) from None
            if kind != self.kind:
                if self.kind:
                    raise self._error(index, self.columns.time, mixed_kinds(self.kind, kind))
                self.kind = kind
        return seconds

    def _numbers(self, cells: Sequence[str], position: int) -> Floats:
        """Parse one column of numbers; `1_000` and non-ASCII digits are errors."""
        joined = "".join(cells)
        if joined.isascii() and "_" not in joined:
            try:
                return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
            except ValueError:
                pass
        index = next(i for i, text in enumerate(cells) if not _is_plain_number(text))
        text = cells[index].strip()
        if not text:
            reason = "empty cell"
        elif "," in text:
            reason = f"'{clip(text)}' is not a number (write a decimal point, no thousands mark)"
        else:
            reason = f"'{clip(text)}' is not a number"
        raise self._error(index, position, reason)

    def _error(self, index: int, position: int, reason: str) -> Exception:
        line = self.line_numbers[self.done + index]
        return MarketDataError.at(
            self.source, f"line {line}, column '{clip(self.header[position])}'", reason
        )


def _is_plain_number(text: str) -> bool:
    """Return whether a cell is a plain number."""
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text
