#include <xgrad/ops/structure.hpp>

#include <algorithm>
#include <type_traits>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/ops/probe_tables.hpp>

namespace xgrad {

namespace {

template <class From, class To>
void convert(const From* __restrict source, std::int64_t size, To* __restrict target) {
    if constexpr (std::is_same_v<From, bool>) {
        // Compared, as bytes: GCC does not vectorise the conversion of a bool that was read.
        const auto* bytes = reinterpret_cast<const unsigned char*>(source);
        for (std::int64_t i = 0; i < size; ++i) target[i] = bytes[i] != 0 ? To(1) : To(0);
    } else {
        for (std::int64_t i = 0; i < size; ++i) target[i] = static_cast<To>(source[i]);
    }
}

const Op& astype_op = define(Linear{
    .name = "astype",
    .math = "y = x in another dtype",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.attributes.at<DType>("dtype"), call.shape(0)};
        },
    .forward =
        [](const KernelCall& call) {
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            visit(call.inputs[0].dtype, [&](auto from) {
                visit(call.dtype, [&](auto to) {
                    constexpr std::int64_t piece = std::int64_t{1} << 15;
                    const std::int64_t size = call.shape.size();
                    const auto pieces = static_cast<std::size_t>((size + piece - 1) / piece);
                    run::parallel_for(pieces, static_cast<std::size_t>(size) * sizeof(to), [&](std::size_t part) {
                        const std::int64_t first = static_cast<std::int64_t>(part) * piece;
                        convert(static_cast<const decltype(from)*>(data) + first, std::min(piece, size - first),
                                call.out<decltype(to)>() + first);
                    });
                });
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) { return astype(g, r.input().dtype()); }},
    .probes = joined({Probe{"to float64", {{{2, 3}}}, [](auto x) { return astype(x[0], DType::float64); }},
                      Probe{"to the widest", {{{5}}}, [](auto x) { return astype(x[0], DType::longdouble); }},
                      Probe{"of an empty tensor", {{{0, 3}}}, [](auto x) { return astype(x[0], DType::float64); }}},
                     shape_probes(shapes_of_every_rank(), [](auto& x) { return astype(x, DType::longdouble); })),
});

const Op& stop_gradient_op = define(General{
    .name = "stop_gradient",
    .math = "y = x, a constant",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const Array& input, const Attributes&, const Shape&) {
            return std::optional<Layout>({0, input.strides});
        },
    .vjp = Zero{"that is what it is for"},
    .jvp = Zero{"that is what it is for"},
    .probes = joined({Probe{"matrix", {{{2, 3}}}}},
                     shape_probes(shapes_of_every_rank(), [](auto& x) { return stop_gradient(x); })),
});

const Op& identity_op = define(Linear{
    .name = "identity",
    .math = "y = x",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            return Signature{call.dtype(0), call.shape(0)};
        },
    .forward =
        [](const Array& input, const Attributes&, const Shape&) {
            return std::optional<Layout>({0, input.strides});
        },
    .transposes = {[](const Record&, const Tensor& g) { return g; }},
    .probes = joined({Probe{"matrix", {{{2, 3}}}}, Probe{"scalar", {{{}}}}, Probe{"empty", {{{0, 3}}}}},
                     shape_probes(shapes_of_every_rank(), [](auto& x) { return identity(x); })),
});

}  // namespace

Tensor identity(const Operand& x) {
    return apply(identity_op, x);
}

Tensor astype(const Operand& x, DType dtype) {
    if (x.tensor().dtype() == dtype) return x.tensor();
    return apply(astype_op, {x.tensor()}, {{"dtype", dtype}}, x.location());
}

Tensor stop_gradient(const Operand& x) {
    return apply(stop_gradient_op, x);
}

}  // namespace xgrad
