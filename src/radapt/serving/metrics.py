"""What the service counts and measures, as Prometheus reads it."""

from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
IMAGES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """The numbers of one service; nothing in them names a file, a patient or an address."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        add: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("radapt_requests", "Answers by path and status.", ["path", "status"], **add)
        self.seconds = Histogram(
            "radapt_request_seconds", "Time to an answer.", ["path"], buckets=SECONDS, **add
        )
        self.images = Counter(
            "radapt_images", "Images by class or finding; one of several counts for each.", ["label"], **add
        )
        self.unlike = Counter("radapt_images_unlike_reference", "Images unlike the reference.", **add)
        self.batch = Histogram("radapt_batch_images", "Images scored together.", buckets=IMAGES, **add)
        self.scoring = Histogram(
            "radapt_batch_seconds", "Time to decode and score a batch.", buckets=SECONDS, **add
        )
        self.waiting = Gauge("radapt_waiting_images", "Images in the queue.", **add)
        self.held = Gauge("radapt_held_bytes", "Bytes of requests under way.", **add)
        self.ready = Gauge("radapt_ready", "Whether the golden image scored as it has to.", **add)

    def text(self) -> bytes:
        """Return all of them in the text format of Prometheus."""
        return generate_latest(self.registry)
