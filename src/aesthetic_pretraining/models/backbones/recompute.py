"""Batch normalisation and its activation computed again in the backward pass, not kept for it (params.yaml: compute.recompute).

Of a convolution, a normalisation and an activation, a training keeps the convolution's output and what the activation made of
it. The latter follows from the former, so that it can be forgotten and made anew when its turn comes. The same functions get the
same tensors, so gradients are equal to the bit; the price is one more normalisation and activation for each layer.

No layer is replaced. Hooks of the layers note how each output was made; autograd's hooks for saved tensors then keep that note
in place of the tensor. A tensor that was changed in place since (`out += shortcut`) is kept as it is.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef

from aesthetic_pretraining.models.backbones.relu6 import HIGH, LOW, ReLU6

Make = Callable[[Tensor, bool], Tensor]  # (input, whether it may be overwritten) -> output


class Recipe:
    """How a layer's output is made again, and the output from its first use to its last one.

    Attributes:
        source: the layer's input, or the recipe of it.
        wanted: how many times it is still going to be taken.
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
            alone = self.source.wanted == 1  # else somebody else needs it, too
            return self.make(self.source.take(), alone)
        if self.source._version != self.version:
            raise RuntimeError("the input of a batch normalisation was changed in place before the backward pass")
        return self.make(self.source, False)


class Saved:
    """What autograd keeps in the place of a tensor: the tensor, or the recipe and which part of its output it was."""

    def __init__(self, tensor: Tensor):
        # without a graph, because the graph is going to hold this
        self.tensor, self.version, self.recipe = tensor.detach(), tensor._version, None

    def forget(self, recipe: Recipe) -> None:
        tensor, self.tensor, self.recipe = self.tensor, None, recipe
        self.part = tensor.shape, tensor.stride(), tensor.storage_offset()
        recipe.wanted += 1

    def take(self) -> Tensor:
        if self.recipe is None:
            return self.tensor
        made = self.recipe.take()
        return made if (made.shape, made.stride(), made.storage_offset()) == self.part else made.as_strided(*self.part)


class Storage:
    """What is known of one piece of memory during a forward pass: who saved it, and how its content was made."""

    def __init__(self, reference: StorageWeakRef):
        self.reference = reference  # as long as it is held, no other memory gets the same key
        self.saved: list[Saved] = []
        self.recipe: Recipe | None = None
        self.version = -1  # of the content that the recipe makes


class Recompute:
    """The recomputation in one network.

    Attributes:
        layers: how many batch normalisations the network has whose outputs are not kept; 0: this does nothing.
    """

    def __init__(self, network: nn.Module):
        self.layers = 0
        self.storages: dict[int, Storage] | None = None  # None outside of a forward pass
        self.known: Recipe | None = None  # of the input of the layer that is at work
        self.inside: list[Tensor] | None = None  # what autograd has saved in that layer
        for module in network.modules():
            if (make := MAKERS.get(type(module))) is not None:
                self.layers += type(module) is nn.BatchNorm2d
                module.register_forward_pre_hook(self._before)
                module.register_forward_hook(partial(self._after, make))

    @contextlib.contextmanager
    def forward_pass(self) -> Iterator[None]:
        """To be around a forward pass of the network; without a graph it does nothing."""
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
        reference = StorageWeakRef(tensor.untyped_storage())
        return self.storages.setdefault(reference.cdata, Storage(reference))

    def _recipe(self, tensor: Tensor) -> Recipe | None:
        """How the tensor's content was made, if that is known."""
        storage = self._storage(tensor)
        return storage.recipe if storage.version == tensor._version else None

    def _save(self, tensor: Tensor) -> Saved:
        saved = Saved(tensor)
        if self.inside is not None:
            self.inside.append(saved.tensor)
        if (recipe := self._recipe(tensor)) is not None:
            saved.forget(recipe)
        else:
            self._storage(tensor).saved.append(saved)
        return saved

    def _before(self, module: nn.Module, args: tuple[Tensor]) -> None:
        if self.storages is not None:
            self.known = self._recipe(args[0])  # now, because the layer may write over its input
            self.inside = []

    def _after(self, make: Callable[..., Make], module: nn.Module, args: tuple[Tensor], output: Tensor) -> None:
        known, inside = self.known, self.inside
        self.known = self.inside = None
        if self.storages is None or not output.requires_grad:
            return
        # autograd keeps the input of a normalisation in any case; of other layers it may not, and they may have overwritten it
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
    weight, bias, eps = module.weight, module.bias, module.eps
    if not module.training and module.running_mean is not None:
        mean, variance = module.running_mean, module.running_var
        return lambda x, overwrite: F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)
    if (found := _statistics(module, inside)) is not None:
        mean, scale = found
        # A CPU's kernel forms weight * scale and bias - mean * that first, with or without the batch's own statistics, so that
        # these arguments give the same numbers to the bit and spare it the statistics.
        return lambda x, overwrite: F.batch_norm(
            x, mean, torch.ones_like(scale), scale if weight is None else weight * scale, bias, False, 0.0, 0.0
        )
    # without running statistics, because they have moved already; the batch's are computed again
    return lambda x, overwrite: F.batch_norm(x, None, None, weight, bias, True, 0.0, eps)


def _statistics(module: nn.BatchNorm2d, inside: list[Tensor]) -> tuple[Tensor, Tensor] | None:
    """The batch's mean and 1 / sqrt(variance + eps) among what a normalisation saved, if it is a CPU's and they are clear."""
    own = {t.data_ptr() for t in (module.weight, module.bias, module.running_mean, module.running_var) if t is not None}
    found = [t for t in inside if t.shape == (module.num_features,) and t.data_ptr() not in own]
    return tuple(found) if len(found) == 2 and all(t.device.type == "cpu" for t in found) else None


def _relu6(module: ReLU6, inside: list[Tensor]) -> Make:
    return lambda x, overwrite: F.hardtanh(x, LOW, HIGH, overwrite)


def _relu(module: nn.ReLU, inside: list[Tensor]) -> Make:
    return lambda x, overwrite: F.relu(x, overwrite)


def _pad(module: nn.ZeroPad2d, inside: list[Tensor]) -> Make:
    padding = module.padding
    return lambda x, overwrite: F.pad(x, padding)


# for each kind of layer: (the layer, what autograd saved in it) -> how its output is made again
MAKERS: dict[type, Callable[..., Make]] = {
    nn.BatchNorm2d: _normalise,
    ReLU6: _relu6,
    nn.ReLU: _relu,
    nn.ZeroPad2d: _pad,  # before EfficientNet-Lite0's convolutions
}
