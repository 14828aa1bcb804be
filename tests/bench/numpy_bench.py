"""W2, W3 and W4 in NumPy, derivatives taken by hand as in the notes. See common.py for the arguments."""
import numpy as np

import common
from common import coins, distance, uniform

f = np.float32


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(A, Y):
    return -(Y * np.log(A) + (1 - Y) * np.log(1 - A)).mean()


def w2_course():
    n, m, alpha = 12288, 209, f(0.0005)
    X, Y = uniform((n, m), 1, 0, 1), coins(m, 2).reshape(1, m)
    w, b, J = np.zeros((n, 1), f), f(0), None

    def step():
        nonlocal w, b, J
        A = sigmoid(w.T @ X + b)
        J = cross_entropy(A, Y)
        dZ = A - Y
        w = w - alpha * (X @ dZ.T / f(m))
        b = b - alpha * dZ.mean()

    return step, lambda: (float(J), float(np.abs(w).sum(dtype=np.float64) + abs(b)))


def w2_vectors():
    """Matrix times vector and in place."""
    n, m, alpha = 12288, 209, f(0.0005)
    X, Y = uniform((n, m), 1, 0, 1), coins(m, 2)
    w, b, J = np.zeros(n, f), f(0), None

    def step():
        nonlocal w, b, J
        A = sigmoid(w @ X + b)
        J = cross_entropy(A, Y)
        dZ = A - Y
        dw = X @ dZ
        dw *= alpha / f(m)
        w -= dw
        b -= alpha * dZ.mean()

    return step, lambda: (float(J), float(np.abs(w).sum(dtype=np.float64) + abs(b)))


def w3_course():
    m, alpha = 400, f(1.2)
    X, Y = uniform((2, m), 1, -1, 1), coins(m, 2).reshape(1, m)
    W1, b1 = uniform((4, 2), 3, -0.5, 0.5), np.zeros((4, 1), f)
    W2, b2 = uniform((1, 4), 4, -0.5, 0.5), np.zeros((1, 1), f)
    start, J = [W1, b1, W2, b2], None

    def step():
        nonlocal W1, b1, W2, b2, J
        A1 = np.tanh(W1 @ X + b1)
        A2 = sigmoid(W2 @ A1 + b2)
        J = cross_entropy(A2, Y)
        dZ2 = A2 - Y
        dZ1 = (W2.T @ dZ2) * (1 - A1 * A1)
        W1 = W1 - alpha * (dZ1 @ X.T / f(m))
        b1 = b1 - alpha * (dZ1.sum(1, keepdims=True) / f(m))
        W2 = W2 - alpha * (dZ2 @ A1.T / f(m))
        b2 = b2 - alpha * (dZ2.sum(1, keepdims=True) / f(m))

    return step, lambda: (float(J), distance([W1, b1, W2, b2], start))


def w4_course():
    m, alpha, units = 209, f(0.00075), [12288, 20, 7, 5, 1]
    X, Y = uniform((units[0], m), 1, 0, 1), coins(m, 2).reshape(1, m)
    bounds = [1 / np.sqrt(f(n)) for n in units]
    W = [uniform((units[i + 1], units[i]), 3 + i, -bounds[i], bounds[i]) for i in range(4)]
    b = [np.zeros((n, 1), f) for n in units[1:]]
    start, J = [p.copy() for p in W + b], None

    def step():
        nonlocal J
        A = [X]
        for i in range(4):
            Z = W[i] @ A[i] + b[i]
            A.append(np.maximum(Z, 0) if i < 3 else sigmoid(Z))
        J = cross_entropy(A[4], Y)
        dZ = A[4] - Y
        for i in (3, 2, 1, 0):
            dW = dZ @ A[i].T / f(m)
            db = dZ.sum(1, keepdims=True) / f(m)
            if i:
                dZ = (W[i].T @ dZ) * (A[i] > 0)
            W[i] -= alpha * dW
            b[i] -= alpha * db

    return step, lambda: (float(J), distance(W + b, start))


if __name__ == "__main__":
    common.main({
        "W2": {"course": w2_course, "vectors": w2_vectors},
        "W3": {"course": w3_course},
        "W4": {"course": w4_course},
    })
