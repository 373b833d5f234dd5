"""MIL operators in torch: the meaning that coremltools' operator documentation gives each, in float32.

Parameters carry MIL's own names. Real numbers come as float32 tensors, whole ones and truths as Python has them, or as
tensors where they are data. Kernels read nothing of how we emit: they must run anyone's program. What the
documentation leaves open is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any

from conversion.coreml.kernels import (
    conv_transpose,
    convolution,
    elementwise,
    matmul,
    normalisation,
    padding,
    pooling,
    reduction,
    resize,
    shape,
)

Kernel = Callable[..., Any]

KERNELS: Mapping[str, Kernel] = {
    **conv_transpose.KERNELS,
    **convolution.KERNELS,
    **elementwise.KERNELS,
    **matmul.KERNELS,
    **normalisation.KERNELS,
    **padding.KERNELS,
    **pooling.KERNELS,
    **reduction.KERNELS,
    **resize.KERNELS,
    **shape.KERNELS,
}
"""By MIL's name."""
