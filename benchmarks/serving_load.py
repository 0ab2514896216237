"""`radapt serve` on loopback under load: times, throughput, memory, overload, and whether answers are right.

    python benchmarks/serving_load.py [--quick] [--run RUN] [--seconds 60] [--threads N]

1. Memory: 10,000 requests by 8 clients to a small model; the resident memory of the service after each tenth.
2. Overload: 64 clients and a queue of 4 images. Refused are those that get 503 with Retry-After.
3. Load: 1, 8 and 64 clients, each of which sends its next image when it has the answer to the last one, for
   --seconds each; images of 1280 x 1024 (JPEG) and of 3000 x 2500 pixels (JPEG and 16-bit PNG in turn).

Every answer is compared with that of `radapt predict` for the same file, digit by digit. Without --run it
trains the models on drawn images first. It stops by itself, after --limit seconds and a little: what is left
of them is shared among the cells of the load. --quick takes 5 seconds a cell and 1,000 requests.
"""

import argparse
import http.client
import io
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

CLIENTS = (1, 8, 64)
KINDS = 4  # different images of a size
RESIDENT = re.compile(r"^process_resident_memory_bytes (\S+)$", re.M)


def radapt(*words: object) -> str:
    """Run a command; give what it prints."""
    command = [sys.executable, "-m", "radapt", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def write_chests(folder: Path) -> Path:
    """Write drawn chests in class folders."""
    from radapt.datasets.phantom import draw

    for seed, (split, count) in enumerate({"train": 160, "val": 60, "test": 30}.items()):
        images = draw(count, size=128, seed=seed)
        for pixels, label, name in zip(images.pixels, images.labels, images.ids, strict=True):
            path = folder / split / images.classes[label] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


def write_images(folder: Path, width: int, height: int) -> list[Path]:
    """Write a few images of one size: JPEG, and of the larger size 16-bit PNG in turn."""
    from radapt.datasets.phantom import draw

    folder.mkdir(parents=True, exist_ok=True)
    rng, paths = np.random.default_rng(0), []
    for number, pixels in enumerate(draw(KINDS, size=512, seed=width).pixels):
        large = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
        noisy = np.clip(large + rng.normal(0, 4, large.shape), 0, 255)
        deep = width > 2000 and number % 2
        path = folder / f"{width}-{number}.{'png' if deep else 'jpg'}"
        picture = (noisy * 16).astype(np.uint16) if deep else noisy.astype(np.uint8)
        Image.fromarray(picture).save(path, **({"compress_level": 1} if deep else {"quality": 92}))
        paths.append(path)
    return paths


@dataclass
class File:
    """An image as it is sent, and the scores that `radapt predict` gives it."""

    data: bytes
    scores: dict[str, float]


def expected(run: Path, paths: list[Path], threads: int) -> list[File]:
    """Score files by the command line."""
    images = json.loads(radapt("predict", run, *paths, "--json", "--threads", threads))["images"]
    return [File(path.read_bytes(), each["scores"]) for path, each in zip(paths, images, strict=True)]


@contextmanager
def served(run: Path, threads: int, *words: object) -> Iterator[int]:
    """Start a service, wait until it is ready, and give its port; end it afterwards."""
    command = [sys.executable, "-u", "-m", "radapt", "serve", str(run), "--port", "0"]
    command += ["--threads", str(threads), *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = next(line for line in process.stdout or () if "http://" in line)
        port = int(re.findall(r":(\d+)/", line)[0])
        until = time.monotonic() + 60
        while ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "/readyz")[0] != 200:
            if time.monotonic() > until:
                raise SystemExit("The service was not ready within a minute.")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def ask(
    connection: http.client.HTTPConnection, path: str, body: bytes | None = None
) -> tuple[int, bytes, str | None]:
    """Send a request; give the status, the body, and the header Retry-After."""
    connection.request("GET" if body is None else "POST", path, body=body)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.getheader("Retry-After")


def resident(port: int) -> float:
    """Return the resident memory of the service in MB."""
    text = ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "/metrics")[1].decode()
    return float(RESIDENT.findall(text)[0]) / 1e6


@dataclass
class Tally:
    """What clients have seen."""

    seconds: list[float] = field(default_factory=list)  # of right answers
    refused: int = 0  # 503 with Retry-After
    wrong: int = 0  # other scores than `radapt predict`
    faults: int = 0  # anything else

    def merge(self, other: "Tally") -> None:
        self.seconds += other.seconds
        self.refused += other.refused
        self.wrong += other.wrong
        self.faults += other.faults


def client(port: int, files: Iterator[File], go_on: Callable[[], bool], tally: Tally, wait: float) -> None:
    """Send one image after the other while `go_on` says so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=180)
    while go_on():
        file, begun = next(files), time.perf_counter()
        try:
            status, body, again = ask(connection, "/v1/predict", file.data)
        except (OSError, http.client.HTTPException):
            connection.close()
            tally.faults += 1
            continue
        if status == 200:
            right = json.loads(body)["scores"] == file.scores
            tally.wrong += not right
            tally.seconds += [time.perf_counter() - begun] if right else []
        elif status == 503 and again is not None:
            tally.refused += 1
            time.sleep(wait)
        else:
            tally.faults += 1
    connection.close()


def load(port: int, files: list[File], clients: int, go_on: Callable[[], bool], wait: float = 0.2) -> Tally:
    """Let so many clients send; give what they have seen."""
    tallies = [Tally() for _ in range(clients)]
    threads = [
        threading.Thread(
            target=client,
            args=(port, itertools.cycle(files[k % KINDS :] + files[: k % KINDS]), go_on, each, wait),
        )
        for k, each in enumerate(tallies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = Tally()
    for each in tallies:
        total.merge(each)
    return total


def for_seconds(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until


def for_requests(count: int) -> Callable[[], bool]:
    numbers = itertools.count()
    return lambda: next(numbers) < count


def percentile(seconds: list[float], share: float) -> str:
    if not seconds:
        return "-"
    return f"{1000 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--run", type=Path, help="the model of the load; without it lite0 at 224 pixels")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--limit", type=float, default=480, help="seconds that all of it takes")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    seconds, requests = (5.0, 1000) if asked.quick else (asked.seconds, asked.requests)
    begun, threads = time.monotonic(), asked.threads
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["RADAPT_CACHE"] = str(folder / "cache")
        chests = write_chests(folder / "chests")
        run = asked.run
        if run is None:
            run = folder / "lite0"
            radapt("train", chests, "--model", "lite0", "--size", 224, "--out", run)
        small = folder / "small"
        radapt("train", chests, "--size", 64, "--epochs", 1, "--out", small)
        sizes = {
            f"{width} x {height}": expected(run, write_images(folder / "images", width, height), threads)
            for width, height in ((1280, 1024), (3000, 2500))
        }
        print(f"{threads} threads; prepared in {time.monotonic() - begun:.0f} s", flush=True)
        memory(small, threads, folder, requests)
        overload(run, threads, sizes["1280 x 1024"], min(seconds, 10))
        print("| images | clients | p50 ms | p99 ms | images/s | 503 | wrong | faults | memory MB |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        cells = [(size, clients) for size in sizes for clients in CLIENTS]
        with served(run, threads) as port:
            for number, (size, clients) in enumerate(cells):
                left = asked.limit - (time.monotonic() - begun)
                measure(port, size, sizes[size], clients, min(seconds, left / (len(cells) - number)))
    print(f"Done in {time.monotonic() - begun:.0f} s.")


def measure(port: int, size: str, files: list[File], clients: int, seconds: float) -> None:
    """Print a row of the table of times."""
    start = time.monotonic()
    seen = load(port, files, clients, for_seconds(seconds))
    rate = len(seen.seconds) / (time.monotonic() - start)
    times = f"{percentile(seen.seconds, 0.5)} | {percentile(seen.seconds, 0.99)} | {rate:.1f}"
    counts = f"{seen.refused} | {seen.wrong} | {seen.faults} | {resident(port):.0f}"
    print(f"| {size} | {clients} | {times} | {counts} |", flush=True)


def overload(run: Path, threads: int, files: list[File], seconds: float) -> None:
    """Send more than a short queue holds; then one good request."""
    with served(run, threads, "--queue", 4) as port:
        seen = load(port, files, 64, for_seconds(seconds), wait=0.05)
        after = ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "/v1/predict", files[0].data)
        right = after[0] == 200 and json.loads(after[1])["scores"] == files[0].scores
        print(
            f"Overload, 64 clients and a queue of 4: {len(seen.seconds)} answered, {seen.refused} refused "
            f"by 503 with Retry-After, {seen.wrong} wrong, {seen.faults} faults; the next request is "
            f"{'answered' if right else 'NOT answered'}.",
            flush=True,
        )


def memory(run: Path, threads: int, folder: Path, requests: int) -> None:
    """Send many requests, and print the memory of the service after each tenth of them."""
    files = expected(run, [_small(folder, number) for number in range(KINDS)], threads)
    with served(run, threads) as port:
        sizes, total = [resident(port)], Tally()
        for _ in range(10):
            total.merge(load(port, files, 8, for_requests(requests // 10)))
            sizes.append(resident(port))
        words = ", ".join(f"{size:.0f}" for size in sizes)
        late = statistics.mean(sizes[-3:]) - statistics.mean(sizes[1:4])
        print(
            f"Memory over {len(total.seconds):,} answers ({total.wrong} wrong, {total.faults} faults), MB at "
            f"the start and after each tenth: {words}; the last three less the first three: {late:+.1f} MB.",
            flush=True,
        )


def _small(folder: Path, number: int) -> Path:
    rng, out = np.random.default_rng(number), io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (128, 128), dtype=np.uint8)).save(out, "PNG")
    path = folder / f"small-{number}.png"
    path.write_bytes(out.getvalue())
    return path


if __name__ == "__main__":
    main()
