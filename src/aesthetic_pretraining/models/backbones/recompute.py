"""Batch normalisation and its activation recomputed in the backward pass instead of stored (params.yaml: compute.recompute).

For a convolution, a normalisation and an activation, autograd saves the outputs of the convolution and of the activation. The
latter follows from the former, so it can be dropped and recomputed when needed. The same functions get the same tensors, so
gradients are bit-identical; the cost is one more normalisation and activation per layer.

No layer is replaced. Forward hooks record how each output was computed; autograd's saved-tensor hooks then store that recipe
instead of the tensor. A tensor that was modified in place since (`out += shortcut`) is stored as it is.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef

from aesthetic_pretraining.models.backbones.relu6 import HIGH, LOW, ReLU6

Make = Callable[[Tensor, bool], Tensor]  # (input, whether it may be overwritten) -> output


class Recipe:
    """How to recompute a layer's output; holds the output between its first and its last use.

    Attributes:
        source: the layer's input, or its recipe.
        wanted: the number of remaining uses.
    """

    def __init__(self, make: Make, source: "Tensor | Recipe"):
        self.make, self.source, self.wanted = make, source, 0
        self.made: Tensor | None = None
        if isinstance(source, Recipe):
            source.wanted += 1
        else:
            self.version = source._version

    def take(self) -> Tensor:
        made = self._again() if self.made is None else self.made
        self.wanted -= 1
        self.made = made if self.wanted > 0 else None
        return made

    @torch.no_grad()
    def _again(self) -> Tensor:
        if isinstance(self.source, Recipe):
            alone = self.source.wanted == 1  # otherwise another recipe or gradient needs it, too
            return self.make(self.source.take(), alone)
        if self.source._version != self.version:
            raise RuntimeError("the input of a batch normalisation was changed in place before the backward pass")
        return self.make(self.source, False)


class Saved:
    """What autograd stores for a tensor: the tensor, or a recipe and the view of its output that the tensor was."""

    def __init__(self, tensor: Tensor):
        # detached, because the graph will hold this object
        self.tensor: Tensor | None = tensor.detach()
        self.version, self.recipe = tensor._version, cast("Recipe | None", None)

    def forget(self, recipe: Recipe) -> None:
        tensor, self.tensor, self.recipe = cast(Tensor, self.tensor), None, recipe
        self.part = tensor.shape, tensor.stride(), tensor.storage_offset()
        recipe.wanted += 1

    def take(self) -> Tensor:
        if self.recipe is None:
            return cast(Tensor, self.tensor)
        made = self.recipe.take()
        return made if (made.shape, made.stride(), made.storage_offset()) == self.part else made.as_strided(*self.part)


class Storage:
    """What is known about one storage during a forward pass: who saved it, and how its content was computed."""

    def __init__(self, reference: StorageWeakRef):
        self.reference = reference  # while it is held, no other storage gets the same key
        self.saved: list[Saved] = []
        self.recipe: Recipe | None = None
        self.version = -1  # of the content that the recipe computes


class Recompute:
    """The recomputation in one network.

    Attributes:
        layers: number of batch normalisations whose outputs are not stored; with 0, this does nothing.
    """

    def __init__(self, network: nn.Module):
        self.layers = 0
        self.storages: dict[int, Storage] | None = None  # None outside a forward pass
        self.known: Recipe | None = None  # for the input of the current layer
        self.inside: list[Tensor] | None = None  # what autograd saved in the current layer
        for module in network.modules():
            if (make := MAKERS.get(type(module))) is not None:
                self.layers += type(module) is nn.BatchNorm2d
                module.register_forward_pre_hook(self._before)
                module.register_forward_hook(partial(self._after, make))

    @contextlib.contextmanager
    def forward_pass(self) -> Iterator[None]:
        """Context manager for a forward pass of the network; does nothing without a graph."""
        if not self.layers or not torch.is_grad_enabled():
            yield
            return
        self.storages = {}
        try:
            with saved_tensors_hooks(self._save, Saved.take):
                yield
        finally:
            self.storages = self.known = self.inside = None

    def _storage(self, tensor: Tensor) -> Storage:
        assert self.storages is not None
        reference = StorageWeakRef(tensor.untyped_storage())
        return self.storages.setdefault(reference.cdata, Storage(reference))

    def _recipe(self, tensor: Tensor) -> Recipe | None:
        """How the tensor's content was computed, if known."""
        storage = self._storage(tensor)
        return storage.recipe if storage.version == tensor._version else None

    def _save(self, tensor: Tensor) -> Saved:
        saved = Saved(tensor)
        if self.inside is not None:
            self.inside.append(cast(Tensor, saved.tensor))
        if (recipe := self._recipe(tensor)) is not None:
            saved.forget(recipe)
        else:
            self._storage(tensor).saved.append(saved)
        return saved

    def _before(self, module: nn.Module, args: tuple[Tensor]) -> None:
        if self.storages is not None:
            self.known = self._recipe(args[0])  # now, because the layer may overwrite its input
            self.inside = []

    def _after(self, make: Callable[..., Make], module: nn.Module, args: tuple[Tensor], output: Tensor) -> None:
        known, inside = self.known, self.inside
        self.known = self.inside = None
        if self.storages is None or not output.requires_grad:
            return
        # autograd always saves the input of a normalisation; other layers may not save it, or may have overwritten it
        source = args[0].detach() if known is None and type(module) is nn.BatchNorm2d else known
        if source is None or output.storage_offset():
            return
        storage = self._storage(output)
        storage.recipe, storage.version = Recipe(make(module, inside), source), output._version
        for saved in storage.saved:  # by the layer itself
            if saved.version == storage.version:
                saved.forget(storage.recipe)
        storage.saved.clear()


def _normalise(module: nn.BatchNorm2d, inside: list[Tensor]) -> Make:
    weight, bias, eps = cast("Tensor | None", module.weight), module.bias, module.eps
    if not module.training and module.running_mean is not None:
        mean, variance = module.running_mean, module.running_var
        return lambda x, overwrite: F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)
    if (found := _statistics(module, inside)) is not None:
        mean, scale = found
        # The CPU kernel first computes weight * scale and bias - mean * weight * scale, with or without batch statistics, so these
        # arguments give bit-identical results and save computing the statistics.
        return lambda x, overwrite: F.batch_norm(
            x, mean, torch.ones_like(scale), scale if weight is None else weight * scale, bias, False, 0.0, 0.0
        )
    # without running statistics, which have already been updated; the batch's are recomputed
    return lambda x, overwrite: F.batch_norm(x, None, None, weight, bias, True, 0.0, eps)


def _statistics(module: nn.BatchNorm2d, inside: list[Tensor]) -> tuple[Tensor, Tensor] | None:
    """The batch's mean and 1 / sqrt(variance + eps) among the tensors that a normalisation saved, if unambiguous and on a CPU."""
    own = {t.data_ptr() for t in (module.weight, module.bias, module.running_mean, module.running_var) if t is not None}
    found = [t for t in inside if t.shape == (module.num_features,) and t.data_ptr() not in own]
    return (found[0], found[1]) if len(found) == 2 and all(t.device.type == "cpu" for t in found) else None


def _relu6(module: ReLU6, inside: list[Tensor]) -> Make:
    return lambda x, overwrite: F.hardtanh(x, LOW, HIGH, overwrite)


def _relu(module: nn.ReLU, inside: list[Tensor]) -> Make:
    return lambda x, overwrite: F.relu(x, overwrite)


def _pad(module: nn.ZeroPad2d, inside: list[Tensor]) -> Make:
    padding = module.padding
    return lambda x, overwrite: F.pad(x, padding)


# for each kind of layer: (layer, what autograd saved in it) -> how to recompute its output
MAKERS: dict[type, Callable[..., Make]] = {
    nn.BatchNorm2d: _normalise,
    ReLU6: _relu6,
    nn.ReLU: _relu,
    nn.ZeroPad2d: _pad,  # before EfficientNet-Lite0's convolutions
}
