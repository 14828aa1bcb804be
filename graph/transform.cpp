#include <xgrad/graph/transform.hpp>

#include <cstring>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/recording.hpp>

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

/// All zeros but a one at `element`.
Tensor unit(const Tensor& like, std::int64_t element) {
    NodeRef leaf = detail::new_leaf(like.dtype(), like.shape(), {});
    visit_floating(like.dtype(), [&](auto zero) {
        auto* values = static_cast<decltype(zero)*>(leaf->data);
        std::fill_n(values, like.size(), decltype(zero)(0));
        values[element] = 1;
    });
    return Tensor(std::move(leaf));
}

/// ∂y/∂x for all xs of one y, row by row.
std::vector<Tensor> by_rows(const Tensor& y, std::span<const Tensor> xs, Location at) {
    std::vector<std::vector<Tensor>> rows(xs.size());
    for (std::int64_t element = 0; element < y.size(); ++element) {
        const std::vector<Tensor> row = vjp(y, unit(y, element), xs, Unconnected::gives_zeros, at);
        for (std::size_t x = 0; x < xs.size(); ++x) rows[x].push_back(row[x]);
    }
    std::vector<Tensor> result;
    for (std::size_t x = 0; x < xs.size(); ++x) {
        const Shape shape = joined(y.shape(), xs[x].shape(), at);
        result.push_back(rows[x].empty() ? algebra::filled(0, xs[x].dtype(), shape)
                                         : algebra::reshaped(algebra::stacked(rows[x]), shape));
    }
    return result;
}

/// ∂y/∂x for all ys of one x, column by column.
std::vector<Tensor> by_columns(std::span<const Tensor> ys, const Tensor& x, Location at) {
    std::vector<std::vector<Tensor>> columns(ys.size());
    for (std::int64_t element = 0; element < x.size(); ++element) {
        const Tensor direction = unit(x, element);
        const std::vector<Tensor> column = jvp(ys, {&x, 1}, {&direction, 1}, Unconnected::gives_zeros, at);
        for (std::size_t y = 0; y < ys.size(); ++y) {
            columns[y].push_back(algebra::reshaped(column[y], {ys[y].size()}));
        }
    }
    std::vector<Tensor> result;
    for (std::size_t y = 0; y < ys.size(); ++y) {
        const Shape shape = joined(ys[y].shape(), x.shape(), at);
        result.push_back(columns[y].empty() ? algebra::filled(0, ys[y].dtype(), shape)
                                            : algebra::reshaped(algebra::flipped(algebra::stacked(columns[y])), shape));
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
    std::int64_t columns = 0;
    for (const Tensor& x : xs) columns += x.size();
    if (y.size() <= columns) return by_rows(y, xs, at);
    std::vector<Tensor> result;
    for (const Tensor& x : xs) result.push_back(by_columns({&y, 1}, x, at)[0]);
    return result;
}

std::vector<std::vector<Tensor>> hessian(const Tensor& y, std::span<const Tensor> xs, Location at) {
    at = Attribution::resolve(at);
    const std::vector<Tensor> gradients = grad(y, xs, Unconnected::gives_zeros, at);
    std::vector<std::vector<Tensor>> blocks(xs.size());
    for (const Tensor& x : xs) {
        const std::vector<Tensor> column = by_columns(gradients, x, at);
        for (std::size_t i = 0; i < xs.size(); ++i) blocks[i].push_back(column[i]);
    }
    return blocks;
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
