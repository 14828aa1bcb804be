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

/// Numbers below this are compared as if they were of this size; those of a higher order come from larger terms.
long double smallest_scale(int order) {
    return std::ldexp(1.0L, 3 * order - 8);
}

std::string input_name(const std::string& name, std::size_t index) {
    return name.empty() ? fmt::format("input {}", index) : name;
}

/// An infinite entry does not excuse the others.
long double largest_of(const std::vector<long double>& numbers) {
    long double largest = 0;
    for (long double number : numbers) {
        if (std::isfinite(number)) largest = std::max(largest, std::abs(number));
    }
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
        if (options_.forward && phi_.is_differentiable()) forward();
        for (std::size_t input = 0; input < derived_.size(); ++input) {
            if (is_quick()) {
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
        // Once for the branches alone: reading the terms lets go of what no gradient needs.
        own_branches_ = switches::branches_of(scalar_.record(point(), own()).result);
        phi_ = scalar_.record(point(), own());
        size_ = phi_.size();
        for (const Tensor& gradient : phi_.gradients()) derived_.push_back(numbers(gradient));
    }

    bool can_be_recorded_in(DType precision) {
        if (precision == own() || !subject_.can_widen()) return precision == own();
        try {
            return scalar_.record(point(), precision).result.dtype() == precision;
        } catch (const DTypeError&) {
            return false;  // it holds constants that do not meet the wider dtype without loss
        }
    }

    /// The next higher precision if f carries it through to its result; along directions float64 will do.
    DType numeric_precision() {
        if (is_quick() && own() == DType::float64) return own();
        return can_be_recorded_in(wider(own())) ? wider(own()) : own();
    }
    bool is_quick() const { return options_.directions > 0; }

    /// What the comparison needs to know once: φ and its branches at the point, its noise, and the digits that the
    /// derived numbers have lost.
    void measure() {
        if (!own_branches_.empty()) branches_ = branches_at(point());
        here_ = scalar_.at(point(), precision_);
        noise_ = std::max(noise(), epsilon(precision_) * size_);
        for (const std::vector<long double>& derived : derived_) lost_.emplace_back(derived.size());
        exact_ = derived_;
        is_exact_ = precision_ != own() && phi_.is_differentiable();
        if (is_exact_) derive_exactly();
    }

    switches::Branches branches_at(const Point& point) {
        return switches::branches_of(scalar_.record(point, precision_).result);
    }

    /// φ's rounding errors near the point. Within the reach of the first step, if nothing but rounding shows there; a
    /// saturated tanh hardly moves nearer by, and neither do its errors. Else, with a kink in reach, so near that it is
    /// out of it.
    long double noise() {
        const long double size = std::max({1.0L, size_, std::abs(here_)});
        const long double wide = noise(1, [&](long double x) { return difference::first_step(x, precision_) / 4; });
        if (wide <= 256 * epsilon(precision_) * size) return wide;
        const auto near = [&](long double x) {
            return 4 * std::max(std::sqrt(epsilon(precision_)) * std::abs(x), difference::last_step(0, precision_));
        };
        return is_quick() ? noise(1, near) : std::min(noise(1, near), noise(2, near));
    }

    /// The same from samples on one side of the point.
    long double noise(std::uint64_t seed, const std::function<long double(long double)>& spacing_at) {
        Directions directions(options_.seed + seed);
        Point pushes;
        for (const std::vector<long double>& numbers : point()) {
            pushes.push_back(directions.numbers(static_cast<std::int64_t>(numbers.size())));
            for (std::size_t entry = 0; entry < numbers.size(); ++entry) {
                pushes.back()[entry] *= spacing_at(numbers[entry]);
            }
        }
        Point moved = point();
        return difference::noise_of([&](int sample) {
            for (std::size_t input = 0; input < moved.size(); ++input) {
                for (std::size_t entry = 0; entry < moved[input].size(); ++entry) {
                    moved[input][entry] =
                        point()[input][entry] + static_cast<long double>(sample) * pushes[input][entry];
                }
            }
            return scalar_.at(moved, precision_);
        });
    }

    /// The same derivation in the higher precision: it is what differences are compared with, so that 1 − y² of a
    /// saturated tanh, which keeps few digits, is no wrong derivative. What was derived in the function's own precision
    /// must be near: as near as the roundings of the function's terms explain, or within a hundredth.
    void derive_exactly() {
        constexpr long double most = 1e-2L;
        const std::vector<Tensor> gradients = scalar_.record(point(), wider(own())).gradients();
        const long double least = analytic_roundings * epsilon(own()) * size_;
        for (std::size_t input = 0; input < gradients.size(); ++input) {
            exact_[input] = numbers(gradients[input]);
            const long double rounding = std::max(least, rounding_of(input));
            for (std::size_t entry = 0; entry < exact_[input].size(); ++entry) {
                const long double wide = exact_[input][entry], own = derived_[input][entry];
                const bool is_near = std::abs(own - wide) <= std::max(rounding, most * std::abs(wide));
                const bool is_same = own == wide || (std::isnan(own) && std::isnan(wide));
                lost_[input][entry] = is_same ? 0 : is_near ? std::abs(own - wide) : std::nanl("");
            }
        }
    }

    long double scale_of(std::size_t input) const {
        return std::max(largest_of(derived_[input]), smallest_scale(order_));
    }
    /// What an entry of a gradient may be off by because it was rounded.
    long double rounding_of(std::size_t input) const { return analytic_roundings * epsilon(own()) * scale_of(input); }
    /// The same in the precision in which it is compared with differences.
    long double claim_rounding_of(std::size_t input) const {
        return analytic_roundings * epsilon(is_exact_ ? wider(own()) : own()) * scale_of(input);
    }
    /// The same for Σ u g: most roundings are independent, some common to all.
    long double rounding_along(const std::vector<long double>& u, std::size_t input, DType precision) const {
        long double squares = 0;
        for (long double number : u) squares += number * number;
        return epsilon(precision) * (analytic_roundings * scale_of(input) * std::sqrt(squares) +
                                     16 * std::max(sum_of_sizes(u, derived_[input]), smallest_scale(order_)));
    }

    verdict::Judgement judge(long double x, const difference::Function& phi,
                             const std::function<switches::Branches(long double)>& branches,
                             const verdict::Claim& claim) {
        const bool has_switches = !own_branches_.empty();
        return verdict::judge(
            {phi, has_switches ? branches : nullptr, &branches_, x, here_, noise_, precision_, is_quick()}, claim);
    }

    void entry_by_entry(std::size_t input) {
        Point moved = point();
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
                {exact_[input][entry], claim_rounding_of(input), scale_of(input)});
            add(input, static_cast<std::int64_t>(entry), "reverse", derived_[input][entry], judgement);
        }
    }

    void along_directions(std::size_t input) {
        if (derived_[input].empty()) return;
        Directions directions(options_.seed + 2 + input);
        long double missing = 1;
        Point moved = point();
        for (int i = 0; i < options_.directions; ++i) {
            const auto u = directions.numbers(static_cast<std::int64_t>(derived_[input].size()));
            const auto at = [&](long double t) -> const Point& {
                for (std::size_t entry = 0; entry < u.size(); ++entry) {
                    moved[input][entry] = point()[input][entry] + t * u[entry];
                }
                return moved;
            };
            long double derived = 0, exact = 0;
            for (std::size_t entry = 0; entry < u.size(); ++entry) {
                derived += u[entry] * derived_[input][entry];
                exact += u[entry] * exact_[input][entry];
            }
            verdict::Judgement judgement = judge(
                0, [&](long double t) { return scalar_.at(at(t), precision_); },
                [&](long double t) { return branches_at(at(t)); },
                {exact, rounding_along(u, input, is_exact_ ? wider(own()) : own()),
                 std::max(sum_of_sizes(u, derived_[input]), smallest_scale(order_))});
            // An error e of one entry is missed if u e falls into an interval of the bound's length about what the
            // other entries add. u has the density 1/2, and steps of 2^-20.
            const long double interval = judgement.bound / (0.01L * scale_of(input));
            const long double hit = judgement.verdict == Verdict::right ? interval + 0x1p-21L : 1;
            missing *= std::min(1.0L, hit);
            judgement.bound += std::abs(derived - exact);
            add(input, -1, "reverse", derived, std::move(judgement));
        }
        findings_.missing = std::max(findings_.missing, static_cast<double>(missing));
    }

    /// Along one random direction: forward mode must agree with what reverse mode gives for it.
    void forward() {
        Directions directions(options_.seed + 1);
        for (std::size_t input = 0; input < phi_.parameters.size(); ++input) {
            const Tensor u = directions.like(phi_.parameters[input].shape(), phi_.parameters[input].dtype());
            Tensor tangent;
            try {
                tangent = jvp(phi_.result, {&phi_.parameters[input], 1}, {&u, 1});
            } catch (const GradientError&) {
                continue;  // not connected: reverse mode says zero, and differences check it
            }
            const std::vector<long double> direction = numbers(u);
            long double product = 0;
            for (std::size_t i = 0; i < direction.size(); ++i) product += derived_[input][i] * direction[i];
            long double bound = rounding_along(direction, input, own());
            for (std::size_t i = 0; i < direction.size(); ++i) {
                if (!std::isnan(lost_[input][i])) bound += std::abs(direction[i]) * lost_[input][i];
            }
            const long double moved = Contracted{tangent, phi_.cotangent, {}}.value();
            verdict::Judgement judgement{Verdict::right, product, bound, "forward mode against reverse mode"};
            if (!(std::abs(moved - product) <= bound)) judgement.verdict = Verdict::wrong;
            if (!std::isfinite(product)) {  // whether it should be, differences say of each entry
                judgement.verdict = Verdict::undecidable;
                judgement.evidence = std::isfinite(moved) ? "not finite in reverse mode" : "not finite in both modes";
            }
            add(input, -1, "forward", moved, judgement);
        }
    }

    void add(std::size_t input, std::int64_t entry, const char* mode, long double derived,
             verdict::Judgement judgement) {
        judge_digits(input, entry, judgement);
        const auto shown = [](long double number) {
            return std::isnan(number) ? std::nan("") : static_cast<double>(number);  // never "-nan"
        };
        findings_.rows.push_back({input_name(subject_.name(input), input), subject_.original(input).shape(), entry,
                                  order_, mode, shown(derived), shown(judgement.checked), shown(judgement.bound),
                                  judgement.verdict, std::move(judgement.evidence)});
        findings_.is_suspect.push_back(judgement.is_suspect);
        findings_.input_of.push_back(input);
    }

    /// What is right in the higher precision may still have come out wrong in the function's own.
    void judge_digits(std::size_t input, std::int64_t entry, verdict::Judgement& judgement) const {
        const std::vector<long double>& lost = lost_[input];
        long double most = 0;
        for (std::size_t i = 0; i < lost.size(); ++i) {
            if (entry >= 0 && static_cast<std::size_t>(entry) != i) continue;
            most = std::isnan(lost[i]) || std::isnan(most) ? std::nanl("") : std::max(most, lost[i]);
        }
        if (entry >= 0 && !std::isnan(most)) judgement.bound += most;
        if (!std::isnan(most) || judgement.verdict != Verdict::right) return;
        if (switches::are_same(own_branches_, branches_)) {
            judgement.verdict = Verdict::wrong;
            judgement.evidence = fmt::format("{} keeps too few digits of it", name(own()));
        } else {
            if (entry >= 0) judgement.verdict = Verdict::undecidable;
            judgement.evidence = "rounding puts it on the other side of a switch";
        }
    }

    Checker& checker_;
    Subject& subject_;
    const CheckOptions& options_;
    int order_;
    Scalar scalar_;
    Contracted phi_;
    long double size_ = 0;  // of the terms that φ is contracted from
    bool is_exact_ = false;
    Point derived_;  // in the function's own precision
    Point exact_;    // in the higher one, if there is one
    Point lost_;     // what lies between the two; NaN where it is too much
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
