"""The network to measure against: segmentation_models_pytorch's UNet as its tutorial builds it."""

from torch import Tensor, nn

from training.student.contract import Contract
from training.student.normalisation import NEUTRAL, Normalise


class Usual(nn.Module):
    """smp.Unet("mobilenet_v2") behind the contract: raw RGB in, logits at stride 1 out."""

    def __init__(self, contract: Contract) -> None:
        """Build it untrained."""
        import segmentation_models_pytorch as smp

        super().__init__()
        self.normalise = Normalise(NEUTRAL, NEUTRAL)
        self.network = smp.Unet("mobilenet_v2", encoder_weights=None, classes=len(contract.classes))

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, classes, H, W)."""
        logits: Tensor = self.network(self.normalise(image))
        return logits


def usual_network(contract: Contract) -> nn.Module:
    """The usual network for these classes, untrained."""
    return Usual(contract).eval()
