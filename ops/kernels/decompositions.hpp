#pragma once

#include <limits>
#include <numeric>
#include <utility>

#include <xgrad/ops/kernels/dense.hpp>

/// The decompositions for any precision, each in its plainest stable form. They serve long double, in which
/// derivatives are verified, and are what LAPACK's results are held against. Every loop is bounded.
namespace xgrad::kernels::plain {

inline constexpr int most_sweeps = 60;

/// P A = L U with partial pivoting, in place. Row k was exchanged with row swaps[k], counted from 1 as in LAPACK.
/// Returns the place of the first zero pivot, −1 if there is none.
template <class T>
std::int64_t lu(Dense<T>& A, std::vector<int>& swaps) {
    const std::int64_t n = A.rows;
    std::int64_t zero = -1;
    swaps.assign(static_cast<std::size_t>(n), 0);
    for (std::int64_t k = 0; k < n; ++k) {
        std::int64_t pivot = k;
        for (std::int64_t i = k + 1; i < n; ++i) {
            if (std::abs(A(i, k)) > std::abs(A(pivot, k))) pivot = i;
        }
        swaps[static_cast<std::size_t>(k)] = static_cast<int>(pivot + 1);
        for (std::int64_t j = 0; pivot != k && j < n; ++j) std::swap(A(k, j), A(pivot, j));
        if (A(k, k) == 0) {
            if (zero < 0) zero = k;
            continue;
        }
        for (std::int64_t i = k + 1; i < n; ++i) A(i, k) /= A(k, k);
        for (std::int64_t j = k + 1; j < n; ++j) {
            for (std::int64_t i = k + 1; i < n; ++i) A(i, j) -= A(i, k) * A(k, j);
        }
    }
    return zero;
}

/// B ← T⁻¹ B with T the lower or upper triangle of A; with a unit diagonal if `unit`.
template <class T>
void solve_triangular(const Dense<T>& A, bool lower, Dense<T>& B, bool unit = false) {
    const std::int64_t n = A.rows;
    for (std::int64_t column = 0; column < B.columns; ++column) {
        for (std::int64_t step = 0; step < n; ++step) {
            const std::int64_t k = lower ? step : n - 1 - step;
            if (!unit) B(k, column) /= A(k, k);
            const std::int64_t first = lower ? k + 1 : 0;
            const std::int64_t last = lower ? n : k;
            for (std::int64_t i = first; i < last; ++i) B(i, column) -= A(i, k) * B(k, column);
        }
    }
}

/// Exchanges the rows of B as lu() has exchanged those of A.
template <class T>
void swap_rows(Dense<T>& B, const std::vector<int>& swaps) {
    for (std::int64_t k = 0; k < B.rows; ++k) {
        const std::int64_t other = swaps[static_cast<std::size_t>(k)] - 1;
        for (std::int64_t j = 0; other != k && j < B.columns; ++j) std::swap(B(k, j), B(other, j));
    }
}

/// A = L Lᵀ in the lower triangle. Returns the place of the first pivot that is not positive, −1 if there is none.
template <class T>
std::int64_t cholesky(Dense<T>& A) {
    for (std::int64_t k = 0; k < A.rows; ++k) {
        if (!(A(k, k) > 0)) return k;
        A(k, k) = std::sqrt(A(k, k));
        for (std::int64_t i = k + 1; i < A.rows; ++i) A(i, k) /= A(k, k);
        for (std::int64_t j = k + 1; j < A.rows; ++j) {
            for (std::int64_t i = j; i < A.rows; ++i) A(i, j) -= A(i, k) * A(j, k);
        }
    }
    return -1;
}

/// B ← (I − 2 v vᵀ / vᵀv) B, where v is zero above row k.
template <class T>
void reflect(const std::vector<T>& v, std::int64_t k, Dense<T>& B) {
    T square = 0;
    for (std::int64_t i = k; i < B.rows; ++i) square += v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(i)];
    if (square == 0) return;
    for (std::int64_t j = 0; j < B.columns; ++j) {
        T product = 0;
        for (std::int64_t i = k; i < B.rows; ++i) product += v[static_cast<std::size_t>(i)] * B(i, j);
        const T factor = 2 * product / square;
        for (std::int64_t i = k; i < B.rows; ++i) B(i, j) -= factor * v[static_cast<std::size_t>(i)];
    }
}

/// A = Q R by Householder's reflections, with as many columns in Q as in A (rows ≥ columns). A becomes Q.
template <class T>
void qr(Dense<T>& A, Dense<T>& R) {
    const std::int64_t n = A.columns;
    std::vector<std::vector<T>> reflections;
    for (std::int64_t k = 0; k < n; ++k) {
        std::vector<T> v(static_cast<std::size_t>(A.rows));
        T square = 0;
        for (std::int64_t i = k; i < A.rows; ++i) {
            v[static_cast<std::size_t>(i)] = A(i, k);
            square += A(i, k) * A(i, k);
        }
        // Away from the other end, so that nothing cancels.
        v[static_cast<std::size_t>(k)] += A(k, k) < 0 ? -std::sqrt(square) : std::sqrt(square);
        reflect(v, k, A);
        reflections.push_back(std::move(v));
    }
    R.fill(0);
    for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t i = 0; i <= j; ++i) R(i, j) = A(i, j);
    }
    A.fill(0);
    for (std::int64_t k = 0; k < n; ++k) A(k, k) = 1;
    for (std::int64_t k = n; k-- > 0;) reflect(reflections[static_cast<std::size_t>(k)], k, A);
}

/// Columns p and q of B turned by the angle with that cosine and sine.
template <class T>
void rotate_columns(Dense<T>& B, std::int64_t p, std::int64_t q, T cosine, T sine) {
    for (std::int64_t i = 0; i < B.rows; ++i) {
        const T left = B(i, p);
        const T right = B(i, q);
        B(i, p) = cosine * left - sine * right;
        B(i, q) = sine * left + cosine * right;
    }
}

/// The rotation that makes ((a, c), (c, b)) diagonal: its tangent t solves t² + 2 θ t − 1 = 0, θ = (b − a) / 2c; the
/// smaller root.
template <class T>
std::pair<T, T> jacobi_rotation(T a, T b, T c) {
    const T theta = (b - a) / (2 * c);
    const T tangent = (theta < 0 ? T(-1) : T(1)) / (std::abs(theta) + std::hypot(T(1), theta));
    const T cosine = 1 / std::hypot(T(1), tangent);
    return {cosine, tangent * cosine};
}

/// The columns of B in another order.
template <class T>
Dense<T> columns_of(const Dense<T>& B, const std::vector<std::int64_t>& order) {
    Dense<T> result(B.rows, static_cast<std::int64_t>(order.size()));
    for (std::int64_t j = 0; j < result.columns; ++j) {
        for (std::int64_t i = 0; i < B.rows; ++i) result(i, j) = B(i, order[static_cast<std::size_t>(j)]);
    }
    return result;
}

template <class T>
std::vector<std::int64_t> ascending(const std::vector<T>& values) {
    std::vector<std::int64_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
        return values[static_cast<std::size_t>(i)] < values[static_cast<std::size_t>(j)];
    });
    return order;
}

/// A = V Λ Vᵀ from the lower triangle, by Jacobi's rotations, the values ascending. A becomes V.
template <class T>
void eigh(Dense<T>& A, std::vector<T>& values) {
    const std::int64_t n = A.rows;
    T size = 0;
    for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t i = j; i < n; ++i) {
            A(j, i) = A(i, j);
            size = std::max(size, std::abs(A(i, j)));
        }
    }
    Dense<T> V = Dense<T>::identity(n);
    const T negligible = size * std::numeric_limits<T>::epsilon() * std::numeric_limits<T>::epsilon();
    bool rotated = true;
    for (int sweep = 0; rotated && sweep < most_sweeps; ++sweep) {
        rotated = false;
        for (std::int64_t p = 0; p < n; ++p) {
            for (std::int64_t q = p + 1; q < n; ++q) {
                if (std::abs(A(p, q)) <= negligible) continue;
                rotated = true;
                const auto [cosine, sine] = jacobi_rotation(A(p, p), A(q, q), A(p, q));
                rotate_columns(A, p, q, cosine, sine);
                for (std::int64_t j = 0; j < n; ++j) {
                    const T upper = A(p, j);
                    const T lower = A(q, j);
                    A(p, j) = cosine * upper - sine * lower;
                    A(q, j) = sine * upper + cosine * lower;
                }
                A(p, q) = A(q, p) = 0;
                rotate_columns(V, p, q, cosine, sine);
            }
        }
    }
    std::vector<T> diagonal;
    for (std::int64_t i = 0; i < n; ++i) diagonal.push_back(A(i, i));
    const std::vector<std::int64_t> order = ascending(diagonal);
    values.clear();
    for (std::int64_t place : order) values.push_back(diagonal[static_cast<std::size_t>(place)]);
    A = columns_of(V, order);
}

/// Replaces column j of U by a unit vector orthogonal to the columns of `others`.
template <class T>
void complete(Dense<T>& U, std::int64_t j, const std::vector<std::int64_t>& others) {
    for (std::int64_t axis = 0; axis < U.rows; ++axis) {
        for (std::int64_t i = 0; i < U.rows; ++i) U(i, j) = i == axis;
        T square = 0;
        for (int twice = 0; twice < 2; ++twice) {
            for (std::int64_t other : others) {
                T product = 0;
                for (std::int64_t i = 0; i < U.rows; ++i) product += U(i, other) * U(i, j);
                for (std::int64_t i = 0; i < U.rows; ++i) U(i, j) -= product * U(i, other);
            }
            square = 0;
            for (std::int64_t i = 0; i < U.rows; ++i) square += U(i, j) * U(i, j);
        }
        // The squares for all unit vectors add up to at least 1, so one of them is as large as their mean.
        if (square * static_cast<T>(2 * U.rows) < 1) continue;
        for (std::int64_t i = 0; i < U.rows; ++i) U(i, j) /= std::sqrt(square);
        return;
    }
}

/// A = U S Vᵀ for rows ≥ columns, by one-sided Jacobi rotations: A V has orthogonal columns, of lengths S.
template <class T>
void tall_svd(Dense<T> A, Dense<T>& U, std::vector<T>& values, Dense<T>& V) {
    const std::int64_t n = A.columns;
    Dense<T> turned = Dense<T>::identity(n);
    const auto product = [&](std::int64_t p, std::int64_t q) {
        T sum = 0;
        for (std::int64_t i = 0; i < A.rows; ++i) sum += A(i, p) * A(i, q);
        return sum;
    };
    const T rounding = std::numeric_limits<T>::epsilon() * static_cast<T>(A.rows);
    bool rotated = true;
    for (int sweep = 0; rotated && sweep < most_sweeps; ++sweep) {
        rotated = false;
        for (std::int64_t p = 0; p < n; ++p) {
            for (std::int64_t q = p + 1; q < n; ++q) {
                const T a = product(p, p);
                const T b = product(q, q);
                const T c = product(p, q);
                if (std::abs(c) <= rounding * std::sqrt(a) * std::sqrt(b)) continue;
                rotated = true;
                const auto [cosine, sine] = jacobi_rotation(a, b, c);
                rotate_columns(A, p, q, cosine, sine);
                rotate_columns(turned, p, q, cosine, sine);
            }
        }
    }
    std::vector<T> lengths;
    for (std::int64_t j = 0; j < n; ++j) lengths.push_back(std::sqrt(product(j, j)));
    std::vector<std::int64_t> order = ascending(lengths);
    std::reverse(order.begin(), order.end());
    std::vector<std::int64_t> others;
    for (std::int64_t j : order) {
        const T length = lengths[static_cast<std::size_t>(j)];
        // What is left of a column in the others' span is rounding, and points anywhere.
        if (length > rounding * lengths[static_cast<std::size_t>(order.front())]) {
            for (std::int64_t i = 0; i < A.rows; ++i) A(i, j) /= length;
        } else {
            complete(A, j, others);
        }
        others.push_back(j);
    }
    values.clear();
    for (std::int64_t place : order) values.push_back(lengths[static_cast<std::size_t>(place)]);
    U = columns_of(A, order);
    V = columns_of(turned, order);
}

/// A = U S Vᵀ with min(rows, columns) singular values, descending.
template <class T>
void svd(const Dense<T>& A, Dense<T>& U, std::vector<T>& values, Dense<T>& V) {
    if (A.rows >= A.columns) return tall_svd(A, U, values, V);
    tall_svd(A.transposed(), V, values, U);
}

}  // namespace xgrad::kernels::plain
