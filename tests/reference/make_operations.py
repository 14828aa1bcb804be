#!/usr/bin/python3
"""Writes operations.txt and special_values.txt: what PyTorch, SciPy, NumPy and mpmath say about the operations.

operations.txt holds, per case, the inputs (name/x0, x1, ...), the result (name/y), a cotangent of it (name/v) and the
gradients <v, dy/dx> of the inputs that have one (name/g0, g1, ...), in float64. Inputs and cotangents are exact in
float32, so that one file serves both precisions. special_values.txt is described in special_values.py.

    apt-get install python3-torch python3-scipy python3-numpy    # Debian 12; mpmath comes with them
    /usr/bin/python3 tests/reference/make_operations.py
"""
import math
import pathlib
import sys
import zlib

import mpmath
import numpy as np
import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
import special_values

HERE = pathlib.Path(__file__).parent
cases = {}


def real(*shape, low=-2, high=2):
    return lambda rng: rng.uniform(low, high, shape)


def whole(*shape, low=0, high):
    return lambda rng: rng.integers(low, high, shape)


def truth(*shape):
    return lambda rng: rng.integers(0, 2, shape) == 1


def drawn(name, specs):
    """The inputs of a case: the same ones whatever other cases there are."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    arrays = [np.asarray(spec(rng) if callable(spec) else spec) for spec in specs]
    exact = [x.astype(np.float32).astype(float) if x.dtype == float else x for x in arrays]
    return exact, lambda shape: rng.uniform(-2, 2, shape).astype(np.float32).astype(float)


def case(name, f, *specs):
    """f of torch tensors, its result and the gradients that autograd gives."""
    inputs, cotangent = drawn(name, specs)
    tensors = [torch.tensor(x, requires_grad=x.dtype == float) for x in inputs]
    y = f(*tensors)
    entry = {f"x{i}": x for i, x in enumerate(inputs)} | {"y": y.detach().numpy()}
    if y.requires_grad:
        entry["v"] = cotangent(tuple(y.shape))
        gradients = torch.autograd.grad(y, [t for t in tensors if t.requires_grad], torch.tensor(entry["v"]),
                                        allow_unused=True)
        places = [i for i, t in enumerate(tensors) if t.requires_grad]
        entry |= {f"g{i}": g.numpy() for i, g in zip(places, gradients) if g is not None}
    assert name not in cases, name
    cases[name] = entry


def precise(name, f, derivative, x):
    """An elementwise function of one argument and its derivative, by mpmath with sixty digits."""
    inputs, cotangent = drawn(name, [np.array(x, float)])
    v = cotangent(inputs[0].shape)
    with mpmath.workdps(60):
        y = [float(f(mpmath.mpf(t))) for t in inputs[0]]
        g = [float(mpmath.mpf(w) * derivative(mpmath.mpf(t))) for t, w in zip(inputs[0], v)]
    cases[name] = {"x0": inputs[0], "y": np.array(y), "v": v, "g0": np.array(g)}


def arithmetic():
    pair = real(2, 3), real(3)
    apart = real(4, 1, low=0.5), real(5, low=-3, high=-0.5)
    case("add", torch.add, *pair)
    case("subtract", torch.subtract, *pair)
    case("multiply", torch.multiply, *pair)
    case("divide", torch.divide, *apart)
    tied = np.array([1.5, -2, 0.25, 3]), np.array([1.5, 1, -0.25, 3])
    case("maximum", torch.maximum, *tied)
    case("minimum", torch.minimum, *tied)
    case("clip", lambda x: torch.clamp(x, -1, 0.5), np.array([-1, -1.5, 0.5, 0.75, 0, -0.25]))
    case("negative", torch.negative, real(17))
    case("abs", torch.abs, np.array([-1.5, 0, 2, -0.125]))
    case("sign", torch.sign, np.array([-1.5, 0, 2, -0.125]))
    positive = real(17, low=0.1, high=9)
    case("power", torch.pow, real(4, 1, low=0.1, high=3), real(5, low=-3, high=3))
    case("power.whole", torch.pow, np.array([-1.5, -2, 2, 3, 0, 0]), np.array([3, 2, -2, 0, 2, 3.0]))
    case("square", torch.square, real(17))
    case("sqrt", torch.sqrt, positive)
    case("cbrt", lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3), real(17, low=-9, high=-0.1))
    case("rsqrt", torch.rsqrt, positive)
    case("reciprocal", torch.reciprocal, positive)
    case("hypot", torch.hypot, real(4, 1), real(5))
    steps = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -1.75, 0.3, 7, -3])
    for name in ["floor", "ceil", "round", "trunc"]:
        case(name, getattr(torch, name), steps)
    case("fmod", torch.fmod, real(4, 1, low=-9, high=9), real(5, low=0.7, high=2))


def exponential():
    for name in ["exp", "exp2", "expm1", "sin", "cos", "sinh", "cosh", "tanh", "asinh", "atan"]:
        case(name, getattr(torch, name), real(17, low=-4, high=4))
    for name in ["log", "log2", "log10"]:
        case(name, getattr(torch, name), real(17, low=0.01, high=9))
    case("expm1.small", torch.expm1, np.array([1e-7, -1e-9, 1e-12]))
    case("log1p", torch.log1p, np.array([-0.75, 1e-9, -1e-12, 0.5, 7, 1e6]))
    case("logaddexp", torch.logaddexp, np.array([[-100], [0.5], [300]]), np.array([-101, 0.5, 2, 299.0]))
    case("tan", torch.tan, real(17, low=-1.4, high=1.4))
    for name in ["asin", "acos", "atanh"]:
        case(name, getattr(torch, name), real(17, low=-0.95, high=0.95))
    case("acosh", torch.acosh, real(17, low=1.1, high=9))
    case("atan2", torch.atan2, real(4, 1), real(5))


def special():
    mp = mpmath
    bell = lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)
    ends = [-5, -2.5, -1, -0.25, 1e-3, 0.5, 0.9, 1.75, 3, 5]
    precise("erf", mp.erf, bell, ends)
    precise("erfc", mp.erfc, lambda x: -bell(x), ends + [7, 9])
    positive = [1e-3, 0.1, 0.5, 0.9, 1.25, 1.75, 2.5, 3, 7.5, 24, 30, 100, 1e4, 1e10, 1e30]
    negative = [-1e-3, -0.5, -0.9, -1.25, -1.75, -3.4, -10.6, -20.5, -100.3]
    log_gamma = lambda x: mp.log(abs(mp.gamma(x))) if abs(x) < 1e3 else mp.re(mp.loggamma(x))
    precise("lgamma", log_gamma, mp.digamma, positive + negative)
    precise("digamma", mp.digamma, lambda x: mp.psi(1, x), positive + negative)
    for n in [1, 2, 5]:
        far = [x for x in positive + negative if abs(x) < 1e5]
        precise(f"polygamma.{n}", lambda x: mp.psi(n, x), lambda x: mp.psi(n + 1, x), far)


def activation():
    # 0 is left out: there the derivatives are a convention, relu'(0) = 1 here and 0 in PyTorch.
    names = {"sigmoid": torch.sigmoid, "relu": F.relu, "softplus": F.softplus, "log_sigmoid": F.logsigmoid,
             "elu": F.elu, "selu": F.selu, "silu": F.silu, "mish": F.mish, "hard_tanh": F.hardtanh,
             "softsign": F.softsign}
    for name, f in names.items():
        case(name, f, real(33, low=-6, high=6))
    case("leaky_relu", F.leaky_relu, real(17))
    case("leaky_relu.slope", lambda x: F.leaky_relu(x, 0.25), real(17))
    case("elu.alpha", lambda x: F.elu(x, 1.5), real(17))
    # PyTorch's 1 + erf and 1 + tanh lose their digits below 0.
    mp, x = mpmath, np.linspace(-6, 6, 33)
    phi = lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
    precise("gelu", lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * phi(x), x)
    gelu_tanh = lambda x: x * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))) / 2
    precise("gelu_tanh", gelu_tanh, lambda x: mp.diff(gelu_tanh, x), x)
    for name, f in {"softmax": torch.softmax, "log_softmax": torch.log_softmax}.items():
        case(name, lambda x: f(x, 0), real(4, 5, low=-9, high=9))
        case(name + ".middle", lambda x: f(x, 1), real(2, 3, 4))
        case(name + ".last", lambda x: f(x, -1), real(3, 17))


def comparison():
    pair = np.array([[1.0], [-2], [0], [np.nan]]), np.array([1.0, -1, 0, np.inf, np.nan])
    for name, f in {"equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
                    "greater": np.greater, "greater_equal": np.greater_equal}.items():
        case(name, lambda x, y: torch.tensor(f(x.detach().numpy(), y.detach().numpy())), *pair)
    for name in ["isnan", "isinf", "isfinite"]:
        case(name, getattr(torch, name), np.array([0, -1, np.inf, -np.inf, np.nan, 1e30]))
    for name in ["logical_and", "logical_or", "logical_xor"]:
        case(name, getattr(torch, name), truth(4, 1), truth(5))
    case("logical_not", torch.logical_not, truth(7))
    case("where", torch.where, truth(2, 1, 4), real(3, 1), real(4))


def reduction():
    stack = real(2, 3, 5)
    for name, f in {"sum": torch.sum, "mean": torch.mean, "amax": torch.amax, "amin": torch.amin,
                    "logsumexp": torch.logsumexp, "variance": lambda x, d, k: torch.var(x, d, False, k),
                    "stddev": lambda x, d, k: torch.std(x, d, False, k),
                    "norm": lambda x, d, k: torch.linalg.vector_norm(x, 2, d, k)}.items():
        case(name, lambda x: f(x, (0, 1, 2), False), stack)
        case(name + ".axis", lambda x: f(x, (1,), False), stack)
        case(name + ".axes_kept", lambda x: f(x, (0, 2), True), stack)
    case("variance.sample", lambda x: torch.var(x, 1, True), stack)
    case("stddev.sample", lambda x: torch.std(x, 1, True), stack)
    case("amax.ties", lambda x: torch.amax(x, 1), np.array([[1, 3, 3, 2], [5, 5, 5, 5.0]]))
    case("amin.ties", lambda x: torch.amin(x, 1), np.array([[1, 3, 1, 1], [5, 5, 5, 5.0]]))
    case("logsumexp.large", lambda x: torch.logsumexp(x, 1), real(2, 5, low=900, high=1000))
    case("prod", torch.prod, real(2, 4))
    case("prod.axis", lambda x: torch.prod(x, 1), real(2, 3, 4))
    zeros = np.array([[2, 0, -1.5, 3], [0, 2, 0, 0.5], [1.5, -2, 0.5, 4]])
    case("prod.zeros", lambda x: torch.prod(x, 1, keepdim=True), zeros)
    for p in [0, 0.5, 1, 1.5, 2, 3, -2, math.inf, -math.inf]:
        case(f"norm_lp.{p}", lambda x: torch.linalg.vector_norm(x, p, 1), real(3, 5, low=-3, high=-0.25))
    case("any", lambda x: torch.any(x, 1), np.array([[1, 0, 0], [0, 0, 0]]) == 1)
    case("all", lambda x: torch.all(x, 1), np.array([[1, 1, 1], [1, 0, 1]]) == 1)
    case("any.numbers", lambda x: torch.any(x != 0), np.array([0, 0, 0.5]))
    case("all.numbers", lambda x: torch.all(x != 0), np.array([1, 0, 0.5]))
    # NumPy's median, the mean of the two middle ones; torch.median takes the lower one.
    for name, d in {"odd": 2, "even": 0}.items():
        case("median." + name, lambda x: torch.quantile(x, 0.5, d), stack)
    case("median.all", lambda x: torch.quantile(x, 0.5), stack)


def sorting():
    ties = np.array([[3, 1, 3, -2, 1], [0, 0, 7, -1, 7.0]])
    case("argmax", lambda x: torch.tensor(np.argmax(x.detach().numpy(), 1)), ties)
    case("argmin", lambda x: torch.tensor(np.argmin(x.detach().numpy(), 0)), ties)
    case("argmax.all", lambda x: torch.tensor(np.argmax(x.detach().numpy())), ties)
    case("argmin.all", lambda x: torch.tensor(np.argmin(x.detach().numpy())), ties)
    case("argsort", lambda x: torch.sort(x, dim=1, stable=True).indices, ties)
    case("argsort.descending", lambda x: torch.sort(x, dim=1, descending=True, stable=True).indices, ties)
    case("sort", lambda x: torch.sort(x, -1).values, real(3, 17))
    case("sort.descending", lambda x: torch.sort(x, 0, True).values, real(5, 3))
    case("topk.values", lambda x: torch.topk(x, 3).values, real(2, 9))
    case("topk.indices", lambda x: torch.topk(x, 2, 0).indices, real(5, 3))


def scan():
    zeros = np.array([[2, 0, -1.5, 3], [0, 2, 0, 0.5], [1.5, -2, 0.5, 4]])
    case("cumsum", lambda x: torch.cumsum(x, 0), real(7, 2))
    case("cumsum.last", lambda x: torch.cumsum(x, -1), real(2, 33))
    case("cumprod", lambda x: torch.cumprod(x, 0), real(5, 2))
    case("cumprod.zeros", lambda x: torch.cumprod(x, 1), zeros)

    def recurrence(a, b):
        rows = [b[0]]
        for k in range(1, len(b)):
            rows.append(a[k] * rows[-1] + b[k])
        return torch.stack(rows)

    case("linear_recurrence", recurrence, real(6, 2, low=-1, high=1), real(6, 2))


def movement():
    cube = real(2, 3, 4)
    case("transpose", lambda x: x.permute(2, 1, 0), cube)
    case("transpose.axes", lambda x: x.permute(1, 2, 0), cube)
    case("reshape", lambda x: x.reshape(4, -1), cube)
    case("broadcast_to", lambda x: torch.broadcast_to(x, (2, 3, 4)), real(3, 1))
    case("view", lambda x: x.flip(2)[1:, 2, None, ::2], cube)
    case("concatenate", lambda x, y: torch.cat([x, y, x], 1), real(2, 3), real(2, 1))
    case("flatten", torch.flatten, cube)
    case("swapaxes", lambda x: torch.swapaxes(x, 0, -1), cube)
    case("moveaxis", lambda x: torch.moveaxis(x, (0, 1), (2, 0)), cube)
    case("squeeze", lambda x: torch.squeeze(x), real(1, 3, 1))
    case("squeeze.axis", lambda x: torch.squeeze(x, -1), real(1, 3, 1))
    case("expand_dims", lambda x: torch.unsqueeze(x, 1), real(2, 3))
    case("stack", lambda x, y: torch.stack([x, y], 1), real(2, 3), real(2, 3))
    case("split", lambda x: torch.split(x, 2, 1)[1], real(2, 6))
    case("split.positions", lambda x: torch.tensor_split(x, [1, 4], 1)[1], real(2, 6))
    case("pad", lambda x: F.pad(x, (2, 1, 1, 0)), real(2, 3))
    case("pad.constant", lambda x: F.pad(x, (0, 1, 1, 1), value=2.5), real(2, 3))
    for mode in ["edge", "reflect"]:
        rows, columns = np.pad(np.arange(3), (2, 1), mode), np.pad(np.arange(4), (0, 3), mode)
        case("pad." + mode, lambda x: x[rows][:, columns], real(3, 4))
    case("flip", lambda x: torch.flip(x, (0, 1, 2)), cube)
    case("flip.axes", lambda x: torch.flip(x, (0, 2)), cube)
    case("roll", lambda x: torch.roll(x, 2, 1), real(2, 5))
    case("roll.back", lambda x: torch.roll(x, -7, 0), real(5, 2))
    case("repeat", lambda x: torch.repeat_interleave(x, 3, 1), real(2, 3))
    case("tile", lambda x: torch.tile(x, (2, 1, 2)), real(2, 3))
    case("meshgrid.first", lambda x, y: torch.meshgrid(x, y, indexing="ij")[0], real(3), real(2))
    case("meshgrid.second", lambda x, y: torch.meshgrid(x, y, indexing="ij")[1], real(3), real(2))
    case("diagonal", lambda x: torch.diagonal(x, 1), real(4, 5))
    case("diagonal.axes", lambda x: torch.diagonal(x, -1, 0, 2), real(4, 2, 3))
    case("diag", lambda x: torch.diag(x, 1), real(3))
    case("diag.matrix", lambda x: torch.diag(x, -1), real(3, 4))
    for name in ["tril", "triu"]:
        case(name, getattr(torch, name), real(2, 3, 4))
        case(name + ".offset", lambda x: getattr(torch, name)(x, -1), real(4, 3))


def indexing():
    case("take", lambda x, i: x[i], real(4, 3), np.array([[2, -1], [0, 2]]))
    case("take.axis", lambda x, i: x[:, i], real(2, 5), np.array([4, 4, 0, -2]))
    case("take_along_axis", lambda x, i: torch.take_along_dim(x, i, 1), real(3, 4), whole(3, 6, high=4))
    case("take_along_axis.broadcast", lambda x, i: torch.take_along_dim(x, i, 0), real(4, 3), whole(2, 1, high=4))
    case("scatter_add", lambda x, i, u: torch.scatter_add(x, 0, i, u), real(3, 4), whole(5, 4, high=3), real(5, 4))
    case("masked_select", torch.masked_select, real(3, 4), truth(3, 4))
    case("one_hot", lambda i: F.one_hot(i, 4).double().movedim(-1, 0), np.array([3, 0, 1, 1, 2]))


def products():
    shapes = {"": ((3, 4), (4, 2)), ".batched": ((2, 3, 4), (2, 4, 5)), ".broadcast": ((2, 1, 3, 4), (5, 4, 2)),
              ".vector_left": ((4,), (4, 3)), ".vector_right": ((2, 3, 4), (4,)), ".vectors": ((7,), (7,)),
              ".larger": ((17, 33), (33, 19))}
    for label, (A, B) in shapes.items():
        case("matmul" + label, torch.matmul, real(*A), real(*B))
    case("dot", torch.matmul, real(3, 4), real(4, 2))
    case("dot.vectors", torch.dot, real(5), real(5))


def losses():
    bce = lambda A, Y: -torch.mean(Y * torch.log(A) + (1 - Y) * torch.log(1 - A))
    # PyTorch's own takes differences that lose their digits where a logit is right.
    logits_bce = lambda Z, Y: -torch.mean(Y * F.logsigmoid(Z) + (1 - Y) * F.logsigmoid(-Z))
    A, Y, Z = real(1, 7, low=0.05, high=0.95), real(1, 7, low=0.05, high=0.95), real(1, 7, low=-9, high=9)
    labels = np.array([[1, 0, 1, 1, 0, 0, 1]])
    case("binary_cross_entropy", bce, A, Y)
    case("binary_cross_entropy.labels", lambda A, Y: F.binary_cross_entropy(A, Y.double()), A, labels)
    case("binary_cross_entropy_with_logits", logits_bce, Z, Y)
    case("binary_cross_entropy_with_logits.labels", lambda Z, Y: logits_bce(Z, Y.double()), Z, labels)
    case("cross_entropy", lambda Z, c: F.cross_entropy(Z.T, c), real(4, 6, low=-9, high=9), whole(6, high=4))
    case("cross_entropy.distributions", lambda Z, Y: F.cross_entropy(Z.T, Y.T), real(4, 6), real(4, 6, low=0, high=1))


def structure():
    case("astype.int64", lambda x: x.to(torch.int64), np.array([-2.75, -0.5, 0, 0.99, 3]))
    case("astype.float64", lambda x: x.clone(), real(5))
    case("identity", torch.clone, real(5))
    case("stop_gradient", lambda x: x * x.detach(), real(5))
    case("zeros_like", torch.zeros_like, real(2, 3))
    case("ones_like", torch.ones_like, real(2, 3))
    case("checkpoint", lambda x, y: torch.tanh(x * y) + x, real(2, 3), real(3))
    case("custom_gradient", lambda x: x + (torch.round(x) - x).detach(), real(9))


def write(path, arrays):
    with open(path, "w") as file:
        for name, array in arrays.items():
            array = np.asarray(array)
            print(name, array.ndim, *array.shape, file=file)
            print(*("%.17g" % float(value) for value in array.ravel()), file=file)


def logits():
    z, y = real(4, 5, low=-6, high=6), real(4, 5, low=0, high=1)
    loss = lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none")
    case("logistic_loss", loss, z, y)
    case("sigmoid_minus", lambda z, y: torch.sigmoid(z) - y, z, y)


if __name__ == "__main__":
    for group in [arithmetic, exponential, special, activation, comparison, reduction, sorting, scan, movement,
                  indexing, products, losses, structure, logits]:
        group()
    write(HERE / "operations.txt", {f"{name}/{part}": array for name, entry in cases.items()
                                    for part, array in entry.items()})
    write(HERE / "special_values.txt", special_values.arrays())
    print(len(cases), "cases of", len({name.split(".")[0] for name in cases}), "operations")
