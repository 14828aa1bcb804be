"""What elementwise operations give for zeros, subnormals, the largest numbers, infinities and NaN.

For float64 and float32: values (float64/x), and per unary operation its results (float64/exp/y); pairs of values
(float64/left, float64/right), and per binary operation its results. Those for float32 are computed in float64 and
rounded once. For gelu and silu of -∞, which are 0 ∞, the limit is written here; gelu_tanh, mish and softsign, which are
written with other operations, are NaN there, as in PyTorch.
"""
import mpmath
import numpy as np
import scipy.special as sp
import torch


def by_torch(f):
    return lambda x: f(torch.tensor(x)).numpy()


def precise(f):
    """By mpmath, with enough digits to reduce the largest float64 modulo pi; what is not finite by NumPy."""
    def g(x):
        with mpmath.workprec(1200):
            return np.array([float(getattr(mpmath, f)(mpmath.mpf(t))) if np.isfinite(t) and t != 0
                             else getattr(np, f)(t) for t in x])
    return g


def trigamma(x):
    """NaN at its poles -1, -2, ..., as in digamma, and at -inf; SciPy has inf there."""
    def g(t):
        if np.isnan(t) or t <= -1:
            return np.nan
        return np.inf if t == 0 else 0.0 if t == np.inf else float(mpmath.psi(1, mpmath.mpf(t)))
    return np.array([g(t) for t in x])


def below_and_above(below, above):
    return lambda x: np.where(x < 0, below(x), above(x))


def limit(f, minus, plus):
    """f, and its limits at the infinities."""
    return lambda x: np.where(x == -np.inf, minus, np.where(x == np.inf, plus, f(x)))


same = lambda x: x
alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946

UNARY = {
    "negative": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square, "sqrt": np.sqrt, "cbrt": np.cbrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x,
    "floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc,
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sin": precise("sin"), "cos": precise("cos"), "tan": precise("tan"),
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "erf": sp.erf, "erfc": sp.erfc, "lgamma": by_torch(torch.lgamma), "digamma": by_torch(torch.digamma),
    "polygamma.1": trigamma,
    "sigmoid": sp.expit, "relu": lambda x: np.where(x < 0, 0, x), "softplus": lambda x: np.logaddexp(0, x),
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "leaky_relu": below_and_above(lambda x: 0.01 * x, same), "elu": below_and_above(np.expm1, same),
    "selu": below_and_above(lambda x: scale * alpha * np.expm1(x), lambda x: scale * x),
    "gelu": limit(lambda x: 0.5 * x * sp.erfc(-x / np.sqrt(2)), -0.0, np.inf),
    "gelu_tanh": by_torch(lambda x: torch.nn.functional.gelu(x, approximate="tanh")),
    "silu": limit(lambda x: x * sp.expit(x), -0.0, np.inf),
    "mish": by_torch(torch.nn.functional.mish),
    "hard_tanh": lambda x: np.clip(x, -1, 1), "softsign": by_torch(torch.nn.functional.softsign),
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
}

BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "maximum": np.maximum, "minimum": np.minimum, "power": np.power, "hypot": np.hypot, "fmod": np.fmod,
    "logaddexp": np.logaddexp, "atan2": np.arctan2,
    "logistic_loss": lambda x, y: np.where(x > 0, (1 - y) * x, -y * x) + np.log1p(np.exp(-np.abs(x))),
    "sigmoid_minus": lambda x, y: np.where(x > 0, (1 - y) - sp.expit(-x), sp.expit(x) - y),
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
    "greater": np.greater, "greater_equal": np.greater_equal,
}


def arrays():
    result = {}
    for dtype in [np.float64, np.float32]:
        info = np.finfo(dtype)
        positive = [0, info.smallest_subnormal, info.smallest_normal, 1, info.max, np.inf]
        x = np.array(positive + [-t for t in positive] + [np.nan], dtype).astype(float)
        x[len(positive)] = -0.0
        few = np.array([0, info.smallest_subnormal, 0.5, 1, 3, info.max, np.inf], dtype).astype(float)
        few = np.concatenate([few, -few, [np.nan]])
        left, right = np.repeat(few, len(few)), np.tile(few, len(few))
        name = np.dtype(dtype).name
        result |= {f"{name}/x": x, f"{name}/left": left, f"{name}/right": right}
        with np.errstate(all="ignore"):
            for op, f in UNARY.items():
                result[f"{name}/{op}/y"] = np.asarray(f(x)).astype(float).astype(dtype)
            for op, f in BINARY.items():
                result[f"{name}/{op}/y"] = np.asarray(f(left, right)).astype(float).astype(dtype)
    return result
