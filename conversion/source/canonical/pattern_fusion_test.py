import numpy as np
import pytest

NUMBERS = {
    "half": "float {0.5}",
    "one": "float {1}",
    "two": "float {2}",
    "three": "float {3}",
    "six": "float {6}",
    "zero": "float {0}",
    "sixth": "float {0.16666667}",
    "root": "float {1.4142135}",
    "inverse": "float {0.70710677}",
    "slope": "float {0.044715}",
    "scale": "float {0.7978846}",
    "eps": "float {1e-5}",
    "gain": np.linspace(0.5, 2, 8, dtype=np.float32),
    "shift": np.linspace(-1, 1, 8, dtype=np.float32).reshape(1, 1, 1, 8),
    "image": np.linspace(0.5, 2, 48, dtype=np.float32).reshape(6, 8),
    "column": np.linspace(0.5, 2, 4, dtype=np.float32).reshape(4, 1, 1),
}
ERF = "d = Div (x, root) e = Erf (d) g = Add (e, one)"
CUBE = "c = Pow (x, three) s = Mul (c, slope) i = Add (x, s) k = Mul (scale, i) t = Tanh (k) g = Add (one, t)"
NORMAL = "m = ReduceMean <axes=[-1]> (x) d = Sub (x, m) q = Pow (d, two) v = ReduceMean <axes=[-1]> (q) "
ROOT = "a = Add (v, eps) r = Sqrt (a)"
CLIP = "a = Add (x, three) c = Clip (a, zero, six)"

PATTERNS = {
    "half of the product": (f"{ERF} p = Mul (x, g) y = Mul (p, half)", "Gelu"),
    "the product of a half": (f"{ERF} h = Mul (half, x) y = Mul (g, h)", "Gelu"),
    "half of the gate": ("d = Mul (x, inverse) e = Erf (d) g = Add (one, e) h = Mul (g, half) y = Mul (x, h)", "Gelu"),
    "tanh": (f"{CUBE} h = Mul (x, half) y = Mul (h, g)", "Gelu"),
    "tanh of products": (
        "q = Mul (x, x) c = Mul (q, x) s = Mul (slope, c) i = Add (s, x) k = Mul (i, scale) t = Tanh (k) "
        "g = Add (t, one) h = Mul (x, half) y = Mul (h, g)",
        "Gelu",
    ),
    "tanh of a square": (
        "q = Mul (x, x) s = Mul (slope, q) p = Add (one, s) z = Mul (x, scale) k = Mul (z, p) t = Tanh (k) "
        "g = Add (t, one) h = Mul (x, half) y = Mul (h, g)",
        "Gelu",
    ),
    "hard swish of a hard sigmoid": ("s = HardSigmoid <alpha = 0.16666667> (x) y = Mul (s, x)", "HardSwish"),
    "hard swish of a clip, divided last": (f"{CLIP} p = Mul (x, c) y = Div (p, six)", "HardSwish"),
    "hard swish of a clip, divided first": (f"{CLIP} p = Div (c, six) y = Mul (x, p)", "HardSwish"),
    "hard sigmoid of a clip": (f"{CLIP} y = Mul (c, sixth)", "HardSigmoid"),
    "layer": (f"{NORMAL} {ROOT} n = Div (d, r) s = Mul (gain, n) y = Add (s, shift)", "LayerNormalization"),
    "layer without offset": (f"{NORMAL} {ROOT} n = Div (d, r) y = Mul (n, gain)", "LayerNormalization"),
    "layer of products": (
        "m = ReduceMean <axes=[-2,-1]> (x) d = Sub (x, m) q = Mul (d, d) v = ReduceMean <axes=[2,3]> (q) "
        "a = Add (v, eps) r = Sqrt (a) i = Reciprocal (r) n = Mul (d, i) y = Mul (n, image)",
        "LayerNormalization",
    ),
}


@pytest.mark.parametrize(("nodes", "operator"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_becomes_the_operator_that_it_means(model, read_alike, nodes, operator):
    graph = read_alike(model(nodes, constants=NUMBERS))

    assert [node.operator for node in graph.nodes] == [operator]
    assert graph.nodes[0].outputs == ("y",)


NEAR_MISSES = {
    "another factor": f"{ERF} p = Mul (x, g) y = Mul (p, two)",
    "another root": "d = Div (x, two) e = Erf (d) g = Add (e, one) p = Mul (x, g) y = Mul (p, half)",
    "another input": f"{ERF} z = Neg (x) p = Mul (z, g) y = Mul (p, half)",
    "another slope": CUBE.replace("slope", "half") + " h = Mul (x, half) y = Mul (h, g)",
    "a square instead of a cube": CUBE.replace("Pow (x, three)", "Pow (x, two)") + " h = Mul (x, half) y = Mul (h, g)",
    "another gate": "s = HardSigmoid <alpha = 0.2> (x) y = Mul (s, x)",
    "another clip": "a = Add (x, two) c = Clip (a, zero, six) p = Mul (x, c) y = Div (p, six)",
    "the gate of another": f"{CLIP} z = Neg (x) p = Mul (z, c) y = Div (p, six)",
    "another mean": f"{NORMAL.replace('<axes=[-1]> (x)', '<axes=[1]> (x)')} {ROOT} n = Div (d, r) y = Mul (n, gain)",
    "the variance of another": f"{NORMAL.replace('Pow (d', 'Pow (x')} {ROOT} n = Div (d, r) y = Mul (n, gain)",
    "a gain along channels": f"{NORMAL} {ROOT} n = Div (d, r) y = Mul (n, column)",
}


@pytest.mark.parametrize("nodes", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_merely_resembles_a_pattern_stays_as_it_is(model, read_alike, nodes):
    graph = read_alike(model(nodes, constants=NUMBERS))

    assert not {"Gelu", "HardSwish", "LayerNormalization"}.intersection(node.operator for node in graph.nodes)
    assert len(graph.nodes) > 1


def test_a_step_of_a_pattern_that_others_read_stays_for_them(model, read_alike):
    graph = read_alike(model(f"{ERF} p = Mul (x, g) h = Mul (p, half) y = Add (h, g)", constants=NUMBERS))

    assert [node.operator for node in graph.nodes] == ["Div", "Erf", "Add", "Gelu", "Add"]
