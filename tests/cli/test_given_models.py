"""The base model of a study is one that is there already, and gets the strategies that work on it."""

import pytest
from samples import CLASSES

from radapt.adaptation.knn import NearestNeighbours
from radapt.adaptation.strategy import AdaptContext
from radapt.cli.given_models import plan_of_base
from radapt.errors import AskedWrongly
from radapt.models.table import build, new_spec
from radapt.study.plan import Plan


def test_a_base_that_votes_gets_those_of_the_usual_strategies_that_work_on_it(images, hardware, tmp_path):
    network = build(new_spec("compact", CLASSES, size=16), seed=0).eval()
    base = NearestNeighbours(k=3).adapt(network, images, None, AdaptContext(hardware)).classifier
    plan = plan_of_base(Plan(model="compact"), tmp_path, base, (False, None), usual=True)
    assert {"none", "recalibrate", "scratch"} <= set(plan.strategies)
    assert not {"linear-probe", "full"} & set(plan.strategies)
    whole = plan_of_base(Plan(model="compact"), tmp_path, network, (False, None), usual=True)
    assert whole.strategies == Plan(model="compact").strategies


def test_strategies_that_were_asked_for_are_refused_where_they_do_not_work(images, hardware, tmp_path):
    network = build(new_spec("compact", CLASSES, size=16), seed=0).eval()
    base = NearestNeighbours(k=3).adapt(network, images, None, AdaptContext(hardware)).classifier
    with pytest.raises(AskedWrongly, match="so full cannot adapt it"):
        plan_of_base(Plan(strategies=("none", "full")), tmp_path, base, (False, None), usual=False)
