#include <xgrad/graph/transform.hpp>

#include <algorithm>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/deferred.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/short_list.hpp>
#include <xgrad/graph/vmap.hpp>

namespace xgrad {

namespace {

/// The shape of a Jacobian.
Shape joined(const Shape& x, const Shape& y, Location at) {
    if (x.rank() + y.rank() > Shape::max_rank) {
        throw ShapeError("jacobian", "needs at most 32 axes", to_string(x) + " and " + to_string(y),
                         Attribution::resolve(at));
    }
    Shape shape = x;
    shape.append(y);
    return shape;
}

// Directions that are taken at once, so that what one of them needs is in memory this often.
constexpr std::int64_t most_at_once = 32;

/// Directions first ≤ d < end of all that lead along one element of one of the tensors: for each tensor an array with
/// the directions along its first axis, which is 0 but for a 1 where an element is the direction's.
std::vector<Tensor> unit_directions(std::span<const Tensor> likes, std::int64_t first, std::int64_t end) {
    std::vector<Tensor> result;
    std::int64_t offset = 0;
    for (const Tensor& like : likes) {
        const std::int64_t size = like.size();
        Shape shape = like.shape();
        shape.insert(0, end - first);
        NodeRef leaf = detail::new_leaf(like.dtype(), shape, {});
        visit_floating(like.dtype(), [&](auto zero) {
            auto* values = static_cast<decltype(zero)*>(leaf->data);
            std::fill_n(values, (end - first) * size, decltype(zero)(0));
            for (std::int64_t d = std::max(first, offset); d < std::min(end, offset + size); ++d) {
                values[(d - first) * size + d - offset] = 1;
            }
        });
        result.emplace_back(std::move(leaf));
        offset += size;
    }
    return result;
}

std::int64_t elements_of(std::span<const Tensor> tensors) {
    std::int64_t count = 0;
    for (const Tensor& tensor : tensors) count += tensor.size();
    return count;
}

/// A linear function of tensors like these, in every direction: for each of its results a matrix with a row for each
/// direction. It is recorded for one, and then for many at once.
std::vector<Tensor> in_all_directions(const detail::ListFunction& linear, std::span<const Tensor> likes, Location at) {
    const std::int64_t count = elements_of(likes);
    std::vector<std::vector<Tensor>> parts;
    for (std::int64_t first = 0; first < count; first += most_at_once) {
        const std::int64_t end = std::min(count, first + most_at_once);
        const std::vector<Tensor> results = detail::vmap(linear, unit_directions(likes, first, end), 0, at);
        parts.resize(results.size());
        for (std::size_t i = 0; i < results.size(); ++i) {
            parts[i].push_back(algebra::reshaped(results[i], {end - first, results[i].size() / (end - first)}));
        }
    }
    std::vector<Tensor> rows;
    for (const std::vector<Tensor>& part : parts) {
        rows.push_back(part.size() == 1 ? part[0] : algebra::joined(part));
    }
    return rows;
}

/// ∂y/∂x for all xs, row by row.
std::vector<Tensor> by_rows(const Tensor& y, std::span<const Tensor> xs, Location at) {
    const auto pulled_back = [&](const std::vector<Tensor>& v) {
        return vjp(y, v[0], xs, Unconnected::gives_zeros, at);
    };
    const std::vector<Tensor> rows = in_all_directions(pulled_back, {&y, 1}, at);
    std::vector<Tensor> result;
    for (std::size_t x = 0; x < xs.size(); ++x) {
        const Shape shape = joined(y.shape(), xs[x].shape(), at);
        result.push_back(rows.empty() ? algebra::filled(0, xs[x].dtype(), shape) : algebra::reshaped(rows[x], shape));
    }
    return result;
}

/// ∂y/∂x for all ys and, within each, all xs, column by column.
std::vector<Tensor> by_columns(std::span<const Tensor> ys, std::span<const Tensor> xs, Location at) {
    const auto pushed_forward = [&](const std::vector<Tensor>& t) {
        return jvp(ys, xs, t, Unconnected::gives_zeros, at);
    };
    const std::vector<Tensor> columns = in_all_directions(pushed_forward, xs, at);
    std::vector<Tensor> result;
    for (std::size_t y = 0; y < ys.size(); ++y) {
        std::int64_t offset = 0;
        for (const Tensor& x : xs) {
            const Shape shape = joined(ys[y].shape(), x.shape(), at);
            const bool is_empty = columns.empty() || x.size() == 0;
            result.push_back(
                is_empty
                    ? algebra::filled(0, ys[y].dtype(), shape)
                    : algebra::reshaped(algebra::flipped(algebra::part(columns[y], offset, offset + x.size())), shape));
            offset += x.size();
        }
    }
    return result;
}

}  // namespace

std::vector<Tensor> variables(const std::vector<Tensor>& xs, std::string_view op, Location at) {
    std::vector<Tensor> result;
    for (const Tensor& x : xs) {
        const NodeRef& node = source(x, op, at);
        if (!is_floating(node->dtype)) {
            throw GradientError(op, "needs floating-point arguments", std::string(name(node->dtype)), at);
        }
        result.push_back(node->needs_gradient ? algebra::alias(x) : parameter(x, x.name(), at));
        source(result.back(), op, at)->is_variable = true;
    }
    return result;
}

std::vector<Tensor> jacobian(const Tensor& y, std::span<const Tensor> xs, Location at) {
    at = Attribution::resolve(at);
    const NodeRef& root = source(y, "jacobian", at);
    if (!is_floating(root->dtype)) {
        throw GradientError("jacobian", "needs a floating-point result", std::string(name(root->dtype)), at);
    }
    for (const Tensor& x : xs) joined(y.shape(), x.shape(), at);  // judges it
    std::vector<Tensor> result(xs.size());
    Node* const roots[] = {root.get()};
    const auto mode = y.size() <= elements_of(xs) ? Differentiation::Mode::rows : Differentiation::Mode::columns;
    detail::differentiate({mode, roots, xs, Unconnected::gives_zeros, at}, result);
    return result;
}

void detail::record_jacobians(const Differentiation& what, std::span<Tensor> result) {
    std::vector<Tensor> ys;
    for (Node* y : what.ys()) ys.emplace_back(NodeRef::share(*y));
    const bool goes_by_rows = what.mode == Differentiation::Mode::rows;
    std::vector<Tensor> jacobians = goes_by_rows ? by_rows(ys[0], what.xs, what.at) : by_columns(ys, what.xs, what.at);
    std::move(jacobians.begin(), jacobians.end(), result.begin());
}

std::vector<std::vector<Tensor>> hessian(const Tensor& y, std::span<const Tensor> xs, Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> gradients = grad(y, xs, Unconnected::gives_zeros, at);
    ShortList<Node*> roots;
    for (const Tensor& gradient : gradients) roots.push_back(source(gradient, "hessian", at).get());
    std::vector<Tensor> blocks(xs.size() * xs.size());
    detail::differentiate({Differentiation::Mode::columns, roots, xs, Unconnected::gives_zeros, at}, blocks);
    std::vector<std::vector<Tensor>> rows(xs.size());
    for (std::size_t block = 0; block < blocks.size(); ++block) {
        rows[block / xs.size()].push_back(std::move(blocks[block]));
    }
    return rows;
}

std::vector<Tensor> hvp(const Tensor& y, std::span<const Tensor> xs, std::span<const Tensor> vs, Location at) {
    at = Attribution::resolve(at);
    return jvp(grad(y, xs, Unconnected::gives_zeros, at), xs, vs, Unconnected::gives_zeros, at);
}

namespace detail {

ValueAndDerivatives value_and_grad(const TensorFunction& f, const std::vector<Tensor>& xs, Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> arguments = variables(xs, "value_and_grad", at);
    const Tensor value = f(arguments);
    return {value, grad(value, arguments, Unconnected::gives_zeros, at)};
}

ValueAndDerivatives vjp(const TensorFunction& f, const std::vector<Tensor>& xs, const Tensor& v, Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> arguments = variables(xs, "vjp", at);
    const Tensor value = f(arguments);
    return {value, xgrad::vjp(value, v, arguments, Unconnected::gives_zeros, at)};
}

std::pair<Tensor, Tensor> jvp(const TensorFunction& f, const std::vector<Tensor>& xs,
                              const std::vector<Tensor>& tangents, Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> arguments = variables(xs, "jvp", at);
    const Tensor value = f(arguments);
    return {value, xgrad::jvp({&value, 1}, arguments, tangents, Unconnected::gives_zeros, at)[0]};
}

std::vector<Tensor> jacobian(const TensorFunction& f, const std::vector<Tensor>& xs, Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> arguments = variables(xs, "jacobian", at);
    return xgrad::jacobian(f(arguments), arguments, at);
}

std::vector<std::vector<Tensor>> hessian(const TensorFunction& f, const std::vector<Tensor>& xs, Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> arguments = variables(xs, "hessian", at);
    return xgrad::hessian(f(arguments), arguments, at);
}

std::vector<Tensor> hvp(const TensorFunction& f, const std::vector<Tensor>& xs, const std::vector<Tensor>& vs,
                        Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> arguments = variables(xs, "hvp", at);
    return xgrad::hvp(f(arguments), arguments, vs, at);
}

}  // namespace detail

}  // namespace xgrad
