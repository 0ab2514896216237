"""A table comes back as it was written, and a damaged one is said to be."""

import subprocess
import sys

import numpy as np
import pytest

from radapt.errors import BadArtefact
from radapt.parquet import read_table, write_table

COLUMNS = {
    "text": np.array(["", "naïve", "a\0b", "x" * 300]),
    "whole": np.array([1, -2, 3, 2**40]),
    "half": np.array([0.5, np.nan, np.inf, -0.0], dtype=np.float32),
    "every second": np.arange(8.0)[::2],
    "yes": np.array([True, False, False, True]),
    "byte": np.array([0, 1, 254, 255], dtype=np.uint8),
}


def test_every_kind_of_column_comes_back_as_it_was(tmp_path):
    write_table(tmp_path / "table.parquet", COLUMNS)
    read = read_table(tmp_path / "table.parquet")
    assert list(read) == list(COLUMNS)
    for name, column in COLUMNS.items():
        assert read[name].dtype == column.dtype
        np.testing.assert_array_equal(read[name], column)
        assert read[name].flags.writeable


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    write_table(tmp_path / "table.parquet", {name: column[:0] for name, column in COLUMNS.items()})
    read = read_table(tmp_path / "table.parquet", columns=["half", "text", "none"])
    assert {name: (len(column), column.dtype.kind) for name, column in read.items()} == {
        "half": (0, "f"),
        "text": (0, "U"),
    }


def test_a_missing_or_damaged_table_is_named(tmp_path):
    path = tmp_path / "table.parquet"
    with pytest.raises(BadArtefact, match="is missing"):
        read_table(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(BadArtefact, match="could not be read as a Parquet table"):
        read_table(path)


def test_tables_do_without_pandas(tmp_path):
    code = (
        "import sys, numpy as np; from pathlib import Path; "
        "from radapt.parquet import read_table, write_table; "
        "path = Path(sys.argv[1]); write_table(path, {'a': np.array(['x']), 'b': np.array([1.0])}); "
        "read_table(path); print('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "table.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
