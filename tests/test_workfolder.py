import pytest

from radapt.artefacts import IDENTITY, SCHEMA
from radapt.errors import AskedWrongly, BadArtefact
from radapt.files import read_object
from radapt.lock import SUFFIX
from radapt.workfolder import check_ours, is_begun, reserve_folder

WORK = {"kind": "train", "seed": 0}


def test_a_new_folder_is_marked_and_the_same_work_goes_on_in_it(tmp_path):
    out = tmp_path / "out"
    with reserve_folder(out, WORK, IDENTITY) as begun:
        assert not begun
        assert (out / SUFFIX).is_file(), "others are kept out"
    assert read_object(out / IDENTITY) == {"schema": SCHEMA, **WORK}
    with reserve_folder(out, WORK, IDENTITY) as begun:
        assert begun
    assert [path.name for path in out.iterdir()] == [IDENTITY]


def test_other_work_is_refused_by_what_differs(tmp_path):
    assert not is_begun(tmp_path, WORK, IDENTITY)
    with pytest.raises(AskedWrongly, match="it differs in fold, seed. Give another --out"):
        is_begun(tmp_path, {"kind": "train", "seed": 1, "fold": "1/2"}, IDENTITY)


def test_a_damaged_marker_is_no_work_to_go_on_with(tmp_path):
    (tmp_path / IDENTITY).write_text("{")
    with pytest.raises(BadArtefact, match="Delete .* to begin again"):
        is_begun(tmp_path, WORK, IDENTITY)


def test_a_file_and_a_folder_of_something_else_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AskedWrongly, match="is a file"):
        check_ours(tmp_path / "notes.txt", IDENTITY)
    with pytest.raises(AskedWrongly, match="exists and is not empty"):
        check_ours(tmp_path, IDENTITY)
    (tmp_path / "empty").mkdir()
    check_ours(tmp_path / "empty", IDENTITY)
    check_ours(tmp_path / "new", IDENTITY)
