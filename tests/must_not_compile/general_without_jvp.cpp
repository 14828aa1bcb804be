// expects: jvp
// A general operation says how tangents go through it, or why none do.
#include <xgrad/graph/op.hpp>

xgrad::General without_jvp() {
    return {.name = "itself",
            .math = "y = x",
            .shape =
                [](const xgrad::Call& call) {
                    return xgrad::Signature{call.dtype(0), call.shape(0)};
                },
            .forward = xgrad::floating<1>([](auto x) { return x; }),
            .vjp = [](const xgrad::Record&, const xgrad::Tensor& g, std::size_t) { return g; },
#ifdef OK
            .jvp = [](const xgrad::Record&, auto tangents) { return tangents[0]; },
#endif
            .probes = xgrad::unary_probes(xgrad::between(-2, 2))};
}
