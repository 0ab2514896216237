"""What a study reports when its time is up before all its models are trained."""

import json
from dataclasses import replace

import pytest
from protocols import PROTOCOL

from radapt.errors import AskedWrongly
from radapt.progress import Silent
from radapt.report.checklist import write_checklist
from radapt.report.multi_target import write_overview
from radapt.report.render import write_report
from radapt.study import experiment
from radapt.study import pace as pace_module
from radapt.study.experiment import run_study
from radapt.study.multi_target import Target, grid, run_several
from radapt.study.plan import Plan, cells
from radapt.study.registration import register
from radapt.study.time_limit import OutOfTime, finished_part, shortened_notices

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
    few = part_after(2)  # with what needs no labels and so comes first
    assert (few.strategies, few.budgets) == (("none", "norm-refresh"), ())
    whole = replace(PLAN, strategies=("none", "recalibrate", "head"))
    two = list(cells(whole))[:2]
    some = finished_part(whole, two.__contains__)
    assert (some.strategies, some.budgets) == (("none", "recalibrate"), ("8",))
    assert part_after(1) is None


class Heard(Silent):
    """Keeps the sentences that a study says."""

    def __init__(self):
        self.sentences = []

    def say(self, sentence):
        self.sentences.append(sentence)


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves on by a minute whenever a cell is done."""

    class Clock:
        now, step = 0.0, 0.0

        def monotonic(self):
            self.now += self.step
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
    part = run_study(
        Plan(**words, minutes=1.5), dataset, None, tmp_path / "s", hardware=hardware, watch=(heard := Heard())
    )
    assert heard.sentences == [f"Going on from {tmp_path / 's'}: 1 of 4 cells is done."]
    assert not part["occlusions"], "the time is up, and hiding parts of the images would take more of it"
    assert "unchecked" in {row["kind"] for row in part["warnings"]}
    assert [row["label"] for row in part["budgets"]] == ["8"]
    (notice,) = [row for row in part["warnings"] if row["kind"] == "time-limit"]
    assert "this holds only the budgets 8" in notice["text"]
    whole = run_study(Plan(**words), dataset, None, tmp_path / "s", hardware=hardware)
    assert [row["label"] for row in whole["budgets"]] == ["8", "16"]
    assert not [row for row in whole["warnings"] if row["kind"] in ("time-limit", "unchecked")]
    assert len(whole["occlusions"]) == 2


def limits(study):
    return [row["text"] for row in study["warnings"] if row["kind"] == "time-limit"]


QUICK = Plan(budgets=("8",), epochs=1, steps=1, strategies=("none", "norm-refresh", "recalibrate"))


def test_a_study_of_nothing_with_labels_names_no_budget(dataset, hardware, tmp_path, clock):  # noqa: ARG001
    plan, out = replace(QUICK, budgets=("16", "8"), minutes=1.5), tmp_path / "s"
    part = run_study(plan, dataset, None, out, hardware=hardware)
    assert (part["plan"]["strategies"], part["plan"]["budgets"]) == (["none", "norm-refresh"], [])
    assert part["budgets"] == []
    (text,) = limits(part)
    assert "holds only the strategies none and norm-refresh." in text
    page = write_report(out).read_text()
    assert "are compared, without labelled target images" in page
    assert "16 labelled" not in page
    assert "budget 16" not in page
    assert "No labelled target image was used." in write_checklist(out).read_text()


def test_a_study_that_is_settled_was_not_stopped(dataset, hardware, tmp_path, clock, monkeypatch):
    decided = experiment.decided

    def slowly(*words, **more):
        clock.now += 600
        return decided(*words, **more)

    monkeypatch.setattr(experiment, "decided", slowly)
    # Two looks of ten minutes and six models of one: the second look ends after the limit.
    plan = replace(QUICK, strategies=("none", "tta"), seeds=5, auto_seeds=True, minutes=17)
    study = run_study(plan, dataset, None, tmp_path / "s", hardware=hardware)
    assert study["plan"]["seeds"] == 3
    assert limits(study) == []


def test_seeds_that_are_trained_are_kept_under_a_limit(dataset, hardware, tmp_path, clock):
    plan = replace(QUICK, strategies=("none", "norm-refresh"), seeds=2, auto_seeds=True)
    study = run_study(plan, dataset, None, tmp_path / "s", hardware=hardware)
    assert study["plan"]["seeds"] == 2
    clock.step = 60.0  # the time is up at the first look
    again = run_study(replace(plan, minutes=0.5), dataset, None, tmp_path / "s", hardware=hardware)
    assert again["plan"]["seeds"] == 2
    assert limits(again) == []


def test_a_registered_study_takes_no_time_limit(dataset, hardware, tmp_path):
    plan = replace(QUICK, minutes=5)
    with pytest.raises(AskedWrongly, match="needs all of its models: leave the time limit out"):
        run_study(plan, dataset, None, tmp_path / "new", hardware=hardware, protocol=PROTOCOL)
    assert not (tmp_path / "new").exists()
    (out := tmp_path / "begun").mkdir()
    register(PROTOCOL, out, experiment.now())
    with pytest.raises(AskedWrongly, match="needs all of its models: leave the time limit out"):
        run_study(plan, dataset, None, out, hardware=hardware)


def test_several_studies_share_their_time_and_what_is_late_is_left_out(dataset, hardware, tmp_path, clock):  # noqa: ARG001
    def run(minutes):
        plan = replace(QUICK, shift=None, minutes=minutes)
        members = grid([plan], {"compact": (dataset, [Target("original"), Target("noise@3")])})
        return list(run_several(members, tmp_path / "out", hardware=hardware, left_out=["No site of B."]))

    with pytest.raises(OutOfTime, match=r"with 1 of 3 cells done"):
        run(0.5)
    (only,) = run(2.5)  # two models of the first that were not done, and the base of the other
    assert (str(only[0]), limits(only[1])) == ("original", [])
    raw = json.loads((tmp_path / "out" / "several.json").read_text())
    assert [entry["folder"] for entry in raw["studies"]] == ["original"]
    assert raw["left_out"][0] == "No site of B."
    assert raw["left_out"][1].startswith(
        "The study noise_3 is left out. The time limit of 2.5 min was reached"
    )
    assert "The study noise_3 is left out." in write_overview(tmp_path / "out").read_text()
    assert len(run(None)) == 2
    raw = json.loads((tmp_path / "out" / "several.json").read_text())
    assert (len(raw["studies"]), raw["left_out"]) == (2, ["No site of B."])


def test_a_first_look_and_checks_that_were_left_out_are_owned_up_to(dataset, hardware, tmp_path):
    assert not shortened_notices(PLAN)
    words = {"strategies": ("none", "recalibrate"), "budgets": ("8",), "epochs": 1, "steps": 1}
    plan = Plan(**words, quick=True, checks=False)
    result = run_study(plan, dataset, None, tmp_path / "s", hardware=hardware)
    assert (result["plan"]["quick"], result["plan"]["checks"]) == (True, False)
    assert Plan.from_dict(result["plan"]) == replace(plan, precision="fp32")
    texts = {row["kind"]: row["text"] for row in result["warnings"]}
    assert texts["quick"].startswith(
        "--quick tried no more than none and recalibrate, and trained in at most 1"
    )
    page = write_report(tmp_path / "s").read_text()
    assert "<strong>A first look.</strong>" in page
    assert "<strong>Not checked with parts of the images hidden.</strong>" in page
    run_study(Plan(**words), dataset, None, tmp_path / "s", hardware=hardware)  # it is the same study
