#include <xgrad/ops/indexing.hpp>

#include <algorithm>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include <xgrad/graph/batch.hpp>
#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/graph/op.hpp>
#include <xgrad/graph/run/pack.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/axes.hpp>
#include <xgrad/ops/index_probes.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/probe_tables.hpp>
#include <xgrad/ops/rearrange.hpp>

namespace xgrad {

namespace {

constexpr auto integer = ProbeInput::Kind::integer;

std::size_t axis_of(const Attributes& attributes) {
    return static_cast<std::size_t>(attributes.at<std::int64_t>("axis"));
}

void require_indices(const Call& call, std::size_t input) {
    if (call.dtype(input) != DType::int32 && call.dtype(input) != DType::int64) {
        call.fail_dtype("needs int32 or int64 indices");
    }
}

/// The product of the extents of axes first ... last - 1.
std::int64_t extent_between(const Shape& shape, std::size_t first, std::size_t last) {
    std::int64_t product = 1;
    for (std::size_t axis = first; axis < last; ++axis) product *= shape[axis];
    return product;
}

/// All indices as numbers from 0 to extent - 1. ValueError, in the name of the call, if one is out of range.
std::vector<std::int64_t> resolved(const KernelCall& call, const Array& indices, std::int64_t extent, const char* op) {
    StorageRef scratch;
    const void* data = run::contiguous(indices, scratch);
    std::vector<std::int64_t> result(static_cast<std::size_t>(indices.shape.size()));
    visit(indices.dtype, [&](auto zero) {
        const auto* given = static_cast<const decltype(zero)*>(data);
        for (std::size_t i = 0; i < result.size(); ++i) {
            const auto index = static_cast<std::int64_t>(given[i]);
            if (index < -extent || index >= extent) {
                throw ValueError(op, "needs indices below " + std::to_string(extent),
                                 std::to_string(index) + " at index " + std::to_string(i), call.at);
            }
            result[i] = index < 0 ? index + extent : index;
        }
    });
    return result;
}

/// Calls move(row of the taken array, row of the source) for every taken row; rows are `inner` elements long.
template <class Move>
void for_each_taken(const std::vector<std::int64_t>& indices, std::int64_t outer, std::int64_t extent, Move&& move) {
    const auto count = static_cast<std::int64_t>(indices.size());
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t k = 0; k < count; ++k) {
            move(o * count + k, o * extent + indices[static_cast<std::size_t>(k)]);
        }
    }
}

Shape taken_shape(const Shape& x, const Shape& indices, std::size_t axis) {
    Shape shape(x.begin(), x.begin() + axis);
    shape.append(indices);
    shape.append(Shape(x.begin() + axis + 1, x.end()));
    return shape;
}

Tensor untake(const Tensor& g, const Tensor& indices, std::int64_t axis, const Shape& shape);

const Op& take_op = define(Linear{
    .name = "take",
    .math = "y[i, k, j] = x[i, indices[k], j]",
    .batch =
        [](const BatchCall& call) {
            const auto axis = static_cast<std::int64_t>(axis_of(call.attributes()));
            if (!call.is_batched(1)) return take(call.given(0), call.given(1), axis + 1);
            if (call.is_batched(0)) return Tensor();
            // The examples arrive where the indices go.
            return moveaxis(take(call.given(0), call.given(1), axis), axis, 0);
        },
    .shape =
        [](const Call& call) {
            require_indices(call, 1);
            return Signature{call.dtype(0), taken_shape(call.shape(0), call.shape(1), axis_of(call.attributes))};
        },
    .forward =
        [](const KernelCall& call) {
            const std::size_t axis = axis_of(call.attributes);
            const Shape& shape = call.inputs[0].shape;
            const auto indices = resolved(call, call.inputs[1], shape[axis], "take");
            StorageRef scratch;
            const auto* source = static_cast<const std::byte*>(run::contiguous(call.inputs[0], scratch));
            auto* target = static_cast<std::byte*>(call.output);
            const auto bytes =
                extent_between(shape, axis + 1, shape.rank()) * static_cast<std::int64_t>(item_size(call.dtype));
            if (bytes == 0) return;
            for_each_taken(indices, extent_between(shape, 0, axis), shape[axis],
                           [&](std::int64_t to, std::int64_t from) {
                               std::memcpy(target + to * bytes, source + from * bytes, static_cast<std::size_t>(bytes));
                           });
        },
    // Every slice goes back to where it was taken from; what was taken twice adds up.
    .transposes = {[](const Record& r, const Tensor& g) {
                       return untake(g, r.input(1), r.attribute<std::int64_t>("axis"), r.shape(0));
                   },
                   Zero{"indices are whole numbers"}},
    .probes = joined(
        {Probe{"rows", {{{4, 3}}, {{5}, 0, 4, integer}}, [](auto x) { return take(x[0], x[1]); }},
         Probe{"columns", {{{2, 4}}, {{3}, 0, 4, integer}}, [](auto x) { return take(x[0], x[1], 1); }},
         Probe{"middle axis, indices (2, 2)",
               {{{2, 3, 2}}, {{2, 2}, -3, 3, integer}},
               [](auto x) { return take(x[0], x[1], 1); }},
         Probe{"a scalar index", {{{4, 3}}, {{}, 0, 4, integer}}, [](auto x) { return take(x[0], x[1], 0); }},
         Probe{"no index", {{{4, 3}}, {{0}, 0, 4, integer}}, [](auto x) { return take(x[0], x[1], 0); }},
         Probe{"a vector", {{{17}}, {{33}, 0, 17, integer}}, [](auto x) { return take(x[0], x[1]); }}},
        index_probes(slices_to_take(), Given::array, [](auto x, auto& row) { return take(x[0], x[1], row.axis); })),
});

/// The transpose of take: zeros of `shape`, to which the slices of g are added where they were taken from.
const Op& untake_op = define(Linear{
    .name = "untake",
    .math = "y[i, indices[k], j] += x[i, k, j], from 0",
    .batch =
        [](const BatchCall& call) {
            if (call.is_batched(1)) return Tensor();
            return apply(call.op(), {call.given(0), call.given(1)}, lifted_attributes(call));
        },
    .shape =
        [](const Call& call) {
            require_indices(call, 1);
            return Signature{call.dtype(0), call.attributes.at<Shape>("shape")};
        },
    .forward =
        [](const KernelCall& call) {
            const std::size_t axis = axis_of(call.attributes);
            const auto indices = resolved(call, call.inputs[1], call.shape[axis], "untake");
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            const std::int64_t inner = extent_between(call.shape, axis + 1, call.shape.rank());
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const T* source = static_cast<const T*>(data);
                T* target = call.out<T>();
                std::fill_n(target, call.shape.size(), T(0));
                for_each_taken(indices, extent_between(call.shape, 0, axis), call.shape[axis],
                               [&](std::int64_t from, std::int64_t to) {
                                   for (std::int64_t i = 0; i < inner; ++i) {
                                       target[to * inner + i] =
                                           static_cast<T>(target[to * inner + i] + source[from * inner + i]);
                                   }
                               });
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
                       return apply(take_op, {g, r.input(1)}, {{"axis", r.attribute<std::int64_t>("axis")}});
                   },
                   Zero{"indices are whole numbers"}},
    .probes = joined({Probe{"rows",
                            {{{5, 3}}, {{5}, 0, 4, integer}},
                            [](auto x) {
                                return untake(x[0], x[1], 0, {4, 3});
                            }},
                      Probe{"middle axis",
                            {{{2, 2, 2, 2}}, {{2, 2}, 0, 3, integer}},
                            [](auto x) {
                                return untake(x[0], x[1], 1, {2, 3, 2});
                            }}},
                     index_probes(slices_to_take(), Given::taken,
                                  [](auto x, auto& row) { return untake(x[1], x[0], row.along(), row.array); })),
});

Tensor untake(const Tensor& g, const Tensor& indices, std::int64_t axis, const Shape& shape) {
    return apply(untake_op, {g, indices}, {{"axis", axis}, {"shape", shape}});
}

/// The shape rule of the two below: indices and values of one shape, which fits the array along every other axis.
void require_along_axis(const Call& call, const Shape& array, const Shape& values, std::size_t axis) {
    require_indices(call, 1);
    Shape other = values;
    if (other.rank() == array.rank()) other[axis] = array[axis];
    if (other != array) call.fail("needs equal extents except along axis " + std::to_string(axis));
}

/// Calls move(number of the index, number of the element it points to).
template <class Move>
void for_each_pointed(const std::vector<std::int64_t>& indices, const Shape& index_shape, const Shape& array,
                      std::size_t axis, Move&& move) {
    const std::int64_t outer = extent_between(array, 0, axis);
    const std::int64_t inner = extent_between(array, axis + 1, array.rank());
    const std::int64_t count = index_shape[axis];
    std::int64_t number = 0;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t k = 0; k < count; ++k) {
            for (std::int64_t i = 0; i < inner; ++i, ++number) {
                move(number, (o * array[axis] + indices[static_cast<std::size_t>(number)]) * inner + i);
            }
        }
    }
}

Tensor scatter(const Tensor& g, const Tensor& indices, std::int64_t axis, const Shape& shape, Location at = {});

const Op& take_along_axis_op = define(Linear{
    .name = "take_along_axis",
    .math = "y[i, k, j] = x[i, indices[i, k, j], j]",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            require_along_axis(call, call.shape(0), call.shape(1), axis_of(call.attributes));
            return Signature{call.dtype(0), call.shape(1)};
        },
    .forward =
        [](const KernelCall& call) {
            const std::size_t axis = axis_of(call.attributes);
            const Shape& shape = call.inputs[0].shape;
            const auto indices = resolved(call, call.inputs[1], shape[axis], "take_along_axis");
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const T* source = static_cast<const T*>(data);
                T* target = call.out<T>();
                for_each_pointed(indices, call.shape, shape, axis,
                                 [&](std::int64_t to, std::int64_t from) { target[to] = source[from]; });
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
                       return scatter(g, r.input(1), r.attribute<std::int64_t>("axis"), r.shape(0));
                   },
                   Zero{"indices are whole numbers"}},
    .probes = joined(
        {Probe{"axis 0", {{{4, 3}}, {{5, 3}, 0, 4, integer}}, [](auto x) { return take_along_axis(x[0], x[1], 0); }},
         Probe{"axis -1", {{{2, 4}}, {{2, 3}, -4, 4, integer}}, [](auto x) { return take_along_axis(x[0], x[1], -1); }},
         Probe{"middle axis, one index for all",
               {{{2, 3, 2}}, {{1, 2, 1}, 0, 3, integer}},
               [](auto x) { return take_along_axis(x[0], x[1], 1); }},
         Probe{"none", {{{2, 4}}, {{2, 0}, 0, 4, integer}}, [](auto x) { return take_along_axis(x[0], x[1], 1); }},
         Probe{"vector", {{{16}}, {{31}, 0, 16, integer}}, [](auto x) { return take_along_axis(x[0], x[1], 0); }}},
        index_probes(elements_to_take(), Given::array,
                     [](auto x, auto& row) { return take_along_axis(x[0], x[1], row.axis); })),
});

/// The transpose of take_along_axis: zeros of `shape` to which the elements of x are added.
const Op& scatter_op = define(Linear{
    .name = "scatter",
    .math = "y[i, indices[i, k, j], j] += x[i, k, j], from 0",
    .batch = lifted,
    .shape =
        [](const Call& call) {
            const auto& shape = call.attributes.at<Shape>("shape");
            if (call.shape(0) != call.shape(1)) call.fail("needs updates and indices of one shape");
            require_along_axis(call, shape, call.shape(1), axis_of(call.attributes));
            return Signature{call.dtype(0), shape};
        },
    .forward =
        [](const KernelCall& call) {
            const std::size_t axis = axis_of(call.attributes);
            const Shape& shape = call.inputs[0].shape;
            const auto indices = resolved(call, call.inputs[1], call.shape[axis], "scatter_add");
            StorageRef scratch;
            const void* data = run::contiguous(call.inputs[0], scratch);
            visit(call.dtype, [&](auto zero) {
                using T = decltype(zero);
                const T* source = static_cast<const T*>(data);
                T* target = call.out<T>();
                std::fill_n(target, call.shape.size(), T(0));
                for_each_pointed(indices, shape, call.shape, axis, [&](std::int64_t from, std::int64_t to) {
                    target[to] = static_cast<T>(target[to] + source[from]);
                });
            });
        },
    .transposes = {[](const Record& r, const Tensor& g) {
                       return apply(take_along_axis_op, {g, r.input(1)}, {{"axis", r.attribute<std::int64_t>("axis")}});
                   },
                   Zero{"indices are whole numbers"}},
    .probes = joined({Probe{"axis 0",
                            {{{5, 3}}, {{5, 3}, 0, 4, integer}},
                            [](auto x) {
                                return scatter(x[0], x[1], 0, {4, 3});
                            }},
                      Probe{"axis 1",
                            {{{2, 3}}, {{2, 3}, 0, 2, integer}},
                            [](auto x) {
                                return scatter(x[0], x[1], 1, {2, 2});
                            }}},
                     index_probes(elements_to_take(), Given::taken,
                                  [](auto x, auto& row) { return scatter(x[1], x[0], row.along(), row.array); })),
});

Tensor scatter(const Tensor& g, const Tensor& indices, std::int64_t axis, const Shape& shape, Location at) {
    return apply(scatter_op, {g, indices}, {{"axis", axis}, {"shape", shape}}, at);
}

const Op& scatter_add_op = define(Composite{
    .name = "scatter_add",
    .math = "y = x, then y[i, indices[i, k, j], j] += updates[i, k, j]",
    .probes = joined({Probe{"axis 0",
                            {{{4, 3}}, {{5, 3}, 0, 4, integer}, {{5, 3}}},
                            [](auto x) { return scatter_add(x[0], x[1], x[2], 0); }},
                      Probe{"axis -1",
                            {{{2, 4}}, {{2, 2}, 0, 4, integer}, {{2, 2}}},
                            [](auto x) { return scatter_add(x[0], x[1], x[2], -1); }}},
                     index_probes(elements_to_take(), Given::both,
                                  [](auto x, auto& row) { return scatter_add(x[0], x[1], x[2], row.axis); })),
});

const Op& masked_select_op = define(Composite{
    .name = "masked_select",
    .math = "y = the elements of x where the mask is true",
    .probes = joined({Probe{"matrix",
                            {{{2, 3}}, {{2, 3}, 0, 1, ProbeInput::Kind::boolean}},
                            [](auto x) { return masked_select(x[0], x[1]); }},
                      Probe{"vector",
                            {{{17}}, {{17}, 0, 1, ProbeInput::Kind::boolean}},
                            [](auto x) { return masked_select(x[0], x[1]); }}},
                     mask_probes([](auto& x, auto& mask) { return masked_select(x, mask); })),
});

}  // namespace

Tensor take(const Operand& x, const Operand& indices, std::int64_t axis) {
    const auto resolved_axis = static_cast<std::int64_t>(resolve_axis(axis, x.tensor(), "take", x.location()));
    return apply(take_op, {x.tensor(), indices.tensor()}, {{"axis", resolved_axis}}, x.location());
}

Tensor take_along_axis(const Operand& x, const Operand& indices, std::int64_t axis) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const Shape& shape = x.tensor().shape();
    const Shape& index_shape = indices.tensor().shape();
    const std::size_t along = resolve_axis(axis, x.tensor(), "take_along_axis", at);
    Shape joined;
    const auto fits = [&](const Shape& array, const Shape& places) {
        if (array.rank() != shape.rank() || array.rank() != places.rank()) return false;
        Shape aligned = places;
        aligned[along] = array[along];
        return broadcast(array, aligned, joined);
    };
    if (!fits(shape, index_shape)) {
        explain::refuse("take_along_axis", "needs extents that broadcast except along axis " + std::to_string(along),
                        {x.tensor(), indices.tensor()}, at, [&](auto operands) {
                            return !is_floating(operands[1]->dtype) && fits(operands[0]->shape, operands[1]->shape);
                        });
    }
    const Tensor stretched = broadcast_to(x.tensor(), joined);
    joined[along] = index_shape[along];
    return apply(take_along_axis_op, {stretched, broadcast_to(indices.tensor(), joined)},
                 {{"axis", static_cast<std::int64_t>(along)}}, at);
}

Tensor scatter_add(const Operand& x, const Operand& indices, const Operand& updates, std::int64_t axis) {
    const Promoted pair = promote("scatter_add", x, updates);
    const Attribution attribution(pair.at);
    const Shape& shape = pair.x.shape();
    const auto along = static_cast<std::int64_t>(resolve_axis(axis, pair.x, "scatter_add", pair.at));
    const auto fit = [&](const Shape& array, const Shape& places, const Shape& values) {
        if (array != shape || places.rank() != array.rank() || places != values) return false;
        Shape aligned = places;
        aligned[static_cast<std::size_t>(along)] = array[static_cast<std::size_t>(along)];
        return aligned == array;
    };
    if (!fit(shape, indices.tensor().shape(), pair.y.shape())) {
        explain::refuse("scatter_add",
                        fmt::format("needs indices and updates of one shape, that of x but along axis {}", along),
                        {pair.x, indices.tensor(), pair.y}, pair.at,
                        [&](auto operands) { return fit(operands[0]->shape, operands[1]->shape, operands[2]->shape); });
    }
    return add(pair.x, scatter(pair.y, indices.tensor(), along, shape, pair.at));
}

Tensor masked_select(const Operand& x, const Operand& mask) {
    const Location at = Attribution::resolve(x.location());
    const Attribution attribution(at);
    const Tensor& chosen = mask.tensor();
    if (chosen.dtype() != DType::boolean) {
        throw DTypeError("masked_select", "needs a bool mask", std::string(name(chosen.dtype())), at);
    }
    if (chosen.shape() != x.tensor().shape()) {
        explain::refuse("masked_select", "needs a mask of the same shape", {x.tensor(), chosen}, at,
                        [](auto operands) { return operands[0]->shape == operands[1]->shape; });
    }
    const NodeRef node = detail::readable(chosen, DType::boolean, at);
    const auto* values = static_cast<const bool*>(node->data);
    const auto count = std::count(values, values + chosen.size(), true);
    NodeRef indices = detail::new_leaf(DType::int64, Shape{count}, at);
    auto* next = static_cast<std::int64_t*>(indices->data);
    for (std::int64_t i = 0; i < chosen.size(); ++i) {
        if (values[i]) *next++ = i;
    }
    return take(reshape(x.tensor(), {-1}), Tensor(std::move(indices)));
}

}  // namespace xgrad
