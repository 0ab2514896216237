"""A label table says which images there are, as its publishers meant it, and what is left out is counted."""

import gzip
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dicoms import make_dicom
from pictures import load_options
from PIL import Image
from samples import Steps

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.table import TableOptions, read_listing


@pytest.fixture
def make(tmp_path):
    """Write images, and a table of these lines beside them."""

    def build(name, lines, images, where="", table=None):
        for number, image in enumerate(images):
            path = tmp_path / where / image
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".dcm":
                path.write_bytes(make_dicom(np.full((4, 4), number, np.uint8)))
            else:
                Image.fromarray(np.full((4, 4), number % 256, np.uint8)).save(path)
        path = tmp_path / (table or name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return build


def told(table, **options):
    """Give what a table is read as: classes, and for each image its path, label, split and patient."""
    listing = read_listing(table, TableOptions(**options))
    patients = listing.patients or [""] * len(listing.entries)
    images = [
        (entry.name, entry.label, entry.split, patient)
        for entry, patient in zip(listing.entries, patients, strict=True)
    ]
    return listing.classes, images, listing.notes


def test_a_table_of_class_names_gives_classes_patients_and_splits(make):
    lines = ["file,kind,who,part", "a.png,ill,p1,Train", "b.png,well,p2,train", "sub/c.png,well,p3,validate"]
    table = make("images.csv", [*lines, "d.png,,p4,test", "e.png,well,p5,"], ["a.png", "b.png", "sub/c.png"])
    classes, images, notes = told(table, images="file", label="kind", patient="who", split="part")
    assert classes == ("ill", "well")
    assert images == [
        ("a.png", 0, "train", "p1"),
        ("b.png", 1, "train", "p2"),
        ("sub/c.png", 1, "val", "p3"),
    ]
    assert notes == (
        "Images of the table that were left out: no label, or another finding alone (1), no split named (1).",
    )


def test_a_image_without_a_patient_counts_as_one_and_the_others_keep_theirs(make, tmp_path):
    lines = ["file,kind,who", "a.png,ill,p1", "b.png,well,", "c.png,well,p1"]
    table = make("images.csv", lines, ["a.png", "b.png", "c.png"])
    _, rows, _ = told(table, images="file", label="kind", patient="who")
    assert [image[3] for image in rows] == ["p1", "", "p1"]
    data = load_dataset(
        table,
        LoadOptions(size=4, table=TableOptions(images="file", label="kind", patient="who")),
        cache=tmp_path / "cache",
    )
    assert {who for images in data.splits.values() for who in images.patients.tolist()} == {"p1", "b.png"}
    assert (data.origin.unnamed, data.origin.notes[0][-31:]) == (1, "each counted as one patient: 1.")
    named = load_dataset(
        table,
        LoadOptions(patient_regex="file", size=4, table=TableOptions(images="file", label="kind")),
        cache=tmp_path / "cache",
    )
    assert (named.origin.unnamed, "counted" in " ".join(named.origin.notes)) == (0, False)


def test_a_column_of_ones_and_zeros_is_a_finding_and_minus_one_is_uncertain(make):
    table = make(
        "images.csv",
        ["file,Pneumonia", "a.png,1.0", "b.png,0.0", "c.png,-1.0", "d.png,"],
        ["a.png", "b.png", "c.png", "d.png"],
    )
    classes, images, notes = told(table, images="file", label="Pneumonia")
    assert classes == ("no Pneumonia", "Pneumonia")
    assert [image[:2] for image in images] == [("a.png", 1), ("b.png", 0)]
    assert "finding alone (1), uncertain (1)" in notes[0]
    assert told(table, images="file", label="Pneumonia", classes=("NORMAL", "PNEUMONIA"))[0][0] == "NORMAL"


def test_of_several_exclusive_columns_exactly_one_is_the_class(make):
    lines = ["file,a,b", "1.png,1,0", "2.png,0,1", "3.png,1,1", "4.png,0,0", "5.png,-1,1"]
    table = make("images.tsv", [line.replace(",", "\t") for line in lines], [f"{n}.png" for n in range(1, 6)])
    classes, images, notes = told(table, images="file", label=("b", "a"), exclusive=True)
    assert (classes, [image[:2] for image in images]) == (("b", "a"), [("1.png", 1), ("2.png", 0)])
    assert "finding alone (2), uncertain (1)" in notes[0]


def test_several_columns_are_findings_and_what_is_not_said_is_not_labelled(make):
    lines = ["file,a,b", "1.png,1,0", "2.png,1.0,1", "3.png,0,", "4.png,-1,1", "5.png,,"]
    table = make("images.csv", lines, [f"{n}.png" for n in range(1, 6)])
    classes, images, notes = told(table, images="file", label=("b", "a"))
    assert classes == ("b", "a")
    said = {image[0]: image[1] for image in images}
    assert (said["1.png"], said["2.png"]) == ((0.0, 1.0), (1.0, 1.0))
    assert np.isnan(said["3.png"][0])
    assert np.isnan(said["4.png"][1])
    assert said["3.png"][1] == 0
    assert said["4.png"][0] == 1
    assert "no label, or another finding alone (1)" in notes[0]
    with pytest.raises(AskedWrongly, match="'a' holds other things"):
        told(make("other.csv", ["file,a,b", "1.png,ill,0"], []), images="file", label=("a", "b"))


@pytest.mark.parametrize("kind", ["semicolons.csv", "gzipped.csv.gz", "columns.parquet", "marked.csv"])
def test_every_kind_of_table_reads_the_same(kind, make):
    lines = ["file;kind", "a.png;ill", "b.png;well"]
    if kind == "gzipped.csv.gz":
        lines = [line.replace(";", ",") for line in lines]
    if kind == "marked.csv":
        lines[0] = "\ufeff" + lines[0]
    table = make(kind, lines, ["a.png", "b.png"])
    if kind == "columns.parquet":
        pq.write_table(pa.table({"file": ["a.png", "b.png", None], "kind": ["ill", "well", None]}), table)
    assert told(table, images="file", label="kind")[1] == [("a.png", 0, "", ""), ("b.png", 1, "", "")]


NIH = [
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position",
    "00000001_000.png,Pneumonia,0,1,58,M,PA",
    "00000001_001.png,Infiltration|Pneumonia,1,1,58,M,AP",
    "00000002_000.png,No Finding,0,2,81,M,PA",
    "00000003_000.png,Hernia,0,3,81,F,PA",
    "00000004_000.png,No Finding,0,4,60,M,LL",
    "00000005_000.png,No Finding,0,5,60,M,PA",
]


def test_the_table_of_nih_is_known_by_its_columns_and_its_images_found_where_they_lie(make, tmp_path):
    names = [line.split(",")[0] for line in NIH[1:6]]
    table = make("Data_Entry_2017.csv", NIH, [f"images_001/images/{name}" for name in names])
    classes, images, notes = told(table, label="Pneumonia")
    assert classes == ("No Finding", "Pneumonia")
    assert images == [
        ("images_001/images/00000001_000.png", 1, "", "1"),
        ("images_001/images/00000001_001.png", 1, "", "1"),
        ("images_001/images/00000002_000.png", 0, "", "2"),
    ]
    assert notes == (
        "Images of the table that were left out: another view (1), "
        "no label, or another finding alone (1), no such file (1).",
    )
    assert len(told(table, label="Pneumonia", views=("all",))[1]) == 4
    assert [image[0][-7:] for image in told(table, label="Hernia", views=("PA",))[1]] == [
        "000.png",
        "000.png",
    ]
    (tmp_path / "test_list.txt").write_text("00000002_000.png\n00000005_000.png\n")
    with pytest.raises(AskedWrongly, match="The split train of .* has no image of: No Finding"):
        told(table, label="Pneumonia")
    (tmp_path / "test_list.txt").write_text("00000001_001.png\n00000005_000.png\n")
    assert [image[2] for image in told(table, label="Pneumonia")[1]] == ["train", "test", "train"]


TWICE = [
    "Image Index,Finding Labels,Patient ID,View Position,Effusion,Mass",
    "1.png,Effusion|Mass,1,PA,1,1",
    "2.png,No Finding,2,PA,0,0",
    "3.png,Mass,3,PA,0,1",
    "4.png,Effusion,4,PA,1,0",
]


def test_a_finding_of_the_list_that_has_a_column_too_is_asked_about_where_they_differ(make):
    rows = [*TWICE[:-1], "4.png,Effusion,4,PA,0,0"]
    table = make("twice.csv", rows, [f"{number}.png" for number in range(1, 5)])
    with pytest.raises(AskedWrongly, match=r"'Finding Labels' .* 'Effusion', .* 1 row.*--findings columns"):
        told(table, label="Effusion")
    with pytest.raises(AskedWrongly, match="twice"):
        told(table, label=("Mass", "Effusion"))
    assert "was used" in told(table, label="Mass")[2][-1]
    classes, images, _ = told(table, label="Effusion", findings="list")
    assert (classes, [image[1] for image in images]) == (("No Finding", "Effusion"), [1, 0, 1])
    classes, images, _ = told(table, label="Effusion", findings="columns")
    assert (classes, [image[1] for image in images]) == (("no Effusion", "Effusion"), [1, 0, 0, 0])
    assert [image[3] for image in images] == ["1", "2", "3", "4"]
    labels = told(table, label=("Effusion", "Mass"), findings="columns")[1]
    assert [image[1] for image in labels] == [(1, 1), (0, 0), (0, 1), (0, 0)]
    with pytest.raises(UnknownName, match="column"):
        told(table, label="Hernia", findings="columns")
    with pytest.raises(UnknownName, match="both"):
        told(table, label="Mass", findings="both")


def test_a_list_and_a_column_that_agree_in_every_row_go_on_and_say_which_was_taken(make):
    table = make("twice.csv", TWICE, [f"{number}.png" for number in range(1, 5)])
    classes, images, notes = told(table, label="Effusion")
    assert (classes, [image[1] for image in images]) == (("No Finding", "Effusion"), [1, 0, 1])
    assert notes[-1] == (
        "The table gives 'Effusion' both in 'Finding Labels' and in the column 'Effusion', and both agree: "
        "'Finding Labels' was used."
    )


def test_findings_are_asked_about_only_of_a_table_that_lists_them(make):
    own = make("own.csv", ["file,ill", "a.png,1", "b.png,0"], ["a.png", "b.png"])
    with pytest.raises(AskedWrongly, match="--findings"):
        told(own, images="file", label="ill", findings="columns")


CHEXPERT = [
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Pneumonia,Edema",
    "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,F,68,Frontal,AP,,1.0,",
    "CheXpert-v1.0-small/train/patient00001/study1/view2_lateral.jpg,F,68,Lateral,,,1.0,",
    "CheXpert-v1.0-small/train/patient00002/study1/view1_frontal.jpg,F,68,Frontal,PA,1.0,,",
    "CheXpert-v1.0-small/train/patient00003/study1/view1_frontal.jpg,F,68,Frontal,PA,,-1.0,1.0",
    "CheXpert-v1.0-small/train/patient00004/study1/view1_frontal.jpg,F,68,Frontal,PA,,0.0,1.0",
]


def test_the_table_of_chexpert_is_known_and_uncertain_images_are_counted(make):
    images = [line.split(",")[0].partition("/")[2] for line in CHEXPERT[1:]]
    table = make("train.csv", CHEXPERT, images)
    classes, images, notes = told(table, label="Pneumonia")
    assert classes == ("No Finding", "Pneumonia")
    assert [image[1:] for image in images] == [(1, "", "patient00001"), (0, "", "patient00002")]
    assert "another view (1), no label, or another finding alone (1), uncertain (1)" in notes[0]


def test_the_tables_of_mimic_are_joined(make):
    make(
        "mimic-cxr-2.0.0-metadata.csv",
        [
            "dicom_id,subject_id,study_id,ViewPosition",
            "aa,10000032,50,PA",
            "ab,10000032,50,LATERAL",
            "ba,11000033,51,AP",
        ],
        [],
    )
    chexpert = ["subject_id,study_id,No Finding,Pneumonia", "10000032,50,,1.0", "11000033,51,1.0,"]
    images = ["files/p10/p10000032/s50/aa.jpg", "files/p11/p11000033/s51/ba.jpg"]
    table = make("mimic-cxr-2.0.0-chexpert.csv.gz", chexpert, images)
    with pytest.raises(AskedWrongly, match=r"needs mimic-cxr-2\.0\.0-split\.csv beside it"):
        told(table, label="Pneumonia")
    make(
        "mimic-cxr-2.0.0-split.csv.gz",
        [
            "dicom_id,study_id,subject_id,split",
            "aa,50,10000032,train",
            "ab,50,10000032,train",
            "ba,51,11000033,train",
        ],
        [],
    )
    _, images, notes = told(table, label="Pneumonia")
    assert images == [
        ("files/p10/p10000032/s50/aa.jpg", 1, "train", "10000032"),
        ("files/p11/p11000033/s51/ba.jpg", 0, "train", "11000033"),
    ]
    assert notes == ("Images of the table that were left out: another view (1).",)


def test_the_table_of_padchest_is_known(make):
    lines = [
        "ImageID,ImageDir,StudyID,PatientID,Projection,Labels",
        "1.png,0,s1,7,PA,\"['pneumonia', 'pleural effusion']\"",
        "2.png,0,s2,8,AP_horizontal,['normal']",
        "3.png,0,s3,9,L,['normal']",
        "4.png,0,s3,9,PA,['exclude']",
        "5.png,0,s3,9,PA,",
    ]
    table = make("PADCHEST.csv", lines, [f"0/{number}.png" for number in range(1, 6)])
    classes, images, _ = told(table, label="pneumonia")
    assert classes == ("normal", "pneumonia")
    assert images == [("0/1.png", 1, "", "7"), ("0/2.png", 0, "", "8")]


def test_the_tables_of_rsna_name_dicom_files_several_times(make):
    lines = ["patientId,x,y,width,height,Target", "a,1,2,3,4,1", "a,5,6,7,8,1", "b,,,,,0"]
    table = make(
        "stage_2_train_labels.csv", lines, ["stage_2_train_images/a.dcm", "stage_2_train_images/b.dcm"]
    )
    classes, images, _ = told(table, label="Lung Opacity")
    assert classes == ("No Lung Opacity", "Lung Opacity")
    assert images == [("stage_2_train_images/a.dcm", 1, "", "a"), ("stage_2_train_images/b.dcm", 0, "", "b")]
    lines = ["patientId,class", "a,Lung Opacity", "a,Lung Opacity", "b,Normal"]
    table = make("stage_2_detailed_class_info.csv", lines, [])
    assert told(table, label="Lung Opacity")[0] == ("Normal", "Lung Opacity")


def test_readers_of_vindr_who_disagree_leave_a_image_uncertain(make):
    lines = ["image_id,rad_ID,Pneumonia,Cardiomegaly,No finding"]
    lines += [
        "a,R1,1,0,0",
        "a,R2,1,1,0",
        "b,R1,0,0,1",
        "b,R2,0,0,1",
        "c,R1,1,0,0",
        "c,R2,0,1,0",
        "d,R1,0,1,0",
    ]
    table = make("image_labels_train.csv", lines, [f"train/{name}.dcm" for name in "abcd"])
    classes, images, notes = told(table, label="Pneumonia")
    assert classes == ("No finding", "Pneumonia")
    assert [image[:2] for image in images] == [("train/a.dcm", 1), ("train/b.dcm", 0)]
    assert "finding alone (1), uncertain (1)" in notes[0]
    lines = ["image_id,class_name,class_id,rad_id,x_min", "a,Nodule/Mass,8,R1,3", "a,No finding,14,R2,"]
    table = make(
        "train.csv", [*lines, "b,No finding,14,R1,", "c,Nodule/Mass,8,R1,1", "c,Fracture,3,R2,1"], []
    )
    assert [image[:2] for image in told(table, label="Nodule/Mass")[1]] == [
        ("train/b.dcm", 0),
        ("train/c.dcm", 1),
    ]


def test_a_table_becomes_a_data_set_once(make, tmp_path):
    lines = ["file,kind,who"] + [f"{n}.png,{'ab'[n % 2]},p{n // 2}" for n in range(40)]
    table = make("images.csv", lines, [f"{n}.png" for n in range(40)], where="pictures")
    options = {"images": "file", "label": "kind", "patient": "who", "root": tmp_path / "pictures"}
    seen = []
    data = load_dataset(
        table,
        load_options(size=4, **options),
        cache=tmp_path / "cache",
        watch=Steps(lambda done, _: seen.append(done)),
    )
    assert (data.classes, data.origin.name, data.origin.patient_rule) == (
        ("a", "b"),
        "images.csv",
        "column who",
    )
    whose = [set(images.patients.tolist()) for images in data.splits.values()]
    assert sum(map(len, whose)) == len(set.union(*whose)) == 20
    packed = len(seen)
    load_dataset(
        table,
        load_options(size=4, **options),
        cache=tmp_path / "cache",
        watch=Steps(lambda done, _: seen.append(done)),
    )
    assert len(seen) == packed > 0
    table.write_text(table.read_text().replace("0.png,a,p0", "0.png,b,p0"))
    load_dataset(
        table,
        load_options(size=4, **options),
        cache=tmp_path / "cache",
        watch=Steps(lambda done, _: seen.append(done)),
    )
    assert len(seen) > packed


def test_dicom_files_of_a_table_are_read_and_hidden(make, tmp_path):
    lines = ["file,kind,who"] + [f"DOE{n}.dcm,{'ab'[n % 2]},p{n // 2}" for n in range(20)]
    table = make("images.csv", lines, [f"DOE{n}.dcm" for n in range(20)])
    data = load_dataset(
        table,
        LoadOptions(size=4, table=TableOptions(images="file", label="kind", patient="who")),
        cache=tmp_path / "cache",
    )
    assert not any("DOE" in name for images in data.splits.values() for name in images.ids)
    assert not any(who.startswith("p") for images in data.splits.values() for who in images.patients)
    assert sum(map(len, data.splits.values())) == 20


WRONG = {
    "no images": ({}, AskedWrongly, "is not a published table known to radapt"),
    "no label": (
        {"images": "file"},
        AskedWrongly,
        r"label \(--label\) is a column. Its columns are: file, kind",
    ),
    "no such column": ({"images": "file", "label": "kin"}, UnknownName, "Did you mean 'kind'"),
    "no such patient": ({"images": "file", "label": "kind", "patient": "x"}, UnknownName, "no column in"),
    "no such split": (
        {"images": "file", "label": "kind", "split": "kind"},
        AskedWrongly,
        "A split is one of",
    ),
    "views that it does not name": (
        {"images": "file", "label": "kind", "views": ("PA",)},
        AskedWrongly,
        "view",
    ),
    "one class": ({"images": "file", "label": "file"}, AskedWrongly, "none of them of"),
    "one name": (
        {"images": "file", "label": "kind", "classes": ("x",)},
        AskedWrongly,
        "Give a name for each",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_requests_are_the_askers_fault(kind, make):
    options, error, says = WRONG[kind]
    table = make("images.csv", ["file,kind", "a.png,ill", "b.png,well", "gone.png,well"], ["a.png", "b.png"])
    with pytest.raises(error, match=says):
        told(table, **options)


def test_a_finding_that_is_not_in_a_published_table_is_said(make):
    table = make("Data_Entry_2017.csv", NIH, [])
    with pytest.raises(UnknownName, match="Did you mean 'Pneumonia'"):
        told(table, label="Pneumnia")
    with pytest.raises(AskedWrongly, match=r"label \(--label\) is a finding"):
        told(table)
    with pytest.raises(AskedWrongly, match="0 images can be used.*no such file"):
        told(table, label="Pneumonia")
    with pytest.raises(UnknownName, match="Hrnia"):
        told(table, label=("Pneumonia", "Hrnia"))
    with pytest.raises(AskedWrongly, match="do not exclude one another"):
        told(table, label=("Pneumonia", "Infiltration"), exclusive=True)


def test_several_findings_of_a_published_table_are_read_together(make):
    table = make("Data_Entry_2017.csv", NIH, [line.partition(",")[0] for line in NIH[1:]])
    findings, images, _ = told(table, label=("Pneumonia", "Infiltration"))
    said = {image[0]: image[1] for image in images}
    assert findings == ("Pneumonia", "Infiltration")
    assert said["00000001_000.png"] == (1.0, 0.0), "what a complete list does not name is absent"
    assert said["00000001_001.png"] == (1.0, 1.0)
    assert said["00000002_000.png"] == (0.0, 0.0)


def test_what_readers_of_a_image_disagree_on_is_not_labelled(make):
    lines = ["image_id,class_name,rad_id", "a,No finding,R1", "a,Cardiomegaly,R2", "b,Cardiomegaly,R1"]
    lines += ["b,Nodule/Mass,R2", "c,No finding,R3"]
    _, images, _ = told(
        make("train.csv", lines, ["a.png", "b.png", "c.png"]), label=("Cardiomegaly", "Nodule/Mass")
    )
    said = {image[0]: image[1] for image in images}
    assert np.isnan(said["a.png"][0])
    assert said["a.png"][1] == 0
    assert (said["b.png"], said["c.png"]) == ((1.0, 1.0), (0.0, 0.0))


def test_a_path_never_leads_out_of_the_folder(make):
    lines = ["file,kind", "../secret.png,ill", "a.png,ill", "b.png,well"]
    table = make("inside/images.csv", lines, ["inside/a.png", "inside/b.png", "secret.png"])
    _, images, notes = told(table, images="file", label="kind")
    assert [image[0] for image in images] == ["a.png", "b.png"]
    assert notes == ("Images of the table that were left out: a path outside the folder of --root (1).",)


def test_an_absolute_path_is_taken_below_the_root_and_outside_it_said_to_be_there(make, tmp_path):
    files = ["in/a.png", "in/b.png", "out/c.png"]
    make("images.csv", [], files)
    lines = [f"{tmp_path / path},{kind}" for path, kind in zip(files, ("ill", "well", "ill"), strict=True)]
    (tmp_path / "images.csv").write_text("\n".join(["file,kind", *lines, f"{tmp_path}/in/gone.png,ill"]))
    _, images, notes = told(tmp_path / "images.csv", images="file", label="kind", root=tmp_path / "in")
    assert [image[0] for image in images] == ["a.png", "b.png"]
    assert notes[0].endswith("left out: a path outside the folder of --root (1), no such file (1).")
    with pytest.raises(AskedWrongly, match=r"left out: a path outside the folder of --root \(3\)"):
        told(tmp_path / "images.csv", images="file", label="kind", root=tmp_path / "out")


def test_a_damaged_table_is_named(tmp_path):
    for name, data in {
        "binary.csv": b"a,b\n\xff\xfe,1\n",
        "half.csv.gz": gzip.compress(b"a,b\n1,2\n" * 99)[:40],
        "empty.csv": b"",
        "twice.csv": b"a,a\n1,2\n",
        "long.csv": b"a,b\n1,2,3\n",
        "no.parquet": b"PAR1 and no more",
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(AskedWrongly, match=name):
            told(tmp_path / name, images="a", label="b")
    with pytest.raises(AskedWrongly, match="There is no table"):
        load_dataset(tmp_path / "none.csv", LoadOptions(table=TableOptions(images="a", label="b")))
    with pytest.raises(AskedWrongly, match="label is for a table"):
        load_dataset(tmp_path, LoadOptions(table=TableOptions(label="b")))


def test_reading_a_table_needs_neither_torch_nor_pandas_nor_pydicom(make, tmp_path):
    table = make("images.csv", ["file,kind", "a.png,ill", "b.png,well"], ["a.png", "b.png"])
    pq.write_table(pa.table({"file": ["a.png", "b.png"], "kind": ["ill", "well"]}), tmp_path / "t.parquet")
    code = (
        "import sys; from radapt import load_dataset; "
        "options = dict(size=8, images='file', label='kind', cache=sys.argv[3]); "
        "[load_dataset(table, **options) for table in sys.argv[1:3]]; "
        "print(sorted({'torch', 'pandas', 'sklearn', 'pydicom', 'timm'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(table), str(tmp_path / "t.parquet"), str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_refusal_repeats_a_few_columns_and_none_at_length(make):
    table = make("images.csv", [",".join(["x" * 5000, *(f"c{n}" for n in range(300))]), "a.png"], [])
    with pytest.raises(AskedWrongly, match=r"c6 and 293 more\.") as refused:
        told(table)
    assert "x" * 41 not in str(refused.value)
