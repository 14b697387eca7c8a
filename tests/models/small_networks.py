"""Small networks of each library, and what is published of them."""

import timm
import torchvision
from efficientnet_lite_pytorch import EfficientNet

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
# (the library's own network, weights without the classifier, features, weights of the last block, mean and deviation);
# counts are published ones less the classifier, or worked out by hand
SMALL = {
    # one convolution 320 -> 1280 and a batch normalisation
    "efficientnet_lite0": (
        lambda: EfficientNet.from_name("efficientnet-lite0"),
        *(4_652_008 - 1000 * (1280 + 1), 1280, 320 * 1280 + 2 * 1280, ([0.498] * 3, [0.502] * 3)),
    ),
    "mobilenet_v2": (torchvision.models.mobilenet_v2, 2_223_872, 1280, 412_160, IMAGENET),
    # the second of two blocks: two convolutions 512 -> 512 of 3 x 3 pixels with their normalisations
    "torchvision:resnet18": (
        torchvision.models.resnet18,
        *(11_689_512 - 1000 * (512 + 1), 512, 2 * (512 * 512 * 9 + 2 * 512), IMAGENET),
    ),
    # the layer before the last, 576 -> 1024
    "mobilenet_v3_small": (
        torchvision.models.mobilenet_v3_small,
        *(2_542_856 - 1000 * (1024 + 1), 1024, 576 * 1024 + 1024, IMAGENET),
    ),
    "timm:efficientnet_lite0": (
        lambda: timm.create_model("efficientnet_lite0"),
        *(4_652_008 - 1000 * (1280 + 1), 1280, 412_160, IMAGENET),
    ),
    # a single block 256 -> 512 with a shortcut 256 -> 512, three normalisations
    "timm:resnet10t": (
        lambda: timm.create_model("resnet10t"),
        *(5_435_488 - 1000 * (512 + 1), 512, 256 * 512 * 9 + 512 * 512 * 9 + 256 * 512 + 6 * 512, IMAGENET),
    ),
    # no batch normalisation: a stage (normalisation, 2 x 2 convolution 48 -> 64, two blocks) and a normalisation
    "timm:test_convnext": (
        lambda: timm.create_model("test_convnext"),
        *(272_128 - 1000 * (64 + 1), 64, 96 + 48 * 64 * 4 + 64 + 2 * 36_480 + 128, ([0.5] * 3, [0.5] * 3)),
    ),
}
