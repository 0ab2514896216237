import json
import warnings

import pytest
from dicoms import DEFLATED, radiograph, uid
from dicomweb import JSON, answering
from orthanc import REFUSED
from pydicom.dataset import Dataset

from radapt.errors import AskedWrongly, RadaptError, WrongFolder
from radapt.pacs.login import Login
from radapt.pacs.push import LAST, LOST, files_of, push, why_refused
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


def test_what_was_stored_before_the_server_went_away_is_known(server, write, monkeypatch):
    whole, paths = Server.store, write(36, 37, 38, 39)

    def store(self, dataset):
        if dataset.PatientID == "MRN-37":
            raise RadaptError("is refused")
        if dataset.PatientID == "MRN-38":
            raise Unreachable("The server is busy.")
        return whole(self, dataset)

    monkeypatch.setattr(Server, "store", store)
    done = push(server, paths)
    assert (done.stored, done.unchecked, done.not_sent, done.stopped) == (1, 1, 1, "The server is busy.")
    assert done.failed == [
        {"path": str(paths[1]), "error": "is refused"},
        {"path": str(paths[2]), "error": LAST},
    ]


STORED = (200, JSON, b"{}")


def test_what_cannot_be_searched_for_is_stored_all_the_same(write):
    for status in (404, 401):
        with answering(STORED, STORED, (status, "text/plain", b"")) as (url, asked):
            done = push(Server(url, Login()), write(41, 42))
        assert (done.stored, done.unchecked, done.failed) == (2, 2, [])
        assert len(asked) == (4 if status == 404 else 3)  # who refuses one search refuses the next


def test_a_file_whose_study_is_no_identifier_is_named_before_it_is_sent(write):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, about the value
        (odd,) = write(43, StudyInstanceUID="../studies")
    listed = [{"00080018": {"vr": "UI", "Value": [uid("image", 44)]}}]
    with answering(STORED, (200, JSON, json.dumps(listed).encode())) as (url, asked):
        done = push(Server(url, Login()), [odd, *write(44)])
    assert (done.stored, done.unchecked) == (1, 0)
    assert done.failed[0]["error"].startswith("has a StudyInstanceUID that is no identifier")
    assert len([path for path, _ in asked if path.endswith("/studies")]) == 1


def test_a_deflated_file_is_named_before_it_is_expanded(tmp_path):
    (tmp_path / "a.dcm").write_bytes(radiograph(45, syntax=DEFLATED))
    done = push(None, [tmp_path / "a.dcm"])
    assert done.failed[0]["error"].startswith("is deflated")


@pytest.mark.parametrize(
    ("status", "body", "stored"),
    [
        (409, {"00081198": {"vr": "LO", "Value": ["x"]}}, 0),
        (200, {"00081198": {"vr": "LO", "Value": ["x"]}}, 0),
        (200, {"00081199": {"vr": "US", "Value": [5]}}, 1),
    ],
)
def test_an_answer_that_is_no_sequence_is_read_without_a_fault(write, status, body, stored):
    answers = (status, JSON, json.dumps(body).encode()), (404, "text/plain", b"")
    with answering(*answers) as (url, _):
        done = push(Server(url, Login()), write(46))
    assert done.stored == stored
    assert all("without a reason" in each["error"] for each in done.failed)


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
