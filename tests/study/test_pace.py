"""How far a study is, and how long the rest may take."""

from radapt.study import pace as pace_module
from radapt.study.pace import Pace, deadline_after, words
from radapt.study.plan import Cell, Plan, cells

PLAN = Plan(budgets=("8", "all"), strategies=("none", "head", "recalibrate"), seeds=2)


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


def test_a_cell_is_counted_and_the_rest_estimated_from_those_before_it(monkeypatch):
    clock, planned = Clock(), list(cells(PLAN))
    monkeypatch.setattr(pace_module, "time", clock)
    pace, titles = Pace(sizes={"8": 8, "all": 96}), []
    for cell in planned:
        titles.append(pace.begin(cell, planned))
        clock.now += 100 if cell.is_base else 10
        pace.end(cell)
    assert len(planned) == 10
    assert titles[0] == "cell 1 of 10: base model, seed 0"
    assert titles[1] == "cell 2 of 10: head, 8 labels, seed 0"
    assert titles[2] == "cell 3 of 10 (about 3 min of training left): recalibrate, 8 labels, seed 0"
    assert titles[-1] == "cell 10 of 10 (about 10 s of training left): recalibrate, all (96) labels, seed 1"


def test_time_is_up_after_so_many_minutes(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    pace = Pace(2)
    assert pace.may_begin()
    assert not pace.refused
    clock.now = 119.0
    late = Pace(2, deadline_after(0))
    assert pace.may_begin()
    assert not late.may_begin()
    assert late.refused
    clock.now = 121.0
    assert not pace.refused, "nothing was asked for since"
    assert not pace.may_begin()
    assert pace.refused
    assert Pace().may_begin()


def test_a_fold_is_named():
    assert words(Cell("head", "8", 1, 3), {"8": 8}) == "head, 8 labels, fold 3, seed 1"
