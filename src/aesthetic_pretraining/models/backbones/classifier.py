"""Networks with their ImageNet classification layer, and an object detector: what is in a photo?"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

DETECTOR = "retinanet_resnet50_fpn"  # appendix B
SIDES = (800, 1333)  # pixels: short side of the photos that the detector was trained on, and the most of the long one


class Classifier(nn.Module):
    """uint8 images (N, 3, crop, crop) in 0..255 -> logits (N, 1000), in inference mode.

    Attributes:
        names: of the classes; two pairs of ImageNet's classes have the same name.
        resize, crop: the short side before the centre crop, and the side of the crop, in pixels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float], resize: int, crop: int):
        super().__init__()
        self.network, self.resize, self.crop, self.names = network, resize, crop, imagenet_names()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        return self.network((pictures.float() / 255 - self.mean) / self.std)


class Detector(nn.Module):
    """RetinaNet (Lin and others 2017) trained on COCO: a photo, uint8 (3, H, W) -> kinds (n,) and scores (n,), best first.

    Attributes:
        names: by kind; "N/A" and "__background__" are not objects.
        short_side: to which it resizes photos itself, in pixels, unless the long side would become too long.
    """

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models.detection import RetinaNet, RetinaNet_ResNet50_FPN_Weights
        from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
        from torchvision.ops import FrozenBatchNorm2d
        from torchvision.ops.feature_pyramid_network import LastLevelP6P7

        weights = RetinaNet_ResNet50_FPN_Weights.COCO_V1
        # built from parts, because torchvision's own function unpickles the weights with arbitrary code
        pyramid = resnet_fpn_backbone(
            backbone_name="resnet50",
            weights=None,
            norm_layer=FrozenBatchNorm2d,
            returned_layers=[2, 3, 4],
            extra_blocks=LastLevelP6P7(256, 256),
        )
        self.names, self.short_side = tuple(weights.meta["categories"]), SIDES[0]
        self.network = RetinaNet(pyramid, len(self.names), min_size=SIDES[0], max_size=SIDES[1])
        self.network.load_state_dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
        for module in self.network.modules():
            if isinstance(module, FrozenBatchNorm2d):
                module.eps = 0.0  # as in the training of these weights
        self.eval()

    def forward(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        found = self.network([photo.float() / 255])[0]
        return found["labels"], found["scores"]


def imagenet_names() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes, in the order of all networks here."""
    from torchvision.models import MobileNet_V2_Weights

    return tuple(MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"])
