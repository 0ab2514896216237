"""A transformer's dense layers each get a small learned correction, the network itself frozen."""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from radapt.adapt.full import Full
from radapt.adapt.strategy import Adapted, Conditions
from radapt.adapt.tuning import gentle, train_all
from radapt.errors import AskedWrongly
from radapt.images.imageset import ImageSet
from radapt.models.classifier import Classifier
from radapt.models.places import Place

LAYERS = ("qkv", "proj", "fc1", "fc2")  # as timm's transformers call them


@dataclass(frozen=True, slots=True)
class Lora(Full):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), by peft; the corrections are merged afterwards.

    The head is trained as it is. The adapted model is again a network of the base's kind.
    """

    rank: int = 8

    about: ClassVar[str] = "low-rank corrections of a transformer's dense layers, and the head"
    many_rate: ClassVar[float] = 1.0

    def rate(self, place: Place, done: float) -> float:  # noqa: ARG002
        """Change the dense layers of the blocks, and the head."""
        return float(place.head or any(f".{layer}.weight" in place.name for layer in LAYERS))

    def adapt(
        self, base: Classifier, target: ImageSet, valid: ImageSet | None, conditions: Conditions
    ) -> Adapted:
        """Train corrections of a copy, and merge them into it."""
        try:
            from peft import LoraConfig, inject_adapter_in_model
            from peft.tuners.lora import LoraLayer
        except ImportError:
            raise AskedWrongly(
                "The strategy 'lora' needs the extra 'lora': pip install 'radapt[lora]'."
            ) from None
        adapted = deepcopy(base)
        names = [
            name
            for name, module in adapted.trunk.named_modules()
            if isinstance(module, nn.Linear) and name.rpartition(".")[2] in LAYERS
        ]
        if not names:
            raise AskedWrongly(
                "The strategy 'lora' is for transformers, such as timm:vit_tiny_patch16_224. "
                f"{base.spec.model!r} has no attention layers."
            )
        config = LoraConfig(r=self.rank, lora_alpha=2 * self.rank, target_modules=names)
        with conditions.hardware.seeded(conditions.seed):
            adapted.trunk = inject_adapter_in_model(config, adapted.trunk)
        recipe = conditions.adjusted(self.recipe) if self.recipe else gentle(self, base, target, conditions)
        done = train_all(adapted, target, valid, recipe, conditions, rates=lambda name, _: _rate(name))
        for name in names:
            layer = done.classifier.trunk.get_submodule(name)
            if isinstance(layer, LoraLayer):
                layer.merge()
                done.classifier.trunk.set_submodule(name, layer.get_base_layer())
        return done


def _rate(name: str) -> float:
    """Give the rate of a weight: corrections start at nothing, and learn ten times as fast as the head."""
    return 10.0 if ".lora_" in name else float(name.startswith("head."))
