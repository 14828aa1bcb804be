#include <xgrad/graph/verify/verdict.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include <xgrad/graph/verify/subject.hpp>

namespace xgrad::verdict {

namespace {

using difference::Estimate;
using difference::Slopes;
using switches::Crossing;

double shown(long double number) {
    return static_cast<double>(number);
}

class Judge {
  public:
    Judge(const Line& line, const Claim& claim)
        : line_(line),
          claim_(claim),
          settled_(std::max(claim.error, share_of_digits() * std::max(claim.scale, std::abs(line.here)))),
          precise_(std::max(claim.error, share_of_digits() * std::max(std::abs(claim.derived), claim.scale / 1024))) {}

    Judgement judge() {
        if (!std::isfinite(line_.here)) return undecidable({std::nanl(""), 0}, "the function is not finite here");
        const long double last = difference::last_step(line_.x, line_.precision);
        for (long double step = difference::first_step(line_.x, line_.precision); step >= last; step /= 16) {
            if (line_.is_through_all && step / 16 >= last && crosses_off_centre(step)) continue;
            const Slopes slopes =
                difference::slopes(line_.phi, line_.x, line_.here, step, line_.precision, line_.noise);
            if (!slopes.is_finite) continue;
            if (agrees(slopes) && slopes.slope.error <= precise_) return right(slopes.slope, slopes.step);
            keep(slopes);
            if (const std::optional<Crossing> crossing = crossing_within(step)) {
                crossing_ = crossing;
                if (crossing->is_on_it && have_sides_settled(slopes)) break;
            } else if (has_settled(slopes) && !is_between_sides(slopes) && !is_nan_on_kink(slopes)) {
                if (is_confirmed(slopes)) return wrong(slopes.slope, slopes, false);
            }
        }
        return without_a_step();
    }

  private:
    long double share_of_digits() const { return std::pow(subject::epsilon(line_.precision), 0.4L); }
    bool is_small(long double error) const { return error <= 256 * settled_; }
    bool has_settled(const Slopes& slopes) const {
        return slopes.slope.error <= settled_ && is_small(slopes.jump.error);
    }
    bool have_sides_settled(const Slopes& slopes) const {
        return is_small(slopes.left.error) && is_small(slopes.right.error);
    }
    long double bound(const Estimate& estimate) const { return estimate.error + claim_.error; }
    long double distance(const Estimate& estimate) const { return std::abs(claim_.derived - estimate.value); }

    bool agrees(const Slopes& slopes) const {
        return has_settled(slopes) && distance(slopes.slope) <= bound(slopes.slope) &&
               (!slopes.has_kink() || std::abs(slopes.jump.value) <= bound(slopes.slope));
    }

    /// Where there is no derivative none is missing: √(x²) at 0, of which the graph knows no switch.
    bool is_nan_on_kink(const Slopes& slopes) const {
        return !std::isfinite(claim_.derived) && have_sides_settled(slopes) && has_two_slopes(slopes);
    }

    bool has_two_slopes(const Slopes& slopes) const {
        return std::abs(slopes.left.value - slopes.right.value) >
               4 * (slopes.left.error + slopes.right.error) + claim_.error;
    }

    bool is_between_sides(const Slopes& slopes) const {
        const auto [left, right] = std::pair(slopes.left, slopes.right);
        return claim_.derived >= std::min(left.value - bound(left), right.value - bound(right)) &&
               claim_.derived <= std::max(left.value + bound(left), right.value + bound(right));
    }

    /// Whether finer steps say the same. An error that was underestimated moves with the step: that of extrapolation
    /// shrinks, and noise grows; only a wrong derivative stays where it is.
    bool is_confirmed(const Slopes& slopes) const {
        for (const long double part : {4.0L, 16.0L}) {
            const Slopes finer =
                difference::slopes(line_.phi, line_.x, line_.here, slopes.step / part, line_.precision, line_.noise);
            if (!finer.is_finite) return false;
            if (std::abs(finer.slope.value - slopes.slope.value) > distance(slopes.slope) / 4) return false;
        }
        return true;
    }

    void keep(const Slopes& slopes) {
        const auto worse = [](const Slopes& s) { return std::max(s.left.error, s.right.error); };
        if (!best_ || slopes.slope.error < best_->slope.error) best_ = slopes;
        if (!best_sides_ || worse(slopes) < worse(*best_sides_)) best_sides_ = slopes;
    }

    std::optional<Crossing> crossing_within(long double step) const {
        if (!line_.branches) return std::nullopt;
        return switches::crossing(*line_.middle, line_.branches(line_.x - step), line_.branches(line_.x + step));
    }

    /// Whether a smaller step may do better; asked before differences are taken, which cost more.
    bool crosses_off_centre(long double step) {
        const std::optional<Crossing> crossing = crossing_within(step);
        if (!crossing || crossing->is_on_it) return false;
        crossing_ = crossing;
        return true;
    }

    Judgement right(const Estimate& checked, long double step) const {
        return {Verdict::right, checked.value, bound(checked),
                fmt::format("differences settle at h = {:.0e}", shown(step))};
    }

    Judgement wrong(const Estimate& checked, const Slopes& slopes, bool is_suspect) const {
        std::string evidence;
        if (!std::isfinite(claim_.derived)) {
            evidence = fmt::format("not a number where the slope is {:.6g}", shown(checked.value));
        } else {
            evidence = fmt::format("f(x + h) - f(x) - h g shrinks like h^{:.1f}, not h^2, at h = {:.0e}",
                                   shown(slopes.order_of_remainder(claim_.derived)), shown(slopes.step));
        }
        if (is_suspect) evidence += "; " + crossing_->text;
        return {Verdict::wrong, checked.value, bound(checked), std::move(evidence), is_suspect};
    }

    Judgement undecidable(const Estimate& checked, std::string evidence) const {
        if (crossing_) evidence += "; " + crossing_->text;
        return {Verdict::undecidable, checked.value, checked.error, std::move(evidence)};
    }

    /// Every step crosses a switch, or differences from both sides do not settle: each side has to speak for itself.
    Judgement without_a_step() const {
        constexpr Estimate none{std::numeric_limits<long double>::quiet_NaN(), 0};
        if (!best_) return undecidable(none, "the function is not finite nearby");
        if (agrees(*best_)) return right(best_->slope, best_->step);
        const Slopes& slopes = *best_sides_;
        const bool is_outside = !is_between_sides(slopes);
        if (!have_sides_settled(slopes) || (is_outside && !crossing_ && !is_confirmed(slopes))) {
            if (slopes.is_at_a_step()) return undecidable(none, "a step: it jumps here");
            return undecidable(none, fmt::format("differences do not settle: {:.6g} up to {:.1e}",
                                                 shown(best_->slope.value), shown(best_->slope.error)));
        }
        const Estimate middle{
            (slopes.left.value + slopes.right.value) / 2,
            std::abs(slopes.left.value - slopes.right.value) / 2 + std::max(slopes.left.error, slopes.right.error)};
        const bool is_kink = has_two_slopes(slopes);
        if (is_outside && !is_nan_on_kink(slopes)) return wrong(middle, slopes, crossing_.has_value());
        if (is_kink) {
            return undecidable(middle, fmt::format("a kink: slope {:.6g} from the left, {:.6g} from the right",
                                                   shown(slopes.left.value), shown(slopes.right.value)));
        }
        // So near that only both sides together could tell: they do if nothing switches between them.
        const bool tells = !crossing_ && has_settled(*best_) && distance(best_->slope) > bound(best_->slope);
        if (tells && is_confirmed(*best_)) return wrong(best_->slope, *best_, false);
        return right(middle, slopes.step);
    }

    const Line& line_;
    const Claim& claim_;
    long double settled_;               // differences that are off by less tell something, beside the other derivatives
    long double precise_;               // and by less than this, as much as one can wish
    std::optional<Slopes> best_;        // with the smallest error of both sides together
    std::optional<Slopes> best_sides_;  // and of each side
    std::optional<Crossing> crossing_;
};

}  // namespace

Judgement judge(const Line& line, const Claim& claim) {
    return Judge(line, claim).judge();
}

}  // namespace xgrad::verdict
