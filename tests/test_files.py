"""What lies where a file should: pipes, folders, and JSON that is no use."""

import os

import pytest

from radapt.artefacts import SCHEMA
from radapt.device import select_device
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_document, read_if_whole, read_json, write_document, write_json


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


def test_a_document_is_read_back_with_the_number_of_its_schema(tmp_path):
    write_document(tmp_path / "a.json", {"scores": [1]})
    assert list(read_document(tmp_path / "a.json").items()) == [("schema", SCHEMA), ("scores", [1])]
    assert read_if_whole(tmp_path / "a.json") == {"schema": SCHEMA, "scores": [1]}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"schema": 1}, "a.json has schema 1, and this version of radapt reads schema 2. Make it again"),
        ({"schema": True}, "has schema True"),
        ({"scores": [1]}, "has schema 'none'"),
        ([1], "is not a JSON object"),
    ],
)
def test_a_document_of_another_schema_is_refused_or_made_again(value, said, tmp_path):
    write_json(tmp_path / "a.json", value)
    with pytest.raises(BadArtefact, match=said):
        read_document(tmp_path / "a.json")
    assert read_if_whole(tmp_path / "a.json") is None


def test_a_device_that_holds_no_numbers_is_refused():
    with pytest.raises(AskedWrongly, match="no device called 'meta'"):
        select_device("meta")
