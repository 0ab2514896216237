"""The options of every command: --quiet, --verbose, --log and --config."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import typer

from radapt.artefacts import OPTIONS_FILE
from radapt.cli.app import COMMANDS, command_line
from radapt.cli.common_options import OPTIONS
from radapt.cli.options_file import LEAVING, NOT_IN_FILES, read_options, write_options

TRAIN = ("--size", 32, "--epochs", 1, "--steps", 1)


def test_a_quiet_command_prints_results_only(radapt, folder, tmp_path):
    code, out, err = radapt("train", folder, *TRAIN, "--quiet", "--out", tmp_path / "run")
    assert code == 0, err
    assert "Trained compact" in out
    assert "training compact" not in err


def test_a_log_holds_what_was_printed_with_the_time(radapt, folder, tmp_path):
    code, _, err = radapt("train", folder, *TRAIN, "--log", tmp_path / "log.txt", "--out", tmp_path / "run")
    assert code == 0, err
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in lines)
    assert any("training compact: 1 epoch" in line for line in lines)
    assert any("Trained compact" in line for line in lines)


def test_a_run_is_repeated_from_the_file_that_it_left(radapt, folder, tmp_path):
    code, first, err = radapt("train", folder, *TRAIN, "--seed", 3, "--out", tmp_path / "one")
    assert code == 0, err
    config = tmp_path / "one" / OPTIONS_FILE
    values = tomllib.loads(config.read_text())
    assert (values["size"], values["seed"], values["data"]) == (32, 3, folder.name)
    assert not [text for text in values.values() if "/" in str(text)]
    code, second, err = radapt("train", "--config", config, folder, "--out", tmp_path / "two")
    assert code == 0, err
    assert second.replace(str(tmp_path / "two"), str(tmp_path / "one")) == first


def test_the_command_line_comes_before_the_file(radapt, folder, tmp_path):
    (tmp_path / "c.toml").write_text('size = 48\nepochs = 1\nsteps = 1\nshift = ["noise@2"]\nseeds = "7"\n')
    words = ("study", folder, "--config", tmp_path / "c.toml", "--seeds", "0", "--out", tmp_path / "s")
    code, _, err = radapt(*words)
    assert (code, "--seeds takes a number from 1 on" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sise = 32", "Did you mean 'size'?"),
        ("size = ", "could not be read as TOML"),
        ('size = "many"', "should be a valid integer"),
        ("size = true", "'size' in c.toml is a text, a number or a list of these. Got True."),
        ("label.y = 1", "'label' in c.toml is a text, a number or a list of these. Got {'y': 1}."),
        ("trim = 1", "'trim' in c.toml is true or false. Got 1."),
        ('out = " "', "'out' in c.toml is empty: give a value, or leave it out."),
        ("quiet = true", "quiet, verbose, log and config do not belong in a file"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(radapt, folder, tmp_path, text, sentence):
    (tmp_path / "c.toml").write_text(text)
    code, _, err = radapt("train", folder, "--config", tmp_path / "c.toml", "--out", tmp_path / "run")
    assert code == 2
    assert sentence in err.replace(f"{tmp_path}/", "")
    assert not (tmp_path / "run").exists()


def test_quiet_and_verbose_contradict_each_other(radapt):
    assert radapt("models", "--quiet", "--verbose")[0] == 2


def test_every_command_has_them():
    assert set(OPTIONS) == set(NOT_IN_FILES)
    group = command_line()
    for command in group.commands.values():
        names = {each.name for each in command.params}
        assert names >= set(OPTIONS) or hasattr(command, "commands")
    assert len(group.commands) > len(COMMANDS)


def options_of(command: str) -> list[typer.core.TyperOption]:
    return command_line().commands[command].params


def test_a_list_is_what_commas_separate_on_the_command_line_or_a_repeated_option(tmp_path):
    (tmp_path / "c.toml").write_text(
        'strategies = ["none", "last-k(k=2)"]\ntarget = "a"\nshift = ["noise@2"]\nseeds = 3\nwide = true'
    )
    values = read_options(tmp_path / "c.toml", options_of("study"))
    assert values == {
        "strategies": "none,last-k(k=2)",
        "target": ["a"],
        "shift": ["noise@2"],
        "seeds": "3",
        "wide": True,
    }


def left_by_study(out: Path, **values: object) -> dict[str, object]:
    """Give what a study leaves of these options, as its parser reads it."""
    values["out"] = out
    write_options("study", {name: name.replace("_", "-") for name in values}, values)
    return read_options(out / OPTIONS_FILE, options_of("study"))


def test_the_file_that_a_command_leaves_names_no_folder(tmp_path):
    paths = {"data": Path("/home/alice/ward7/Mueller_Hans"), "target": [Path("/b/one"), Path("c/two")]}
    texts = {"protocol": "/home/alice/claim.toml", "models": "lite0,hf:/home/alice/dino,onnx:/x/e.onnx"}
    left = left_by_study(
        tmp_path, **paths, **texts, model="hf:/a,b/c", shift=["/a/s.toml"], label="Mass/Nodule"
    )
    assert left == {
        "data": "Mueller_Hans",
        "target": ["one", "two"],
        "protocol": "claim.toml",
        "models": "lite0,hf:dino,onnx:e.onnx",
        "model": "hf:c",
        "shift": ["s.toml"],
        "label": "Mass/Nodule",
        "out": tmp_path.name,
    }
    assert "Paths are names only" in (tmp_path / OPTIONS_FILE).read_text()


def test_names_that_toml_cannot_hold_as_they_are_are_escaped_or_comments(tmp_path):
    odd = Path(os.fsdecode(b"\xe9"))
    left = left_by_study(
        tmp_path, data=Path('a\x7f\n"b'), target=[Path("b"), odd], base=odd, shift=["\U0001f600"]
    )
    assert left == {"data": 'a\x7f\n"b', "shift": ["\U0001f600"], "out": tmp_path.name}
    assert "# target = (not UTF-8)" in (tmp_path / OPTIONS_FILE).read_text().splitlines()


def test_a_finished_command_does_not_fail_for_its_file_of_options(tmp_path, folder, radapt):
    data, out = tmp_path / os.fsdecode(b"d\xe9"), tmp_path / "run"
    data.symlink_to(folder)
    code, _, err = radapt("train", data, *TRAIN, "--out", out)
    assert code == 0, err
    assert "# data = (not UTF-8)" in (out / OPTIONS_FILE).read_text().splitlines()
    (out / OPTIONS_FILE).unlink()
    (out / OPTIONS_FILE).mkdir()
    code, _, err = radapt("train", data, *TRAIN, "--out", out)
    assert code == 0, err
    assert "The options of this command could not be written to" in err


def test_a_folder_that_no_table_can_be_written_to_is_refused_at_once(tmp_path, folder, radapt):
    code, _, err = radapt("train", folder, *TRAIN, "--out", tmp_path / os.fsdecode(b"r\xe9"))
    assert code == 2
    assert "is not UTF-8: give one that is." in err
    assert "reading" not in err


def test_files_of_the_user_are_kept(tmp_path):
    for name in (OPTIONS_FILE, "config.toml"):
        (tmp_path / name).write_text("mine = 1\n")
    write_options("train", {"out": "out"}, {"out": tmp_path})
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine = 1\n"}


def test_a_store_that_is_passed_on_has_no_file_of_options(tmp_path, folder, radapt):
    code, _, err = radapt("pack", folder, "--size", 32, "--out", tmp_path / "store")
    assert code == 0, err
    assert not list((tmp_path / "store").glob("*.toml"))
    assert {"pack", "shift"}.isdisjoint(LEAVING)
    commands = command_line().commands
    assert all(any(each.name == "out" for each in commands[name].params) for name in LEAVING)


def test_the_log_ends_with_the_sentence_that_ended_the_command(radapt, tmp_path):
    code, _, err = radapt("train", tmp_path / "none", "--log", tmp_path / "log.txt")
    assert code == 2
    assert (tmp_path / "log.txt").read_text().splitlines()[-1].endswith(f" {err.splitlines()[-1]}")


def test_a_first_look_at_the_study_of_a_protocol_is_refused_by_its_own_name(radapt, folder, tmp_path):
    file = tmp_path / "claim.toml"
    words = ["--shift", "original", "--strategies", "none,head", "--budget", "8"]
    code, _, err = radapt("protocol", "init", folder, *words, "--out", file)
    assert code == 0, err
    code, _, err = radapt("study", folder, "--quick", "--protocol", file, "--out", tmp_path / "study")
    assert code == 2
    assert "--quick would contradict it" in err
    assert "--epochs" not in err


def test_a_path_that_is_not_found_is_said_to_come_from_the_file_of_options(radapt, tmp_path):
    file = tmp_path / "options.toml"
    file.write_text('data = "chest_xray"\nshift = ["original"]\n')
    code, _, err = radapt("study", "--config", file, "--out", tmp_path / "study")
    assert code == 2
    assert "There is no folder chest_xray." in err
    assert f"{file} gives chest_xray, and may name it without its folder: give the path on" in err
    code, _, err = radapt("study", "elsewhere", "--config", file, "--out", tmp_path / "study")
    assert code == 2
    assert "There is no folder elsewhere." in err
    assert "without its folder" not in err
