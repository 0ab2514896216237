import itertools
from types import SimpleNamespace

from radapt.cli import progress
from radapt.cli.progress import Bar, Lines
from radapt.progress import SILENT, Silent, Within


class Record(Silent):
    def __init__(self):
        self.done = []

    def advance(self, done, detail=""):  # noqa: ARG002
        self.done.append(done)


def test_a_training_within_a_fold_moves_the_longer_task_by_its_share_of_epochs():
    watch = Record()
    within = Within(watch, 3)
    within.begin("training", 4, "epoch")
    for done in (1, 2, 4):
        within.advance(done)
    within.end()
    assert watch.done == [3.25, 3.5, 4.0]


def test_features_and_a_second_training_do_not_move_it_back():
    watch = Record()
    within = Within(watch, 0)
    within.begin("features", 2, "view")
    within.advance(1)
    within.begin("training", 2, "epoch")
    within.advance(2)
    within.begin("training", 2, "epoch")
    within.advance(1)
    assert watch.done == [1.0]


def test_nobody_is_told_where_nobody_watches(capsys):
    SILENT.begin("training", 1, "epoch")
    SILENT.advance(1, "loss 0.5")
    SILENT.end()
    assert capsys.readouterr() == ("", "")


def test_a_task_of_one_step_is_told_of_one(capsys):
    watch = Lines()
    for total in (1, 3):
        watch.begin("training", total, "epoch")
        watch.advance(total)
        watch.end()
    one, three = capsys.readouterr().err.splitlines()
    assert one.startswith("training: 1 epoch, ")
    assert three.startswith("training: 3 epochs, ")


def test_a_part_of_a_task_is_told_of_only_where_parts_are_asked_for(capsys):
    for parts in (False, True):
        watch = Lines(parts=parts)
        watch.begin("cell 1 of 2: head", 1, "cell")
        watch.begin("folds", 3, "fold")
        watch.advance(3, "loss 0.5")
        watch.end()
        watch.end()
        lines = capsys.readouterr().err.splitlines()
        assert lines[-1].startswith("cell 1 of 2: head: ")
        assert lines[-1].endswith(" s, loss 0.5")
        assert len(lines) == 1 + parts
    assert lines[0].startswith("cell 1 of 2: head: folds: 3 folds, ")


def test_a_bar_is_one_line_for_a_task_and_its_parts(capsys):
    watch = Bar()
    watch.begin("cell 1 of 2: head", 1, "cell")
    for _ in range(2):
        watch.begin("folds", 3, "fold")
        watch.advance(2)
        watch.end()
    watch.end()
    assert capsys.readouterr().err.count("cell 1 of 2: head") == 1


def test_lines_of_long_work_grow_rare(capsys, monkeypatch):
    seconds = itertools.count()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    watch = Lines()
    watch.begin("training", 2000, "epoch")
    for done in range(2000):
        watch.advance(done)
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if float(line.split(", ")[2].removesuffix(" s")) < 100]) >= 8
    assert 20 < len(lines) < 50


def test_a_sentence_between_tasks_is_a_line_of_its_own(capsys):
    for watch in (Lines(), Bar(), Within(Lines(), 0)):
        watch.say("Going on from runs: 3 of 11 cells are done.")
        assert capsys.readouterr().err == "Going on from runs: 3 of 11 cells are done.\n"
