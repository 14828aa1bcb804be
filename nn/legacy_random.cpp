#include <xgrad/nn/legacy_random.hpp>

#include <cmath>

namespace xgrad::nn {

double LegacyRandom::uniform() {
    const auto high = static_cast<double>(bits_() >> 5);
    const auto low = static_cast<double>(bits_() >> 6);
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

double LegacyRandom::normal() {
    if (has_kept_) {
        has_kept_ = false;
        return kept_;
    }
    double x1, x2, s;
    do {
        x1 = 2.0 * uniform() - 1.0;
        x2 = 2.0 * uniform() - 1.0;
        s = x1 * x1 + x2 * x2;
    } while (s >= 1.0 || s == 0.0);
    const double factor = std::sqrt(-2.0 * std::log(s) / s);
    kept_ = factor * x1;
    has_kept_ = true;
    return factor * x2;
}

}  // namespace xgrad::nn
