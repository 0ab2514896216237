"""The options of every command: --quiet, --verbose, --log and --config."""

import re
import tomllib

import pytest

from radapt.cli.app import COMMANDS, app
from radapt.cli.common_options import CONFIG, OPTIONS

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
    config = tmp_path / "one" / CONFIG
    values = tomllib.loads(config.read_text())
    assert (values["size"], values["seed"], values["data"]) == (32, 3, str(folder))
    code, second, err = radapt("train", "--config", config, "--out", tmp_path / "two")
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
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(radapt, folder, tmp_path, text, sentence):
    (tmp_path / "c.toml").write_text(text)
    code, _, err = radapt("train", folder, "--config", tmp_path / "c.toml", "--out", tmp_path / "run")
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "run").exists()


def test_quiet_and_verbose_contradict_each_other(radapt):
    assert radapt("models", "--quiet", "--verbose")[0] == 2


def test_every_command_has_them():
    import typer

    group = typer.main.get_command(app)
    for command in group.commands.values():
        names = {each.name for each in command.params}
        assert names >= set(OPTIONS) or hasattr(command, "commands")
    assert len(group.commands) > len(COMMANDS)
