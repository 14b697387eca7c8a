"""ReLU6 that saves its output for the backward pass instead of a copy of its input, like torch's.

The output shows just as well where the input was outside 0..6, and the next layer saves it anyway. So training stores a third
less between the passes and saves a copy: torch copies the input even of an in-place ReLU6. Results equal torch's.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LOW, HIGH = 0.0, 6.0


class _ByOutput(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, inplace: bool) -> Tensor:
        if inplace:
            ctx.mark_dirty(x)
        y = nn.functional.hardtanh(x, LOW, HIGH, inplace)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        # y in place of torch's x: y <= 0 or y >= 6 exactly where x is
        return torch.ops.aten.hardtanh_backward(slope, y, LOW, HIGH), None


class ReLU6(nn.ReLU6):
    """min(max(x, 0), 6), in place if `inplace`; any shape."""

    def forward(self, x: Tensor) -> Tensor:
        return _ByOutput.apply(x, self.inplace)


def replace_relu6(network: nn.Module) -> None:
    """Replace torch's ReLU6 by ours; nothing else changes, not even names of weights."""
    for name, module in list(network.named_modules(remove_duplicate=False)):
        if type(module) is nn.ReLU6:
            network.set_submodule(name, ReLU6(module.inplace))
