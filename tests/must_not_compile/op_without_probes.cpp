// expects: probes
// An operation that no test can exercise does not compile.
#include <xgrad/graph/op.hpp>

xgrad::Elementwise without_probes() {
    return {.name = "cube",
            .math = "y = x³",
            .forward = xgrad::floating<1>([](auto x) { return x * x * x; }),
            .partials = {[](const xgrad::Record& r) { return r.output(); }},
#ifdef OK
            .probes = xgrad::unary_probes(xgrad::between(-2, 2))
#endif
    };
}
