"""What a study reports when its time is up before all its models are trained."""

import pytest

from radapt.study import pace as pace_module
from radapt.study.experiment import run_study
from radapt.study.plan import Plan, cells
from radapt.study.time_limit import OutOfTime, finished_part

PLAN = Plan(budgets=("8", "16"), strategies=("none", "recalibrate", "norm-refresh"), seeds=3)


def part_after(number):
    done = list(cells(PLAN))[:number]
    return finished_part(PLAN, done.__contains__)


def test_whole_seeds_are_kept_then_budgets_then_strategies():
    each = len(list(cells(PLAN))) // 3
    assert part_after(3 * each) == PLAN
    assert part_after(2 * each + 1).seeds == 2
    assert (part_after(each).seeds, part_after(each).budgets) == (1, PLAN.budgets)
    one = part_after(each - 1)
    assert (one.seeds, one.budgets, one.strategies) == (1, ("8",), PLAN.strategies)
    assert part_after(2).strategies == ("none", "norm-refresh")  # which needs no labels and so comes first
    assert part_after(1) is None


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves on by a minute whenever a cell is done."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(pace_module, "time", made)
    end = pace_module.Pace.end

    def ended(self, cell):
        made.now += 60
        end(self, cell)

    monkeypatch.setattr(pace_module.Pace, "end", ended)
    return made


def test_a_study_out_of_time_reports_what_is_done_and_goes_on_later(dataset, hardware, tmp_path, clock):  # noqa: ARG001
    words = {"strategies": ("none", "recalibrate", "norm-refresh"), "budgets": ("8", "16")}
    words |= {"epochs": 1, "steps": 1}
    with pytest.raises(OutOfTime, match=r"time limit of 0.5 min was reached with 1 of 4 cells done"):
        run_study(Plan(**words, minutes=0.5), dataset, None, tmp_path / "s", hardware=hardware)
    part = run_study(Plan(**words, minutes=1.5), dataset, None, tmp_path / "s", hardware=hardware)
    assert [row["label"] for row in part["budgets"]] == ["8"]
    (notice,) = [row for row in part["warnings"] if row["kind"] == "time-limit"]
    assert "this holds only the budgets 8" in notice["text"]
    whole = run_study(Plan(**words), dataset, None, tmp_path / "s", hardware=hardware)
    assert [row["label"] for row in whole["budgets"]] == ["8", "16"]
    assert not [row for row in whole["warnings"] if row["kind"] == "time-limit"]
