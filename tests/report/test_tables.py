"""The tables of a report, and the colours of strategies in them."""

from radapt.adaptation.table import STRATEGIES
from radapt.report.tables import COLOURS, series_of
from radapt.study.plan import DEFAULT_STRATEGIES


def test_a_strategy_has_the_same_colour_in_every_study():
    assert set(COLOURS) == set(STRATEGIES)
    for name in STRATEGIES:
        assert (
            series_of(name, ("none", name))
            == series_of(name, ("none", name, "scratch(x=1)"))
            == COLOURS[name]
        )
    assert len({series_of(name, DEFAULT_STRATEGIES) for name in DEFAULT_STRATEGIES}) == len(
        DEFAULT_STRATEGIES
    )


def test_two_that_would_look_alike_in_one_study_do_not():
    asked = ("none", "last-k(k=1)", "last-k(k=2)", "lora", "full")
    given = [series_of(name, asked) for name in asked]
    assert len(set(given)) == len(asked)
    assert given[1] == COLOURS["last-k"]
    assert given[4] == COLOURS["full"]
