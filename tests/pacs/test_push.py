import pytest
from dicoms import uid
from orthanc import REFUSED
from pydicom.dataset import Dataset

from radapt.errors import AskedWrongly, WrongFolder
from radapt.pacs.push import LOST, files_of, push, why_refused
from radapt.pacs.server import NotStored, Server, Unreachable


def test_files_are_stored_and_sent_again_without_harm(server, write):
    paths = write(31, 32)
    for _ in range(2):
        done = push(server, paths)
        assert (done.stored, done.failed) == (2, [])
    assert server.names_in(uid("study", 31)) == {uid("image", 31)}


def test_a_file_that_the_server_drops_or_that_names_no_study_is_named(server, write):
    dropped, nameless = write(33, StudyID=REFUSED)[0], write(33, StudyInstanceUID=None)[0]
    done = push(server, [dropped, nameless, *write(34)])
    assert done.stored == 1
    assert {each["path"]: each["error"].split(",")[0] for each in done.failed} == {
        str(nameless): "lacks StudyInstanceUID",
        str(dropped): LOST.split(",")[0],
    }


def answer(reason):
    item, whole = Dataset(), Dataset()
    item.FailureReason = reason
    whole.FailedSOPSequence = [item]
    return whole


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (409, 0x0122, "takes no objects of this kind (code 0x0122)"),
        (202, 0xA702, "has no room left"),
        (202, 0xC001, "does not understand"),
        (202, 0x1234, "a reason of its own (code 0x1234)"),
        (413, None, "is refused (HTTP 413, without a reason)"),
    ],
)
def test_a_refusal_is_put_into_words(status, reason, words):
    assert words in why_refused(NotStored(status, None if reason is None else answer(reason)))


def test_a_refusal_in_a_good_answer_is_one(server, write, monkeypatch):
    monkeypatch.setattr(Server, "store", lambda *_: answer(0x0110))
    done = push(server, write(35))
    assert done.stored == 0
    assert "could not process the object" in done.failed[0]["error"]


def test_a_server_that_goes_away_ends_it(server, write, monkeypatch):
    monkeypatch.setattr(Server, "store", lambda *_: (_ for _ in ()).throw(Unreachable("gone")))
    with pytest.raises(Unreachable):
        push(server, write(36))


def test_folders_are_searched_and_other_files_refused(write, tmp_path):
    paths = write(1, 2)
    (paths[0].parent / "notes.txt").write_text("x" * 200)
    assert files_of([paths[0].parent, paths[0]]) == paths
    for given, error, sentence in (
        (paths[0].parent / "notes.txt", AskedWrongly, "is not a DICOM file"),
        (tmp_path / "missing", WrongFolder, "There is no file"),
        (tmp_path / "empty", WrongFolder, "holds no DICOM file"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(error, match=sentence):
            files_of([given])
