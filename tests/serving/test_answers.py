"""The documents are those that the description promises."""

from radapt.serving.answers import Answer, Failure


def test_answers_and_failures_are_as_described(client, image):
    Answer.model_validate(client.post("/v1/predict?base=true&preview=true", content=image).json())
    good, bad = client.post("/v1/predict", files=[("i", ("a", image)), ("i", ("b", b"x"))]).json()
    assert Answer.model_validate(good).name == "a"
    assert Failure.model_validate(bad).name == "b"
