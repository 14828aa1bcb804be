#include <xgrad/graph/verify.hpp>

#include <xgrad/graph/algebra.hpp>
#include <xgrad/graph/recording.hpp>
#include <xgrad/graph/verify/blame.hpp>
#include <xgrad/graph/verify/checker.hpp>

namespace xgrad {

namespace {

using verify::Checker;
using verify::Findings;

bool has(const Findings& findings, bool suspect) {
    for (std::size_t i = 0; i < findings.rows.size(); ++i) {
        if (findings.rows[i].verdict == Verdict::wrong && findings.is_suspect[i] == suspect) return true;
    }
    return false;
}

/// A row that is wrong only by what differences across a switch say, while every operation on the way is right.
void acquit(Findings& findings) {
    for (std::size_t i = 0; i < findings.rows.size(); ++i) {
        CheckRow& row = findings.rows[i];
        if (row.verdict != Verdict::wrong || !findings.is_suspect[i]) continue;
        row.verdict = Verdict::undecidable;
        row.evidence += "; every operation alone is right";
    }
}

GradientReport report_on(subject::Subject& subject, const CheckOptions& options, Location at) {
    Checker checker(subject, options, at);
    std::vector<CheckRow> rows;
    std::optional<WrongOp> wrong_op;
    double missing = 0;
    bool is_blamed = false;
    for (int order = 1; order <= options.order; ++order) {
        Findings findings = checker.check(order);
        const bool suspects = has(findings, true);
        if (suspects || (options.blame && !is_blamed && has(findings, false))) {
            subject::Scalar scalar(subject, order, options.seed, at);
            const Tensor result = scalar.record(checker.point(), checker.own_precision()).result;
            const std::optional<WrongOp> found = verify::first_wrong_op(result, options, at);
            if (!found) acquit(findings);
            if (!is_blamed && options.blame) wrong_op = found;
            is_blamed = is_blamed || has(findings, false);
        }
        missing = std::max(missing, findings.missing);
        for (CheckRow& row : findings.rows) rows.push_back(std::move(row));
    }
    return GradientReport(std::move(rows), std::move(wrong_op), missing);
}

}  // namespace

GradientReport detail::check_gradients(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                       const CheckOptions& options, Location at) {
    at = Attribution::resolve(at);
    for (const Tensor& input : inputs) source(input, "check_gradients", at);
    const HistoryScope history;
    subject::FunctionSubject subject(f, inputs);
    return report_on(subject, options, at);
}

Tensor detail::side_by_side(const std::vector<Tensor>& results, Location at) {
    at = Attribution::resolve(at);
    std::vector<Tensor> vectors;
    DType widest = DType::float32;
    for (const Tensor& result : results) {
        const DType dtype = source(result, "check_gradients", at)->dtype;
        if (!is_floating(dtype)) continue;
        promote(widest, dtype, widest);
        vectors.push_back(algebra::reshaped(result, {result.size()}));
    }
    if (vectors.empty()) throw GradientError("check_gradients", "needs a floating-point result", "none", at);
    for (Tensor& vector : vectors) {
        if (vector.dtype() != widest) vector = algebra::cast(vector, widest);
    }
    return algebra::joined(vectors);
}

GradientReport check_gradients(const std::function<Tensor()>& f, const std::vector<Tensor>& parameters,
                               const CheckOptions& options, Location at) {
    at = Attribution::resolve(at);
    const HistoryScope history;
    subject::ModelSubject subject(f, parameters, at);
    return report_on(subject, options, at);
}

}  // namespace xgrad
