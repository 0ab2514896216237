import pytest
from samples import make_dataset

from radapt.errors import AskedWrongly, UnknownName
from radapt.study.plan import DEFAULT_STRATEGIES, ORIGINAL_STRATEGIES, Cell, Plan, cells, default_budgets


def test_the_base_model_comes_first_of_each_seed_and_labels_are_needed_once_a_budget():
    plan = Plan(strategies=("none", "norm-refresh", "head"), budgets=("8", "16"), seeds=2, seed=3)
    names = [cell.name for cell in cells(plan)]
    assert names[:4] == ["none-s3", "norm-refresh-s3", "head-8-s3", "head-16-s3"]
    assert names[4:] == ["none-s4", "norm-refresh-s4", "head-8-s4", "head-16-s4"]
    assert [cell.is_base for cell in cells(plan)][:2] == [True, False]


def test_the_name_of_a_cell_is_one_of_a_folder():
    assert Cell("last-k(k=2)", "16p", 0).name == "last-k_k_2-16p-s0"


def test_strategies_follow_from_the_protocol_where_none_are_named():
    assert Plan().strategies == DEFAULT_STRATEGIES
    original = Plan(protocol="original")
    assert original.strategies == ORIGINAL_STRATEGIES
    assert original.target_patients == "shared"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"strategies": ("head",)}, "keep 'none' among its strategies"),
        ({"seeds": 0}, "at least one seed. Got 0"),
        ({"margin": 1.5}, "Got 1.5"),
        ({"protocol": "original", "shift": None}, "give it a shift"),
        ({"budgets": ("few",)}, "Got 'few'"),
    ],
)
def test_what_does_not_go_together_is_refused(asked, said):
    with pytest.raises(AskedWrongly, match=said):
        Plan(**asked)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'original'"):
        Plan(protocol="orignal")


def test_the_val_folder_is_the_budget_under_a_shift_and_all_images_of_another_data_set():
    data = make_dataset()
    assert default_budgets(data, None) == ("val",)
    assert default_budgets(data, data) == ("all",)


def test_a_plan_for_json_leaves_out_what_was_not_asked_for():
    assert not {"auto_seeds", "weights"} & Plan().as_dict().keys()
    assert Plan(auto_seeds=True, seeds=3).as_dict()["auto_seeds"] is True
