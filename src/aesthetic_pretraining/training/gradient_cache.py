"""One joint batch in parts, in the memory of few images or over several processes.

The ranking tasks' losses couple the images of a photo, and exp(L / T) couples photos, so the losses of parts do not add up.
Hence features are put together first, and the heads and the loss see all of them; its gradient with respect to each feature
then goes back through the part that the feature came from. Where a process has one part, its graph is kept for that. Of several,
as many graphs are kept as memory allows; the features of the others are computed twice: without a graph for the loss, and once
again part by part for the gradients.

This is GradCache: Gao et al. (2021), "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup".
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from aesthetic_pretraining.models.network import Network
from aesthetic_pretraining.training.distributed import Alone

Loss = Callable[[Mapping[str, Tensor]], Tensor]


def forward(network: Network, images: Tensor, micro_batch: int, team: Alone) -> dict[str, Tensor]:
    """This process's images, uint8 (M, 3, S, S) -> {head: (N, width)}, raw outputs for all processes' images.

    Args:
        micro_batch: at most so many images pass the backbone at once; 0: all M. In training, batch normalisation sees
            the images of one pass jointly (fidelity row 27).
    """
    own = torch.cat([features(network, part, team) for part in split(images, micro_batch)])
    return network.on_features(team.gather(own)[0])


def backward(network: Network, images: Tensor, loss_of: Loss, micro_batch: int, team: Alone, kept: int = 0) -> Tensor:
    """Add the gradients of loss_of(forward(...)) to those of the weights; return the loss, a number without graph.

    Args:
        images: this process's, uint8 (M, 3, S, S).
        loss_of: {head: (N, width)} -> loss of all processes' images.
        micro_batch: as in `forward`.
        kept: parts whose graphs are kept, which takes their memory and saves their second forward pass; it changes no number.
    If all images are one part, this is exactly the plain step. Else loss and gradients are those of the joint batch, but
    for batch normalisation in training, whose mean and variance are those of each part (fidelity row 27); running
    statistics move once a step, towards the mean over the parts of all processes. The weights' gradients are the same in
    all processes.
    The network must not draw random numbers (dropout) before its heads: the two passes would differ.
    """
    parts = split(images, micro_batch)
    backbone = [weight for weight in network.backbone.parameters() if weight.requires_grad]
    kept = 1 if len(parts) == 1 else min(kept, len(parts))
    with _moved_once(network, [len(part) for part in parts], team) as weigh:
        own: list[Tensor | None] = []
        for k, part in enumerate(parts):
            if k < kept:
                weigh(k)
                own.append(features(network, part, team))
            else:
                with torch.no_grad(), _still(network):
                    own.append(features(network, part, team))
        joint, mine = team.gather(torch.cat([part for part in own if part is not None]))
        joint.requires_grad_(bool(backbone))
        loss = loss_of(network.on_features(joint))
        loss.backward()  # the heads' gradients, the same in every process, and the features' if the backbone learns
        if joint.grad is not None:
            for k, slope in enumerate(joint.grad[mine].split([len(part) for part in parts])):
                found = own[k]
                if k >= kept or found is None:
                    weigh(k)
                    found = features(network, parts[k], team)
                found.backward(slope)
                own[k] = found = None  # lets go of the graph
            team.add_up(weight.grad for weight in backbone if weight.grad is not None)
    return loss.detach()


def by_photo(loss_of: Loss, views: int) -> Loss:
    """A loss of outputs {head: (B, views, width)} as one of (B views, width)."""
    return lambda outputs: loss_of({name: out.unflatten(0, (-1, views)) for name, out in outputs.items()})


def split(images: Tensor, micro_batch: int) -> tuple[Tensor, ...]:
    """(N, ...) in as few parts of at most `micro_batch` as possible, as equal as possible; 0: one part.

    Equal, because batch normalisation of a single image whose last maps are 1 x 1 pixel is undefined: an even N, as every
    task has, never leaves one over if `micro_batch` is at least 2.
    """
    count = -(-len(images) // micro_batch) if micro_batch else 1
    return images.tensor_split(count)


def features(network: Network, images: Tensor, team: Alone) -> Tensor:
    """Of uint8 images (M, 3, S, S): (M, width), computed in the team's precision; heads and losses always have float32."""
    with team.autocast():
        found = network.backbone(images)
    return found.float() if found.dtype == torch.bfloat16 else found


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


@contextlib.contextmanager
def _moved_once(network: nn.Module, sizes: list[int], team: Alone) -> Iterator[Callable[[int], None]]:
    """Yield a function that is called with k before part k's forward pass, so that the passes of all processes count as one.

    A running value r that takes in the values v_k of parts with shares w_k of the batch one after the other shall end at
    (1 - m sum(w_k)) r + m sum(w_k v_k). That is so for momenta m_k = m w_k / (1 - m (w_{k+1} + ... + w_K)). What the
    processes' values moved by is added up at the end, not before the backward pass: autograd looks at them there.
    """
    layers = _moving(network)
    # none of them is None where running statistics move by a momentum, as every backbone's do; other ones fail at `strict`
    momenta = [layer.momentum for layer in layers if layer.momentum is not None]
    tracked = [layer.num_batches_tracked for layer in layers if layer.num_batches_tracked is not None]
    counts = [count.clone() for count in tracked]
    values = [value for layer in layers for value in (layer.running_mean, layer.running_var) if value is not None]
    before = [value.clone() for value in values]
    total = team.total(sum(sizes))

    def weigh(k: int) -> None:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum * sizes[k] / total / (1 - momentum * sum(sizes[k + 1 :]) / total)

    try:
        yield weigh
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for steps, count in zip(tracked, counts, strict=True):
            steps.copy_(count + 1)
    if team.size > 1:
        moves = [value - old for value, old in zip(values, before, strict=True)]
        team.add_up(moves)
        for value, old, move in zip(values, before, moves, strict=True):
            value.copy_(old + move)
