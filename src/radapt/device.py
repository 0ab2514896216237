"""Device, precision and number of threads: chosen here and nowhere else."""

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

BF16_SIDE = 64  # pixels: below, training on a processor is in fp32


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device and the precision that training uses on it; scores are always computed in fp32."""

    device: torch.device
    precision: str  # "fp32" or "bf16"

    def autocast(self) -> AbstractContextManager[None]:
        """Run what is inside in the training precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def for_images(self, size: int) -> "Hardware":
        """Give the hardware for images of so many pixels a side: a processor's bf16 is for 64 and more.

        On smaller ones the last maps are 1 x 1, where parts of a 3 x 3 kernel meet padding alone. Their
        gradient is 0, and in bf16 on a processor whatever the memory held (PyTorch 2.15).
        """
        tiny = self.device.type == "cpu" and self.precision == "bf16" and size < BF16_SIDE
        return replace(self, precision="fp32") if tiny else self

    def exact(self) -> AbstractContextManager[None]:
        """Run what is inside in full precision, without the TF32 that a GPU's convolutions use by default."""
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
        """Draw what is inside from `seed`, and leave PyTorch's own generators as they were."""
        on_gpu = self.device.type == "cuda"
        with torch.random.fork_rng(devices=[self.device] if on_gpu else []):
            torch.default_generator.manual_seed(seed)
            if on_gpu:
                with torch.cuda.device(self.device):
                    torch.cuda.manual_seed(seed)
            yield

    def describe(self) -> dict[str, str | int]:
        """Say what did the work, for the record of a run."""
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
    """Choose the device and the precision, and settle the number of threads of this process.

    Parameters
    ----------
    device
        "auto" (a CUDA GPU where there is one, else Apple's, else the processor), or a name that
        PyTorch knows: "cpu", "cuda", "cuda:1", "mps".
    precision
        "auto", "fp32" or "bf16". On its own it takes bf16 where that is faster: on a GPU with bf16,
        and on a processor with AMX, or with AVX512_BF16 from AMD. An Intel processor with AVX512_BF16
        but no AMX trained the default model no faster in bf16 than in fp32, so it keeps fp32. On a GPU,
        training in fp32 lets convolutions use TF32, as PyTorch does; scores never do.
    threads
        How many threads, 1 or more; None: `RADAPT_THREADS`, else as many as are free when a training
        begins (see `radapt.device`). Results depend on it by rounding alone.

    Raises
    ------
    AskedWrongly
        If this machine has no such device, or not so many cores.
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
    """Give the processor's own name for itself, or its architecture where it keeps silent."""
    return _cpuinfo().get("model name", platform.machine())


def _devices() -> list[str]:
    found = ["cpu"]
    if torch.cuda.is_available():
        found += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


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

SAMPLE = 0.1  # seconds over which idle cores are counted

REFRESH = 60.0  # seconds after which they are counted again, when a training begins

WINDOW = 2.0  # seconds over which a training's pace is measured

COLLAPSE = 2.5  # how many times slower than its best a training has to be to get fewer threads

CGROUPS = Path("/sys/fs/cgroup")


class ThreadPolicy:
    """How many threads PyTorch runs on in this process: a fixed number, or what is free."""

    def __init__(self) -> None:
        self._automatic = False  # nothing is changed until a command, or `choose`, asks
        self._limit = 1
        self._counted = -REFRESH

    def settle(self, asked: int | None = None) -> int:
        """Fix the number of threads, or let it follow what is free.

        Parameters
        ----------
        asked
            How many, 1 or more. None: what the variable `RADAPT_THREADS` says, else as many as are free,
            never more than PyTorch had when this was first called (`OMP_NUM_THREADS` sets that).

        Returns
        -------
        int
            The threads that PyTorch has now.

        Raises
        ------
        AskedWrongly
            If the number is not one of 1 to the number of this machine's cores.
        """
        asked = _from_environment() if asked is None else asked
        if asked is not None:
            _check(asked)
            self._automatic = False
            torch.set_num_threads(asked)
        else:
            if not self._automatic:
                self._limit = min(torch.get_num_threads(), allowed_cores())
            self._automatic, self._counted = True, -REFRESH
            self.refresh()
        return torch.get_num_threads()

    def refresh(self) -> None:
        """Count again what is free, at most once a minute; where the number is fixed nothing changes."""
        if not self._automatic or self._limit == 1 or time.monotonic() - self._counted < REFRESH:
            return
        self._counted = time.monotonic()
        torch.set_num_threads(max(1, min(self._limit, idle_cores())))

    def lower(self) -> bool:
        """Halve the number of threads; say whether that could be done."""
        threads = torch.get_num_threads()
        if not self._automatic or threads == 1:
            return False
        torch.set_num_threads(threads // 2)
        self._counted = time.monotonic()
        return True


policy = ThreadPolicy()  # PyTorch has one number of threads a process, and so there is one policy


class Pace:
    """The pace of a training, which gets fewer threads when it collapses."""

    def __init__(
        self, lower: Callable[[], bool] = policy.lower, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lower, self._clock = lower, clock
        self._steps, self._since, self._best = 0, clock(), 0.0

    def step(self) -> None:
        """Count a step; when a window is over, hold its pace against the best so far."""
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
        """Begin a new window, after something that was no step."""
        self._steps, self._since = 0, self._clock()


def allowed_cores(groups: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Count the cores that this process may use: by affinity, and by the quota of its control groups.

    A quota is rounded up (1.5 cores are 2 threads). Both versions of control groups are read, and every
    group from the process's own to the root.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(groups, membership)
    return max(1, affinity if quota is None else min(affinity, -int(-quota // 1)))


def idle_cores(seconds: float = SAMPLE, stat: Path = Path("/proc/stat")) -> int:
    """Count the cores that did nothing for a moment, of those that this process may use.

    Where the system does not tell (not Linux), all are taken to be idle.
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
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return None
    if not given.isascii() or not given.isdigit():
        raise AskedWrongly(f"{VARIABLE} is a number of threads, such as 2. Got {given[:40]!r}.")
    return int(given[:9])


def _check(threads: int) -> None:
    most = os.cpu_count() or 1
    if not 1 <= threads <= most:
        raise AskedWrongly(f"The number of threads is 1 to {most}, the cores of this machine. Got {threads}.")


def _idle_ticks(stat: Path, cores: set[int]) -> dict[int, tuple[int, int]]:
    """Read (idle, total) ticks of each of these cores since the machine started."""
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
    """Give the smallest quota in cores of the groups that this process is in; None where there is none."""
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
    given, _, period = _line(folder / "cpu.max").partition(" ")
    return _cores(given, period)


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
