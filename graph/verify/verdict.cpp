#include <xgrad/graph/verify/verdict.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <xgrad/graph/verify/subject.hpp>

namespace xgrad::verdict {

namespace {

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
          settled_(std::max(claim.error, std::pow(subject::epsilon(line.precision), 0.4L) *
                                             std::max(claim.scale, std::abs(line.here)))) {}

    Judgement judge() {
        if (!std::isfinite(line_.here)) return undecidable("the function is not finite here");
        const long double last = difference::last_step(line_.x, line_.precision);
        for (long double step = difference::first_step(line_.x, line_.precision); step >= last; step /= 16) {
            const Slopes slopes =
                difference::slopes(line_.phi, line_.x, line_.here, step, line_.precision, line_.noise);
            if (!slopes.is_finite) continue;
            if (agrees(slopes)) return right(slopes);
            if (!best_ || slopes.slope_error + slopes.jump_error < best_->slope_error + best_->jump_error) {
                best_ = slopes;
            }
            if (const std::optional<Crossing> crossing = crossing_within(step)) {
                crossing_ = crossing;
                if (crossing->is_on_it && has_settled(slopes)) break;
            } else if (has_settled(slopes) && !explained_by_kink(slopes)) {
                if (is_confirmed(slopes)) return wrong(slopes, false);
            } else if (has_settled(slopes) && slopes.has_kink() && line_.branches == nullptr) {
                break;  // nothing that was recorded is known to have a switch: smaller steps tell no more
            }
        }
        return without_a_step();
    }

  private:
    long double bound(const Slopes& slopes) const { return slopes.slope_error + claim_.error; }
    long double distance(const Slopes& slopes) const { return std::abs(claim_.derived - slopes.slope); }
    bool has_settled(const Slopes& slopes) const {
        return slopes.slope_error <= settled_ && slopes.jump_error <= 256 * settled_;
    }
    bool agrees(const Slopes& slopes) const {
        return has_settled(slopes) && distance(slopes) <= bound(slopes) &&
               (!slopes.has_kink() || std::abs(slopes.jump) <= bound(slopes));
    }
    /// Between the slopes from the left and from the right.
    bool explained_by_kink(const Slopes& slopes) const {
        return distance(slopes) <= std::abs(slopes.jump) / 2 + slopes.jump_error + bound(slopes);
    }

    /// Whether a finer step says the same, or else by how much the first one was off.
    bool is_confirmed(const Slopes& slopes) const {
        const Slopes finer =
            difference::slopes(line_.phi, line_.x, line_.here, slopes.step / 4, line_.precision, line_.noise);
        const long double moved = std::abs(finer.slope - slopes.slope) - finer.slope_error;
        return !(distance(slopes) <= bound(slopes) + std::max(0.0L, moved));
    }

    std::optional<Crossing> crossing_within(long double step) const {
        if (!line_.branches) return std::nullopt;
        return switches::crossing(*line_.middle, line_.branches(line_.x - step), line_.branches(line_.x + step));
    }

    Judgement right(const Slopes& slopes) const {
        return {Verdict::right, slopes.slope, bound(slopes),
                fmt::format("differences settle at h = {:.0e}", shown(slopes.step))};
    }

    Judgement wrong(const Slopes& slopes, bool is_suspect) const {
        std::string evidence;
        if (!std::isfinite(claim_.derived)) {
            evidence = fmt::format("not a number where the slope is {:.6g}", shown(slopes.slope));
        } else {
            evidence = fmt::format("f(x + h) - f(x) - h g shrinks like h^{:.1f}, not h^2, at h = {:.0e}",
                                   shown(slopes.order_of_remainder(claim_.derived)), shown(slopes.step));
        }
        if (is_suspect) evidence += "; " + crossing_->text;
        return {Verdict::wrong, slopes.slope, bound(slopes), std::move(evidence), is_suspect};
    }

    Judgement undecidable(std::string evidence) const {
        Judgement result{Verdict::undecidable, best_ ? best_->slope : std::nanl(""), 0, std::move(evidence)};
        if (best_) result.bound = bound(*best_) + std::abs(best_->jump) / 2;
        if (best_ && !has_settled(*best_)) result.checked = std::nanl("");
        if (crossing_) result.evidence += "; " + crossing_->text;
        return result;
    }

    /// Every step crosses a switch, or the differences never settle.
    Judgement without_a_step() const {
        if (!best_) return undecidable("the function is not finite nearby");
        const Slopes& slopes = *best_;
        if (!has_settled(slopes)) {
            return undecidable(slopes.is_at_a_step() ? "a step: it jumps here"
                                                     : fmt::format("differences do not settle: {:.6g} up to {:.1e}",
                                                                   shown(slopes.slope), shown(slopes.slope_error)));
        }
        if (!slopes.has_kink() && distance(slopes) <= bound(slopes)) return right(slopes);
        if (explained_by_kink(slopes) && slopes.has_kink()) {
            return undecidable(fmt::format("a kink: slope {:.6g} from the left, {:.6g} from the right",
                                           shown(slopes.left()), shown(slopes.right())));
        }
        return wrong(slopes, crossing_.has_value());
    }

    const Line& line_;
    const Claim& claim_;
    long double settled_;  // differences that are off by less tell something
    std::optional<Slopes> best_;
    std::optional<Crossing> crossing_;
};

}  // namespace

Judgement judge(const Line& line, const Claim& claim) {
    return Judge(line, claim).judge();
}

}  // namespace xgrad::verdict
