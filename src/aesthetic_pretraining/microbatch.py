"""One joint batch in micro-batches: the loss and the gradients of all pictures together in the memory of a few.

The ranking tasks' losses couple the pictures of a photo, and exp(L / T) couples photos, so the losses of micro-batches do not
add up. Hence two passes: the first computes the features of all pictures without a graph, from which the loss and its
gradient with respect to each feature follow; the second computes each micro-batch's features again and backpropagates
its slice of that gradient. The price is one more forward pass.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from aesthetic_pretraining.networks import Network

Loss = Callable[[Mapping[str, Tensor]], Tensor]


def forward(network: Network, pictures: Tensor, micro_batch: int = 0) -> dict[str, Tensor]:
    """uint8 (B, n, 3, S, S) -> {head: (B, n, width)}, raw outputs.

    Args:
        micro_batch: at most so many pictures pass the backbone at once; 0: all B n. In training, batch normalisation sees
            the pictures of one pass jointly (fidelity row 27).
    """
    features = torch.cat([network.backbone(part) for part in split(pictures.flatten(0, 1), micro_batch)])
    return _outputs(network, features, pictures)


def backward(network: Network, pictures: Tensor, loss_of: Loss, micro_batch: int = 0) -> Tensor:
    """Add the gradients of loss_of(forward(network, pictures)) to those of the weights; return the loss, a number without graph.

    Args:
        pictures: uint8 (B, n, 3, S, S).
        loss_of: {head: (B, n, width)} -> loss of the joint batch.
        micro_batch: as in `forward`. If all pictures fit into one, this is exactly the plain step. Else loss and gradients
            are those of the joint batch, but for batch normalisation in training, whose mean and variance are those of each
            micro-batch (fidelity row 27); running statistics move once a step, towards the mean over the micro-batches.
    The network must not draw random numbers (dropout) before its heads: the two passes would differ.
    """
    parts = split(pictures.flatten(0, 1), micro_batch)
    if len(parts) == 1:
        loss = loss_of(forward(network, pictures))
        loss.backward()
        return loss.detach()
    with torch.no_grad(), _still(network):
        features = torch.cat([network.backbone(part) for part in parts])
    features.requires_grad_(any(weight.requires_grad for weight in network.backbone.parameters()))
    loss = loss_of(_outputs(network, features, pictures))
    loss.backward()  # the heads' gradients, and the features' if the backbone learns
    if features.grad is not None:
        for part, slope in zip(parts, _once_a_step(network, features.grad.split([len(part) for part in parts])), strict=True):
            network.backbone(part).backward(slope)
    return loss.detach()


def split(pictures: Tensor, micro_batch: int) -> tuple[Tensor, ...]:
    """(N, ...) in as few parts of at most `micro_batch` as possible, as equal as possible; 0: one part.

    Equal, because batch normalisation of a single picture whose last maps are 1 x 1 pixel is undefined: an even N, as every
    task has, never leaves one over if `micro_batch` is at least 2.
    """
    count = -(-len(pictures) // micro_batch) if micro_batch else 1
    return pictures.tensor_split(count)


def _outputs(network: Network, features: Tensor, pictures: Tensor) -> dict[str, Tensor]:
    return {name: out.unflatten(0, pictures.shape[:2]) for name, out in network.on_features(features).items()}


def _moving(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """The batch normalisations whose running statistics move in a forward pass."""
    kind = nn.modules.batchnorm._BatchNorm
    return [m for m in network.modules() if isinstance(m, kind) and m.training and m.track_running_stats]


@contextlib.contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """Inside, running statistics do not move; normalisation is that of training all the same."""
    layers = _moving(network)
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def _once_a_step(network: nn.Module, slopes: tuple[Tensor, ...]) -> Iterator[Tensor]:
    """Yield the micro-batches' slopes, one before each forward pass, with such momenta that all passes count as one.

    A running value r that takes in the values v_k of micro-batches with shares w_k one after the other shall end at
    (1 - m) r + m sum(w_k v_k). That is so for momenta m_k = m w_k / (1 - m (w_{k+1} + ... + w_K)).
    """
    layers = _moving(network)
    momenta, tracked = [layer.momentum for layer in layers], [layer.num_batches_tracked.clone() for layer in layers]
    left = total = sum(map(len, slopes))
    try:
        for slope in slopes:
            left -= len(slope)
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum * len(slope) / total / (1 - momentum * left / total)
            yield slope
    finally:
        for layer, momentum, count in zip(layers, momenta, tracked, strict=True):
            layer.momentum = momentum
            layer.num_batches_tracked.copy_(count + 1)
