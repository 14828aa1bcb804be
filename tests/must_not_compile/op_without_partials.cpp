// expects: partials
// An operation that declares no derivative does not compile.
#include <xgrad/graph/op.hpp>

xgrad::Elementwise without_partials() {
    return {.name = "cube",
            .math = "y = x³",
            .forward = xgrad::floating<1>([](auto x) { return x * x * x; }),
#ifdef OK
            .partials = {[](const xgrad::Record& r) { return r.output(); }},
#endif
            .probes = xgrad::unary_probes(xgrad::between(-2, 2))};
}
