"""What the service answers: scores to the last digit, sentences, and its own description."""

import csv
import json

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings


def test_a_served_score_is_that_of_predict_to_the_last_digit(client, adapted, data, radapt):
    files = sorted((data / "test").glob("*/*.png"))[:5]
    code, printed, err = radapt("predict", adapted, *files, "--json", "--threads", "1")
    assert code == 0, err
    rows = json.loads(printed)["images"]
    alone = [client.post("/v1/predict", content=path.read_bytes()).json() for path in files]
    form = [("image", (path.name, path.read_bytes(), "image/png")) for path in files]
    together = client.post("/v1/predict", files=form).json()
    for path, row, one, many in zip(files, rows, alone, together, strict=True):
        assert one["scores"] == row["scores"] == many["scores"]
        assert one["label"] == row["label"]
        assert many["name"] == path.name
        assert one["threshold"] == 0.5
        assert set(one) <= {"scores", "label", "threshold", "ood", "warning"}


def test_the_flag_is_that_of_the_table_of_predict(client, adapted, data, radapt, tmp_path):
    files = sorted((data / "test").glob("*/*.png"))[::8]
    radapt("predict", adapted, *files, "--out", tmp_path / "scores.csv", "--threads", "1")
    with (tmp_path / "scores.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    for path, row in zip(files, rows, strict=True):
        ood = client.post("/v1/predict", content=path.read_bytes()).json()["ood"]
        assert str(ood["distance_percentile"]) == row["distance_percentile"]
        assert {True: "yes", False: "no"}[ood["unlike_reference"]] == row["unlike_reference"]


def test_16_bits_dicom_and_png_of_one_picture_score_alike(client, image, deep, dicom):
    answers = [client.post("/v1/predict", content=each).json() for each in (image, deep, dicom)]
    scores = [answer["scores"]["PNEUMONIA"] for answer in answers]
    assert max(scores) - min(scores) < 0.02


def test_base_and_preview_are_given_where_they_are_asked_for(client, image):
    answer = client.post("/v1/predict?base=true&preview=true", content=image).json()
    assert answer["base"]["scores"].keys() == answer["scores"].keys()
    assert answer["base"]["scores"] != answer["scores"]
    assert answer["preview"].startswith("data:image/png;base64,")


def test_of_several_images_one_that_is_none_has_a_sentence(client, image):
    form = [("image", ("a.png", image)), ("image", ("b.png", b"not an image"))]
    good, bad = client.post("/v1/predict", files=form).json()
    assert good["label"] in good["scores"]
    assert bad == {
        "name": "b.png",
        "error": "The file is no image that is read here, whatever its name says. Send DICOM, PNG or JPEG.",
    }


def test_health_and_readiness(client, adapted):
    assert client.get("/healthz").json()["ready"]
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reason": None})
    assert json.loads((adapted / "run.json").read_text())["golden"].keys() == {"NORMAL", "PNEUMONIA"}


def test_the_description_says_what_it_is_for(client):
    about = client.get("/openapi.json").json()
    assert "no medical device" in about["info"]["description"]
    assert set(about["paths"]["/v1/predict"]["post"]["requestBody"]["content"]) > {"image/png"}


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/v1/predict/", "/../etc/passwd", "/v1/nothing"])
def test_other_addresses_are_none(client, path):
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code in (307, 404)


def test_no_request_that_fits_the_description_ends_in_a_fault(client):
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    operations = [each.ok() for each in schema.get_all_operations()]
    assert {each.path for each in operations} > {"/v1/predict", "/readyz"}
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def send(case):
            made = requests.Request(**case.as_transport_kwargs(base_url="http://127.0.0.1")).prepare()
            body = made.body if made.body is None or isinstance(made.body, bytes) else made.body.encode()
            answer = client.request(made.method, made.url, content=body, headers=dict(made.headers))
            assert answer.status_code < 500, answer.text

        send()
