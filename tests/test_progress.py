from radapt.cli.progress import Lines
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
