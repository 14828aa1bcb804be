#include <xgrad/ops/kernels/lapack.hpp>

#include <stdexcept>
#include <type_traits>

#include <xgrad/ops/kernels/blas_alone.hpp>
#include <xgrad/ops/kernels/decompositions.hpp>

// LAPACK is called by its Fortran names: pointers to everything, and the length of each text argument at the end.
// cxxlapack, which xtensor-blas brings along, wraps the same routines in some hundred headers.
#define XGRAD_LAPACK(P, T)                                                                                            \
    extern "C" {                                                                                                      \
    void P##getrf_(const int* m, const int* n, T* A, const int* lda, int* swaps, int* info);                          \
    void P##trsm_(const char* side, const char* triangle, const char* transpose, const char* diagonal, const int* m,  \
                  const int* n, const T* alpha, const T* A, const int* lda, T* B, const int* ldb, std::size_t,        \
                  std::size_t, std::size_t, std::size_t);                                                             \
    void P##potrf_(const char* triangle, const int* n, T* A, const int* lda, int* info, std::size_t);                 \
    void P##geqrf_(const int* m, const int* n, T* A, const int* lda, T* tau, T* work, const int* lwork, int* info);   \
    void P##orgqr_(const int* m, const int* n, const int* k, T* A, const int* lda, const T* tau, T* work,             \
                   const int* lwork, int* info);                                                                      \
    void P##syevd_(const char* vectors, const char* triangle, const int* n, T* A, const int* lda, T* values, T* work, \
                   const int* lwork, int* iwork, const int* liwork, int* info, std::size_t, std::size_t);             \
    void P##gesdd_(const char* vectors, const int* m, const int* n, T* A, const int* lda, T* values, T* U,            \
                   const int* ldu, T* Vt, const int* ldvt, T* work, const int* lwork, int* iwork, int* info,          \
                   std::size_t);                                                                                      \
    }                                                                                                                 \
    namespace xgrad::kernels {                                                                                        \
    namespace {                                                                                                       \
    template <>                                                                                                       \
    struct Lapack<T> {                                                                                                \
        static constexpr auto getrf = P##getrf_;                                                                      \
        static constexpr auto trsm = P##trsm_;                                                                        \
        static constexpr auto potrf = P##potrf_;                                                                      \
        static constexpr auto geqrf = P##geqrf_;                                                                      \
        static constexpr auto orgqr = P##orgqr_;                                                                      \
        static constexpr auto syevd = P##syevd_;                                                                      \
        static constexpr auto gesdd = P##gesdd_;                                                                      \
    };                                                                                                                \
    }                                                                                                                 \
    }

namespace xgrad::kernels {
namespace {
template <class T>
struct Lapack;
}
}  // namespace xgrad::kernels
XGRAD_LAPACK(s, float)
XGRAD_LAPACK(d, double)

namespace xgrad::kernels {

namespace {

template <class T>
constexpr bool has_lapack = !std::is_same_v<T, long double>;

int extent(std::int64_t n) {
    if (n > std::numeric_limits<int>::max()) throw std::length_error("LAPACK: an extent beyond 2^31 - 1");
    return static_cast<int>(n);
}

/// The length of a row of columns in memory, which must not be 0 even for an empty matrix.
template <class T>
int leading(const Dense<T>& A) {
    return std::max(extent(A.rows), 1);
}

/// Calls f(work, length of work) twice: LAPACK says first how much it wants, in work[0].
template <class T, class F>
void with_workspace(F&& f) {
    T wish{};
    f(&wish, -1);
    // A size that float cannot hold exactly may have been rounded down.
    std::vector<T> work(static_cast<std::size_t>(std::nextafter(wish, std::numeric_limits<T>::max())) + 1);
    f(work.data(), extent(static_cast<std::int64_t>(work.size())));
}

/// Whether column j points the wrong way. Its first component of some weight is to be positive: 0.37 of the largest, a
/// fraction that no textbook matrix hits, so that neither a tie nor a component that should be 0 lets rounding decide.
template <class T>
bool points_backwards(const Dense<T>& A, std::int64_t j) {
    T largest = 0;
    for (std::int64_t i = 0; i < A.rows; ++i) largest = std::max(largest, std::abs(A(i, j)));
    for (std::int64_t i = 0; i < A.rows; ++i) {
        if (std::abs(A(i, j)) >= T(0.37) * largest) return A(i, j) < 0;
    }
    return false;
}

template <class T>
void turn_column(Dense<T>& A, std::int64_t j) {
    for (std::int64_t i = 0; i < A.rows; ++i) A(i, j) = -A(i, j);
}

/// B ← T⁻¹ B, with a unit diagonal if `unit`.
template <class T>
void triangle(const Dense<T>& A, bool lower, bool unit, Dense<T>& B) {
    if (B.data.empty()) return;
    if constexpr (has_lapack<T>) {
        const BlasAlone alone;
        const int n = extent(A.rows);
        const int columns = extent(B.columns);
        const T one = 1;
        Lapack<T>::trsm("L", lower ? "L" : "U", "N", unit ? "U" : "N", &n, &columns, &one, A.data.data(), &n,
                        B.data.data(), &n, 1, 1, 1, 1);
    } else {
        plain::solve_triangular(A, lower, B, unit);
    }
}

/// eigh() by LAPACK, before the vectors are oriented; returns its error code.
template <class T>
int lapack_eigh(Dense<T>& A, std::vector<T>& values) {
    const BlasAlone alone;
    const int n = extent(A.rows);
    int info = 0;
    values.assign(static_cast<std::size_t>(n), 0);
    std::vector<int> iwork(static_cast<std::size_t>(3 + 5 * static_cast<std::int64_t>(n)));
    const int iwork_length = extent(static_cast<std::int64_t>(iwork.size()));
    with_workspace<T>([&](T* work, int length) {
        // The two lengths are asked for together, or not at all.
        const int other_length = length < 0 ? -1 : iwork_length;
        Lapack<T>::syevd("V", "L", &n, A.data.data(), &n, values.data(), work, &length, iwork.data(), &other_length,
                         &info, 1, 1);
    });
    return info;
}

}  // namespace

template <class T>
std::int64_t lu(Dense<T>& A, std::vector<int>& swaps) {
    if constexpr (has_lapack<T>) {
        const BlasAlone alone;
        if (A.rows == 0) return -1;
        const int n = extent(A.rows);
        int info = 0;
        swaps.assign(static_cast<std::size_t>(n), 0);
        Lapack<T>::getrf(&n, &n, A.data.data(), &n, swaps.data(), &info);
        return info > 0 ? info - 1 : -1;
    } else {
        return plain::lu(A, swaps);
    }
}

template <class T>
void solve_triangular(const Dense<T>& A, bool lower, Dense<T>& B) {
    triangle(A, lower, false, B);
}

// As getrs does it.
template <class T>
void lu_solve(const Dense<T>& LU, const std::vector<int>& swaps, Dense<T>& B) {
    plain::swap_rows(B, swaps);
    triangle(LU, true, true, B);
    triangle(LU, false, false, B);
}

template <class T>
std::int64_t cholesky(Dense<T>& A) {
    std::int64_t bad = -1;
    if constexpr (has_lapack<T>) {
        const BlasAlone alone;
        const int n = extent(A.rows);
        const int lead = leading(A);
        int info = 0;
        Lapack<T>::potrf("L", &n, A.data.data(), &lead, &info, 1);
        bad = info > 0 ? info - 1 : -1;
    } else {
        bad = plain::cholesky(A);
    }
    for (std::int64_t j = 1; j < A.columns; ++j) {
        for (std::int64_t i = 0; i < j; ++i) A(i, j) = 0;
    }
    return bad;
}

template <class T>
void qr(Dense<T>& A, Dense<T>& R) {
    if (A.columns == 0) return;
    if constexpr (has_lapack<T>) {
        const BlasAlone alone;
        const int m = extent(A.rows);
        const int n = extent(A.columns);
        int info = 0;
        std::vector<T> tau(static_cast<std::size_t>(n));
        with_workspace<T>([&](T* work, int length) {
            Lapack<T>::geqrf(&m, &n, A.data.data(), &m, tau.data(), work, &length, &info);
        });
        for (std::int64_t j = 0; j < n; ++j) {
            for (std::int64_t i = 0; i < n; ++i) R(i, j) = i <= j ? A(i, j) : 0;
        }
        with_workspace<T>([&](T* work, int length) {
            Lapack<T>::orgqr(&m, &n, &n, A.data.data(), &m, tau.data(), work, &length, &info);
        });
    } else {
        plain::qr(A, R);
    }
    for (std::int64_t k = 0; k < R.rows; ++k) {
        if (!(R(k, k) < 0)) continue;
        turn_column(A, k);
        for (std::int64_t j = k; j < R.columns; ++j) R(k, j) = -R(k, j);
    }
}

template <class T>
bool eigh(Dense<T>& A, std::vector<T>& values) {
    // A small matrix is done by rotations before LAPACK has begun.
    constexpr std::int64_t small = 8;
    int info = 0;
    if constexpr (has_lapack<T>) {
        if (A.rows > small) {
            info = lapack_eigh(A, values);
        } else {
            plain::eigh(A, values);
        }
    } else {
        plain::eigh(A, values);
    }
    for (std::int64_t j = 0; j < A.columns; ++j) {
        if (points_backwards(A, j)) turn_column(A, j);
    }
    return info == 0;
}

template <class T>
bool svd(const Dense<T>& A, Dense<T>& U, std::vector<T>& values, Dense<T>& V) {
    const std::int64_t count = std::min(A.rows, A.columns);
    int info = 0;
    values.assign(static_cast<std::size_t>(count), 0);
    if (count == 0) return true;
    if constexpr (has_lapack<T>) {
        const BlasAlone alone;
        Dense<T> copy = A;
        Dense<T> Vt(count, A.columns);
        const int m = extent(A.rows);
        const int n = extent(A.columns);
        const int k = extent(count);
        std::vector<int> iwork(static_cast<std::size_t>(8 * count));
        with_workspace<T>([&](T* work, int length) {
            Lapack<T>::gesdd("S", &m, &n, copy.data.data(), &m, values.data(), U.data.data(), &m, Vt.data.data(), &k,
                             work, &length, iwork.data(), &info, 1);
        });
        V = Vt.transposed();
    } else {
        plain::svd(A, U, values, V);
    }
    for (std::int64_t j = 0; j < count; ++j) {
        if (!points_backwards(U, j)) continue;
        turn_column(U, j);
        turn_column(V, j);
    }
    return info == 0;
}

#define XGRAD_DECOMPOSITIONS(T)                                                     \
    template std::int64_t lu<T>(Dense<T>&, std::vector<int>&);                      \
    template void lu_solve<T>(const Dense<T>&, const std::vector<int>&, Dense<T>&); \
    template void solve_triangular<T>(const Dense<T>&, bool, Dense<T>&);            \
    template std::int64_t cholesky<T>(Dense<T>&);                                   \
    template void qr<T>(Dense<T>&, Dense<T>&);                                      \
    template bool eigh<T>(Dense<T>&, std::vector<T>&);                              \
    template bool svd<T>(const Dense<T>&, Dense<T>&, std::vector<T>&, Dense<T>&);
XGRAD_DECOMPOSITIONS(float)
XGRAD_DECOMPOSITIONS(double)
XGRAD_DECOMPOSITIONS(long double)
#undef XGRAD_DECOMPOSITIONS
#undef XGRAD_LAPACK

}  // namespace xgrad::kernels
