import re
import shlex
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from protocols import PROTOCOL, REAL
from samples import make_dataset, write_images

from radapt.errors import AskedWrongly
from radapt.images.imageset import Dataset
from radapt.study.protocol import check_images, digest, of_images, read_protocol, write_protocol

BEGUN = replace(PROTOCOL, model="timm:test_resnet", weights="a" * 64)


# --- the file


@pytest.mark.parametrize("protocol", [PROTOCOL, REAL, BEGUN])
def test_a_protocol_is_read_back_as_it_was_written(protocol, tmp_path):
    write_protocol(tmp_path / "protocol.toml", protocol)
    again = read_protocol(tmp_path / "protocol.toml")
    assert again == protocol
    assert digest(again) == digest(protocol)


def test_every_line_of_the_file_says_what_it_is_for(tmp_path):
    write_protocol(tmp_path / "protocol.toml", PROTOCOL)
    lines = (tmp_path / "protocol.toml").read_text().splitlines()
    keys = [row for row, line in enumerate(lines) if line and not line.startswith("#")]
    assert len(keys) == len([value for value in PROTOCOL.as_dict().values() if value is not None])
    assert all(lines[row - 1].startswith("# ") for row in keys)


def test_a_folder_of_any_name_can_be_written_down(tmp_path):
    odd = replace(PROTOCOL, source='two "words"\n\\ and \udcff\x7f Münster')
    write_protocol(tmp_path / "protocol.toml", odd)
    assert read_protocol(tmp_path / "protocol.toml") == odd


def test_no_protocol_is_written_over(tmp_path):
    write_protocol(tmp_path / "protocol.toml", PROTOCOL)
    with pytest.raises(AskedWrongly, match="is never overwritten"):
        write_protocol(tmp_path / "protocol.toml", REAL)
    assert read_protocol(tmp_path / "protocol.toml") == PROTOCOL
    with pytest.raises(AskedWrongly, match="ends in .toml"):
        write_protocol(tmp_path / "protocol.json", PROTOCOL)


def test_comments_spaces_and_the_date_are_no_part_of_the_digest(tmp_path):
    path = tmp_path / "protocol.toml"
    write_protocol(path, PROTOCOL)
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    path.write_text("\n".join(reversed(lines)).replace(" = ", "   =   ").replace('"64"', "64  # images"))
    assert digest(read_protocol(path)) == digest(PROTOCOL)
    assert digest(replace(PROTOCOL, created="2026-02-27")) == digest(PROTOCOL)
    assert digest(replace(PROTOCOL, superiority_margin=0)) == digest(
        replace(PROTOCOL, superiority_margin=0.0)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"superiority_margin": 0.02},
        {"noninferiority_margin": 0.03},
        {"metric": "accuracy"},
        {"strategy": "full"},
        {"budget": "all"},
        {"strategies": ("none", "head")},
        {"seeds": 4},
        {"seed": 1},
        {"model": "original-cnn"},
        {"model": "timm:test_resnet", "weights": "a" * 64},
        {"shift": "noise@3"},
        {"source_fingerprint": "0" * 64},
    ],
)
def test_whatever_else_is_changed_changes_the_digest(change):
    assert digest(replace(PROTOCOL, **change)) != digest(PROTOCOL)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('metric = "auroc"', 'metric = "auroq"', "Did you mean 'auroc'"),
        ('metric = "auroc"', "metric = 3", "metric in protocol.toml is a text. Got 3"),
        ('strategy = "head"', 'strategy = "haed"', "Did you mean 'head'"),
        ('strategy = "head"', 'strategy = "scratch"', "'scratch' is not among none, head, full"),
        ('strategy = "head"', 'strategy = "none"', "'none' is among the strategies, and not claimed"),
        ('model = "compact"', 'model = "compct"', "Did you mean 'compact'"),
        ('budget = "64"', 'budget = "many"', "a number of labelled images"),
        ('budget = "64"', "budget = 0", "a number of labelled images"),
        ("alpha = 0.05", "alpha = 0.1", "alpha is 0.05"),
        ("superiority_margin = 0.05", "superiority_margin = -0.01", "0 or more and below 1"),
        ("superiority_margin = 0.05", "superiority_margin = nan", "0 or more and below 1"),
        ("superiority_margin = 0.05", "superiority_margin = true", "is a number. Got True"),
        ("noninferiority_margin = 0.02", "noninferiority_margin = 0", "between 0 and 1"),
        (
            "noninferiority_margin = 0.02",
            "noninferiority_margn = 0.02",
            "Did you mean 'noninferiority_margin'",
        ),
        ("noninferiority_margin = 0.02", "", "lacks noninferiority_margin"),
        ("seeds = 3", "seeds = 0", "one seed or more"),
        ("seeds = 3", "seeds = 3.5", "seeds in protocol.toml is a whole number"),
        ('shift = "noise@2 + rotation(10)"', "", "either a shift or a target"),
        ('shift = "noise@2 + rotation(10)"', 'shift = "nose"', "Did you mean 'noise'"),
        ('strategies = ["none", "head", "full"]', 'strategies = "head"', "is a list of texts"),
        ('created = "2026-02-28"', 'created = "yesterday"', "like 2026-01-31"),
        ("schema = 1", "schema = 2", "no protocol of schema 1"),
        ("schema = 1", "schema", "could not be read as TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_sentence(old, new, says, tmp_path):
    path = tmp_path / "protocol.toml"
    write_protocol(path, PROTOCOL)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(AskedWrongly) as refused:
        read_protocol(path)
    assert says in str(refused.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(AskedWrongly, match="protocol init"):
        read_protocol(tmp_path / "protocol.toml")


# --- the images


def test_a_protocol_takes_the_images_that_it_is_about_and_no_others(dataset):
    protocol = of_images(replace(PROTOCOL, budget="32"), dataset, None)
    assert (protocol.source, protocol.source_fingerprint) == ("squares", dataset.origin.fingerprint)
    check_images(protocol, dataset, None)
    other = make_dataset(train=88)
    with pytest.raises(AskedWrongly, match="source images, 'squares', are not those of the protocol"):
        check_images(protocol, other, None)
    with pytest.raises(AskedWrongly, match=r"is the shift 'noise@2 \+ rotation\(10\)'. Got the images of"):
        check_images(protocol, dataset, other)
    second = of_images(REAL, dataset, other)
    assert second.target_fingerprint == other.origin.fingerprint
    with pytest.raises(AskedWrongly, match="target images, 'squares'"):
        check_images(second, dataset, dataset)
    with pytest.raises(AskedWrongly, match="is the images of 'squares'. Got none"):
        check_images(second, dataset, None)


def test_what_the_images_cannot_give_is_refused_beforehand(dataset):
    for budget in ("97", "1000"):
        with pytest.raises(AskedWrongly, match=f"A budget of {budget} is more"):
            of_images(replace(PROTOCOL, budget=budget), dataset, None)
    with pytest.raises(AskedWrongly, match="needs a val folder"):
        of_images(replace(REAL, budget="val"), dataset, make_dataset(train=88))
    few = replace(PROTOCOL, budget="40", shift="subsample(0.2)")
    with pytest.raises(AskedWrongly, match="A budget of 40 is more than there is: 10 labelled images"):
        of_images(few, dataset, None)
    with pytest.raises(AskedWrongly, match="'sensitivity' does not suit the 3 classes"):
        of_images(replace(PROTOCOL, budget="8", metric="sensitivity"), three_classes(dataset), None)


def three_classes(dataset: Dataset) -> Dataset:
    splits = {}
    for name, images in dataset.splits.items():
        labels = images.labels.copy()
        labels[:8] = 2
        splits[name] = replace(images, labels=labels, classes=(*images.classes, "OTHER"))
    return replace(dataset, splits=splits)


# --- the command


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_images(tmp_path_factory.mktemp("images") / "first clinic", make_dataset(train=144, test=24))


def test_the_command_writes_a_protocol_and_says_what_comes_next(folder, radapt, tmp_path):
    out = tmp_path / "protocol.toml"
    code, told, _ = radapt(
        "protocol", "init", folder, "--shift", "original", "--size", 32, "--trim", "--out", out
    )
    assert code == 0
    protocol = read_protocol(out)
    assert (protocol.source, protocol.shift, protocol.target) == ("first clinic", "original", None)
    assert (protocol.strategy, protocol.budget, protocol.metric, protocol.seeds) == ("head", "64", "auroc", 3)
    assert {"none", "head"} <= set(protocol.strategies)
    assert (protocol.superiority_margin, protocol.noninferiority_margin) == (0.0, 0.02)
    assert digest(protocol)[:12] in told
    assert re.search(r"superiority_margin +0\.0\n", told)
    following = shlex.split(told.splitlines()[-1].removeprefix("Next: "))
    assert following == ["radapt", "study", str(folder), "--protocol", str(out), "--size", "32", "--trim"]


def test_a_protocol_of_two_hospitals_holds_both_fingerprints(folder, radapt, tmp_path):
    second = shutil.copytree(folder, tmp_path / "second")
    next(second.glob("train/*/*.png")).unlink()
    out = tmp_path / "own.toml"
    words = ["--strategies", "none,full", "--strategy", "full", "--budget", "all", "--metric", "accuracy"]
    words += ["--superiority", 0.01, "--non-inferiority", 0.05, "--seeds", 2, "--size", 32, "--out", out]
    code, told, _ = radapt("protocol", "init", folder, "--target", second, *words)
    assert code == 0
    protocol = tomllib.loads(out.read_text())
    assert protocol["source_fingerprint"] != protocol["target_fingerprint"]
    assert (protocol["target"], protocol["strategies"], protocol["budget"]) == (
        "second",
        ["none", "full"],
        "all",
    )
    assert (protocol["superiority_margin"], protocol["noninferiority_margin"], protocol["seeds"]) == (
        0.01,
        0.05,
        2,
    )
    assert f"--target {second}" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "either --shift NAME or --target DIR"),
        (["--shift", "orignal"], "Did you mean 'original'?"),
        (["--shift", "original", "--metric", "auroq"], "There is no metric called 'auroq'"),
        (["--shift", "original", "--strategy", "haed"], "Did you mean 'head'?"),
        (["--shift", "original", "--strategies", "none,full"], "'head' is not among none, full"),
        (["--shift", "original", "--non-inferiority", 0], "between 0 and 1"),
        (["--shift", "original", "--size", 32, "--budget", 1000], "A budget of 1000 is more"),
        (["--shift", "original", "--out", "protocol.json"], "ends in .toml"),
    ],
)
def test_a_wrong_request_is_said_in_one_sentence_and_writes_nothing(
    words, says, folder, radapt, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, out, err = radapt("protocol", "init", folder, *words)
    assert code == 2
    assert says in err.strip().splitlines()[-1]
    assert out == ""
    assert not list(tmp_path.glob("protocol*"))


def test_the_command_writes_over_nothing(folder, radapt, tmp_path):
    (tmp_path / "protocol.toml").write_text("mine")
    code, _, err = radapt(
        "protocol", "init", folder, "--shift", "original", "--out", tmp_path / "protocol.toml"
    )
    assert code == 2
    assert "is never overwritten" in err
    assert (tmp_path / "protocol.toml").read_text() == "mine"
