"""Where the arithmetic is done and how precisely: chosen here and nowhere else."""

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from radapt.errors import AskedWrongly, UnknownName
from radapt.quoting import listed
from radapt.threads import policy

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

    def for_films(self, size: int) -> "Hardware":
        """Give the hardware for films of so many pixels a side: a processor's bf16 is for 64 and more.

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


def choose(device: str = "auto", precision: str = "auto", threads: int | None = None) -> Hardware:
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
        begins (see `radapt.threads`). Results depend on it by rounding alone.

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
