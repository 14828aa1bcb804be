#include <xgrad/graph/explain/expression.hpp>

#include <algorithm>
#include <cmath>

#include <xgrad/graph/explain/notation.hpp>

namespace xgrad::explain {

namespace {

/// Arguments with their numbers, in an order that does not depend on how they were written.
std::vector<std::pair<std::size_t, double>> key_of(const Expression& x) {
    std::vector<std::pair<std::size_t, double>> key;
    for (std::size_t i = 0; i < x.arguments.size(); ++i) {
        key.emplace_back(x.arguments[i]->id, i < x.numbers.size() ? x.numbers[i] : 0);
    }
    if (x.form == Form::sum || x.form == Form::product) std::sort(key.begin(), key.end());
    return key;
}

bool same(const Expression& a, const Expression& b) {
    return a.form == b.form && a.dtype == b.dtype && a.symbol == b.symbol && a.op == b.op && a.shape == b.shape &&
           a.attributes == b.attributes && key_of(a) == key_of(b) && (a.form != Form::number || a.numbers == b.numbers);
}

std::size_t hash_of(const Expression& x) {
    std::size_t hash = static_cast<std::size_t>(x.form) * 31 + x.symbol;
    const auto mix = [&](std::size_t value) { hash = (hash ^ value) * 1099511628211U; };
    mix(std::hash<const void*>()(x.op));
    for (const auto& [id, number] : key_of(x)) mix(id), mix(std::hash<double>()(number));
    if (x.form == Form::number) mix(std::hash<double>()(x.numbers[0]));
    for (std::int64_t extent : x.shape) mix(static_cast<std::size_t>(extent));
    return hash;
}

/// The shape that expressions have together; that of numbers is ().
template <class Parts, class Get>
Shape joined_shape(const Parts& parts, Get&& get) {
    Shape shape;
    for (const auto& part : parts) {
        Shape next;
        broadcast(shape, get(part)->shape, next);
        shape = std::move(next);
    }
    return shape;
}

bool is_sum_of_several(Ref x) {
    return x->form == Form::sum && x->arguments.size() > 1;
}

}  // namespace

std::optional<double> as_number(Ref x) {
    x = unstretched(x);
    if (x->form != Form::number) return std::nullopt;
    return x->numbers[0];
}

Scaled split(Ref x) {
    if (x->form == Form::number) return {x->numbers[0], nullptr};
    if (x->form == Form::sum && x->arguments.size() == 1) return {x->numbers[0], x->arguments[0]};
    return {1, x};
}

Ref unstretched(Ref x) {
    return x->form == Form::stretch ? x->arguments[0] : x;
}

Algebra::Algebra(bool simplifies) : simplifies_(simplifies) {}

Ref Algebra::intern(Expression x) {
    const std::size_t hash = hash_of(x);
    for (auto [entry, end] = index_.equal_range(hash); entry != end; ++entry) {
        if (same(*entry->second, x)) return entry->second;
    }
    x.id = all_.size();
    if (!x.arguments.empty()) x.size = 0;
    for (Ref argument : x.arguments) x.size += argument->size;
    if (x.form == Form::product) {
        for (double exponent : x.numbers) x.size += exponent == 1 || exponent == -1 ? 0 : 1;
    }
    all_.push_back(std::move(x));
    index_.emplace(hash, &all_.back());
    return &all_.back();
}

Ref Algebra::number(double value, DType dtype) {
    return intern({.form = Form::number, .dtype = dtype, .shape = {}, .numbers = {value}});
}

Ref Algebra::symbol(std::size_t index, DType dtype, const Shape& shape) {
    return intern({.form = Form::symbol, .dtype = dtype, .shape = shape, .symbol = index});
}

Ref Algebra::stretched(Ref x, const Shape& shape) {
    if (x->shape == shape) return x;
    if (simplifies_) x = unstretched(x);
    if (x->shape == shape) return x;
    return intern({.form = Form::stretch,
                   .dtype = x->dtype,
                   .shape = shape,
                   .op = op_written(Writing::stretch),
                   .attributes = {{"shape", shape}},
                   .arguments = {x}});
}

Ref Algebra::scaled(double coefficient, Ref x) {
    const auto [own, of] = split(x);
    if (!of) return number(coefficient * own, x->dtype);
    coefficient *= own;
    if (coefficient == 1) return of;
    if (coefficient == 0) return stretched(number(0, x->dtype), x->shape);
    if (coefficient == -1 && is_sum_of_several(of)) {
        std::vector<Scaled> terms;
        for (std::size_t i = 0; i < of->arguments.size(); ++i) terms.push_back({-of->numbers[i], of->arguments[i]});
        return plain_sum(std::move(terms), of->dtype);
    }
    return intern(
        {.form = Form::sum, .dtype = x->dtype, .shape = of->shape, .arguments = {of}, .numbers = {coefficient}});
}

/// Terms that need no more work, what is added before what is subtracted.
Ref Algebra::plain_sum(std::vector<Scaled> terms, DType dtype) {
    std::stable_partition(terms.begin(), terms.end(), [](const Scaled& term) { return term.coefficient > 0; });
    Expression x{
        .form = Form::sum, .dtype = dtype, .shape = joined_shape(terms, [](const Scaled& term) { return term.of; })};
    for (const auto& [coefficient, of] : terms) {
        x.arguments.push_back(of);
        x.numbers.push_back(coefficient);
    }
    return intern(std::move(x));
}

Ref Algebra::sum(const std::vector<Scaled>& given, DType dtype, const Shape& shape) {
    std::vector<Scaled> terms;
    const auto add = [&](double coefficient, Ref of) {
        for (Scaled& term : terms) {
            if (term.of == of && simplifies_) {
                term.coefficient += coefficient;
                return;
            }
        }
        terms.push_back({coefficient, of});
    };
    const Ref one = number(1, dtype);
    for (auto [coefficient, x] : given) {
        x = unstretched(x);
        const auto [own, of] = split(x);
        coefficient *= own;
        if (!of) {
            add(coefficient, one);
        } else if (simplifies_ && is_sum_of_several(of) && std::abs(coefficient) == 1) {
            for (std::size_t i = 0; i < of->arguments.size(); ++i) add(coefficient * of->numbers[i], of->arguments[i]);
        } else {
            add(coefficient, of);
        }
    }
    if (simplifies_) std::erase_if(terms, [](const Scaled& term) { return term.coefficient == 0; });
    if (terms.empty()) return stretched(number(0, dtype), shape);
    if (terms.size() == 1) {
        const auto [coefficient, of] = terms[0];
        return stretched(of == one ? number(coefficient, dtype) : scaled(coefficient, of), shape);
    }
    if (simplifies_) {
        if (const Ref shorter = multiplied_out(terms, dtype, shape)) return shorter;
    }
    const double size = std::abs(terms[0].coefficient);
    const bool have_one_size = std::all_of(terms.begin(), terms.end(), [&](const Scaled& term) {
        return term.of != one && std::abs(term.coefficient) == size;
    });
    if (!simplifies_ || !have_one_size || size == 1) return stretched(plain_sum(std::move(terms), dtype), shape);
    for (Scaled& term : terms) term.coefficient /= size;
    return stretched(scaled(size, plain_sum(std::move(terms), dtype)), shape);
}

Ref Algebra::plain_product(const std::vector<Power>& factors, DType dtype) {
    if (factors.empty()) return number(1, dtype);
    if (factors.size() == 1 && factors[0].exponent == 1) return factors[0].base;
    Expression x{.form = Form::product, .dtype = dtype, .shape = joined_shape(factors, [](const Power& factor) {
                                                            return factor.base;
                                                        })};
    for (const auto& [base, exponent] : factors) {
        x.arguments.push_back(base);
        x.numbers.push_back(exponent);
    }
    return intern(std::move(x));
}

Ref Algebra::product(const std::vector<Power>& given, DType dtype, const Shape& shape) {
    double coefficient = 1;
    std::vector<Power> factors;
    const auto add = [&](Ref base, double exponent) {
        for (Power& factor : factors) {
            if (factor.base == base && simplifies_) {
                factor.exponent += exponent;
                return;
            }
        }
        factors.push_back({base, exponent});
    };
    for (const auto& [x, exponent] : given) {
        const auto [own, of] = split(unstretched(x));
        coefficient *= std::pow(own, exponent);
        if (!of) continue;
        if (simplifies_ && of->form == Form::product) {
            for (std::size_t i = 0; i < of->arguments.size(); ++i) add(of->arguments[i], of->numbers[i] * exponent);
        } else {
            add(of, exponent);
        }
    }
    if (simplifies_) {
        if (coefficient == 0) return stretched(number(0, dtype), shape);
        std::erase_if(factors, [](const Power& factor) { return factor.exponent == 0; });
        if (use_reciprocals(factors)) {
            factors.push_back({number(coefficient, dtype), 1});
            return product(factors, dtype, shape);
        }
        for (Power& choice : factors) {
            for (const Power& other : factors) {
                if (choice.exponent != 1 || other.exponent < 1 || !is_idle_choice(choice.base, other.base)) continue;
                std::vector<Power> rest = factors;
                rest[static_cast<std::size_t>(&choice - factors.data())].base = choice.base->arguments[2];
                rest.push_back({number(coefficient, dtype), 1});
                return product(rest, dtype, shape);
            }
        }
        Shape own_shape = joined_shape(factors, [](const Power& factor) { return factor.base; });
        if (const Ref shorter = cancelled(factors, dtype, own_shape))
            return stretched(scaled(coefficient, shorter), shape);
    }
    return stretched(scaled(coefficient, plain_product(factors, dtype)), shape);
}

/// Whether a choice is 0 only where the factor beside it is 0 too.
bool Algebra::is_idle_choice(Ref choice, Ref factor) {
    if (choice->form != Form::call || writing_of(*choice->op) != Writing::choice) return false;
    const Ref condition = unstretched(choice->arguments[0]);
    if (condition->form != Form::call || writing_of(*condition->op) != Writing::equal) return false;
    if (as_number(choice->arguments[1]) != 0.0) return false;
    const Ref a = unstretched(condition->arguments[0]);
    const Ref b = unstretched(condition->arguments[1]);
    if (!is_floating(a->dtype)) return false;
    const Ref difference = sum({{1, a}, {-1, b}}, a->dtype, condition->shape);
    return unstretched(difference) == factor || unstretched(scaled(-1, difference)) == factor;
}

Ref Algebra::matrix_product(Ref a, Ref b, DType dtype, const Shape& shape) {
    Scaled left{1, a}, right{1, b};
    if (simplifies_ && a->form != Form::number) left = split(a);
    if (simplifies_ && b->form != Form::number) right = split(b);
    const Ref plain =
        intern({.form = Form::matrix_product, .dtype = dtype, .shape = shape, .arguments = {left.of, right.of}});
    return scaled(left.coefficient * right.coefficient, plain);
}

Ref Algebra::permuted(const Op& op, Ref x, const Attributes& attributes, const Shape& shape) {
    const auto& axes = attributes.at<Shape>("axes");
    const bool is_flip = axes == Shape{1, 0};
    if (!simplifies_) {
        return intern({.form = is_flip ? Form::transpose : Form::call,
                       .dtype = x->dtype,
                       .shape = shape,
                       .op = &op,
                       .attributes = attributes,
                       .arguments = {x}});
    }
    if (const auto value = as_number(x)) return stretched(number(*value, x->dtype), shape);
    const auto [coefficient, of] = split(x);
    Shape in_order;
    for (std::size_t i = 0; i < axes.rank(); ++i) in_order.push_back(static_cast<std::int64_t>(i));
    if (axes == in_order) return x;
    if (of->op == &op) {
        const auto& before = of->attributes.at<Shape>("axes");
        Shape together = axes;
        for (std::size_t i = 0; i < axes.rank(); ++i) together[i] = before[static_cast<std::size_t>(axes[i])];
        return scaled(coefficient, permuted(op, of->arguments[0], {{"axes", together}}, shape));
    }
    return scaled(coefficient, intern({.form = is_flip ? Form::transpose : Form::call,
                                       .dtype = x->dtype,
                                       .shape = shape,
                                       .op = &op,
                                       .attributes = attributes,
                                       .arguments = {of}}));
}

Ref Algebra::reshaped(const Op& op, Ref x, const Attributes& attributes, const Shape& shape) {
    if (!simplifies_) return call(op, {x}, attributes, x->dtype, shape);
    if (x->shape == shape) return x;
    if (const auto value = as_number(x)) return stretched(number(*value, x->dtype), shape);
    const auto [coefficient, of] = split(x);
    if (of->form == Form::call && of->op == &op)
        return scaled(coefficient, reshaped(op, of->arguments[0], attributes, shape));
    return scaled(coefficient, call(op, {of}, attributes, x->dtype, shape));
}

Ref Algebra::total(const Op& op, Ref x, const Attributes& attributes, const Shape& shape) {
    if (!simplifies_) return call(op, {x}, attributes, x->dtype, shape);
    const auto& axes = attributes.at<Shape>("axes");
    if (axes.empty()) return x;
    if (const auto value = as_number(x); value && shape.size() > 0) {
        const auto count = static_cast<double>(x->shape.size() / shape.size());
        return stretched(number(*value * count, x->dtype), shape);
    }
    if (x->form == Form::number) return call(op, {x}, attributes, x->dtype, shape);
    const auto [coefficient, of] = split(x);
    if (of->form == Form::symbol && axes.rank() == 1) {
        for (const auto& [symbol, axis] : distributions_) {
            if (symbol != of->symbol || axis != axes[0]) continue;
            used_distributions_.push_back(symbol);
            return stretched(number(coefficient, x->dtype), shape);
        }
    }
    return scaled(coefficient, call(op, {of}, attributes, x->dtype, shape));
}

bool Algebra::has_used_distribution(std::size_t symbol) const {
    return std::find(used_distributions_.begin(), used_distributions_.end(), symbol) != used_distributions_.end();
}

Ref Algebra::call(const Op& op, std::vector<Ref> arguments, const Attributes& attributes, DType dtype,
                  const Shape& shape) {
    if (simplifies_ && writing_of(op) == Writing::sigmoid && split(arguments[0]).coefficient < 0 &&
        !as_number(arguments[0])) {
        const Ref positive = call(op, {scaled(-1, arguments[0])}, attributes, dtype, shape);
        return sum({{1, number(1, dtype)}, {-1, positive}}, dtype, shape);
    }
    // 1 where c, 0 elsewhere: c counted as a number.
    if (simplifies_ && writing_of(op) == Writing::choice && as_number(arguments[1]) == 1.0 &&
        as_number(arguments[2]) == 0.0 && arguments[0]->shape == shape) {
        return call(*op_written(Writing::cast), {arguments[0]}, {{"dtype", dtype}}, dtype, shape);
    }
    return intern({.form = Form::call,
                   .dtype = dtype,
                   .shape = shape,
                   .op = &op,
                   .attributes = attributes,
                   .arguments = std::move(arguments)});
}

Ref Algebra::rebuilt(Ref x, std::vector<Ref> arguments) {
    std::vector<Scaled> terms;
    std::vector<Power> factors;
    for (std::size_t i = 0; i < x->arguments.size() && i < x->numbers.size(); ++i) {
        terms.push_back({x->numbers[i], arguments[i]});
        factors.push_back({arguments[i], x->numbers[i]});
    }
    switch (x->form) {
        case Form::number:
        case Form::symbol:
            return x;
        case Form::sum:
            return sum(terms, x->dtype, x->shape);
        case Form::product:
            return product(factors, x->dtype, x->shape);
        case Form::matrix_product:
            return matrix_product(arguments[0], arguments[1], x->dtype, x->shape);
        case Form::transpose:
            return permuted(*x->op, arguments[0], x->attributes, x->shape);
        case Form::stretch:
            return stretched(arguments[0], x->shape);
        case Form::call:
            break;
    }
    switch (writing_of(*x->op)) {
        case Writing::sum:
            return total(*x->op, arguments[0], x->attributes, x->shape);
        case Writing::reshape:
            return reshaped(*x->op, arguments[0], x->attributes, x->shape);
        case Writing::transpose:
            return permuted(*x->op, arguments[0], x->attributes, x->shape);
        default:
            return call(*x->op, std::move(arguments), x->attributes, x->dtype, x->shape);
    }
}

Ref Algebra::substituted(Ref x, const std::unordered_map<std::size_t, Ref>& table) {
    if (x->form == Form::symbol) {
        const auto found = table.find(x->symbol);
        return found == table.end() ? x : found->second;
    }
    std::vector<Ref> arguments;
    for (Ref argument : x->arguments) arguments.push_back(substituted(argument, table));
    return arguments == x->arguments ? x : rebuilt(x, std::move(arguments));
}

}  // namespace xgrad::explain
