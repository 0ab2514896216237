import io

import pydicom
import pytest
from dicoms import DX, RAW, RLE, SECONDARY, radiograph, uid

from radapt.errors import AskedWrongly, RadaptError
from radapt.pacs.pull import Limits, Wanted, pull
from radapt.pacs.push import push
from radapt.pacs.server import Server, Unreachable

PATIENTS = ("MRN-21", "MRN-22", "MRN-23")
WANTED = Wanted(patients=PATIENTS)


@pytest.fixture
def filled(server, write) -> Server:
    """A server with three chest images, and others of the first patient."""
    others = (
        {"BodyPartExamined": "HAND", "SOPInstanceUID": uid("hand")},
        {"BodyPartExamined": None, "SOPInstanceUID": uid("unnamed")},
        {"Modality": "OT", "SeriesInstanceUID": uid("ot"), "SOPInstanceUID": uid("ot", 1)},
        {"SOPClassUID": RAW, "SOPInstanceUID": uid("raw")},
        {"SOPClassUID": SECONDARY, "SOPInstanceUID": uid("secondary")},
    )
    paths = [*write(21, 22, 23), *(path for tags in others for path in write(21, **tags))]
    assert push(server, paths).failed == []
    return server


def test_chest_images_are_fetched_and_the_others_counted_by_reason(filled, tmp_path, read):
    done = pull(filled, WANTED, tmp_path / "out")
    assert (done.studies, done.new, done.kept, done.failed) == (3, 5, 0, [])
    assert done.left_out == {
        "of another body part than the chest": 1,
        "of modality OT": 1,
        "no radiograph for presentation": 1,
    }
    paths = sorted((tmp_path / "out").glob("*/*.dcm"))
    for path in paths:
        image = read(path.read_bytes())
        assert (path.parent.name, path.stem) == (image.StudyInstanceUID, image.SOPInstanceUID)
        assert image.get("BodyPartExamined", "CHEST") == "CHEST"
    assert done.size == sum(path.stat().st_size for path in paths)


def test_the_same_call_goes_on_where_the_one_before_ended(filled, tmp_path):
    out = tmp_path / "out"
    some = pull(filled, WANTED, out, limits=Limits(images=2))
    assert (some.new, some.kept, some.not_begun) == (2, 0, 3)
    by_size = pull(filled, WANTED, out, limits=Limits(gigabytes=1e-9))
    assert (by_size.new, by_size.kept, by_size.not_begun) == (1, 2, 2)
    rest = pull(filled, WANTED, out)
    assert (rest.new, rest.kept, rest.not_begun) == (2, 3, 0)
    assert pull(filled, WANTED, out).new == 0


def test_a_study_a_date_and_other_modalities_are_found(filled, tmp_path):
    def count(**wanted):
        return pull(filled, Wanted(**wanted), tmp_path / str(wanted)[:30]).new

    assert count(studies=(uid("study", 22),)) == 1
    assert count(studies=(uid("study", 22),), patients=PATIENTS[:1]) == 0
    assert count(patients=PATIENTS, dates="20230101-20240130") == 0
    assert count(patients=PATIENTS[1:], dates="20240131") == 2
    assert count(patients=PATIENTS[:1], any_body_part=True) == 4
    assert count(patients=PATIENTS[:1], modalities=("CR",)) == 0


def test_an_image_that_cannot_be_fetched_is_named_and_the_rest_goes_on(filled, tmp_path, monkeypatch):
    whole = Server.retrieve

    def retrieve(self, study, series, instance):
        if instance == uid("image", 22):
            raise RadaptError("is not there any more (HTTP 404)")
        if instance == uid("image", 23):
            return whole(self, uid("study", 21), uid("series", 21), uid("image", 21))
        return whole(self, study, series, instance)

    monkeypatch.setattr(Server, "retrieve", retrieve)
    done = pull(filled, WANTED, tmp_path / "out")
    assert done.new == 3
    assert [each["error"] for each in sorted(done.failed, key=lambda each: each["error"])] == [
        "is another image than was asked for",
        "is not there any more (HTTP 404)",
    ]
    monkeypatch.setattr(Server, "retrieve", lambda *_: (_ for _ in ()).throw(Unreachable("gone")))
    with pytest.raises(Unreachable):
        pull(filled, WANTED, tmp_path / "out")


@pytest.mark.parametrize(
    ("body_part", "is_wanted"),
    [("", True), ("CHEST", True), ("Port Chest", True), ("THORAX", True), ("TSPINE", False), ("HAND", False)],
)
def test_a_chest_is_known_by_any_of_its_names(body_part, is_wanted):
    assert bool(WANTED.why_not("DX", DX, body_part)) is not is_wanted


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Wanted(), "Say which studies"),
        (Wanted(studies=("../../etc",)), "numbers with dots"),
        (Wanted(dates="yesterday"), "--date takes"),
        (Wanted(dates="99999999"), "--date takes"),
        (Wanted(dates="٢٠٢٤٠١٣١"), "--date takes"),
        (Wanted(dates="20240201-20240131"), "--date takes"),
        (Wanted(dates="-"), "--date takes"),
        (Wanted(patients=("*",)), "one PatientID"),
        (Wanted(patients=("1",), modalities=("cr",)), "--modality takes"),
    ],
)
def test_what_asks_for_nothing_or_everything_is_refused(wanted, sentence, tmp_path):
    with pytest.raises(AskedWrongly, match=sentence):
        pull(None, wanted, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("days", ["20240131", "20240101-20240131", "20240101-", "-20240131"])
def test_days_and_spans_of_days_are_taken(days):
    Wanted(dates=days).check()


class Holding:
    """A server that holds images of one study: their bytes, by the identifier that it lists them by."""

    def __init__(self, images):
        self._images = images

    def studies(self, _):
        return [{"0020000D": {"Value": ["1.2"]}}]

    def instances(self, *_):
        row = {"00080060": {"Value": ["DX"]}, "00080016": {"Value": [DX]}, "0020000E": {"Value": ["1.3"]}}
        return [row | {"00080018": {"Value": [name]}} for name in self._images]

    def retrieve(self, _study, _series, instance):
        return pydicom.dcmread(io.BytesIO(self._images[instance]))


def test_an_object_that_cannot_be_written_again_is_named_and_the_rest_goes_on(tmp_path):
    good = radiograph(1, SOPInstanceUID="1.5")
    images = {
        "1.4": radiograph(1, SOPInstanceUID="1.4").replace(b"1.2.840.10008.1.2.1\0", f"{RLE}\0".encode())
    }
    done = pull(Holding(images | {"1.5": good}), Wanted(dates="20240131"), tmp_path / "out")
    assert (done.new, len(done.failed)) == (1, 1)
    assert "damaged" in done.failed[0]["error"]
    assert (tmp_path / "out" / "1.2" / "1.5.dcm").is_file()


def test_what_came_and_was_left_out_counts_for_the_limit_too(tmp_path):
    hands = {f"1.{n}": radiograph(1, SOPInstanceUID=f"1.{n}", BodyPartExamined="HAND") for n in (4, 5, 6)}
    limits = Limits(gigabytes=1.5 * len(hands["1.4"]) / 1e9)
    done = pull(Holding(hands), Wanted(dates="20240131"), tmp_path / "out", limits=limits)
    assert (done.new, done.size, done.not_begun) == (0, 0, 1)
    assert done.left_out == {"of another body part than the chest": 2}


def test_names_that_are_no_identifiers_never_become_files(tmp_path):
    class Hostile:
        def studies(self, _):
            return [{"0020000D": {"Value": ["../x"]}}, {"0020000D": {"Value": ["1.2"]}}]

        def instances(self, *_):
            tags = {"00080060": "DX", "00080016": "1.2.840.10008.5.1.4.1.1.1.1", "0020000E": "1.3"}
            row = {tag: {"Value": [value]} for tag, value in tags.items()}
            return [row | {"00080018": {"Value": ["../../passwd"]}}]

    done = pull(Hostile(), Wanted(dates="20240131"), tmp_path / "out")
    assert done.left_out == {"without an identifier": 1}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name[0] != "."]
