#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include <xgrad/ops/kernels/slow_blas.hpp>
#include <xgrad/xgrad.hpp>

#include "support.hpp"

// A BLAS whose kernels are for an older processor than this one is named, with what to do about it.

using xgrad::Isa;
using xgrad::kernels::slow_blas_text;

namespace {

/// What the process writes to standard error meanwhile.
template <class F>
std::string written_to_stderr(F&& call) {
    std::FILE* file = std::tmpfile();
    std::fflush(stderr);
    const int before = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    call();
    std::fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    std::rewind(file);
    std::string text;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
    std::fclose(file);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(slow_blas)

BOOST_AUTO_TEST_CASE(one_line_says_what_holds_it_back) {
    BOOST_TEST(slow_blas_text("Prescott", "Prescott", Isa::avx512) ==
               "OPENBLAS_CORETYPE=Prescott holds OpenBLAS back: it multiplies for Prescott, and this processor has "
               "AVX-512; unset the variable");
    BOOST_TEST(slow_blas_text("Haswell", "haswell", Isa::avx512).find("=haswell holds OpenBLAS back") !=
               std::string::npos);
    BOOST_TEST(slow_blas_text("Prescott", nullptr, Isa::avx512) ==
               "OpenBLAS does not know this processor: it multiplies for Prescott, and this one has AVX-512; try "
               "OPENBLAS_CORETYPE=SKYLAKEX, or install oneDNN for float32");
    BOOST_TEST(slow_blas_text("Nehalem", "", Isa::avx2).find("has AVX2; try OPENBLAS_CORETYPE=HASWELL") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_is_said_of_one_that_is_as_fast_as_it_can_be) {
    for (const char* asked_for : {static_cast<const char*>(nullptr), "SkylakeX"}) {
        for (const char* core : {"SkylakeX", "Cooperlake", "Sapphirerapids"}) {
            BOOST_TEST(slow_blas_text(core, asked_for, Isa::avx512) == "");
        }
    }
    BOOST_TEST(slow_blas_text("Zen", nullptr, Isa::avx512) == "");
    BOOST_TEST(slow_blas_text("Zen", "Zen", Isa::avx2) == "");
    BOOST_TEST(slow_blas_text("Prescott", "Prescott", Isa::baseline) == "");
}

// Run in a process of its own with OPENBLAS_CORETYPE=Prescott, see tests/meson.build; elsewhere there is nothing to
// say.
BOOST_AUTO_TEST_CASE(a_large_product_says_it_once) {
    if (!std::getenv("XGRAD_TEST_SLOW_BLAS") || xgrad::kernels::blas_core() != "Prescott") return;
    if (xgrad::isa() == Isa::baseline) return;
    const xgrad::Tensor A = xgrad::random::Generator(1).normal({300, 300}, 0, 1, xgrad::DType::float64);
    const auto multiply = [&] { matmul(A, A).value<double>(); };
    const std::string text = written_to_stderr(multiply);
    BOOST_TEST(text.starts_with("xgrad: OPENBLAS_CORETYPE=Prescott holds OpenBLAS back: it multiplies for Prescott"),
               text);
    BOOST_TEST(text.find('\n') == text.size() - 1);
    BOOST_TEST(written_to_stderr(multiply) == "");
}

BOOST_AUTO_TEST_SUITE_END()
