#include <algorithm>
#include <map>

#include <xgrad/graph/explain/expression.hpp>

// Fractions: (Y / A − (1 − Y) / (1 − A)) A (1 − A) is A − Y with another sign. The derivative of a cross-entropy and of
// the function that it follows have just these denominators and factors.

namespace xgrad::explain {

namespace {

constexpr std::size_t most_terms = 64;

/// Powers by the id of their base, each with the base.
using Monomial = std::map<std::size_t, Power>;

void multiply(Monomial& monomial, Ref base, double exponent) {
    Power& power = monomial.try_emplace(base->id, Power{base, 0}).first->second;
    power.exponent += exponent;
    if (power.exponent == 0) monomial.erase(base->id);
}

struct Term {
    double coefficient;
    Monomial factors;
};

Term term_of(double coefficient, Ref of) {
    Term term{coefficient, {}};
    if (of->form == Form::number) {
        term.coefficient *= of->numbers[0];
    } else if (of->form == Form::product) {
        for (std::size_t i = 0; i < of->arguments.size(); ++i) multiply(term.factors, of->arguments[i], of->numbers[i]);
    } else {
        multiply(term.factors, of, 1);
    }
    return term;
}

bool is_fraction(Ref x) {
    return x->form == Form::product &&
           std::any_of(x->numbers.begin(), x->numbers.end(), [](double exponent) { return exponent < 0; });
}

bool is_sum_with_fractions(const Power& factor) {
    const Ref x = factor.base;
    return factor.exponent == 1 && x->form == Form::sum && x->arguments.size() > 1 &&
           std::any_of(x->arguments.begin(), x->arguments.end(), is_fraction);
}

/// Multiplies out sums among the factors; false if there would be too many terms.
bool expand(std::vector<Term>& terms) {
    for (std::size_t i = 0; i < terms.size();) {
        const auto& factors = terms[i].factors;
        const auto sum = std::find_if(factors.begin(), factors.end(), [](const auto& entry) {
            return entry.second.base->form == Form::sum && entry.second.exponent > 0;
        });
        if (sum == factors.end()) {
            ++i;
            continue;
        }
        const Ref base = sum->second.base;
        Term rest = terms[i];
        multiply(rest.factors, base, -1);
        terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(i));
        for (std::size_t part = 0; part < base->arguments.size(); ++part) {
            Term product = term_of(rest.coefficient * base->numbers[part], base->arguments[part]);
            for (const auto& [id, power] : rest.factors) multiply(product.factors, power.base, power.exponent);
            terms.push_back(std::move(product));
        }
        if (terms.size() > most_terms) return false;
    }
    return true;
}

}  // namespace

Ref beside_one(Ref reciprocal) {
    if (reciprocal->form != Form::product || reciprocal->numbers != std::vector<double>{-1}) return nullptr;
    const Ref one_more = reciprocal->arguments[0];
    if (one_more->form != Form::sum || one_more->numbers != std::vector<double>{1, 1}) return nullptr;
    for (const std::size_t place : {0, 1}) {
        const Ref t = unstretched(one_more->arguments[place]);
        const bool is_one_beside = as_number(one_more->arguments[1 - place]) == 1.0;
        if (is_one_beside && !as_number(t) && t->form != Form::product) return t;
    }
    return nullptr;
}

void Algebra::note_reciprocal(Ref symbol, Ref equals) {
    const Ref t = beside_one(equals);
    if (simplifies_ && t) reciprocals_.push_back({symbol, equals->arguments[0], t});
}

bool Algebra::use_reciprocals(std::vector<Power>& factors) {
    const auto exponent_of = [&](Ref base) {
        const auto found =
            std::find_if(factors.begin(), factors.end(), [&](const Power& factor) { return factor.base == base; });
        return found == factors.end() ? 0 : found->exponent;
    };
    const auto multiply_by = [&](Ref base, double exponent) {
        const double before = exponent_of(base);
        std::erase_if(factors, [&](const Power& factor) { return factor.base == base; });
        if (before + exponent != 0) factors.push_back({base, before + exponent});
    };
    bool is_used = false;
    for (const Reciprocal& known : reciprocals_) {
        const double fractions = -exponent_of(known.one_more);
        if (fractions > 0) {
            multiply_by(known.one_more, fractions);
            multiply_by(known.symbol, fractions);
        }
        const double products = std::min(exponent_of(known.symbol), exponent_of(known.t));
        if (products > 0) {
            const Ref symbol = known.symbol;
            multiply_by(symbol, -products);
            multiply_by(known.t, -products);
            multiply_by(sum({{1, number(1, symbol->dtype)}, {-1, symbol}}, symbol->dtype, symbol->shape), products);
        }
        is_used = is_used || fractions > 0 || products > 0;
    }
    return is_used;
}

Ref Algebra::multiplied_out(const std::vector<Scaled>& given, DType dtype, const Shape& shape) {
    std::vector<Term> terms;
    std::size_t size_before = 0;
    bool has_products = false;
    for (const auto& [coefficient, of] : given) {
        terms.push_back(term_of(coefficient, of));
        size_before += of->size;
        for (const auto& [id, power] : terms.back().factors) {
            has_products = has_products || (of->form == Form::product && power.base->form == Form::sum);
        }
    }
    // What comes out is multiplied out already.
    if (!has_products || !multiplies_out_ || !expand(terms)) return nullptr;
    multiplies_out_ = false;
    std::vector<Scaled> expanded;
    for (const Term& term : terms) {
        std::vector<Power> powers;
        for (const auto& [id, power] : term.factors) powers.push_back(power);
        expanded.push_back({term.coefficient, unstretched(product(powers, dtype, shape))});
    }
    const Ref result = sum(expanded, dtype, shape);
    multiplies_out_ = true;
    return unstretched(result)->size < size_before ? result : nullptr;
}

Ref Algebra::cancelled(const std::vector<Power>& factors, DType dtype, const Shape& shape) {
    const auto fractions = std::find_if(factors.begin(), factors.end(), is_sum_with_fractions);
    if (fractions == factors.end()) return nullptr;
    Monomial others;
    std::size_t size_before = fractions->base->size;
    for (const Power& factor : factors) {
        if (&factor == &*fractions) continue;
        multiply(others, factor.base, factor.exponent);
        size_before += factor.base->size;
    }
    std::vector<Term> terms;
    for (std::size_t i = 0; i < fractions->base->arguments.size(); ++i) {
        Term term = term_of(fractions->base->numbers[i], fractions->base->arguments[i]);
        const Monomial before = term.factors;
        for (const auto& [id, power] : others) multiply(term.factors, power.base, power.exponent);
        for (const auto& [id, power] : before) {
            const auto left = term.factors.find(id);
            if (power.exponent < 0 && left != term.factors.end() && left->second.exponent < 0) return nullptr;
        }
        terms.push_back(std::move(term));
    }
    const auto written = [&](const std::vector<Term>& parts) {
        std::vector<Scaled> sum_terms;
        for (const Term& part : parts) {
            std::vector<Power> powers;
            for (const auto& [id, power] : part.factors) powers.push_back(power);
            sum_terms.push_back({part.coefficient, unstretched(product(powers, dtype, shape))});
        }
        return sum(sum_terms, dtype, shape);
    };
    Ref best = written(terms);
    if (expand(terms)) {
        const Ref expanded = written(terms);
        if (expanded->size < best->size) best = expanded;
    }
    return best->size < size_before ? best : nullptr;
}

}  // namespace xgrad::explain
