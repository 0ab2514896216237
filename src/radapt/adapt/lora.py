"""A network's dense layers each get a small learned correction, the network itself frozen."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor, nn

from radapt.adapt.full import Full
from radapt.adapt.strategy import AdaptContext, AdaptResult
from radapt.adapt.tuning import train_all
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.parameter_info import ParameterInfo, parameter_info


@dataclass(frozen=True, slots=True)
class Lora(Full):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), by peft; the corrections are merged afterwards.

    Every dense layer of the trunk is corrected, whatever it is called (Dettmers et al. 2023,
    arXiv:2305.14314, on why all of them); queries, keys and values that are made by one layer have one
    correction. The head is trained as it is. The adapted model is again a network of the base's kind.
    """

    rank: int = 8

    about: ClassVar[str] = "low-rank corrections of a transformer's dense layers, and the head"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: ParameterInfo, done: float) -> float:  # noqa: ARG002
        """Change the dense layers of the trunk, and the head."""
        return float(place.head or place.dense)

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: AdaptContext
    ) -> AdaptResult:
        """Train corrections of a copy, and merge them into it."""
        names = [
            place.name.removeprefix("trunk.").removesuffix(".weight")
            for place in parameter_info(base).values()
            if place.dense and not place.head
        ]
        if not names:
            raise AskedWrongly(
                f"The strategy 'lora' is for transformers, such as timm:vit_tiny_patch16_224: the trunk of "
                f"{base.spec.model!r} has no dense layer to correct."
            )
        adapted = deepcopy(base)
        with conditions.hardware.seeded(conditions.seed):
            adapted.trunk = _corrected(adapted.trunk, names, self.rank)
        recipe = self.fine_tuning_recipe(base, target, conditions)
        done = train_all(adapted, target, valid, recipe, conditions, rates=lambda name, _: _rate(name))
        _merge(adapted.trunk, names)
        return replace(done, notes={"layers_corrected": len(names)})


def _corrected(trunk: nn.Module, names: list[str], rank: int) -> nn.Module:
    """Return the trunk with corrections at its dense layers of these names.

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
        """Shows its correction also to a network that takes the matrix and does not run the layer.

        BEiT, EVA and Swin V2 do so, to put a bias of their own to it. Under peft's own layer they would
        take the matrix as it was, and nothing would be learned.
        """

        @property
        def weight(self) -> Tensor:
            matrix = self.get_parameter("base_layer.weight")
            return matrix if self.merged else matrix + self.get_delta_weight(self.active_adapters[0])

    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names)
    config._register_custom_module({nn.Linear: Corrected})
    return inject_adapter_in_model(config, trunk)


def _merge(trunk: nn.Module, names: list[str]) -> None:
    """Add the corrections to the matrices that they are of, and put the plain layers back."""
    from peft.tuners.lora import LoraLayer

    for name in names:
        layer = trunk.get_submodule(name)
        if isinstance(layer, LoraLayer):
            layer.merge()
            trunk.set_submodule(name, layer.get_base_layer())


def _rate(name: str) -> float:
    """Return the rate of a weight: corrections start at nothing, and learn ten times as fast as the head."""
    return 10.0 if ".lora_" in name else float(name.startswith("head."))
