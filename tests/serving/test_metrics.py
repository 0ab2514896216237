"""Prometheus reads numbers, in which no file name stands."""

from prometheus_client.parser import text_string_to_metric_families


def test_numbers_are_read_and_name_no_file(client, image):
    client.post("/v1/predict", files=[("image", ("secret.png", image))])
    client.post("/v1/predict", content=b"none")
    client.get("/secret")
    text = client.get("/metrics").text
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["radapt_requests_total", "/v1/predict", "200"] >= 1
    assert values["radapt_requests_total", "/v1/predict", "415"] >= 1
    assert values["radapt_requests_total", "other", "404"] >= 1
    assert values[("radapt_ready",)] == 1
    assert values[("process_resident_memory_bytes",)] > 0
    assert sum(value for name, value in values.items() if name[0] == "radapt_images_total") >= 1
    assert "secret" not in text
