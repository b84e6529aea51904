"""Parquet files from outside: read by pyarrow, within limits of what they unpack to.

What a file says of its own size is not enough. Repeated values are kept once (a dictionary), so a
few kilobytes can stand for gigabytes of text: columns of text stay packed until the size of what
they stand for is known. A damaged file makes pyarrow, numpy and pandas raise errors of many types;
here each is a `ValueError`.
"""

import importlib
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 50_000_000
MOST_BYTES = 1 << 30  # unpacked
NUMBER = 8  # bytes


def read_frame(stream: IO[bytes]) -> "pd.DataFrame":
    """Read a table.

    Raises:
        ValueError: it is damaged, holds nested values, or unpacks to too much.
        ImportError: pyarrow is not installed.
    """
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    try:
        file = parquet.ParquetFile(stream)
        _check_size(arrow, file)
        texts = [
            column.path
            for column in (file.schema.column(k) for k in range(len(file.schema)))
            if column.physical_type == "BYTE_ARRAY"
        ]
        table = parquet.ParquetFile(stream, read_dictionary=texts).read()
        frame: pd.DataFrame = _unpacked(arrow, table).to_pandas()
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from None
    return frame


def _check_size(arrow: Any, file: Any) -> None:
    """Refuse what is too large by its own account, and columns whose cells are lists or records."""
    about = file.metadata
    groups = [about.row_group(k).total_byte_size for k in range(about.num_row_groups)]
    cells = about.num_rows * max(about.num_columns, 1)
    if about.num_rows > MOST_ROWS or max(sum(groups), NUMBER * cells) > MOST_BYTES:
        raise ValueError(_TOO_LARGE)
    for field in file.schema_arrow:
        if arrow.types.is_nested(field.type):
            raise ValueError(f"column {field.name} holds nested values")


def _unpacked(arrow: Any, table: Any) -> Any:
    """Lay out columns that are kept as a dictionary, once their size is known."""
    compute: Any = importlib.import_module("pyarrow.compute")
    left = MOST_BYTES
    for k, field in enumerate(table.schema):
        if arrow.types.is_dictionary(field.type):
            column = table.column(k)
            for chunk in column.chunks:
                lengths = compute.binary_length(chunk.dictionary)
                left -= compute.sum(lengths.take(chunk.indices)).as_py() or 0
            if left < 0:
                raise ValueError(_TOO_LARGE)
            table = table.set_column(k, field.name, column.cast(field.type.value_type))
    return table


_TOO_LARGE = f"unpacks to more than {MOST_BYTES >> 20} MiB"
