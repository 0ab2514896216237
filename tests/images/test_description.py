"""A description says how a data set is read, and goes wherever one goes."""

import pytest
from hospital import write_classes

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.class_rules import ClassRules
from radapt.images.description import Description, described, read_description, write_description
from radapt.images.load import LoadOptions, load_dataset
from radapt.images.table import TableOptions


def full(folder):
    table = TableOptions(
        root=folder / "export",
        images="image",
        join="SOPInstanceUID",
        label=("a", 'b "quoted"'),
        patient="who",
        split="part",
        site="where",
        age="years",
        sex="sex",
        view="view",
        date="day",
        columns=("device",),
        views=("PA", "AP"),
        classes=("none", "some"),
        exclusive=True,
        findings="list",
        uncertain="ones",
        exclude=(("modality", "CT"), ("modality", "MR"), ("pädiatrie", "ja")),
    )
    rules = ClassRules((("viral", "ILL"), ("bacterial", "ILL")), ("unclear",), "ILL")
    return Description(folder / "hospital.csv", table, rules, r"^(\d+)_")


def test_what_is_written_is_read_back_wherever_the_files_are_moved_together(tmp_path):
    (tmp_path / "one").mkdir()
    write_description(tmp_path / "one" / "mine.toml", full(tmp_path / "one"))
    assert read_description(tmp_path / "one" / "mine.toml") == full(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    assert read_description(tmp_path / "two" / "mine.toml") == full(tmp_path / "two")


def test_a_description_of_little_says_of_every_other_line_what_it_is_for(tmp_path):
    write_description(tmp_path / "mine.toml", Description(tmp_path / "images"))
    assert read_description(tmp_path / "mine.toml") == Description(tmp_path / "images")
    text = (tmp_path / "mine.toml").read_text(encoding="utf-8")
    assert '# positive = ""' in text
    assert "# [exclude]" in text


def test_the_data_set_is_loaded_as_it_says(tmp_path):
    write_classes(tmp_path / "images", patients=8)
    rules = ClassRules((("normal", "well"),), positive="PNEUMONIA")
    write_description(tmp_path / "mine.toml", Description(tmp_path / "images", rules=rules))
    assert load_dataset(tmp_path / "mine.toml", LoadOptions(size=16)).classes == ("well", "PNEUMONIA")


def test_options_beside_a_description_are_refused(tmp_path):
    write_description(tmp_path / "mine.toml", Description(tmp_path / "images"))
    for options in (LoadOptions(table=TableOptions(label="x")), LoadOptions(rules=ClassRules(drop=("x",)))):
        with pytest.raises(AskedWrongly, match="says how its images are read"):
            described(tmp_path / "mine.toml", options)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", AskedWrongly, "it says none"),
        ("schema = 1", AskedWrongly, "lacks the key path"),
        ("schema = 1\npath = 'x'\nlabels = 'y'", UnknownName, "'labels'"),
        ("schema = 1\npath = 3", AskedWrongly, "path in .* is a text"),
        ("schema = 1\npath = 'x'\ndrop = 'y'", AskedWrongly, "drop in .* is a list of texts"),
        ("schema = 1\npath = 'x'\nexclusive = 'y'", AskedWrongly, "true or false"),
        ("schema = 1\npath = 'x'\nclasses = 'y'", AskedWrongly, "classes in .* is a table of texts"),
        ("schema = 1\npath = 'other.toml'", AskedWrongly, "another description"),
        ("schema = ", AskedWrongly, "could not be read as TOML"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, error, says):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(error, match=says):
        read_description(tmp_path / "mine.toml")


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.toml").write_text("mine")
    with pytest.raises(AskedWrongly, match="is never overwritten"):
        write_description(tmp_path / "mine.toml", Description(tmp_path))
    with pytest.raises(AskedWrongly, match=r"ends in \.toml"):
        write_description(tmp_path / "mine.csv", Description(tmp_path))
