"""What lies where a file should: pipes, folders, and JSON that is no use."""

import os

import pytest

from radapt.device import select_device
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_json


def test_a_pipe_or_a_folder_in_place_of_json_is_told_and_not_waited_for(tmp_path):
    pipe = tmp_path / "run.json"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(BadArtefact, match="is not a file"):
            read_json(path)
    with pytest.raises(BadArtefact, match="is missing"):
        read_json(tmp_path / "none.json")


def test_json_that_is_nested_without_end_is_told(tmp_path):
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 200_000)
    with pytest.raises(BadArtefact, match="nested too deeply"):
        read_json(deep)


def test_a_device_that_holds_no_numbers_is_refused():
    with pytest.raises(AskedWrongly, match="no device called 'meta'"):
        select_device("meta")
