"""Find how a text file is written; pandas parses its rows.

Found are the mark between columns (comma, semicolon, tab or |), the lines above the header, the
rows of the header, and the decimal mark. Text is UTF-8, or UTF-16 with its mark. A
`MarketDataError` gives the file, the line and the column of the first error. Blank lines are
skipped. Limits beside those of `sources`: 1 MiB for a line, 100,000 blank lines in a row.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice

import numpy as np
import pandas as pd

from trading_env.core.errors import MarketDataError, clip
from trading_env.markets.reading.grid import Chunk, Grid
from trading_env.markets.reading.published import kinds_of
from trading_env.markets.reading.sources import UNREADABLE, Member

MAX_BLANK = 100_000
MAX_LINE_BYTES = 1 << 20
MOST_HEADER_ROWS = 3
MOST_FOR_PANDAS = 2_000  # columns
SAMPLE_LINES = 400
SAMPLE_CELLS = 200_000
CHUNK_CELLS = 1 << 19
MARKS = ("\t", ";", "|", ",")
WORDS = {"\t": "tabs", ";": "semicolons", "|": "bars (|)", ",": "commas"}
_STATED_MARK = re.compile(r"sep=.")
Line = tuple[int, str]


def read_text(member: Member) -> Grid:
    """Look at the first lines of a text file.

    Raises:
        MarketDataError: it is empty, or no text.
    """
    try:
        lines: list[Line] = []
        cells = 0
        for line in islice(_lines(member), SAMPLE_LINES):
            lines.append(line)
            cells += line[1].count(",") + line[1].count(";") + 1
            if cells > SAMPLE_CELLS and len(lines) > 8:
                break
        return _grid(member, lines)
    except UNREADABLE as error:
        raise _unreadable(member, error) from None


def _unreadable(member: Member, error: BaseException) -> MarketDataError:
    return MarketDataError.at(member.source, "", f"unreadable: {clip(error, 60)}")


def _lines(member: Member) -> Iterator[Line]:
    """Yield the lines of a file that are not blank, within the limits on size."""
    with closing(member.stream()) as stream:
        head = stream.read(4)
        wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    source = member.source
    with closing(member.stream()) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-16", newline="\n") if wide else stream
        total, blank, number = 0, 0, 0
        while True:
            number += 1
            try:
                line: bytes | str = text.readline(MAX_LINE_BYTES + 1)
            except UnicodeError:
                raise MarketDataError.at(source, f"line {number}", "not UTF-16 text") from None
            total += len(line) * (2 if wide else 1)
            if total > member.limit:
                raise member.too_large()
            if not line:
                return
            if len(line) > MAX_LINE_BYTES:
                raise MarketDataError.at(source, f"line {number}", "longer than 1 MiB")
            written = line if isinstance(line, str) else _decode(line, number, source)
            written = written.rstrip("\r\n")
            if not written.strip():
                blank += 1
                if blank > MAX_BLANK:
                    reason = f"more than {MAX_BLANK:,} blank lines in a row"
                    raise MarketDataError.at(source, f"line {number}", reason)
                continue
            blank = 0
            if "\r" in written:
                reason = "broken CSV: a carriage return inside the line (line ends of an old Mac?)"
                raise MarketDataError.at(source, f"line {number}", reason)
            yield number, written


def _decode(line: bytes, number: int, source: str) -> str:
    """Decode one line."""
    if b"\0" in line:
        raise MarketDataError.at(
            source, f"line {number}", "contains a NUL byte (UTF-16 or a binary file?)"
        )
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        reason = "not UTF-8 text (save it as UTF-8)"
        raise MarketDataError.at(source, f"line {number}", reason) from None


def split_line(text: str, mark: str) -> list[str]:
    """Split one line into its cells."""
    if '"' not in text:
        return text.split(mark)
    rows = list(csv.reader([text], delimiter=mark, skipinitialspace=True, strict=True))
    return rows[0] if rows else [""]


def _mark_of(lines: Sequence[Line]) -> str:
    """Return the mark that most lines have the same number of."""
    last = lines[-60:]
    for mark in MARKS[:-1]:
        counts = Counter(text.count(mark) for _, text in last)
        count, lines_of_it = counts.most_common(1)[0]
        if count and lines_of_it >= 0.6 * len(last):
            return mark
    return ","


def _grid(member: Member, lines: list[Line]) -> Grid:
    """Find the mark between columns, the header and the width of the rows."""
    source = member.source
    if lines and _STATED_MARK.fullmatch(lines[0][1].strip().lower()):
        lines = lines[1:]
    if not lines:
        raise MarketDataError.at(source, "line 1", "the file is empty")
    mark = _mark_of(lines)
    rows = [_checked_split(member, number, text, mark) for number, text in lines]
    usual = Counter(len(cells) for cells in rows[-200:]).most_common(1)[0][0]
    first = next((i for i, cells in enumerate(rows) if abs(len(cells) - usual) <= 1), 0)
    first = 0 if first == len(rows) - 1 else first
    count = _header_rows(rows[first:])
    begin = first + count
    if begin >= len(rows):
        reason = "a header and no data rows"
        raise MarketDataError.at(source, f"line {lines[first][0]}", reason)
    header = _header_of(rows[first:begin], rows[begin])
    width = len(header[0]) if header else len(rows[begin])
    if header and [name for name in header[0] if name] == [str(i) for i in range(width)]:
        header = []  # a frame without names, written with the numbers of its columns
    skip = lines[begin][0]
    above = f", {first} lines above the header" if first else ""

    def chunks(positions: Sequence[int]) -> Iterator[Chunk]:
        return _chunks(member, mark, width, skip, sorted(set(positions)))

    return Grid(
        source=source,
        stem=member.stem,
        row_word="line",
        header=header,
        header_row=lines[first][0],
        sample=[cells for cells in rows[begin:] if len(cells) == width],
        chunks=chunks,
        mark=mark,
        said=("" if mark == "," else f", {WORDS[mark]}") + above,
    )


def _header_rows(rows: Sequence[Sequence[str]]) -> int:
    """Return how many rows hold names: those above the first with a time, three at most."""
    for found, cells in enumerate(rows[: MOST_HEADER_ROWS + 1]):
        kinds = [kinds_of(cell) for cell in cells]
        if any(kind & {"date", "epoch"} for kind in kinds):
            return found
        numbers = sum("number" in kind for kind in kinds)
        if found and (numbers > 1 or len(cells) != len(rows[0])):
            return found  # a row of bars whose time is no time
    return 1


def _header_of(rows: Sequence[Sequence[str]], data: Sequence[str]) -> list[list[str]]:
    """Return the rows of names, as wide as the rows of data where one cell has no name."""
    header = [[name.strip() for name in names] for names in rows]
    if len(header) > 1 and not any(header[-1][1:]):  # the name of the index alone
        index = header.pop()[0]
        header = [[index, *header[0][1:]], *(["", *names[1:]] for names in header[1:])]
    if header and len(header[0]) == len(data) - 1:
        if data[-1] == "":
            return [[*names, ""] for names in header]
        if kinds_of(data[0]) & {"date", "epoch"}:
            return [["", *names] for names in header]
    return header


def _chunks(
    member: Member, mark: str, width: int, begin: int, positions: list[int]
) -> Iterator[Chunk]:
    """Yield the rows of a file, a chunk at a time."""
    size = max(16, CHUNK_CELLS // width)
    numbers: list[int] = []
    texts: list[str] = []
    marks, held = width - 1, None
    try:
        for number, text in _lines(member):
            if number < begin:
                continue
            if held is not None:
                raise _ragged(member, held[0], held[1], width, mark)
            if '"' in text:
                count = len(_checked_split(member, number, text, mark)) - 1
            else:
                count = text.count(mark)
            if count != marks:
                held = number, text  # a last line of one cell says who made the file
                continue
            numbers.append(number)
            texts.append(text)
            if len(texts) == size:
                yield _parsed(numbers, texts, mark, positions)
                numbers, texts = [], []
    except UNREADABLE as error:
        raise _unreadable(member, error) from None
    if held is not None and (mark in held[1] or marks < 3 or kinds_of(held[1]) != {"word"}):
        raise _ragged(member, held[0], held[1], width, mark)
    if texts:
        yield _parsed(numbers, texts, mark, positions)


def _checked_split(member: Member, number: int, text: str, mark: str) -> list[str]:
    try:
        return split_line(text, mark)
    except csv.Error as error:
        reason = f"broken CSV: {clip(error, 60)} (a quote?)"
        raise MarketDataError.at(member.source, f"line {number}", reason) from None


def _ragged(member: Member, number: int, text: str, width: int, mark: str) -> MarketDataError:
    fields = len(split_line(text, mark))
    reason = f"{fields} fields, the header has {width} "
    reason += "(a decimal comma?)" if mark == "," and fields > width else "(cut off?)"
    return MarketDataError.at(member.source, f"line {number}", reason)


def _parsed(numbers: list[int], texts: list[str], mark: str, positions: list[int]) -> Chunk:
    """Let pandas parse lines of one width into columns of text.

    Lines of thousands of cells are split here: pandas takes a tenth of a millisecond a column.
    """
    if len(positions) > MOST_FOR_PANDAS:
        split = np.array([split_line(text, mark) for text in texts], dtype=object)
        return np.array(numbers, dtype=np.int64), {p: split[:, p] for p in positions}
    frame = pd.read_csv(
        io.StringIO("\n".join(texts) + "\n"),
        sep=mark,
        header=None,
        usecols=positions,
        dtype=object,
        na_filter=False,
        skipinitialspace=True,
        skip_blank_lines=False,
    )
    cells = frame.to_numpy(dtype=object)
    return np.array(numbers, dtype=np.int64), {p: cells[:, i] for i, p in enumerate(positions)}
