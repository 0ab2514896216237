"""Selection of device, precision and number of threads."""

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from radapt.errors import AskedWrongly, UnknownName
from radapt.text import listed

PRECISIONS = ("auto", "fp32", "bf16")

BF16_SIDE = 64  # pixels: smaller images are trained on in fp32 on a CPU


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device and the precision of training on it; scores are always computed in fp32."""

    device: torch.device
    precision: str  # "fp32" or "bf16"

    def autocast(self) -> AbstractContextManager[None]:
        """Return a context that runs in the training precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def for_images(self, size: int) -> "Hardware":
        """Return the hardware for images of `size` x `size` pixels: on a CPU, bf16 becomes fp32 below 64.

        With smaller images the last feature maps are 1 x 1, and some weights of a 3 x 3 kernel only meet
        padding. Their gradient is 0, but in bf16 on a CPU it is uninitialised memory (PyTorch 2.15).
        """
        tiny = self.device.type == "cpu" and self.precision == "bf16" and size < BF16_SIDE
        return replace(self, precision="fp32") if tiny else self

    def exact(self) -> AbstractContextManager[None]:
        """Return a context that runs in full precision, without TF32 in the convolutions of a GPU."""
        if self.device.type != "cuda":
            return nullcontext()
        cudnn = torch.backends.cudnn
        return cudnn.flags(
            enabled=cudnn.enabled,
            benchmark=cudnn.benchmark,
            deterministic=cudnn.deterministic,
            allow_tf32=False,
        )

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Seed PyTorch's generators inside the block, and restore their state after it."""
        on_gpu = self.device.type == "cuda"
        with torch.random.fork_rng(devices=[self.device] if on_gpu else []):
            torch.default_generator.manual_seed(seed)
            if on_gpu:
                with torch.cuda.device(self.device):
                    torch.cuda.manual_seed(seed)
            yield

    def describe(self) -> dict[str, str | int]:
        """Return device, precision, threads and versions for the record of a run."""
        on_gpu = self.device.type == "cuda"
        return {
            "device": str(self.device),
            "name": torch.cuda.get_device_name(self.device) if on_gpu else processor_name(),
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        }


def select_device(device: str = "auto", precision: str = "auto", threads: int | None = None) -> Hardware:
    """Choose device and precision, and set the number of threads of this process.

    Parameters
    ----------
    device
        "auto" (a CUDA GPU if there is one, else an Apple GPU, else the CPU), or PyTorch's name of a
        device: "cpu", "cuda", "cuda:1", "mps".
    precision
        "auto", "fp32" or "bf16". "auto" is bf16 where that is faster: on a GPU with bf16, and on a CPU
        with AMX, or from AMD with AVX512_BF16. An Intel CPU with AVX512_BF16 but no AMX trained the
        default model no faster in bf16, so there it is fp32. On a GPU, convolutions use TF32 when
        training in fp32, PyTorch's default; scores never use it.
    threads
        Number of threads, at least 1; None for `RADAPT_THREADS`, or else as many as there are idle cores
        when a training begins. Results depend on it only by rounding.

    Raises
    ------
    AskedWrongly
        If this machine has no such device, or fewer cores than threads.
    """
    if precision not in PRECISIONS:
        raise UnknownName("precision", precision, PRECISIONS)
    try:
        chosen = torch.device(_best_device() if device == "auto" else device)
        torch.empty(1, device=chosen).item()  # the device "meta" holds no numbers
    except (RuntimeError, AssertionError):
        raise AskedWrongly(
            f"This machine has no device called {device!r}. It has: {listed(_devices())}."
        ) from None
    if precision == "auto":
        precision = "bf16" if _bf16_pays(chosen) else "fp32"
    policy.settle(threads)
    return Hardware(chosen, precision)


def processor_name() -> str:
    """Return the model name of the CPU, or its architecture if the name is unknown."""
    return _cpuinfo().get("model name", platform.machine())


def _devices() -> list[str]:
    names = ["cpu"]
    if torch.cuda.is_available():
        names += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def _best_device() -> str:
    return _devices()[1] if len(_devices()) > 1 else "cpu"


def _bf16_pays(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    processor = _cpuinfo()
    flags = processor.get("flags", "").split()
    return "amx_bf16" in flags or ("avx512_bf16" in flags and processor.get("vendor_id") == "AuthenticAMD")


def _cpuinfo() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}  # not Linux
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


VARIABLE = "RADAPT_THREADS"

SAMPLE = 0.1  # seconds over which the idle time of cores is measured

REFRESH = 60.0  # seconds before idle cores are counted again

WINDOW = 2.0  # seconds over which the speed of a training is measured

COLLAPSE = 2.5  # a training this many times slower than its best gets fewer threads

CGROUPS = Path("/sys/fs/cgroup")


class ThreadPolicy:
    """The number of threads of PyTorch in this process: fixed, or as many as there are idle cores."""

    def __init__(self) -> None:
        self._automatic = False  # nothing changes before `settle` is called
        self._limit = 1
        self._counted = -REFRESH

    def settle(self, threads: int | None = None) -> int:
        """Fix the number of threads, or let it follow the number of idle cores.

        Parameters
        ----------
        asked
            Number of threads, at least 1. None: the variable `RADAPT_THREADS`, else the number of idle
            cores, at most PyTorch's number of threads at the first call (see `OMP_NUM_THREADS`).

        Returns
        -------
        int
            PyTorch's number of threads from now on.

        Raises
        ------
        AskedWrongly
            If the number is not between 1 and the number of cores of this machine.
        """
        threads = _from_environment() if threads is None else threads
        if threads is not None:
            _check(threads)
            self._automatic = False
            torch.set_num_threads(threads)
        else:
            if not self._automatic:
                self._limit = min(torch.get_num_threads(), allowed_cores())
            self._automatic, self._counted = True, -REFRESH
            self.refresh()
        return torch.get_num_threads()

    def refresh(self) -> None:
        """Count idle cores again, at most once a minute; do nothing if the number of threads is fixed."""
        if not self._automatic or self._limit == 1 or time.monotonic() - self._counted < REFRESH:
            return
        self._counted = time.monotonic()
        torch.set_num_threads(max(1, min(self._limit, idle_cores())))

    def lower(self) -> bool:
        """Halve the number of threads; return False if it is fixed or 1."""
        threads = torch.get_num_threads()
        if not self._automatic or threads == 1:
            return False
        torch.set_num_threads(threads // 2)
        self._counted = time.monotonic()
        return True


policy = ThreadPolicy()  # a single one, since PyTorch has one number of threads per process


class Pace:
    """Measures the steps per second of a training, and lowers the threads when they collapse."""

    def __init__(
        self, lower: Callable[[], bool] = policy.lower, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lower, self._clock = lower, clock
        self._steps, self._since, self._best = 0, clock(), 0.0

    def step(self) -> None:
        """Count a step; at the end of a window compare its speed with the best so far."""
        self._steps += 1
        elapsed = self._clock() - self._since
        if elapsed < WINDOW or self._steps < 3:
            return
        pace = self._steps / elapsed
        self._best = max(self._best, pace)
        if pace * COLLAPSE < self._best and self._lower():
            self._best = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin a new window, as at the start of an epoch, to leave out the time of validation."""
        self._steps, self._since = 0, self._clock()


def allowed_cores(groups: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Return the number of cores that this process may use, by CPU affinity and cgroup quota.

    A quota is rounded up (1.5 cores are 2 threads). Both versions of cgroups are read, for every group from
    the process's own up to the root.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(groups, membership)
    return max(1, affinity if quota is None else min(affinity, -int(-quota // 1)))


def idle_cores(seconds: float = SAMPLE, stat: Path = Path("/proc/stat")) -> int:
    """Measure how many of the cores that this process may use are idle now.

    Takes `seconds`. Where the system does not report it (not Linux), all count as idle.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    before = _idle_ticks(stat, cores)
    time.sleep(seconds)
    after = _idle_ticks(stat, cores)
    shares = [
        (after[core][0] - idle) / max(1, after[core][1] - total)
        for core, (idle, total) in before.items()
        if core in after
    ]
    return round(sum(shares)) if shares else allowed_cores()


def _from_environment() -> int | None:
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise AskedWrongly(f"{VARIABLE} is a number of threads, such as 2. Got {text[:40]!r}.")
    return int(text[:9])


def _check(threads: int) -> None:
    most = os.cpu_count() or 1
    if not 1 <= threads <= most:
        raise AskedWrongly(f"The number of threads is 1 to {most}, the cores of this machine. Got {threads}.")


def _idle_ticks(stat: Path, cores: set[int]) -> dict[int, tuple[int, int]]:
    """Return (idle, total) clock ticks since boot of each of these cores."""
    try:
        lines = stat.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    ticks = {}
    for line in lines:
        name, *numbers = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
            counts = [int(number) for number in numbers[:8]]
            ticks[int(name[3:])] = (sum(counts[3:5]), sum(counts))
    return ticks


def _quota(groups: Path, membership: Path) -> float | None:
    """Return the smallest quota, in cores, of the cgroups of this process; None without a quota."""
    quotas = [
        quota
        for folder in _group_folders(groups, membership)
        for quota in (_quota_v2(folder), _quota_v1(folder))
        if quota is not None
    ]
    return min(quotas, default=None)


def _group_folders(groups: Path, membership: Path) -> list[Path]:
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    folders = [groups, groups / "cpu", groups / "cpu,cpuacct"]
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = groups / controllers if controllers else groups
        parts = [part for part in path.split("/") if part not in ("", "..")]
        folders += [root.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return folders


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = _line(folder / "cpu.max").partition(" ")
    return _cores(quota, period)


def _quota_v1(folder: Path) -> float | None:
    return _cores(_line(folder / "cpu.cfs_quota_us"), _line(folder / "cpu.cfs_period_us"))


def _cores(quota: str, period: str) -> float | None:
    if not (quota.isdigit() and period.isdigit()) or not int(period) or not int(quota):
        return None  # "max", "-1" or no file: no quota
    return int(quota) / int(period)


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
