import radapt
from radapt.adaptation.table import STRATEGIES
from radapt.models.table import MODELS
from radapt.shift.expression import names


def test_everything_there_is_to_choose_from_is_listed():
    assert [row["model"] for row in radapt.list_models().rows()] == list(MODELS)
    assert [row["strategy"] for row in radapt.list_strategies().rows()] == list(STRATEGIES)
    assert {row["shift"] for row in radapt.list_shifts().rows()} == set(names())
    assert repr(radapt.list_models()).splitlines()[1].startswith("compact")
    assert radapt.list_shifts()._repr_html_().count("<tr>") == len(radapt.list_shifts()) + 1


def test_a_summary_says_which_layers_a_strategy_trains(run):
    layers = radapt.summary(run, "head").rows()
    assert [row["layer"] for row in layers if row["trains"]] == ["head"]
    assert all(row["trains"] for row in radapt.summary(run.model).rows() if row["parameters"])
    assert sum(row["parameters"] for row in layers) == sum(p.numel() for p in run.model.parameters())
