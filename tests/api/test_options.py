import pytest

from radapt.api.options import check_names, field_names, listed_of, picked, watch_for
from radapt.errors import UnknownName
from radapt.progress import SILENT
from radapt.training.recipe import Recipe


def test_progress_is_printed_only_where_it_is_asked_for():
    assert watch_for(False) is SILENT
    assert watch_for(True) is not SILENT


def test_one_value_or_several_are_texts():
    assert listed_of(16) == ("16",)
    assert listed_of("16, all") == ("16", "all")
    assert listed_of([16, "all"]) == ("16", "all")
    assert listed_of(()) == ()


def test_options_are_the_fields_of_a_dataclass():
    assert "epochs" in field_names(Recipe)
    assert "epochs" not in field_names(Recipe, without=["epochs"])
    assert picked({"epochs": 3, "fold": (1, 2)}, Recipe) == {"epochs": 3}
    with pytest.raises(UnknownName, match="option called 'epohcs'. Did you mean 'epochs'"):
        check_names({"epohcs": 3}, field_names(Recipe))
