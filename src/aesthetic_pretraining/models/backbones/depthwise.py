"""Depthwise convolutions whose weights' gradient is summed tap by tap, where oneDNN's is slow on a CPU.

oneDNN has a fast kernel for that gradient where the filter is 3 x 3 and the maps are larger than it. Elsewhere it takes 1.2 to 25
times as long as the sums below: most of a training step of EfficientNet-Lite0 on small images. Outputs and the inputs' gradient are
oneDNN's; the weights' gradient differs by the order of its sums, about 1e-6 of its largest value.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CHUNK = 500_000  # values of an input that are multiplied at once: what stays in a core's cache


class Depthwise(nn.Conv2d):
    """A depthwise convolution of stride 1 that keeps the size of its maps; parameters and results as of nn.Conv2d."""

    def forward(self, x: Tensor) -> Tensor:
        if slow_in_onednn(self, x):
            return _BySums.apply(x, self.weight, self.padding)
        return super().forward(x)


def replace_depthwise(network: nn.Module) -> None:
    """Replace depthwise convolutions that `Depthwise` can be by it; nothing else changes, not even names of weights."""
    for layer in network.modules():
        if type(layer) is nn.Conv2d and _keeps_size(layer):
            # not a new layer, which would draw random weights: heads that are made later would begin with other ones
            layer.__class__ = Depthwise


def slow_in_onednn(layer: nn.Conv2d, x: Tensor) -> bool:
    """Whether oneDNN would compute the weights' gradient with its slow kernel; False wherever it is not oneDNN that computes."""
    kernel = max(layer.kernel_size)
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and layer.weight.requires_grad
        and torch.is_grad_enabled()
        and (kernel > 3 or kernel >= min(x.shape[-2:]))
    )


def weight_gradient(x: Tensor, slope: Tensor, kernel: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    """The gradient of a depthwise convolution's weights.

    Args:
        x, slope: (N, C, H, W): the input, and the loss's gradient with respect to the output.
    Returns: (C, 1, *kernel).
    """
    height, width = x.shape[-2:]
    gradient = x.new_zeros(*kernel, x.shape[1])
    chunk = max(1, CHUNK // max(1, x[0].numel()))
    for inputs, slopes in zip(x.split(chunk), slope.split(chunk), strict=True):
        inputs, slopes = inputs.permute(0, 2, 3, 1), slopes.permute(0, 2, 3, 1)  # without a copy: channels are last in memory
        for i in range(kernel[0]):
            down = i - padding[0]
            top, bottom = max(0, -down), min(height, height - down)
            for j in range(kernel[1]):
                right = j - padding[1]
                first, last = max(0, -right), min(width, width - right)
                if top < bottom and first < last:
                    product = (
                        slopes[:, top:bottom, first:last] * inputs[:, top + down : bottom + down, first + right : last + right]
                    )
                    gradient[i, j] += product.sum((0, 1, 2))
    return gradient.permute(2, 0, 1)[:, None]


class _BySums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return F.conv2d(x, weight, None, 1, padding, 1, x.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        inputs = None
        if ctx.needs_input_grad[0]:
            wanted = [True, False, False]
            inputs = torch.ops.aten.convolution_backward(
                slope, x, weight, None, (1, 1), ctx.padding, (1, 1), False, (0, 0), x.shape[1], wanted
            )[0]
        kernel = weight.shape[2], weight.shape[3]
        return inputs, weight_gradient(x, slope, kernel, ctx.padding), None


def _keeps_size(layer: nn.Conv2d) -> bool:
    return (
        layer.groups == layer.in_channels == layer.out_channels > 1
        and layer.stride == (1, 1)
        and layer.dilation == (1, 1)
        and layer.padding == tuple(side // 2 for side in layer.kernel_size)
        and all(side % 2 for side in layer.kernel_size)
        and layer.padding_mode == "zeros"
        and layer.bias is None
    )
