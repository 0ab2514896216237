"""Low-rank adaptation (LoRA): learn a low-rank update of each dense layer, with the weights frozen."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from radapt.adaptation.full import Full
from radapt.adaptation.strategy import AdaptContext, AdaptResult
from radapt.adaptation.tuning import fit_all
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo, parameter_info


@dataclass(frozen=True, slots=True)
class Lora(Full):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), by peft; updates are merged afterwards.

    All dense layers of the trunk get an update, whatever their names (on why all: Dettmers et al. 2023,
    arXiv:2305.14314). A layer that computes queries, keys and values together gets one. The head is trained
    in full. After merging, the adapted model has the base's architecture.
    """

    rank: int = 8

    about: ClassVar[str] = "low-rank updates of a transformer's dense layers (LoRA), and the head"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Return 1 for weights of the trunk's dense layers and of the head, and 0 for all others."""
        return float(place.head or place.dense)

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train low-rank updates and the head of a copy, and merge the updates into it."""
        names = [
            place.name.removeprefix("trunk.").removesuffix(".weight")
            for place in parameter_info(base).values()
            if place.dense and not place.head
        ]
        if not names:
            raise AskedWrongly(
                f"The strategy 'lora' is for transformers, such as timm:vit_tiny_patch16_224: the trunk of "
                f"{base.spec.model!r} has no dense layer."
            )
        adapted = deepcopy(base)
        with conditions.hardware.seeded(conditions.seed):
            adapted.trunk = _corrected(adapted.trunk, names, self.rank)
        recipe = self.fine_tuning_recipe(base, target, conditions)
        epochs = fit_all(adapted, target, valid, recipe, conditions, rates=lambda name, _: _rate(name))
        history = tuple(epochs)  # trains `adapted`
        _merge(adapted.cpu().trunk, names)
        return AdaptResult(adapted.eval(), history, recipe, {"layers_corrected": len(names)})


def _corrected(trunk: nn.Module, names: list[str], rank: int) -> nn.Module:
    """Return the trunk with low-rank updates at its dense layers of these names.

    Raises
    ------
    AskedWrongly
        If peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners import lora
    except ImportError:
        raise AskedWrongly(
            "The strategy 'lora' needs the extra 'lora': pip install 'radapt[lora]'."
        ) from None

    class Corrected(lora.Linear):
        """Includes the update in `weight`, for networks that read the matrix instead of calling the layer.

        BEiT, EVA and Swin V2 do so to add their own bias. With peft's own class they would read the frozen
        matrix, and nothing would be learned.
        """

        @property
        def weight(self) -> Tensor:
            matrix = self.get_parameter("base_layer.weight")
            return matrix if self.merged else matrix + self.get_delta_weight(self.active_adapters[0])

    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names)
    config._register_custom_module({nn.Linear: Corrected})
    return inject_adapter_in_model(config, trunk)


def _merge(trunk: nn.Module, names: list[str]) -> None:
    """Add the updates to the frozen matrices, and restore the plain layers."""
    from peft.tuners.lora import LoraLayer

    for name in names:
        layer = trunk.get_submodule(name)
        if isinstance(layer, LoraLayer):
            layer.merge()
            trunk.set_submodule(name, layer.get_base_layer())


def _rate(name: str) -> float:
    """Return the rate multiplier of a weight: 10 for updates, which start at zero, 1 for the head, else 0."""
    return 10.0 if ".lora_" in name else float(name.startswith("head."))
