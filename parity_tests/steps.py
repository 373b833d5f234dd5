"""What a sketch may draw: one function an operator, and the table of them."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from parity_tests.sketch import RANKS, Shape, Sketch


def _is_any(_: Shape) -> bool:
    return True


def _is_matrix(shape: Shape) -> bool:
    return len(shape) >= 2


def _is_flat(shape: Shape) -> bool:
    return len(shape) == 2


def _has_channels(shape: Shape) -> bool:
    return len(shape) >= 3


def _has_few_axes(shape: Shape) -> bool:
    """TFLite's PRELU and SELECT_V2 abort beyond."""
    return len(shape) <= 4


def _is_image(shape: Shape) -> bool:
    return len(shape) == 4


def _is_divisible(shape: Shape) -> bool:
    return max(shape) > 1


def nothing(sketch: Sketch, x: str) -> None:
    """What a step that a failure does not need shrinks to."""


def transpose(sketch: Sketch, x: str) -> None:
    """Any permutation."""
    sketch.add("Transpose", x, perm=sketch.draw(st.permutations(range(len(sketch.shapes[x])))))


def reshape(sketch: Sketch, x: str) -> None:
    """The factors of the sizes, dealt out anew."""
    shape = [1] * sketch.number(*RANKS)
    for prime in _primes(math.prod(sketch.shapes[x])):
        shape[sketch.number(0, len(shape) - 1)] *= prime
    sketch.add("Reshape", x, sketch.constant(shape))


def _primes(number: int) -> Iterator[int]:
    for prime in (2, 3, 5):
        while number % prime == 0:
            yield prime
            number //= prime
    if number > 1:
        yield number


def unsqueeze(sketch: Sketch, x: str) -> None:
    """A new axis of 1 anywhere."""
    sketch.add("Unsqueeze", x, sketch.constant([sketch.number(0, len(sketch.shapes[x]))]))


def flatten(sketch: Sketch, x: str) -> None:
    """To a matrix, at any axis."""
    sketch.add("Flatten", x, axis=sketch.axis(x))


def squeeze(sketch: Sketch, x: str) -> None:
    """Without its first axis of 1, if there is one."""
    for axis in [axis for axis, size in enumerate(sketch.shapes[x]) if size == 1][:1]:
        sketch.add("Squeeze", x, sketch.constant([axis]))


def concat(sketch: Sketch, x: str) -> None:
    """Two tensors that fit, or one with itself or a constant, along any axis."""
    axis = sketch.axis(x)
    shape = sketch.shapes[x]
    fitting = [name for name, other in sketch.shapes.items() if _without(other, axis) == _without(shape, axis)]
    other = sketch.one_of([x, *fitting, sketch.noise(*shape[:axis], 2, *shape[axis + 1 :])])
    sketch.add("Concat", *sketch.one_of([(x, other), (other, x)]), axis=axis)


def _without(shape: Shape, axis: int) -> tuple[int, Shape]:
    return len(shape), shape[:axis] + shape[axis + 1 :]


def split(sketch: Sketch, x: str) -> None:
    """In two, along any axis."""
    axis = sketch.one_of([axis for axis, size in enumerate(sketch.shapes[x]) if size > 1])
    first = sketch.number(1, sketch.shapes[x][axis] - 1)
    sizes = sketch.constant([first, sketch.shapes[x][axis] - first])
    sketch.add("Split", x, sizes, outputs=2, axis=axis)


def slice_(sketch: Sketch, x: str) -> None:
    """A stretch of one axis, perhaps every second element, perhaps backwards."""
    axis = sketch.one_of([axis for axis, size in enumerate(sketch.shapes[x]) if size > 1])
    size = sketch.shapes[x][axis]
    start, end, step = sketch.one_of([(0, size - 1, 1), (1, size, 1), (0, size, 2), (-1, -size - 1, -1)])
    sketch.add("Slice", x, *(sketch.constant([number]) for number in (start, end, axis, step)))


def gather(sketch: Sketch, x: str) -> None:
    """Some elements along any axis, in any order."""
    axis = sketch.axis(x)
    last = sketch.shapes[x][axis] - 1
    indices = sketch.draw(st.lists(st.integers(0, last), min_size=1, max_size=4))
    sketch.add("Gather", x, sketch.constant(indices), axis=axis)


def pad(sketch: Sketch, x: str) -> None:
    """Any axes with zeros, the last two by what lies at or inside their edges: Core ML knows no other."""
    shape = sketch.shapes[x]
    mode = sketch.one_of(["constant", "edge", "reflect"])
    inert = 0 if mode == "constant" else max(len(shape) - 2, 0)
    longest = [0] * inert + [min(2, size - 1) for size in shape[inert:]]
    sketch.add("Pad", x, sketch.constant([sketch.number(0, most) for most in longest * 2]), mode=mode)


def tile(sketch: Sketch, x: str) -> None:
    """Twice along any axis."""
    repeats = [1] * len(sketch.shapes[x])
    repeats[sketch.axis(x)] = 2
    sketch.add("Tile", x, sketch.constant(repeats))


def expand(sketch: Sketch, x: str) -> None:
    """An axis of 1 and a new one in front grow."""
    shape = [3 if size == 1 else size for size in sketch.shapes[x]]
    sketch.add("Expand", x, sketch.constant(sketch.one_of([shape, [2, *shape]])))


def arithmetic(sketch: Sketch, x: str) -> None:
    """Two tensors that broadcast, or one and a constant of any shape that does."""
    shape = sketch.shapes[x]
    others = [name for name, other in sketch.shapes.items() if _broadcasts(shape, other)]
    kept = tuple(size if sketch.one_of([True, False]) else 1 for size in shape)[sketch.number(0, len(shape)) :]
    other = sketch.one_of([sketch.noise(*kept), *others])
    operator = sketch.one_of(["Add", "Sub", "Mul", "Max", "Min"])
    sketch.add(operator, *sketch.one_of([(x, other), (other, x)]))


def _broadcasts(one: Shape, other: Shape) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(reversed(one), reversed(other), strict=False))


def activation(sketch: Sketch, x: str) -> None:
    """Elementwise."""
    operator, attributes = sketch.one_of(ACTIVATIONS)
    sketch.add(operator, x, **attributes)


ACTIVATIONS: Sequence[tuple[str, Mapping[str, Any]]] = [
    ("Relu", {}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("LeakyRelu", {"alpha": 0.1}),
    ("HardSwish", {}),
    ("HardSigmoid", {"alpha": 0.2, "beta": 0.4}),
    ("Elu", {"alpha": 1.0}),
    ("Gelu", {"approximate": "tanh"}),
    ("Gelu", {}),
    ("Neg", {}),
    ("Abs", {}),
    ("Softplus", {}),
]


def prelu(sketch: Sketch, x: str) -> None:
    """With a slope for each index of the second axis, or one for all."""
    _, *own = sketch.shapes[x]
    sketch.add("PRelu", x, sketch.noise(*own[:1], *[1] * len(own[1:])))


def where(sketch: Sketch, x: str) -> None:
    """One of two tensors, by a constant of a shape that broadcasts."""
    shape = sketch.shapes[x]
    chosen = sketch.flags(*(sketch.one_of([size, 1]) for size in shape))
    fitting = [name for name, other in sketch.shapes.items() if other == shape]
    sketch.add("Where", chosen, x, sketch.one_of([*fitting, sketch.noise(1)]))


def reduce(sketch: Sketch, x: str) -> None:
    """Over any axes, which stay or go."""
    axes = sketch.draw(st.sets(st.integers(0, len(sketch.shapes[x]) - 1), min_size=1))
    operator = sketch.one_of(["ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin"])
    sketch.add(operator, x, sketch.constant(sorted(axes)), keepdims=sketch.number(0, 1))


def softmax(sketch: Sketch, x: str) -> None:
    """Along any axis."""
    sketch.add(sketch.one_of(["Softmax", "LogSoftmax"]), x, axis=sketch.axis(x))


def matmul(sketch: Sketch, x: str) -> None:
    """With a constant or a tensor that fits, on either side."""
    *batch, rows, columns = sketch.shapes[x]
    fitting = [
        name
        for name, (*other_batch, other_rows, _) in ((n, s) for n, s in sketch.shapes.items() if len(s) >= 2)
        if other_rows == columns and _broadcasts(tuple(batch), tuple(other_batch))
    ]
    others = [(x, sketch.noise(columns, 3)), (sketch.noise(3, rows), x), *((x, name) for name in fitting)]
    sketch.add("MatMul", *sketch.one_of(others))


def gemm(sketch: Sketch, x: str) -> None:
    """Of a matrix, transposed or not, and a bias."""
    is_transposed = sketch.number(0, 1)
    depth = sketch.shapes[x][0 if is_transposed else 1]
    sketch.add("Gemm", x, sketch.noise(3, depth), sketch.noise(3), transA=is_transposed, transB=1, alpha=0.5)


def layer_normalization(sketch: Sketch, x: str) -> None:
    """Over the last axes."""
    axis = sketch.number(1, len(sketch.shapes[x]) - 1)
    kept = sketch.shapes[x][axis:]
    sketch.add("LayerNormalization", x, sketch.noise(*kept), sketch.noise(*kept), axis=axis, epsilon=0.1)


def instance_normalization(sketch: Sketch, x: str) -> None:
    """Each channel of each image by itself."""
    channels = sketch.shapes[x][1]
    sketch.add("InstanceNormalization", x, sketch.noise(channels), sketch.noise(channels), epsilon=0.1)


def convolution(sketch: Sketch, x: str) -> None:
    """Grouped, strided, dilated, padded unevenly, or none of these."""
    channels = sketch.shapes[x][1]
    group = sketch.one_of([1, channels])
    kernel = sketch.noise(group * sketch.number(1, 2), channels // group, *(sketch.one_of([1, 3, 2]) for _ in "hw"))
    window = {
        "strides": [sketch.number(1, 2), 1],
        "dilations": [1, sketch.number(1, 2)],
        "pads": [sketch.number(1, 2) for _ in range(4)],
    }
    if _reach(sketch.shapes[x], sketch.constants[kernel].shape, window):
        sketch.add("Conv", x, kernel, group=group, **window)


def _reach(image: Shape, kernel: Shape, window: Mapping[str, Sequence[int]]) -> bool:
    """Whether the kernel fits into the padded image."""
    before, after = window["pads"][:2], window["pads"][2:]
    return all(
        size + b + a >= (k - 1) * d + 1
        for size, b, a, k, d in zip(image[2:], before, after, kernel[2:], window["dilations"], strict=True)
    )


def transposed_convolution(sketch: Sketch, x: str) -> None:
    """Doubles rows and columns."""
    kernel = sketch.noise(sketch.shapes[x][1], 2, *(sketch.one_of([2, 3]) for _ in "hw"))
    sketch.add("ConvTranspose", x, kernel, sketch.noise(2), strides=[2, 2])


def pool(sketch: Sketch, x: str) -> None:
    """Of 2 × 2."""
    strides = [sketch.number(1, 2)] * 2
    sketch.add(sketch.one_of(["MaxPool", "AveragePool"]), x, kernel_shape=[2, 2], strides=strides)


def global_pool(sketch: Sketch, x: str) -> None:
    """To one pixel."""
    sketch.add(sketch.one_of(["GlobalAveragePool", "GlobalMaxPool"]), x)


def batch_normalization(sketch: Sketch, x: str) -> None:
    """With given statistics."""
    channels = sketch.shapes[x][1]
    variance = sketch.constant(np.full(channels, 0.5))
    sketch.add("BatchNormalization", x, *(sketch.noise(channels) for _ in range(3)), variance)


def resize(sketch: Sketch, x: str) -> None:
    """Rows and columns doubled or tripled."""
    mode = sketch.one_of(["linear", "nearest"])
    scales = sketch.constant([1.0, 1.0, sketch.one_of([2.0, 3.0]), 2.0])
    rule = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} if mode == "nearest" else {}
    sketch.add("Resize", x, "", scales, mode=mode, **rule)


def shuffle(sketch: Sketch, x: str) -> None:
    """Pixels to channels or back."""
    _, channels, height, width = sketch.shapes[x]
    if channels % 4 == 0:
        sketch.add("DepthToSpace", x, blocksize=2, mode=sketch.one_of(["DCR", "CRD"]))
    elif height % 2 == 0 and width % 2 == 0:
        sketch.add("SpaceToDepth", x, blocksize=2)


STEPS: Sequence[tuple[Callable[[Shape], bool], Callable[[Sketch, str], None]]] = [
    (_is_any, nothing),
    (_is_matrix, transpose),
    (_is_any, reshape),
    (_is_any, unsqueeze),
    (_is_any, flatten),
    (_is_any, squeeze),
    (_is_any, concat),
    (_is_divisible, split),
    (_is_divisible, slice_),
    (_is_any, gather),
    (_is_any, pad),
    (_is_any, tile),
    (_is_any, expand),
    (_is_any, arithmetic),
    (_is_any, activation),
    (_has_few_axes, prelu),
    (_has_few_axes, where),
    (_is_any, reduce),
    (_is_any, softmax),
    (_is_matrix, matmul),
    (_is_flat, gemm),
    (_is_matrix, layer_normalization),
    (_has_channels, instance_normalization),
    (_is_image, convolution),
    (_is_image, transposed_convolution),
    (_is_image, pool),
    (_is_image, global_pool),
    (_has_channels, batch_normalization),
    (_is_image, resize),
    (_is_image, shuffle),
]
"""Each with the shapes that it takes."""
