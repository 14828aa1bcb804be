#pragma once

#include <atomic>
#include <cctype>
#include <deque>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Reads a derivation as it is printed in ASCII, and computes what its lines say. It knows the text only: names,
// numbers,
// + - * / ^, products without a sign, ^T, [x < y], sums, and calls of operations by their names in the catalogue.

namespace equations {

using xgrad::Shape;
using xgrad::Tensor;

/// The text does not say what is needed: a given array is not known, or an attribute cannot be written.
struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Evaluation {
  public:
    Evaluation(const std::string& text, std::map<std::string, Tensor> given) : values_(std::move(given)) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) read(line);
        finish_block();
    }

    bool has(const std::string& name) const { return values_.contains(name); }
    const Tensor& operator[](const std::string& name) const {
        if (!has(name)) throw Unreadable("no line for " + name);
        return values_.at(name);
    }
    std::size_t lines() const { return lines_; }

  private:
    /// A tensor, or a plain number, which takes on the dtype of what it meets.
    struct Value {
        Tensor tensor{};
        double number = 0;
        bool is_number() const { return tensor.is_empty_handle(); }
    };

    void read(const std::string& line) {
        if (line.starts_with("with        m = ")) m_ = std::stod(line.substr(16));
        if (line.starts_with("where       0 times infinity is 0")) zero_wins_ = true;
        if (line.starts_with("given ") || line.starts_with("parameters ")) require_given(line);
        if (!line.starts_with("    ")) return finish_block();
        if (line.starts_with("    for l = ")) {
            finish_block();
            first_ = std::stoll(line.substr(12));
            last_ = std::stoll(line.substr(line.find("..., ") + 5));
            return;
        }
        if (line.starts_with("        ")) return block_.push_back(line.substr(8));
        finish_block();
        evaluate(line.substr(4));
    }

    void finish_block() {
        const std::vector<std::string> block = std::move(block_);
        block_.clear();
        const int step = first_ < last_ ? 1 : -1;
        for (layer_ = first_; !block.empty(); layer_ += step) {
            for (const std::string& line : block) evaluate(line);
            if (layer_ == last_) break;
        }
    }

    void require_given(const std::string& line) {
        std::istringstream words(line.substr(12));
        for (std::string word; words >> word;) {
            const bool is_name = std::isalpha(static_cast<unsigned char>(word[0])) || word[0] == '_';
            if (is_name && !has(word)) throw Unreadable("not given: " + word);
        }
    }

    /// name = expression   (shape)   remark
    void evaluate(const std::string& line) {
        ++lines_;
        text_ = line.substr(0, line.find("   "));
        at_ = 0;
        const std::string name = read_name();
        expect("=");
        Value value = sum();
        if (at_ != text_.size()) fail("is not read to its end");
        Tensor result = tensor(value, xgrad::DType::float64);
        const std::size_t opening = line.find('(', line.find("   ", text_.size()));
        const std::string shape = line.substr(opening, line.find(')', opening) + 1 - opening);
        if (shape.find_first_of("nl.") == std::string::npos && to_string(result.shape()) != shape) {
            result = broadcast_to(result, read_shape(shape));
        }
        values_.insert_or_assign(name, result);
    }

    static Shape read_shape(const std::string& text) {
        Shape shape;
        for (std::size_t i = 1; i < text.size(); ++i) {
            if (!std::isdigit(static_cast<unsigned char>(text[i])) && text[i] != '-') continue;
            shape.push_back(std::stoll(text.substr(i)));
            i = text.find_first_of(",)", i);
        }
        return shape;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw std::runtime_error("'" + text_ + "' " + what + " at '" + text_.substr(std::min(at_, text_.size())) + "'");
    }
    void skip() {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    }
    bool sees(std::string_view token) {
        skip();
        return std::string_view(text_).substr(at_).starts_with(token);
    }
    bool take(std::string_view token) {
        if (!sees(token)) return false;
        at_ += token.size();
        return true;
    }
    void expect(std::string_view token) {
        if (!take(token)) fail("lacks " + std::string(token));
    }

    std::string read_name() {
        skip();
        const std::size_t start = at_;
        const auto belongs = [&](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
        };
        while (at_ < text_.size() && belongs(text_[at_])) ++at_;
        std::string name = text_.substr(start, at_ - start);
        if (name.empty()) fail("lacks a name");
        if (at_ == text_.size() || text_[at_] != '[') return name;
        const std::string index = text_.substr(at_ + 1, text_.find(']', at_) - at_ - 1);
        at_ += index.size() + 2;
        std::int64_t number = 0;
        if (index[0] == 'l') {
            number = layer_ + (index.size() > 1 ? std::stoll(index.substr(1)) : 0);
        } else {
            number = std::stoll(index);
        }
        const std::string bracketed = name + "[" + std::to_string(number) + "]";
        return has(bracketed) || index[0] != 'l' ? bracketed : name + std::to_string(number);
    }

    static Tensor tensor(const Value& value, xgrad::DType dtype) {
        return value.is_number() ? support::tensor_of(dtype, {}, {static_cast<long double>(value.number)})
                                 : value.tensor;
    }
    /// A condition counts as 0 or 1.
    static Tensor quantity(const Value& value) {
        const Tensor t = tensor(value, xgrad::DType::float64);
        return t.dtype() == xgrad::DType::boolean ? astype(t, xgrad::DType::float64) : t;
    }
    template <class F>
    static Value combine(const Value& a, const Value& b, F&& f) {
        if (a.is_number() && b.is_number()) return {{}, f(a.number, b.number)};
        if (a.is_number()) return {f(a.number, quantity(b))};
        if (b.is_number()) return {f(quantity(a), b.number)};
        return {f(quantity(a), quantity(b))};
    }

    Value sum() {
        Value result{{}, 0};
        if (take("-")) {
            result = combine({{}, -1}, product(), [](auto x, auto y) { return x * y; });
        } else {
            result = product();
        }
        for (;;) {
            if (take("+ ")) {
                result = combine(result, product(), [](auto x, auto y) { return x + y; });
            } else if (take("- ")) {
                result = combine(result, product(), [](auto x, auto y) { return x - y; });
            } else {
                return result;
            }
        }
    }

    Value product() {
        Value result = juxtaposed();
        for (;;) {
            const bool is_quotient = take("/ ");
            if (!is_quotient && !take("* ")) return result;
            const Value right = juxtaposed();
            Value next = is_quotient ? combine(result, right, [](auto x, auto y) { return x / y; })
                                     : combine(result, right, [](auto x, auto y) { return x * y; });
            if (zero_wins_ && !next.is_number()) {
                next.tensor = without(next.tensor, result);
                if (!is_quotient) next.tensor = without(next.tensor, right);
            }
            result = next;
        }
    }
    /// 0 where the factor is.
    static Tensor without(const Tensor& product, const Value& factor) {
        if (factor.is_number()) return product;
        const Tensor x = quantity(factor);
        return where(broadcast_to(x, product.shape()) == 0, 0, product);
    }

    /// A number scales what follows; otherwise it is a matrix product.
    Value juxtaposed() {
        Value result = power();
        for (skip(); at_ < text_.size() &&
                     (std::isalpha(static_cast<unsigned char>(text_[at_])) || sees("_") || sees("(") || sees("["));
             skip()) {
            if (result.is_number()) {
                result = combine(result, power(), [](auto x, auto y) { return x * y; });
            } else {
                result = {matmul(quantity(result), quantity(power()))};
            }
        }
        return result;
    }

    Value power() {
        Value result = atom();
        while (take("^")) {
            if (take("T")) {
                result = {transpose(quantity(result))};
                continue;
            }
            const Value base = result;
            for (auto exponent = static_cast<int>(read_number()); exponent > 1; --exponent) {
                result = combine(result, base, [](auto x, auto y) { return x * y; });
            }
        }
        return result;
    }

    double read_number() {
        skip();
        std::size_t length = 0;
        const double number = std::stod(text_.substr(at_), &length);
        at_ += length;
        if (text_.compare(at_, 2, "/m") != 0) return number;
        at_ += 2;
        return number / m_;
    }

    bool sees_number() {
        skip();
        if (at_ == text_.size()) return false;
        const bool is_word = text_.compare(at_, 3, "inf") == 0 || text_.compare(at_, 3, "nan") == 0;
        return std::isdigit(static_cast<unsigned char>(text_[at_])) || is_word;
    }

    Value atom() {
        if (sees_number()) return {{}, read_number()};
        if (take("-")) return combine({{}, -1}, atom(), [](auto x, auto y) { return x * y; });
        if (take("(")) {
            Value inside = sum();
            expect(")");
            return inside;
        }
        if (take("[")) return comparison();
        const std::string name = read_name();
        if (name == "true" || name == "false") return {Tensor(name == "true")};
        if (at_ < text_.size() && text_[at_] == '(') return call(name);
        return {(*this)[name]};
    }

    Value comparison() {
        const Value left = sum();
        static const std::pair<std::string_view, const char*> signs[] = {
            {"<= ", "less_equal"}, {">= ", "greater_equal"}, {"< ", "less"},
            {"> ", "greater"},     {"!= ", "not_equal"},     {"= ", "equal"}};
        for (const auto& [sign, op] : signs) {
            if (!take(sign)) continue;
            const Value right = sum();
            expect("]");
            return applied(op, {left, right}, {});
        }
        fail("lacks a comparison");
    }

    Value call(const std::string& name) {
        expect("(");
        std::vector<Value> arguments;
        xgrad::Attributes attributes;
        while (!sees(";") && !sees(")")) {
            arguments.push_back(sum());
            if (!take(",")) break;
        }
        if (take(";")) attributes = read_attributes();
        expect(")");
        if (attributes.empty() && arguments.size() == 1) {
            const Tensor x = tensor(arguments[0], xgrad::DType::float64);
            if (name == "sum") return {xgrad::sum(x)};
            if (name == "sum_columns") return {xgrad::sum(x, 1, xgrad::keepdims)};
            if (name == "sum_rows") return {xgrad::sum(x, 0, xgrad::keepdims)};
        }
        return applied(name, arguments, attributes);
    }

    Value applied(const std::string& name, const std::vector<Value>& arguments, const xgrad::Attributes& attributes) {
        const xgrad::Op* op = xgrad::find_op(name);
        if (!op) fail("calls " + name + ", which is not in the catalogue");
        xgrad::DType dtype = xgrad::DType::float64;
        for (auto value = arguments.rbegin(); value != arguments.rend(); ++value) {
            if (!value->is_number() && value->tensor.dtype() != xgrad::DType::boolean) dtype = value->tensor.dtype();
        }
        std::vector<Tensor> inputs;
        for (const Value& value : arguments) inputs.push_back(tensor(value, dtype));
        return {apply(*op, inputs, attributes)};
    }

    xgrad::Attributes read_attributes() {
        static std::deque<std::string> names;  // attributes keep pointers to literals
        std::vector<xgrad::Attributes::Entry> entries;
        do {
            names.push_back(read_name());
            expect("=");
            entries.push_back({names.back().c_str(), read_attribute()});
        } while (take(","));
        return xgrad::Attributes(entries);
    }

    xgrad::Attributes::Value read_attribute() {
        if (sees("...")) throw Unreadable("an attribute that is no text");
        if (sees("(")) {
            const std::size_t end = text_.find(')', at_) + 1;
            const Shape shape = read_shape(text_.substr(at_, end - at_));
            at_ = end;
            return shape;
        }
        if (take("true")) return true;
        if (take("false")) return false;
        for (const xgrad::DType dtype : {xgrad::DType::boolean, xgrad::DType::int32, xgrad::DType::int64,
                                         xgrad::DType::float32, xgrad::DType::float64, xgrad::DType::longdouble}) {
            if (take(name(dtype))) return dtype;
        }
        const std::size_t end = text_.find_first_of(",)", at_);
        const std::string number = text_.substr(at_, end - at_);
        at_ = end;
        if (number.find_first_of(".en") == std::string::npos) return static_cast<std::int64_t>(std::stoll(number));
        return std::stod(number);
    }

    std::map<std::string, Tensor> values_;
    double m_ = 0;
    bool zero_wins_ = false;
    std::vector<std::string> block_;  // the lines of layers from first_ to last_
    std::int64_t first_ = 0, last_ = 0, layer_ = 0;
    std::string text_;
    std::size_t at_ = 0;
    std::size_t lines_ = 0;
};

/// Lists every array that y is computed from; one without a name is given one.
inline void name_leaves(const Tensor& y, std::map<std::string, Tensor>& given) {
    std::vector<xgrad::Node*> path{y.node().get()};
    std::unordered_set<xgrad::Node*> seen(path.begin(), path.end());
    while (!path.empty()) {
        xgrad::Node* node = path.back();
        path.pop_back();
        const Tensor value = xgrad::Record(*node).output();
        if (node->inputs().empty() && value.rank() > 0 && !value.needs_gradient()) {
            static std::atomic<int> count = 0;
            if (value.name().empty()) xgrad::name(value, "c" + std::to_string(++count));
            given.emplace(value.name(), value);
        }
        for (const xgrad::NodeRef& input : node->inputs()) {
            if (seen.insert(input.get()).second) path.push_back(input.get());
        }
    }
}

/// The parameters that y depends on.
inline std::vector<Tensor> connected(const Tensor& y, const std::vector<Tensor>& xs) {
    std::vector<Tensor> result;
    for (const Tensor& x : xs) {
        try {
            grad(y, x);
            result.push_back(x);
        } catch (const xgrad::GradientError&) {
        }
    }
    return result;
}

/// Whether two arrays agree up to rounding: to 1e-10 of their largest number, or of `least` where they are smaller.
inline boost::test_tools::predicate_result same(const Tensor& x, const Tensor& y, long double least = 1e-290L) {
    long double largest = least;
    for (const long double number : support::numbers_of(y)) largest = std::max(largest, std::abs(number));
    return support::close(x, y, 1e-10, static_cast<double>(1e-10L * largest));
}

}  // namespace equations
