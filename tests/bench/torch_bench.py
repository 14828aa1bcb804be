"""All workloads in PyTorch, each in the ways that could be its fastest. See common.py for the arguments."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

import common
from common import classes, coins, distance, halves_repeated, uniform

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
bce = F.binary_cross_entropy_with_logits


def tensor(array):
    return torch.from_numpy(array)


def parameter(array):
    return tensor(array.copy()).requires_grad_()


def compiled(f):
    return torch.compile(f)


def numpy(tensors):
    return [t.detach().numpy() for t in tensors]


def magnitude(tensors):
    return float(sum(t.detach().double().abs().sum() for t in tensors))


def training(cost, parameters, update):
    """A step: the cost's gradients, then update(). Checked by its cost and how far the parameters have moved."""
    parameters = list(parameters)
    start = [p.copy() for p in numpy(parameters)]
    J = None

    def step():
        nonlocal J
        for p in parameters:
            p.grad = None
        J = cost()
        J.backward()
        update()

    return step, lambda: (float(J), distance(numpy(parameters), start))


def descent(parameters, alpha):
    def update():
        with torch.no_grad():
            for p in parameters:
                p.sub_(p.grad, alpha=alpha)

    return update


def w1(n, way):
    def make():
        x, w, b = (torch.full((n, n), v, requires_grad=True) for v in (0.5, 1.001, 0.001))

        def chain(x, w, b):
            y = x
            for _ in range(333):
                y = torch.tanh(y)
                y = y * w
                y = y + b
            return torch.tanh(y).sum()

        f = compiled(chain) if way == "compile" else chain
        J = None

        def step():
            nonlocal J
            x.grad = w.grad = b.grad = None
            J = f(x, w, b)
            J.backward()

        return step, lambda: (float(J), magnitude([x.grad, w.grad, b.grad]))

    return make


def w2_data():
    n, m = 12288, 209
    return uniform((n, m), 1, 0, 1), coins(m, 2), 0.0005


def w2_features(formula):
    def make():
        X, Y, alpha = w2_data()
        X, Y = tensor(X), tensor(Y.reshape(1, -1))
        w, b = torch.zeros(len(X), 1, requires_grad=True), torch.zeros(1, 1, requires_grad=True)

        def cost():
            Z = w.t() @ X + b
            if not formula:
                return bce(Z, Y)
            A = torch.sigmoid(Z)
            return -(Y * torch.log(A) + (1 - Y) * torch.log(1 - A)).mean()

        return training(cost, [w, b], descent([w, b], alpha))

    return make


def w2_vector(rows, compile):
    """Matrix times vector; `rows`: in the notes' layout, or with examples as rows."""
    def make():
        X, Y, alpha = w2_data()
        X, Y = tensor(X).t(), tensor(Y)
        if not rows:
            X = X.contiguous()
        w, b = torch.zeros(X.shape[1], requires_grad=True), torch.zeros((), requires_grad=True)

        def f(w, b):
            return bce(torch.mv(X, w) + b, Y)

        g = compiled(f) if compile else f
        return training(lambda: g(w, b), [w, b], descent([w, b], alpha))

    return make


def w3_data():
    X, Y = tensor(uniform((2, 400), 1, -1, 1)), tensor(coins(400, 2).reshape(1, 400))
    arrays = [uniform((4, 2), 3, -0.5, 0.5), uniform((4, 1), 0, 0, 0), uniform((1, 4), 4, -0.5, 0.5),
              uniform((1, 1), 0, 0, 0)]
    return X, Y, [parameter(a) for a in arrays]


def w3_cost(P, X, Y):
    W1, b1, W2, b2 = P
    return bce(W2 @ torch.tanh(W1 @ X + b1) + b2, Y)


def w3_raw(compile):
    def make():
        X, Y, P = w3_data()

        def f(*p):
            return w3_cost(p, X, Y)

        g = compiled(f) if compile else f
        return training(lambda: g(*P), P, descent(P, 1.2))

    return make


def w3_formula():
    X, Y, P = w3_data()
    W1, b1, W2, b2 = P

    def cost():
        A = torch.sigmoid(W2 @ torch.tanh(W1 @ X + b1) + b2)
        return -(Y * torch.log(A) + (1 - Y) * torch.log(1 - A)).mean()

    return training(cost, P, descent(P, 1.2))


def w3_modules():
    X, Y, P = w3_data()
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    with torch.no_grad():
        for p, q in zip(net.parameters(), P):
            p.copy_(q.view(p.shape))
    X, Y = X.t().contiguous(), Y.t().contiguous()
    return training(lambda: bce(net(X), Y), net.parameters(), torch.optim.SGD(net.parameters(), lr=1.2).step)


def w3_whole_step():
    """The whole step compiled, gradients included."""
    from torch.func import grad_and_value
    X, Y, P = w3_data()
    Q, J = [p.detach().clone() for p in P], None
    start = [p.copy() for p in numpy(Q)]

    def f(*p):
        g, cost = grad_and_value(lambda q: w3_cost(q, X, Y))(p)
        return [a - 1.2 * b for a, b in zip(p, g)], cost

    g = compiled(f)

    def step():
        nonlocal Q, J
        with torch.no_grad():
            Q, J = g(*Q)

    return step, lambda: (float(J), distance(numpy(Q), start))


def first_weights(shapes):
    """Weights between ±1/√(fan-in), biases 0; each parameter has the next seed."""
    for seed, shape in enumerate(shapes, 3):
        fan_in = math.prod(shape[1:])
        bound = 1 / math.sqrt(fan_in) if fan_in > 1 else 0
        yield uniform(shape, seed, -bound, bound)


def w4_data():
    units = [12288, 20, 7, 5, 1]
    X, Y = tensor(uniform((12288, 209), 1, 0, 1)), tensor(coins(209, 2).reshape(1, 209))
    bounds = [1 / math.sqrt(n) for n in units]
    W = [uniform((units[i + 1], units[i]), 3 + i, -bounds[i], bounds[i]) for i in range(4)]
    return X, Y, W, units


def w4_raw():
    X, Y, W, units = w4_data()
    P = [p for w in W for p in (parameter(w), torch.zeros(len(w), 1, requires_grad=True))]

    def cost():
        A = X
        for i in range(0, 8, 2):
            A = P[i] @ A + P[i + 1]
            if i < 6:
                A = torch.relu(A)
        return bce(A, Y)

    return training(cost, P, descent(P, 0.00075))


def w4_modules(compile=False, **options):
    def make():
        X, Y, W, units = w4_data()
        X, Y = X.t().contiguous(), Y.t().contiguous()
        layers = []
        for i, w in enumerate(W):
            linear = nn.Linear(units[i], units[i + 1])
            with torch.no_grad():
                linear.weight.copy_(tensor(w))
                linear.bias.zero_()
            layers += [linear] + ([nn.ReLU()] if i < 3 else [])
        net = nn.Sequential(*layers)

        def f():
            return bce(net(X), Y)

        return training(compiled(f) if compile else f, net.parameters(),
                        torch.optim.SGD(net.parameters(), lr=0.00075, **options).step)

    return make


def with_adam(net, X, Y, compile, options):
    with torch.no_grad():
        shapes = [tuple(p.shape) if p.dim() > 1 else (len(p), 1) for p in net.parameters()]
        for p, a in zip(net.parameters(), first_weights(shapes)):
            p.copy_(tensor(a).view(p.shape))

    def f():
        return F.cross_entropy(net(X), Y)

    compiled_optimiser = compile == "all"
    rate = torch.tensor(1e-3) if compiled_optimiser else 1e-3
    update = torch.optim.Adam(net.parameters(), lr=rate, **options).step
    return training(compiled(f) if compile else f, net.parameters(), compiled(update) if compiled_optimiser else update)


def w5(compile=None, **options):
    def make():
        X = tensor(halves_repeated(uniform((64, 784), 1, 0, 1), 0))
        net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
        return with_adam(net, X, tensor(classes(128, 2, 10)), compile, options)

    return make


def w6(channels_last, compile=None, **options):
    def make():
        X = tensor(halves_repeated(uniform((32, 1, 28, 28), 1, 0, 1), 0))
        net = nn.Sequential(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                            nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                            nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))
        if channels_last:
            net, X = net.to(memory_format=torch.channels_last), X.to(memory_format=torch.channels_last)
        return with_adam(net, X, tensor(classes(64, 2, 10)), compile, options)

    return make


def w7(n, compile):
    def make():
        x, J = parameter(uniform((n,), 1, -2, 2)), None

        def f(x):
            return (torch.tanh(1.1 * x + 0.3) * torch.sigmoid(x) - 0.5 * x * x).sum()

        g = compiled(f) if compile else f

        def step():
            nonlocal J
            x.grad = None
            J = g(x)
            J.backward()

        return step, lambda: (float(J), magnitude([x.grad]))

    return make


def w8_vectors():
    shapes = [(4, 2), (4, 1), (1, 4), (1, 1)]
    return [tensor(uniform(shape, 5 + i, -1, 1)) for i, shape in enumerate(shapes)]


def derivative(f):
    """f() gives one tensor or several: the derivatives. Of a square matrix the trace is compared."""
    D = None

    def step():
        nonlocal D
        D = f()

    def check():
        if isinstance(D, torch.Tensor):
            return float(D.diagonal().double().sum()), magnitude([D])
        return float(sum(d.double().sum() for d in D)), magnitude(D)

    return step, check


def hvp_reverse(of_product):
    def make():
        X, Y, P = w3_data()
        v = w8_vectors()

        def f():
            g = torch.autograd.grad(w3_cost(P, X, Y), P, create_graph=True)
            if of_product:
                return torch.autograd.grad(sum((a * b).sum() for a, b in zip(g, v)), P)
            return torch.autograd.grad(g, P, v)

        return derivative(f)

    return make


def hvp_forward():
    from torch.func import grad, jvp
    X, Y, P = w3_data()
    P, v = tuple(p.detach() for p in P), tuple(w8_vectors())
    gradient = grad(lambda p: w3_cost(p, X, Y))
    return derivative(lambda: jvp(lambda *p: gradient(tuple(p)), P, v)[1])


def hessian(way):
    def make():
        X, Y, _ = w3_data()
        theta = tensor(uniform((17,), 9, -0.5, 0.5))

        def cost(t):
            return w3_cost((t[:8].view(4, 2), t[8:12].view(4, 1), t[12:16].view(1, 4), t[16:].view(1, 1)), X, Y)

        def gradient():
            t = theta.detach().requires_grad_()
            return t, torch.autograd.grad(cost(t), t, create_graph=True)[0]

        def loop():
            t, g = gradient()
            return torch.stack([torch.autograd.grad(g[i], t, retain_graph=True)[0] for i in range(17)])

        def batched():
            t, g = gradient()
            return torch.autograd.grad(g, t, torch.eye(17), is_grads_batched=True)[0]

        ways = {
            "loop": loop,
            "batched": batched,
            "functional": lambda: torch.autograd.functional.hessian(cost, theta),
            "vectorized": lambda: torch.autograd.functional.hessian(cost, theta, vectorize=True),
        }
        if way == "func":
            from torch.func import hessian as of
            h = of(cost)
            return derivative(lambda: h(theta))
        return derivative(ways[way])

    return make


def cost_and_gradients(make_problem, compile=False):
    """Of the cost f(*P): make_problem() gives f and P."""
    def make():
        f, P = make_problem()
        P = [parameter(p) for p in P]
        g, J, D = compiled(f) if compile else f, None, None

        def step():
            nonlocal J, D
            J = g(*P)
            D = torch.autograd.grad(J, P)

        return step, lambda: (float(J), magnitude(D))

    return make


def w9(shape, seed):
    return uniform(shape, seed, -1, 1)


def w9_normalisation(axis):
    def make():
        target = tensor(w9((1024, 512), 4))

        def f(x, gain, bias):
            if axis == 1:
                y = F.layer_norm(x, (512,), gain, bias, 1e-5)
            else:
                y = F.batch_norm(x, None, None, gain, bias, training=True, eps=1e-5)
            return (y - target).square().mean()

        return f, [w9((1024, 512), 1), w9((512,), 2), w9((512,), 3)]

    return make


def w9_of_array(f):
    return lambda: (lambda x: f(x).square().mean(), [w9((1024, 512), 1)])


def w9_attention(fused):
    def make():
        X = tensor(w9((8, 64, 64), 1))

        def heads(t):
            return t.reshape(8, 64, 4, 16).transpose(1, 2)

        def f(Wq, Wk, Wv, Wo):
            Q, K, V = heads(X @ Wq), heads(X @ Wk), heads(X @ Wv)
            if fused:
                O = F.scaled_dot_product_attention(Q, K, V)
            else:
                O = torch.softmax(Q @ K.transpose(2, 3) / 4, -1) @ V
            return (O.transpose(1, 2).reshape(8, 64, 64) @ Wo).square().mean()

        return f, [w9((64, 64), seed) for seed in (2, 3, 4, 5)]

    return make


def w9_recurrent():
    X = [tensor(w9((32, 32), 10 + t)) for t in range(50)]

    def f(Wx, Wh, b):
        h = torch.zeros(64, 32)
        for x in X:
            h = torch.tanh(torch.addmm(torch.addmm(b, Wx, x), Wh, h))
        return h.square().mean()

    return f, [w9((64, 32), 1) / 8, w9((64, 64), 2) / 8, w9((64, 1), 3)]


def w9_distances():
    def f(a, b):
        return ((a[:, None] - b[None]).square().sum(-1) + 1e-6).sqrt().mean()

    return f, [w9((500, 3), 1), w9((400, 3), 2)]


def w9_cases():
    problems = {
        "layer_norm": {"": w9_normalisation(1)},
        "batch_norm": {"": w9_normalisation(0)},
        "softmax": {"": w9_of_array(lambda x: torch.softmax(x, 1) * 512)},
        "attention": {"": w9_attention(False), ", fused": w9_attention(True)},
        "recurrent": {"": w9_recurrent},
        "distances": {"": w9_distances},
        "gelu": {"": w9_of_array(F.gelu)},
        "cumsum": {"": w9_of_array(lambda x: torch.cumsum(x, 1))},
        "sort": {"": w9_of_array(lambda x: torch.sort(x, 1)[0] - 1)},
        "slice": {"": w9_of_array(lambda x: x[10:1000, 5:500])},
    }
    ways = {"eager": False, **({"compile": True} if hasattr(torch, "compile") else {})}
    return {f"W9/{name}": {way + variant: cost_and_gradients(make, compile) for variant, make in variants.items()
                           for way, compile in ways.items()} for name, variants in problems.items()}


def cases():
    has_compile = hasattr(torch, "compile")

    def only(condition, variants):
        return variants if condition else {}

    result = {}
    for n in (1, 16):
        result[f"W1/{n}x{n}"] = {"eager": w1(n, "eager"), **only(has_compile, {"compile": w1(n, "compile")})}
    result["W2"] = {
        "features as rows": w2_features(False), "formula": w2_features(True), "mv": w2_vector(True, False),
        "mv, examples as rows": w2_vector(False, False),
        **only(has_compile, {"compile, mv": w2_vector(True, True),
                             "compile, mv, examples as rows": w2_vector(False, True)}),
    }
    result["W3"] = {
        "raw": w3_raw(False), "formula": w3_formula, "modules": w3_modules,
        **only(has_compile, {"compile": w3_raw(True), "compile, whole step": w3_whole_step}),
    }
    result["W4"] = {
        "raw": w4_raw, "modules": w4_modules(), "modules, fused SGD": w4_modules(fused=True),
        **only(has_compile, {"compile": w4_modules(True)}),
    }
    result["W5"] = {
        "Adam": w5(foreach=False), "foreach Adam": w5(foreach=True), "fused Adam": w5(fused=True),
        **only(has_compile, {"compile, fused Adam": w5("cost", fused=True), "compile, compiled Adam": w5("all")}),
    }
    result["W6"] = {}
    for name, last in (("", False), (", channels_last", True)):
        result["W6"].update({"Adam" + name: w6(last, foreach=False), "foreach Adam" + name: w6(last, foreach=True),
                             "fused Adam" + name: w6(last, fused=True)})
        if has_compile:
            result["W6"]["compile, fused Adam" + name] = w6(last, "cost", fused=True)
    for name, n in (("1e3", 1000), ("1e5", 100_000), ("1e7", 10_000_000)):
        result[f"W7/{name}"] = {"eager": w7(n, False), **only(has_compile, {"compile": w7(n, True)})}
    result["W8/hvp"] = {"reverse twice": hvp_reverse(False), "reverse twice, of g.v": hvp_reverse(True),
                        **only(hasattr(torch, "func"), {"forward over reverse": hvp_forward})}
    result["W8/hessian"] = {way: hessian(way) for way in ("loop", "batched", "functional", "vectorized")}
    if hasattr(torch, "func"):
        result["W8/hessian"]["func"] = hessian("func")
    return {**result, **w9_cases()}


if __name__ == "__main__":
    common.main(cases())
