#include <xgrad/ops/kernels/permuted_tables.hpp>

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

#if !defined(__clang__)
// GCC 12 takes what its own header leaves unset on purpose for a mistake (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace xgrad::kernels {

namespace {

constexpr int columns = 32;

/// For every interval the point c and the coefficients of tanh(c + d) = t₀ + t₁ d + ... + t₅ d⁵. An interval is what
/// has the same last three bits of the exponent and first two of the fraction, from 1/16 up to 16, so that these bits
/// are the column; what is below belongs to the first interval, where c = 0. The other c are such that t₀ is tanh c to
/// 2^-30 or better.
alignas(64) constexpr float of_tanh[] = {
    // c
    0x1.1ff226p1F, 0x1.5ff05ep1F, 0x1.9feb98p1F, 0x1.e01726p1F, 0x1.2004d2p2F, 0x1.5fe8bep2F, 0x1.9fef28p2F,
    0x1.e0177p2F, 0x1.11b10ap3F, 0x1.233334p3F, 0x1.233334p3F, 0x1.233334p3F, 0, 0x1.5ff334p-4F, 0x1.9ffde6p-4F,
    0x1.e00434p-4F, 0x1.1ff20ep-3F, 0x1.6006ap-3F, 0x1.a01724p-3F, 0x1.e01738p-3F, 0x1.1ff652p-2F, 0x1.600068p-2F,
    0x1.9fefaap-2F, 0x1.e0167ep-2F, 0x1.1ff3a2p-1F, 0x1.5ffc7cp-1F, 0x1.9fef8ap-1F, 0x1.dff95ap-1F, 0x1.20155cp0F,
    0x1.5fef1ep0F, 0x1.a01248p0F, 0x1.dfe98p0F,
    // t₀
    0x1.f4bd6ep-1F, 0x1.fbd406p-1F, 0x1.fe75fcp-1F, 0x1.ff6f4cp-1F, 0x1.ffdfacp-1F, 0x1.fffb9cp-1F, 0x1.ffff68p-1F,
    0x1.ffffecp-1F, 0x1.fffffep-1F, 0x1p0F, 0x1p0F, 0x1p0F, 0, 0x1.5f161ep-4F, 0x1.9e9142p-4F, 0x1.ddd4b8p-4F,
    0x1.1e1024p-3F, 0x1.5c9976p-3F, 0x1.9a7552p-3F, 0x1.d77c5ap-3F, 0x1.189aa6p-2F, 0x1.52c322p-2F, 0x1.8a79f8p-2F,
    0x1.bfc09cp-2F, 0x1.04ff48p-1F, 0x1.31559cp-1F, 0x1.577ff2p-1F, 0x1.77d528p-1F, 0x1.9e6b72p-1F, 0x1.c27104p-1F,
    0x1.d9cc3cp-1F, 0x1.e87494p-1F,
    // t₁
    0x1.645bfp-5F, 0x1.09e80ep-6F, 0x1.896c6cp-8F, 0x1.213f24p-9F, 0x1.0299ccp-11F, 0x1.1900a6p-14F, 0x1.3001e8p-17F,
    0x1.47858p-20F, 0x1.3ff0b2p-23F, 0, 0, 0, 0x1p0F, 0x1.fc3d04p-1F, 0x1.fac14cp-1F, 0x1.f9083cp-1F, 0x1.f602cp-1F,
    0x1.f12a74p-1F, 0x1.eb6f2p-1F, 0x1.e4dd2ap-1F, 0x1.d98daap-1F, 0x1.c7f704p-1F, 0x1.b4048ap-1F, 0x1.9e1bbap-1F,
    0x1.7af43cp-1F, 0x1.49e972p-1F, 0x1.198bf2p-1F, 0x1.d83dd4p-2F, 0x1.61204ep-2F, 0x1.cedcf8p-3F, 0x1.26374ep-3F,
    0x1.700d5ap-4F,
    // t₂
    -0x1.5c8316p-5F, -0x1.07b988p-6F, -0x1.8836c4p-8F, -0x1.20e7fap-9F, -0x1.0236b8p-11F, -0x1.18a416p-14F,
    -0x1.2f9fdap-17F, -0x1.bac9bap-20F, -0x1.1b1fdcp-21F, 0, 0, 0, 0, -0x1.5c81c4p-4F, -0x1.9a51dap-4F, -0x1.d753b4p-4F,
    -0x1.187b56p-3F, -0x1.527fd2p-3F, -0x1.89f894p-3F, -0x1.be7f36p-3F, -0x1.038888p-2F, -0x1.2dafdap-2F,
    -0x1.4fef6p-2F, -0x1.6a24fcp-2F, -0x1.8259eap-2F, -0x1.897d76p-2F, -0x1.79c73cp-2F, -0x1.5aa5e4p-2F,
    -0x1.1dd3bcp-2F, -0x1.9736fcp-3F, -0x1.1043acp-3F, -0x1.5f2096p-4F,
    // t₃
    0x1.bc25ecp-6F, 0x1.59e5dp-7F, 0x1.03e7fap-8F, 0x1.8059dap-10F, 0x1.5814cp-12F, 0x1.762f48p-15F, 0x1.94d65p-18F,
    0x1.b1c178p-21F, 0x1.8b62a8p-24F, 0, 0, 0, -0x1.55551cp-2F, -0x1.4a0338p-2F, -0x1.47fc14p-2F, -0x1.447c34p-2F,
    -0x1.3b591ap-2F, -0x1.2ef27ap-2F, -0x1.202604p-2F, -0x1.10159ap-2F, -0x1.e8f22ep-3F, -0x1.982e0ap-3F,
    -0x1.425602p-3F, -0x1.d6fe2p-4F, -0x1.bd9704p-5F, 0x1.d7c148p-7F, 0x1.071bbep-4F, 0x1.84231cp-4F, 0x1.c69316p-4F,
    0x1.97eef4p-4F, 0x1.33c278p-4F, 0x1.a898ep-5F,
    // t₄
    -0x1.961f4ap-7F, -0x1.51a4f8p-8F, -0x1.038e56p-9F, -0x1.8306e6p-11F, -0x1.68651ep-13F, -0x1.884a94p-16F,
    -0x1.a88218p-19F, 0x1.586eecp-20F, 0x1.3f37fcp-20F, 0, 0, 0, 0, 0x1.d27956p-5F, 0x1.f27dcep-5F, 0x1.155814p-4F,
    0x1.6907d2p-4F, 0x1.acc99ep-4F, 0x1.ed00cep-4F, 0x1.11bed4p-3F, 0x1.33471ep-3F, 0x1.503684p-3F, 0x1.5c4952p-3F,
    0x1.583b9ap-3F, 0x1.3a0594p-3F, 0x1.e96e66p-4F, 0x1.47693ap-4F, 0x1.630582p-5F, 0x1.da0846p-9F, -0x1.59ba4ap-6F,
    -0x1.9bb0ep-6F, -0x1.55c10ep-6F,
    // t₅
    0x1.04ace2p-8F, 0x1.f66acep-10F, 0x1.946404p-11F, 0x1.332552p-12F, 0x1.1fb0dep-14F, 0x1.38b07ap-17F,
    0x1.52b756p-20F, 0x1.beb20ap-23F, 0x1.2325e4p-24F, 0, 0, 0, 0x1.10221ep-3F, -0x1.0d30b6p4F, 0x1.a4600cp2F,
    0x1.333cecp4F, 0x1.d9a6ap-1F, 0x1.101c4ep0F, 0x1.b1f7fap-4F, 0x1.a5182ap-1F, -0x1.8f9576p-6F, -0x1.f9328ep-6F,
    -0x1.1d6f3cp-4F, 0x1.0d45ecp-8F, -0x1.58458ap-5F, -0x1.0e0beap-4F, -0x1.14a5ccp-4F, -0x1.a77b02p-5F,
    -0x1.06c634p-5F, -0x1.381b46p-7F, 0x1.65764ep-10F, 0x1.2c9f8p-8F};

/// For n = 0, -31, -30, ... -1 the coefficients of σ(n log 2 + r) / 2^n = s₀ + s₁ r + ... + s₆ r⁶ with |r| <= log(2)/2:
/// the last five bits of n are the column. What belongs to -31 serves for all below.
alignas(64) constexpr float of_sigmoid[] = {
    // s₀
    0x1p-1F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1.fffffep-1F, 0x1.fffffcp-1F, 0x1.fffff8p-1F,
    0x1.fffffp-1F, 0x1.ffffep-1F, 0x1.ffffcp-1F, 0x1.ffff8p-1F, 0x1.ffffp-1F, 0x1.fffep-1F, 0x1.fffcp-1F, 0x1.fff8p-1F,
    0x1.fffp-1F, 0x1.ffe002p-1F, 0x1.ffc008p-1F, 0x1.ff802p-1F, 0x1.ff008p-1F, 0x1.fe01fep-1F, 0x1.fc07fp-1F,
    0x1.f81f82p-1F, 0x1.f07c2p-1F, 0x1.e1e1e2p-1F, 0x1.c71c72p-1F, 0x1.99999ap-1F, 0x1.555556p-1F,
    // s₁
    0x1.fffffcp-3F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1p0F, 0x1.fffffep-1F, 0x1.fffffep-1F, 0x1.fffffap-1F,
    0x1.fffff2p-1F, 0x1.ffffe2p-1F, 0x1.ffffc2p-1F, 0x1.ffff82p-1F, 0x1.ffff02p-1F, 0x1.fffe02p-1F, 0x1.fffc02p-1F,
    0x1.fff8p-1F, 0x1.fffp-1F, 0x1.ffep-1F, 0x1.ffc008p-1F, 0x1.ff801ap-1F, 0x1.ff006p-1F, 0x1.fe018p-1F,
    0x1.fc05f8p-1F, 0x1.f817cp-1F, 0x1.f05e0ap-1F, 0x1.e1709cp-1F, 0x1.c5894cp-1F, 0x1.948b1p-1F, 0x1.47ae14p-1F,
    0x1.c71c72p-2F,
    // s₂
    0x1.3f393cp-25F, 0x1.fffffcp-2F, 0x1.fffff8p-2F, 0x1.fffff6p-2F, 0x1.ffffe6p-2F, 0x1.ffffb8p-2F, 0x1.ffff72p-2F,
    0x1.fffee4p-2F, 0x1.fffffcp-2F, 0x1.fffff4p-2F, 0x1.ffffe4p-2F, 0x1.ffffc4p-2F, 0x1.ffff84p-2F, 0x1.ffff04p-2F,
    0x1.fffe04p-2F, 0x1.fffc04p-2F, 0x1.fff806p-2F, 0x1.ffeffep-2F, 0x1.ffe00ap-2F, 0x1.ffc06ep-2F, 0x1.ff8016p-2F,
    0x1.ff004ap-2F, 0x1.fe0118p-2F, 0x1.fc0436p-2F, 0x1.f811dep-2F, 0x1.f0471ep-2F, 0x1.e1183p-2F, 0x1.c4421ep-2F,
    0x1.902dcep-2F, 0x1.3aa4d2p-2F, 0x1.893694p-3F, 0x1.2f656p-4F,
    // s₃
    -0x1.554b6cp-6F, 0x1.555492p-3F, 0x1.55548ap-3F, 0x1.555482p-3F, 0x1.55549p-3F, 0x1.55547cp-3F, 0x1.5553f4p-3F,
    0x1.555434p-3F, 0x1.555382p-3F, 0x1.555378p-3F, 0x1.555362p-3F, 0x1.555338p-3F, 0x1.5552e2p-3F, 0x1.555238p-3F,
    0x1.5550e2p-3F, 0x1.554e38p-3F, 0x1.5548e8p-3F, 0x1.553f4ap-3F, 0x1.552a2p-3F, 0x1.5500a8p-3F, 0x1.54a90ap-3F,
    0x1.53fecep-3F, 0x1.52ac3p-3F, 0x1.5007dcp-3F, 0x1.4acdf4p-3F, 0x1.408dbcp-3F, 0x1.2cd648p-3F, 0x1.085e2cp-3F,
    0x1.93da38p-4F, 0x1.b77fbcp-5F, 0x1.178242p-8F, -0x1.948f22p-6F,
    // s₄
    -0x1.090094p-20F, 0x1.5558b2p-5F, 0x1.555a7cp-5F, 0x1.555aeep-5F, 0x1.5563b6p-5F, 0x1.55845cp-5F, 0x1.55b14ep-5F,
    0x1.560caep-5F, 0x1.555056p-5F, 0x1.555042p-5F, 0x1.555016p-5F, 0x1.554fc2p-5F, 0x1.554f16p-5F, 0x1.554dc4p-5F,
    0x1.554b1cp-5F, 0x1.5545d8p-5F, 0x1.5539bcp-5F, 0x1.552db6p-5F, 0x1.54fe38p-5F, 0x1.5473ap-5F, 0x1.53fb8ap-5F,
    0x1.52a90cp-5F, 0x1.500b92p-5F, 0x1.4af3cep-5F, 0x1.406cf2p-5F, 0x1.2c4236p-5F, 0x1.066ddp-5F, 0x1.875bb6p-6F,
    0x1.663c66p-7F, -0x1.35aa8p-8F, -0x1.e184a2p-7F, -0x1.4f2c44p-7F,
    // s₅
    0x1.0b8944p-9F, 0x1.12398ep-7F, 0x1.123cb8p-7F, 0x1.123fdep-7F, 0x1.1234eep-7F, 0x1.12363ep-7F, 0x1.12883ep-7F,
    0x1.12854ap-7F, 0x1.12a80cp-7F, 0x1.12a77cp-7F, 0x1.12a7a4p-7F, 0x1.12a6aep-7F, 0x1.12a608p-7F, 0x1.12a376p-7F,
    0x1.129fap-7F, 0x1.1296bep-7F, 0x1.12825ep-7F, 0x1.11ef44p-7F, 0x1.11986p-7F, 0x1.10730cp-7F, 0x1.107f04p-7F,
    0x1.0e5892p-7F, 0x1.09a1fcp-7F, 0x1.015cdcp-7F, 0x1.e11196p-8F, 0x1.a14988p-8F, 0x1.2e4772p-8F, 0x1.c4ebd2p-10F,
    -0x1.22df26p-9F, -0x1.55718p-8F, -0x1.f4dc5p-9F, 0x1.000f96p-10F,
    // s₆
    0x1.892582p-18F, 0x1.6a4b36p-10F, 0x1.6956bep-10F, 0x1.6940ccp-10F, 0x1.640d74p-10F, 0x1.4d7c5cp-10F,
    0x1.302cdep-10F, 0x1.e903e6p-11F, 0x1.713a06p-10F, 0x1.7138ap-10F, 0x1.7138fp-10F, 0x1.71367ep-10F, 0x1.7134bp-10F,
    0x1.712bdp-10F, 0x1.711d9ep-10F, 0x1.70f6a2p-10F, 0x1.71d62p-10F, 0x1.699304p-10F, 0x1.6b45bp-10F, 0x1.884e46p-10F,
    0x1.6b7256p-10F, 0x1.649208p-10F, 0x1.52e3e8p-10F, 0x1.213a48p-10F, 0x1.134842p-10F, 0x1.995f94p-11F,
    0x1.d2fd24p-13F, -0x1.b75f48p-11F, -0x1.5c1fa8p-10F, -0x1.4f316ap-10F, 0x1.be038ep-13F, 0x1.9fb8bap-11F};

/// A row of a table in two registers.
struct Row {
    __m512 low, high;
};

template <int count>
struct Rows {
    Row all[count];
};

template <int numbers>
[[gnu::target("avx512f"), gnu::always_inline]] inline Rows<numbers / columns> rows_of(const float (&table)[numbers]) {
    Rows<numbers / columns> rows;
    for (int i = 0; i < numbers / columns; ++i) {
        const float* row = table + i * columns;
        rows.all[i] = {_mm512_load_ps(row), _mm512_load_ps(row + columns / 2)};
    }
    return rows;
}

/// In each lane what the row has in the column that the last five bits give.
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512 in_column(const Row& row, __m512i column) {
    return _mm512_permutex2var_ps(row.low, column, row.high);
}

/// The polynomial of each lane's column, whose coefficients are the rows from `first` on.
template <int first, int count>
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512 polynomial(const Rows<count>& rows, __m512i column,
                                                                        __m512 x) {
    __m512 y = in_column(rows.all[count - 1], column);
#pragma GCC unroll 8
    for (int i = count - 2; i >= first; --i) y = _mm512_fmadd_ps(y, x, in_column(rows.all[i], column));
    return y;
}

struct Tanh {
    static constexpr const auto& table = of_tanh;

    [[gnu::target("avx512f"), gnu::always_inline]] static inline __m512 of(__m512 x, const Rows<7>& rows) {
        // From the second bound on the result is 1. Of two operands one of which is NaN these take the second.
        const __m512 first = _mm512_set1_ps(0x1p-4F), last = _mm512_set1_ps(9.1F);
        const __m512i sign = _mm512_set1_epi32(INT32_MIN), bits = _mm512_castps_si512(x);
        const __m512 size = _mm512_min_ps(last, _mm512_castsi512_ps(_mm512_andnot_si512(sign, bits)));
        const __m512i column = _mm512_srli_epi32(_mm512_castps_si512(_mm512_max_ps(first, size)), 21);
        const __m512 y = polynomial<1>(rows, column, _mm512_sub_ps(size, in_column(rows.all[0], column)));
        constexpr int second_else_third = 0xCA;  // of three bits the second where the first is set, else the third
        return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(sign, bits, _mm512_castps_si512(y), second_else_third));
    }
};

struct Sigmoid {
    static constexpr const auto& table = of_sigmoid;

    [[gnu::target("avx512f,avx512dq"), gnu::always_inline]] static inline __m512 of(__m512 x, const Rows<7>& rows) {
        constexpr float to_integer = 0x1.8p23F, ln2_high = 0x1.62e4p-1F, ln2_low = 0x1.7f7d1cp-20F;
        const __m512i bits = _mm512_castps_si512(x);
        const __m512 negative = _mm512_castsi512_ps(_mm512_or_si512(bits, _mm512_set1_epi32(INT32_MIN)));
        const __m512 z = _mm512_max_ps(_mm512_set1_ps(-110), negative);  // NaN stays, as above
        const __m512 shifted = _mm512_fmadd_ps(z, _mm512_set1_ps(0x1.715476p0F), _mm512_set1_ps(to_integer));
        const __m512 n = _mm512_sub_ps(shifted, _mm512_set1_ps(to_integer));  // z = n log 2 + r
        const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(ln2_low), _mm512_fnmadd_ps(n, _mm512_set1_ps(ln2_high), z));
        const __m512 last = _mm512_set1_ps(to_integer - (columns - 1));
        const __m512i column = _mm512_castps_si512(_mm512_max_ps(last, shifted));
        const __m512 y = _mm512_scalef_ps(polynomial<0>(rows, column, r), n);
        // σ(x) = 1 - σ(-x)
        return _mm512_mask_sub_ps(y, _knot_mask16(_mm512_movepi32_mask(bits)), _mm512_set1_ps(1), y);
    }
};

template <class F>
[[gnu::target("avx512f,avx512dq,avx512bw"), gnu::always_inline]] inline void apply(const void* const* inputs,
                                                                                   void* output, std::size_t n) {
    constexpr std::size_t lanes = 16;
    const auto* x = static_cast<const float*>(inputs[0]);
    auto* y = static_cast<float*>(output);
    const auto rows = rows_of(F::table);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) _mm512_storeu_ps(y + i, F::of(_mm512_loadu_ps(x + i), rows));
    if (i < n) {
        const auto rest = static_cast<__mmask16>((1U << (n - i)) - 1);
        _mm512_mask_storeu_ps(y + i, rest, F::of(_mm512_maskz_loadu_ps(rest, x + i), rows));
    }
}

}  // namespace

[[gnu::target("avx512f,avx512dq,avx512bw")]] void tanh_avx512(const void* const* inputs, void* output, std::size_t n) {
    apply<Tanh>(inputs, output, n);
}

[[gnu::target("avx512f,avx512dq,avx512bw")]] void sigmoid_avx512(const void* const* inputs, void* output,
                                                                 std::size_t n) {
    apply<Sigmoid>(inputs, output, n);
}

}  // namespace xgrad::kernels

#endif
