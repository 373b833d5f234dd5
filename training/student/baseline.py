"""The baseline: segmentation_models_pytorch's UNet as its tutorial builds it."""

from torch import Tensor, nn

from training.student.contract import Contract
from training.student.normalisation import NEUTRAL, Normalise


class BaselineUNet(nn.Module):
    """smp.Unet("mobilenet_v2") behind the contract: raw RGB in, logits at stride 1 out."""

    def __init__(self, contract: Contract, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Build it untrained."""
        import segmentation_models_pytorch as smp

        super().__init__()
        self.normalise = Normalise(mean, std)
        self.network = smp.Unet("mobilenet_v2", encoder_weights=None, classes=len(contract.classes))

    @property
    def encoder(self) -> nn.Module:
        """The part that may start from pretrained weights."""
        encoder = self.network.encoder
        assert isinstance(encoder, nn.Module)
        return encoder

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, classes, H, W)."""
        logits: Tensor = self.network(self.normalise(image))
        return logits


def baseline_unet(
    contract: Contract, mean: tuple[float, ...] = NEUTRAL, std: tuple[float, ...] = NEUTRAL
) -> BaselineUNet:
    """The baseline for these classes, untrained; mean and std as in `Architecture`."""
    return BaselineUNet(contract, mean, std).eval()
