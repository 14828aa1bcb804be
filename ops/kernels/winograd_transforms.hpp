#pragma once

namespace xgrad::kernels {

// Winograd's minimal filtering: four neighbouring sums
//
//     yᵢ = Σ wₖ dᵢ₊ₖ,   i < 4,   k < r
//
// take 4 r multiplications by definition. Seen as a product of polynomials modulo x (xⁿ − 1), and at ∞, with n = r + 1,
// they fall into products modulo the factors: numbers for x and x ± 1, and for each quadratic factor, a pair of roots
// of unity, three products of numbers, as for complex ones. So 7 multiplications are enough if r is 3, and 10 if it
// is 5:
//
//     y = Aᵀ [(G w) ⊙ (Bᵀ d)]
//
// A and G take residues, and Bᵀ is the transpose of putting them together again. In two dimensions each matrix is
// applied along both axes. Sums over channels are taken between the two steps, where a product is one number.
//
// All roots but 0 lie on the unit circle, all entries are 0, ±1 and ±2 (in G over one denominator): errors are
// like those of the definition, 0.65 to 1.23 times as large in tests/ops/test_convolution_tiles.cpp, 0.88 on average.
// With as few multiplications and real points only, like ±½ or −2, they are two to five times as large.
//
// Method: S. Winograd, Arithmetic Complexity of Computations (1980); for networks A. Lavin and S. Gray, Fast Algorithms
// for Convolutional Neural Networks (2016); quadratic factors: B. Barabasz and D. Gregg, Winograd Convolution for DNNs:
// Beyond Linear Polynomials (2019).
//
// V is a number or a register of numbers. What is called a point is a product of numbers.

template <int r>
struct Winograd;

/// F(4, 3): modulo x, x − 1, x + 1, x² + 1, and at ∞.
///
///     Bᵀ = ( 1  0  0  0 −1  0 )      G = (  1   0   0 )      Aᵀ = ( 1  1  1  1  0  1  0 )
///          ( 0  1  1  1  1  0 )          (  ¼   ¼   ¼ )           ( 0  1 −1  0  1  1  0 )
///          ( 0 −1  1 −1  1  0 )          (  ¼  −¼   ¼ )           ( 0  1  1 −1  0 −1  0 )
///          ( 0 −1 −1  1  1  0 )          (  ½   0  −½ )           ( 0  1 −1  0 −1 −1  1 )
///          ( 0 −1  1  1 −1  0 )          (  0   ½   0 )
///          ( 0  1  0 −1  0  0 )          (  ½   ½  −½ )
///          ( 0 −1  0  0  0  1 )          (  0   0   1 )
template <>
struct Winograd<3> {
    static constexpr int points = 7;

    template <class V>
    [[gnu::always_inline]] static inline void pixels(const V* d, V* t) {  // Bᵀ
        const V p = d[1] + d[3], q = d[2] + d[4];
        const V u = d[1] - d[3], v = d[2] - d[4];
        t[0] = d[0] - d[4];
        t[1] = q + p;
        t[2] = q - p;
        t[3] = -v - u;
        t[4] = v - u;
        t[5] = u;
        t[6] = d[5] - d[1];
    }
    template <class V>
    [[gnu::always_inline]] static inline void kernel(const V* w, V* t) {  // G
        const V even = (w[0] + w[2]) * 0.25F, odd = w[1] * 0.25F;
        const V real = (w[0] - w[2]) * 0.5F, imaginary = w[1] * 0.5F;
        t[0] = w[0];
        t[1] = even + odd;
        t[2] = even - odd;
        t[3] = real;
        t[4] = imaginary;
        t[5] = real + imaginary;
        t[6] = w[2];
    }
    template <class V>
    [[gnu::always_inline]] static inline void kernel_transposed(const V* t, V* w) {
        const V even = (t[1] + t[2]) * 0.25F, odd = (t[1] - t[2]) * 0.25F;
        const V real = (t[3] + t[5]) * 0.5F, imaginary = (t[4] + t[5]) * 0.5F;
        w[0] = t[0] + (even + real);
        w[1] = odd + imaginary;
        w[2] = t[6] + (even - real);
    }
    template <class V>
    [[gnu::always_inline]] static inline void sums(const V* t, V* y) {  // Aᵀ
        const V even = t[1] + t[2], odd = t[1] - t[2];
        const V real = t[3] + t[5], imaginary = t[4] + t[5];
        y[0] = t[0] + (even + real);
        y[1] = odd + imaginary;
        y[2] = even - real;
        y[3] = t[6] + (odd - imaginary);
    }
    template <class V>
    [[gnu::always_inline]] static inline void sums_transposed(const V* y, V* t) {
        const V even = y[0] + y[2], odd = y[1] + y[3];
        const V real = y[0] - y[2], imaginary = y[1] - y[3];
        t[0] = y[0];
        t[1] = even + odd;
        t[2] = even - odd;
        t[3] = real;
        t[4] = imaginary;
        t[5] = real + imaginary;
        t[6] = y[3];
    }
};

/// F(4, 5): modulo x, x − 1, x + 1, x² + x + 1, x² − x + 1, and at ∞.
///
///     Bᵀ = ( 1  0  0  0  0  0 −1  0 )      6 G = ( 6  0  0  0  0 )      A = ( 1  0  0  0 )
///          ( 0  1  1  1  1  1  1  0 )            ( 1  1  1  1  1 )          ( 1  1  1  1 )
///          ( 0 −1  1 −1  1 −1  1  0 )            ( 1 −1  1 −1  1 )          ( 1 −1  1 −1 )
///          ( 0  1 −2  1  1 −2  1  0 )            ( 1  0 −1  1  0 )          ( 1  0 −1  1 )
///          ( 0  1  1 −2  1  1 −2  0 )            ( 0  1 −1  0  1 )          ( 0  1 −1  0 )
///          ( 0 −2  1  1 −2  1  1  0 )            ( 1 −1  0  1 −1 )          ( 1 −1  0  1 )
///          ( 0 −1 −2 −1  1  2  1  0 )            ( 1  0 −1 −1  0 )          ( 1  0 −1 −1 )
///          ( 0 −1  1  2  1 −1 −2  0 )            ( 0  1  1  0 −1 )          ( 0  1  1  0 )
///          ( 0  2  1 −1 −2 −1  1  0 )            ( 1  1  0 −1 −1 )          ( 1  1  0 −1 )
///          ( 0 −1  0  0  0  0  0  1 )            ( 0  0  0  0  6 )          ( 0  0  0  1 )
template <>
struct Winograd<5> {
    static constexpr int points = 10;

    template <class V>
    [[gnu::always_inline]] static inline void pixels(const V* d, V* t) {  // Bᵀ
        // Modulo x³ − 1 and x³ + 1.
        const V p = d[1] + d[4], q = d[2] + d[5], s = d[3] + d[6];
        const V u = d[1] - d[4], v = d[2] - d[5], w = d[3] - d[6];
        const V p_s = p + s, u_w = u + w;
        t[0] = d[0] - d[6];
        t[1] = q + p_s;
        t[2] = v - u_w;
        t[3] = p_s - q * 2.F;
        t[4] = (p + q) - s * 2.F;
        t[5] = (q + s) - p * 2.F;
        t[6] = -u_w - v * 2.F;
        t[7] = (v - u) + w * 2.F;
        t[8] = (v - w) + u * 2.F;
        t[9] = d[7] - d[1];
    }
    template <class V>
    [[gnu::always_inline]] static inline void kernel(const V* w, V* t) {  // G
        constexpr float sixth = 1 / 6.F;
        const V even = (w[0] + w[4]) + w[2], odd = w[1] + w[3];
        const V first = w[0] - w[2], second = w[1] + w[2];
        const V near = w[0] - w[4];
        t[0] = w[0];
        t[1] = (even + odd) * sixth;
        t[2] = (even - odd) * sixth;
        t[3] = (first + w[3]) * sixth;
        t[4] = ((w[1] - w[2]) + w[4]) * sixth;
        t[5] = (near - (w[1] - w[3])) * sixth;
        t[6] = (first - w[3]) * sixth;
        t[7] = (second - w[4]) * sixth;
        t[8] = (near + (w[1] - w[3])) * sixth;
        t[9] = w[4];
    }
    template <class V>
    [[gnu::always_inline]] static inline void kernel_transposed(const V* t, V* w) {
        constexpr float sixth = 1 / 6.F;
        const V even = t[1] + t[2], odd = t[1] - t[2];
        const V first = t[3] + t[5], last = t[6] + t[8];
        w[0] = t[0] + ((even + first) + last) * sixth;
        w[1] = ((odd + (t[4] - t[5])) + (t[7] + t[8])) * sixth;
        w[2] = ((even - (t[3] + t[4])) + (t[7] - t[6])) * sixth;
        w[3] = ((odd + first) - last) * sixth;
        w[4] = t[9] + ((even + (t[4] - t[5])) - (t[7] + t[8])) * sixth;
    }
    template <class V>
    [[gnu::always_inline]] static inline void sums(const V* t, V* y) {  // Aᵀ
        const V even = t[1] + t[2], odd = t[1] - t[2];
        const V first = t[3] + t[5], last = t[6] + t[8];
        y[0] = t[0] + ((even + first) + last);
        y[1] = (odd + (t[4] - t[5])) + (t[7] + t[8]);
        y[2] = (even - (t[3] + t[4])) + (t[7] - t[6]);
        y[3] = t[9] + ((odd + first) - last);
    }
    template <class V>
    [[gnu::always_inline]] static inline void sums_transposed(const V* y, V* t) {
        const V even = y[0] + y[2], odd = y[1] + y[3];
        const V sum = y[0] + y[3], difference = y[0] - y[3];
        t[0] = y[0];
        t[1] = even + odd;
        t[2] = even - odd;
        t[3] = sum - y[2];
        t[4] = y[1] - y[2];
        t[5] = sum - y[1];
        t[6] = difference - y[2];
        t[7] = y[1] + y[2];
        t[8] = difference + y[1];
        t[9] = y[3];
    }
};

}  // namespace xgrad::kernels
