#pragma once

#include <algorithm>

#include "floor.hpp"

/// The network of W3 and W8: 2 features, 4 hidden units with tanh, 1 output with sigmoid, 400 examples.
namespace w3_floor {

inline constexpr int m = 400;
inline constexpr int count = 17;

struct Examples {
    hand::Floats X = hand::uniform(2 * m, 1, -1, 1);
    hand::Floats Y = hand::coins(m, 2);
};

/// One after the other, as the 17 entries of θ.
struct Parameters {
    float W1[8] = {};
    float b1[4] = {};
    float W2[4] = {};
    float b2 = 0;

    float* theta() { return reinterpret_cast<float*>(this); }
};
static_assert(sizeof(Parameters) == count * sizeof(float));

inline Parameters first_parameters() {
    Parameters p;
    const hand::Floats W1 = hand::uniform(8, 3, -0.5F, 0.5F);
    const hand::Floats W2 = hand::uniform(4, 4, -0.5F, 0.5F);
    std::copy(W1.begin(), W1.end(), p.W1);
    std::copy(W2.begin(), W2.end(), p.W2);
    return p;
}

}  // namespace w3_floor
