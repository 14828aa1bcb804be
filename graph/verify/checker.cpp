#include <xgrad/graph/verify/checker.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <xgrad/graph/recording.hpp>

namespace xgrad::verify {

using namespace subject;

namespace {

/// How many roundings of the function's own precision the derived gradient may be off by, relative to the largest
/// entry.
constexpr long double analytic_roundings = 256;

/// Numbers below this are compared as if they were of this size.
constexpr long double smallest_scale = 1e-3L;

std::string input_name(const std::string& name, std::size_t index) {
    return name.empty() ? fmt::format("input {}", index) : name;
}

long double largest_of(const std::vector<long double>& numbers) {
    long double largest = 0;
    for (long double number : numbers) largest = std::max(largest, std::abs(number));
    return largest;
}

}  // namespace

/// One order of one function: its scalar, what was derived, and the means to check it.
class Checker::Order {
  public:
    Order(Checker& checker, int order)
        : checker_(checker),
          subject_(checker.subject_),
          options_(checker.options_),
          order_(order),
          scalar_(subject_, order, options_.seed, checker.at_) {
        derive();
        precision_ = numeric_precision();
        measure();
    }

    Findings run() {
        if (options_.forward && is_differentiable_) forward();
        for (std::size_t input = 0; input < derived_.size(); ++input) {
            if (options_.directions > 0) {
                along_directions(input);
            } else {
                entry_by_entry(input);
            }
        }
        return std::move(findings_);
    }

  private:
    DType own() const { return checker_.own_; }
    const Point& point() const { return checker_.point_; }

    void derive() {
        // Once for the branches alone: the terms' size is read on the way, which lets go of what no gradient needs.
        own_branches_ = switches::branches_of(scalar_.record(point(), own(), parameters_));
        phi_ = scalar_.record(point(), own(), parameters_, &size_);
        is_differentiable_ = phi_.needs_gradient();
        for (const Tensor& gradient : gradients_of(phi_, parameters_)) derived_.push_back(numbers(gradient));
    }

    static std::vector<Tensor> gradients_of(const Tensor& phi, const std::vector<Tensor>& parameters) {
        if (phi.needs_gradient()) return grad(phi, parameters, Unconnected::gives_zeros);
        std::vector<Tensor> zeros;
        for (const Tensor& p : parameters) zeros.push_back(algebra::filled(0, p.dtype(), p.shape()));
        return zeros;
    }

    bool can_be_recorded_in(DType precision) {
        if (precision == own() || !subject_.can_widen()) return precision == own();
        try {
            std::vector<Tensor> parameters;
            return scalar_.record(point(), precision, parameters).dtype() == precision;
        } catch (const DTypeError&) {
            return false;  // it holds constants that do not meet the wider dtype without loss
        }
    }

    /// The next higher precision if f carries it through to its result; along directions float64 will do.
    DType numeric_precision() {
        is_widened_ = can_be_recorded_in(wider(own()));
        const bool is_quick = options_.directions > 0 && own() == DType::float64;
        return is_widened_ && !is_quick ? wider(own()) : own();
    }

    /// What the comparison needs to know once: φ and its branches at the point, its noise, and the digits that the
    /// derived numbers have lost.
    void measure() {
        if (!own_branches_.empty()) branches_ = branches_at(point());
        here_ = scalar_.at(point(), precision_);
        noise_ = std::max(std::min(noise(1), noise(2)), epsilon(precision_) * size_);
        for (std::size_t input = 0; input < derived_.size(); ++input) lost_.emplace_back(derived_[input].size());
        if (is_widened_ && is_differentiable_) lose_digits();
    }

    switches::Branches branches_at(const Point& point) {
        std::vector<Tensor> parameters;
        return switches::branches_of(scalar_.record(point, precision_, parameters));
    }

    /// φ's rounding errors near the point, on one side of it, so near that nothing but rounding shows.
    long double noise(std::uint64_t seed) {
        Point moved = point();
        return difference::noise_of([&](int sample) {
            Directions directions(options_.seed + seed);
            for (std::size_t input = 0; input < moved.size(); ++input) {
                const auto u = directions.numbers(static_cast<std::int64_t>(moved[input].size()));
                for (std::size_t entry = 0; entry < u.size(); ++entry) {
                    const long double x = point()[input][entry];
                    const long double spacing = 4 * std::sqrt(epsilon(precision_)) * std::max(1.0L, std::abs(x));
                    moved[input][entry] = x + static_cast<long double>(sample) * spacing * u[entry];
                }
            }
            return scalar_.at(moved, precision_);
        });
    }

    /// How far rounding has moved each entry of the derived gradients: what they differ by from the same derivation in
    /// the higher precision. 1 − y² of a saturated tanh keeps few digits, and that is no wrong derivative; but no entry
    /// may be off by more than the roundings of the function's terms explain, or by more than a hundredth.
    void lose_digits() {
        constexpr long double most = 1e-2L;
        std::vector<Tensor> parameters;
        const Tensor phi = scalar_.record(point(), wider(own()), parameters);
        if (!phi.needs_gradient()) return;
        const std::vector<Tensor> exact = gradients_of(phi, parameters);
        for (std::size_t input = 0; input < exact.size(); ++input) {
            const std::vector<long double> wide = numbers(exact[input]);
            for (std::size_t entry = 0; entry < wide.size(); ++entry) {
                const long double moved = std::abs(derived_[input][entry] - wide[entry]);
                const long double least = analytic_roundings * epsilon(own()) * size_;
                lost_[input][entry] = std::min(moved, std::max(least, most * std::abs(wide[entry])));
                if (std::isnan(lost_[input][entry])) lost_[input][entry] = 0;
            }
        }
    }

    verdict::Judgement judge(long double x, const difference::Function& phi,
                             const std::function<switches::Branches(long double)>& branches,
                             const verdict::Claim& claim) {
        return verdict::judge(
            {phi, own_branches_.empty() ? nullptr : branches, &own_branches_, &branches_, x, here_, noise_, precision_},
            claim);
    }

    void entry_by_entry(std::size_t input) {
        Point moved = point();
        const long double scale = std::max(largest_of(derived_[input]), smallest_scale);
        for (std::size_t entry = 0; entry < derived_[input].size(); ++entry) {
            const long double x = point()[input][entry];
            const auto at = [&](long double value, auto&& evaluate) {
                moved[input][entry] = value;
                auto result = evaluate(moved);
                moved[input][entry] = x;
                return result;
            };
            const verdict::Judgement judgement = judge(
                x,
                [&](long double value) { return at(value, [&](const Point& p) { return scalar_.at(p, precision_); }); },
                [&](long double value) { return at(value, [&](const Point& p) { return branches_at(p); }); },
                {derived_[input][entry], analytic_roundings * epsilon(own()) * scale + lost_[input][entry], scale});
            add(input, static_cast<std::int64_t>(entry), "reverse", derived_[input][entry], judgement);
        }
    }

    void along_directions(std::size_t input) {
        if (derived_[input].empty()) return;
        Directions directions(options_.seed + 2 + input);
        const long double size = std::max(largest_of(derived_[input]), smallest_scale);
        long double missing = 1;
        for (int i = 0; i < options_.directions; ++i) {
            const auto u = directions.numbers(static_cast<std::int64_t>(derived_[input].size()));
            const auto at = [&](long double t) {
                Point moved = point();
                for (std::size_t entry = 0; entry < u.size(); ++entry) moved[input][entry] += t * u[entry];
                return moved;
            };
            long double derived = 0, lost = 0;
            for (std::size_t entry = 0; entry < u.size(); ++entry) {
                derived += u[entry] * derived_[input][entry];
                lost += std::abs(u[entry]) * lost_[input][entry];
            }
            const long double scale = std::max(sum_of_sizes(u, derived_[input]), smallest_scale);
            // Roundings of many terms are independent: their sum grows like the root of their number.
            const long double roundings = analytic_roundings * epsilon(own()) * scale;
            const verdict::Judgement judgement = judge(
                0, [&](long double t) { return scalar_.at(at(t), precision_); },
                [&](long double t) { return branches_at(at(t)); }, {derived, roundings + lost, scale});
            add(input, -1, "reverse", derived, judgement);
            // An error e of one entry is missed if u e falls into an interval of the bound's length about what the
            // other entries add. u has the density 1/2, and steps of 2^-20.
            const long double hit =
                judgement.verdict == Verdict::right ? judgement.bound / (0.01L * size) + 0x1p-21L : 1;
            missing *= std::min(1.0L, hit);
        }
        findings_.missing = std::max(findings_.missing, static_cast<double>(missing));
    }

    /// Along one random direction: forward mode must agree with what reverse mode gives for it.
    void forward() {
        Directions directions(options_.seed + 1);
        for (std::size_t input = 0; input < parameters_.size(); ++input) {
            const Tensor u = directions.like(parameters_[input].shape(), parameters_[input].dtype());
            Tensor tangent;
            try {
                tangent = jvp(phi_, {&parameters_[input], 1}, {&u, 1});
            } catch (const GradientError&) {
                continue;  // not connected: reverse mode says zero, and differences check it
            }
            const std::vector<long double> direction = numbers(u);
            long double product = 0;
            for (std::size_t i = 0; i < direction.size(); ++i) product += derived_[input][i] * direction[i];
            const long double size = std::max(sum_of_sizes(derived_[input], direction), smallest_scale);
            const long double bound =
                analytic_roundings * epsilon(own()) * size + sum_of_sizes(lost_[input], direction);
            const long double moved = detail::only_element(tangent, {});
            verdict::Judgement judgement{Verdict::right, product, bound, "forward mode against reverse mode"};
            if (!(std::abs(moved - product) <= bound)) judgement.verdict = Verdict::wrong;
            if (!std::isfinite(moved) && !std::isfinite(product)) {
                judgement.verdict = Verdict::undecidable;
                judgement.evidence = "not finite in both modes";
            }
            add(input, -1, "forward", moved, judgement);
        }
    }

    void add(std::size_t input, std::int64_t entry, const char* mode, long double derived,
             const verdict::Judgement& judgement) {
        findings_.rows.push_back({input_name(subject_.name(input), input), subject_.original(input).shape(), entry,
                                  order_, mode, static_cast<double>(derived), static_cast<double>(judgement.checked),
                                  static_cast<double>(judgement.bound), judgement.verdict, judgement.evidence});
        findings_.is_suspect.push_back(judgement.is_suspect);
        findings_.input_of.push_back(input);
    }

    Checker& checker_;
    Subject& subject_;
    const CheckOptions& options_;
    int order_;
    Scalar scalar_;
    std::vector<Tensor> parameters_;
    Tensor phi_;
    bool is_differentiable_ = false;
    bool is_widened_ = false;
    long double size_ = 0;  // of the terms that φ is contracted from
    std::vector<std::vector<long double>> derived_;
    std::vector<std::vector<long double>> lost_;
    switches::Branches own_branches_, branches_;
    DType precision_ = DType::float64;
    long double here_ = 0;
    long double noise_ = 0;
    Findings findings_;
};

Checker::Checker(Subject& subject, const CheckOptions& options, Location at)
    : subject_(subject), options_(options), at_(at) {
    for (std::size_t input = 0; input < subject.inputs(); ++input) {
        point_.push_back(numbers(subject.original(input)));
        if (input == 0 || subject.original(input).dtype() < own_) own_ = subject.original(input).dtype();
    }
}

Findings Checker::check(int order) {
    if (subject_.inputs() == 0) return {};
    return Order(*this, order).run();
}

}  // namespace xgrad::verify
