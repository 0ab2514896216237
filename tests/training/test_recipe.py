import pytest

from radapt.errors import AskedWrongly, UnknownName
from radapt.training.recipe import ORIGINAL_BASE, Recipe, base_recipe_for, recipe_for


def test_a_recipe_refuses_what_it_cannot_do():
    with pytest.raises(UnknownName, match="Did you mean 'adam"):
        Recipe(optimiser="adamm")
    with pytest.raises(AskedWrongly, match="epochs"):
        Recipe(epochs=0)


def test_few_images_get_more_epochs_up_to_the_minimum_of_steps():
    recipe = Recipe(epochs=10, batch_size=16, early_stopping_patience=15)
    few = recipe.with_min_steps(32, 150)  # two steps an epoch
    assert (few.epochs, few.early_stopping_patience) == (75, 37)
    assert recipe.with_min_steps(1600, 150) == recipe


def test_a_lower_rate_changes_nothing_else():
    recipe = Recipe(learning_rate=1e-2)
    assert recipe.with_lower_rate(10).as_dict() == {**recipe.as_dict(), "learning_rate": 1e-3}


def test_each_model_has_a_recipe_of_its_own_or_the_usual_one():
    assert recipe_for("original-cnn").optimiser == ORIGINAL_BASE.optimiser == "adam"
    assert recipe_for("compact") == Recipe()
    base = base_recipe_for("compact")
    assert (base.augment, base.balance, base.average) == ("strong", True, 0.99)
    assert base_recipe_for("original-cnn") == recipe_for("original-cnn")
    assert recipe_for("timm:resnet18") == Recipe(learning_rate=1e-3)


@pytest.mark.parametrize(("images", "epochs"), [(4119, 20), (750, 55), (640, 60), (100, 60), (2, 60)])
def test_a_base_model_of_few_images_is_trained_for_more_epochs(images, epochs):
    recipe = base_recipe_for("compact", images)
    assert recipe.epochs == epochs
    assert recipe.augment == "strong"
    assert base_recipe_for("original-cnn", images) == recipe_for("original-cnn")
