import numpy as np
import pytest

from radapt.errors import AskedWrongly
from radapt.labels import check_labels, count_labels, join_labels, positive_class, same_labels, stratify

SEVERAL = np.array([[1, 0], [np.nan, 1], [1, 1], [0, 0], [1, np.nan]], dtype=np.float32)


def test_an_image_with_several_labels_counts_as_the_rarest():
    assert stratify(np.array([1, 0, 1])).tolist() == [1, 0, 1]
    assert stratify(SEVERAL).tolist() == [1, 2, 2, 0, 1]


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        (("NORMAL", "PNEUMONIA"), 1),
        (("PNEUMONIA", "NORMAL"), 0),
        (("covid-negative", "covid-positive"), 1),
        (("pneumonia", "No Finding"), 0),
        (("a", "b"), 1),
    ],
)
def test_the_class_that_is_not_the_absence_of_a_finding_is_the_positive_one(classes, positive):
    assert positive_class(classes) == positive


def test_labels_are_counted_joined_and_compared_with_their_gaps():
    assert count_labels(np.array([0, 1, 1]), ("a", "b")) == {"a": 1, "b": 2}
    assert count_labels(SEVERAL, ("a", "b")) == {"a": 3, "b": 2}
    assert join_labels(("a", "b"), (True, True)) == "a|b"
    assert join_labels(("a", "b"), (False, False)) == "none"
    assert same_labels(SEVERAL, SEVERAL.copy())
    assert not same_labels(SEVERAL, np.nan_to_num(SEVERAL))


def test_labels_of_another_kind_are_refused():
    check_labels(SEVERAL, ("a", "b"))
    with pytest.raises(AskedWrongly, match="1, 0 or NaN"):
        check_labels(SEVERAL * 2, ("a", "b"))
    with pytest.raises(AskedWrongly, match=r"float32 of shape \(n, 3\)"):
        check_labels(SEVERAL, ("a", "b", "c"))
