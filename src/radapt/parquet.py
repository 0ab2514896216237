"""Read and write tables as Parquet files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radapt.errors import BadArtefact
from radapt.files import atomic, check_file


def write_table(path: Path, columns: Mapping[str, NDArray[Any] | Sequence[str]]) -> None:
    """Write columns of equal length, each (n,), as a Parquet file, atomically.

    Text may be given as a list, which needs less memory than a NumPy array, whose cells are all equally wide.

    Raises
    ------
    RadaptError
        If the disk is full or the folder is not writable.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_arrays([_arrow(column) for column in columns.values()], names=list(columns))
    with atomic(path) as temporary:
        pq.write_table(table, temporary)


def _arrow(column: NDArray[Any] | Sequence[str]) -> Any:
    """Return an Arrow array made from the bytes of a column; `pyarrow.array` would import pandas."""
    import pyarrow as pa

    if not isinstance(column, np.ndarray) or column.dtype.kind == "U":
        texts = [text.encode() for text in (column.tolist() if isinstance(column, np.ndarray) else column)]
        offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(pa.large_string(), len(texts), buffers)
    if column.dtype.kind == "b":
        bits = np.packbits(column, bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(column), [None, pa.py_buffer(bits.tobytes())])
    kind = pa.from_numpy_dtype(column.dtype)
    return pa.Array.from_buffers(
        kind, len(column), [None, pa.py_buffer(np.ascontiguousarray(column).tobytes())]
    )


def read_table(path: Path, columns: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return these columns (or all) of a Parquet file by name, each (n,); text as a NumPy string array.

    Columns that the file does not have are missing from the result.

    Raises
    ------
    BadArtefact
        If the file is missing, damaged, or has null values in a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_file(path)
    try:
        with pq.ParquetFile(path) as file:  # not `read_table`, which imports `pyarrow.dataset`
            table = file.read(columns=columns)
    except FileNotFoundError:
        raise BadArtefact(f"{path} is missing.") from None
    except (OSError, pa.ArrowException) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadArtefact(f"{path} could not be read as a Parquet table: {first}") from None
    read = {}
    for name in table.column_names:
        column = table.column(name)
        if column.null_count:
            raise BadArtefact(f"{path} has {column.null_count} empty cells in its column {name!r}.")
        read[name] = _numpy(column)
    return read


def read_text_rows(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """Read a Parquet file row by row, every value as text; null is "".

    Returns
    -------
    tuple
        The names of the columns, and an iterator over rows as dicts of column name to text.

    Raises
    ------
    BadArtefact
        If the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def rows() -> Iterator[dict[str, str]]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=4096):
                for row in batch.to_pylist():
                    yield {name: "" if value is None else str(value) for name, value in row.items()}

    check_file(path)
    try:
        with pq.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
    except FileNotFoundError:
        raise BadArtefact(f"{path} is missing.") from None
    except (OSError, pa.ArrowException):
        raise BadArtefact(f"{path} could not be read as a Parquet table.") from None
    return names, rows()


def _numpy(column: Any) -> NDArray[Any]:
    """Return a column as a NumPy array; its `to_numpy` would import pandas, which takes a second."""
    import pyarrow as pa

    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        whole = column.combine_chunks()
        return np.array(np.from_dlpack(whole)) if len(whole) else np.empty(0, column.type.to_pandas_dtype())
    is_bool = pa.types.is_boolean(column.type)
    return np.array(column.to_pylist(), dtype=np.bool_ if is_bool else np.str_)
