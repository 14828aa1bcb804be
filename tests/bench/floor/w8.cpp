#include <memory>

#include "floor_w3.hpp"

// With z(θ) of an example, J's Hessian is the mean of σ'(z) ∂z ∂zᵀ + (σ(z) − y) ∂²z. Of ∂²z only the entries within one
// hidden unit are not zero: with u its input, h = tanh u and x = (x₁, x₂, 1),
//     ∂²z/∂W1∂W1 = −2 W2 h (1 − h²) x xᵀ,   ∂²z/∂W1∂W2 = (1 − h²) x   (b1 standing beside W1).

namespace {

using w3_floor::count;
using w3_floor::m;

struct State {
    w3_floor::Examples data;
    w3_floor::Parameters p;
    alignas(64) float dz[count][m];  // ∂z of each example
    alignas(64) float bend[4][m];    // (σ(z) − y) of each example times −2 W2 h (1 − h²), by hidden unit
    alignas(64) float lean[4][m];    // the same times (1 − h²)
    alignas(64) float curvature[m];  // σ'(z)
    float H[count][count];
    float Hv[count];
    bench::Check check;
};

/// Where the parameters of hidden unit k are in θ: those of x₁, x₂ and 1, and its weight in W2.
struct Unit {
    int input[3];
    int output;
    explicit Unit(int k) : input{2 * k, 2 * k + 1, 8 + k}, output(12 + k) {}
};

[[gnu::noinline]] void first_order(State& s) {
    const w3_floor::Parameters p = s.p;
    const float* const x0 = s.data.X.data();
    const float* const x1 = x0 + m;
    alignas(64) float z[m];
    for (int j = 0; j < m; ++j) z[j] = p.b2;
    for (int k = 0; k < 4; ++k) {
        const Unit unit(k);
#pragma omp simd
        for (int j = 0; j < m; ++j) {
            const float h = hand::tanh(p.W1[2 * k] * x0[j] + p.W1[2 * k + 1] * x1[j] + p.b1[k]);
            const float slope = 1 - h * h;
            z[j] += p.W2[k] * h;
            s.dz[unit.input[0]][j] = p.W2[k] * slope * x0[j];
            s.dz[unit.input[1]][j] = p.W2[k] * slope * x1[j];
            s.dz[unit.input[2]][j] = p.W2[k] * slope;
            s.dz[unit.output][j] = h;
            s.bend[k][j] = -2 * p.W2[k] * h * slope;
            s.lean[k][j] = slope;
        }
    }
#pragma omp simd
    for (int j = 0; j < m; ++j) {
        const float a = hand::sigmoid(z[j]);
        s.dz[16][j] = 1;
        s.curvature[j] = a * (1 - a) / m;
        z[j] = (a - s.data.Y[j]) / m;
    }
    for (int k = 0; k < 4; ++k) {
#pragma omp simd
        for (int j = 0; j < m; ++j) {
            s.bend[k][j] *= z[j];
            s.lean[k][j] *= z[j];
        }
    }
}

/// Σ_j a_j b_j
inline float dot(const float* a, const float* b) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < m; ++j) sum += a[j] * b[j];
    return sum;
}

/// Both halves of the sum over the examples of bend x xᵀ and lean x, for hidden unit k.
struct Within {
    float inputs[3][3];
    float output[3];
    Within(const State& s, int k) {
        const float* const x0 = s.data.X.data();
        const float* const x1 = x0 + m;
        float b00 = 0, b01 = 0, b02 = 0, b11 = 0, b12 = 0, b22 = 0, l0 = 0, l1 = 0, l2 = 0;
#pragma omp simd reduction(+ : b00, b01, b02, b11, b12, b22, l0, l1, l2)
        for (int j = 0; j < m; ++j) {
            const float b = s.bend[k][j], l = s.lean[k][j], u = x0[j], v = x1[j];
            b00 += b * u * u, b01 += b * u * v, b02 += b * u, b11 += b * v * v, b12 += b * v, b22 += b;
            l0 += l * u, l1 += l * v, l2 += l;
        }
        const float symmetric[3][3] = {{b00, b01, b02}, {b01, b11, b12}, {b02, b12, b22}};
        std::copy(&symmetric[0][0], &symmetric[0][0] + 9, &inputs[0][0]);
        output[0] = l0, output[1] = l1, output[2] = l2;
    }
};

[[gnu::noinline]] void product(State& s, const float* v) {
    alignas(64) float along[m] = {};  // σ'(z) ∂zᵀv
    for (int i = 0; i < count; ++i) {
        for (int j = 0; j < m; ++j) along[j] += s.dz[i][j] * v[i];
    }
    for (int j = 0; j < m; ++j) along[j] *= s.curvature[j];
    for (int i = 0; i < count; ++i) s.Hv[i] = dot(s.dz[i], along);
    for (int k = 0; k < 4; ++k) {
        const Unit unit(k);
        const Within within(s, k);
        for (int a = 0; a < 3; ++a) {
            for (int b = 0; b < 3; ++b) s.Hv[unit.input[a]] += within.inputs[a][b] * v[unit.input[b]];
            s.Hv[unit.input[a]] += within.output[a] * v[unit.output];
            s.Hv[unit.output] += within.output[a] * v[unit.input[a]];
        }
    }
}

[[gnu::noinline]] void hessian(State& s) {
    alignas(64) float scaled[m];
    for (int i = 0; i < count; ++i) {
        for (int j = 0; j < m; ++j) scaled[j] = s.dz[i][j] * s.curvature[j];
        for (int k = 0; k <= i; ++k) s.H[i][k] = s.H[k][i] = dot(scaled, s.dz[k]);
    }
    for (int k = 0; k < 4; ++k) {
        const Unit unit(k);
        const Within within(s, k);
        for (int a = 0; a < 3; ++a) {
            for (int b = 0; b < 3; ++b) s.H[unit.input[a]][unit.input[b]] += within.inputs[a][b];
            s.H[unit.input[a]][unit.output] += within.output[a];
            s.H[unit.output][unit.input[a]] += within.output[a];
        }
    }
}

bench::Program hessian_vector_product() {
    const auto state = std::make_shared<State>();
    state->p = w3_floor::first_parameters();
    hand::Floats v;
    const std::size_t sizes[] = {8, 4, 4, 1};
    for (int i = 0; i < 4; ++i) {
        const hand::Floats part = hand::uniform(sizes[i], 5 + i, -1, 1);
        v.insert(v.end(), part.begin(), part.end());
    }
    const auto step = [state, v] {
        first_order(*state);
        product(*state, v.data());
        double sum = 0;
        for (const float h : state->Hv) sum += h;
        state->check = {sum, hand::magnitude(state->Hv, count)};
    };
    return {step, [state] { return state->check; }};
}

bench::Program full_hessian() {
    const auto state = std::make_shared<State>();
    const hand::Floats theta = hand::uniform(count, 9, -0.5F, 0.5F);
    std::copy(theta.begin(), theta.end(), state->p.theta());
    const auto step = [state] {
        first_order(*state);
        hessian(*state);
        double trace = 0;
        for (int i = 0; i < count; ++i) trace += state->H[i][i];
        state->check = {trace, hand::magnitude(&state->H[0][0], count * count)};
    };
    return {step, [state] { return state->check; }};
}

const bench::Case hvp("W8/hvp", "floor", hessian_vector_product);
const bench::Case full("W8/hessian", "floor", full_hessian);

}  // namespace
