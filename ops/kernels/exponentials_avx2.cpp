#include <xgrad/ops/kernels/exponentials_avx2.hpp>

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <numbers>

namespace xgrad::kernels {

namespace {

constexpr int lanes = 8;

[[gnu::target("avx2"), gnu::always_inline]] inline __m256 all(float x) {
    return _mm256_set1_ps(x);
}

/// What belongs to n, in the first bits: n stands in the last ones.
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i exponent(__m256 shifted) {
    return _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
}

/// e^r - 1 on |r| <= log(2)/2, with the polynomial of exponential_tail in pairs of terms, which wait less for each
/// other.
[[gnu::target("avx2,fma"), gnu::always_inline]] inline __m256 expm1_near_0(__m256 r) {
    const __m256 z = _mm256_mul_ps(r, r);
    const __m256 low = _mm256_fmadd_ps(all(0x1.555556p-3F), r, all(0x1p-1F));
    const __m256 middle = _mm256_fmadd_ps(all(0x1.11108ep-7F), r, all(0x1.5554acp-5F));
    const __m256 high = _mm256_fmadd_ps(all(0x1.a1a342p-13F), r, all(0x1.6d75dcp-10F));
    return _mm256_fmadd_ps(_mm256_fmadd_ps(_mm256_fmadd_ps(high, z, middle), z, low), z, r);
}

constexpr float to_integer = 0x1.8p23F, ln2_high = 0x1.62e4p-1F, ln2_low = 0x1.7f7d1cp-20F;

struct Tanh {
    [[gnu::target("avx2,fma"), gnu::always_inline]] static inline __m256 of(__m256 x) {
        constexpr float bound = 8.664F, one_from = 0x1.205966p3F;  // from the bound on the result is 1 - 2^-24 or 1
        constexpr float biased = to_integer + 127;
        const __m256 sign = all(-0.0F);
        // Of two operands one of which is NaN this takes the second.
        const __m256 size = _mm256_andnot_ps(sign, x), inside = _mm256_min_ps(all(bound), size);
        const __m256 shifted = _mm256_fmadd_ps(inside, all(2 * std::numbers::log2e_v<float>), all(biased));
        const __m256 n = _mm256_sub_ps(shifted, all(biased));
        const __m256 high = _mm256_fnmadd_ps(n, all(ln2_high), _mm256_add_ps(inside, inside));
        const __m256 tail = expm1_near_0(_mm256_fnmadd_ps(n, all(ln2_low), high));
        const __m256 power = _mm256_castsi256_ps(exponent(shifted));
        const __m256 E = _mm256_fmadd_ps(power, tail, _mm256_sub_ps(power, all(1)));
        const __m256 divisor = _mm256_add_ps(E, all(2));
        const __m256 quotient = _mm256_div_ps(E, divisor);
        const __m256 missing = _mm256_mul_ps(quotient, _mm256_sub_ps(E, _mm256_sub_ps(divisor, all(2))));
        const __m256 slope = _mm256_fnmadd_ps(all(0.5F), quotient, all(0.5F));
        // The next number, which behind 1 - 2^-24 is 1: to compare gives -1.
        const __m256i y = _mm256_castps_si256(_mm256_fnmadd_ps(missing, slope, quotient));
        const __m256i is_one = _mm256_castps_si256(_mm256_cmp_ps(size, all(one_from), _CMP_GT_OQ));
        return _mm256_or_ps(_mm256_castsi256_ps(_mm256_sub_epi32(y, is_one)), _mm256_and_ps(sign, x));
    }
};

struct Sigmoid {
    [[gnu::target("avx2,fma"), gnu::always_inline]] static inline __m256 of(__m256 x) {
        constexpr float c = 0x1p-64F, raised = to_integer - 64;
        const __m256 inside = _mm256_min_ps(all(40), _mm256_max_ps(all(-120), x));  // NaN stays, as above
        const __m256 shifted = _mm256_fmadd_ps(inside, all(-std::numbers::log2e_v<float>), all(raised));
        const __m256 n = _mm256_sub_ps(shifted, all(raised));
        const __m256 high = _mm256_fmsub_ps(n, all(-ln2_high), inside);
        const __m256 near_1 = _mm256_add_ps(all(1), expm1_near_0(_mm256_fnmadd_ps(n, all(ln2_low), high)));
        const __m256 falling = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(near_1), exponent(shifted)));
        const __m256 divisor = _mm256_add_ps(all(c), falling);
        const __m256 quotient = _mm256_div_ps(all(c), divisor);
        const __m256 missing = _mm256_mul_ps(_mm256_sub_ps(all(c), _mm256_sub_ps(divisor, falling)), all(1 / c));
        return _mm256_fnmadd_ps(_mm256_mul_ps(quotient, quotient), missing, quotient);
    }
};

/// Ones for the first of 8 lanes, from the middle of 16 numbers.
alignas(32) constexpr std::int32_t some_lanes[2 * lanes] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

template <class F>
[[gnu::target("avx2,fma"), gnu::always_inline]] inline void apply(const void* const* inputs, void* output,
                                                                  std::size_t n) {
    const auto* x = static_cast<const float*>(inputs[0]);
    auto* y = static_cast<float*>(output);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) _mm256_storeu_ps(y + i, F::of(_mm256_loadu_ps(x + i)));
    if (i < n) {
        const auto* mask = reinterpret_cast<const __m256i*>(some_lanes + lanes - (n - i));
        const __m256i rest = _mm256_loadu_si256(mask);
        _mm256_maskstore_ps(y + i, rest, F::of(_mm256_maskload_ps(x + i, rest)));
    }
}

}  // namespace

[[gnu::target("avx2,fma")]] void tanh_avx2(const void* const* inputs, void* output, std::size_t n) {
    apply<Tanh>(inputs, output, n);
}

[[gnu::target("avx2,fma")]] void sigmoid_avx2(const void* const* inputs, void* output, std::size_t n) {
    apply<Sigmoid>(inputs, output, n);
}

}  // namespace xgrad::kernels

#endif
