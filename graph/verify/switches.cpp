#include <xgrad/graph/verify/switches.hpp>

#include <cmath>

#include <fmt/format.h>

#include <xgrad/graph/verify/subject.hpp>

namespace xgrad::switches {

namespace {

/// On which side of a switch: −1, 0, 1, or 2 where there is no number.
int side(long double distance) {
    return std::isnan(distance) ? 2 : (distance > 0) - (distance < 0);
}

bool differ(const Branch& a, const Branch& b, std::size_t element) {
    return a.is_distance ? side(a.values[element]) != side(b.values[element]) : a.values[element] != b.values[element];
}

bool fit(const Branches& a, const Branches& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].values.size() != b[i].values.size() || a[i].op != b[i].op) return false;
    }
    return true;
}

std::string crossing_text(const Branch& branch, std::size_t element) {
    const std::string index = recorded::index_text(branch.shape, static_cast<std::int64_t>(element));
    if (!branch.is_distance) return fmt::format("{} chooses otherwise nearby at {}", branch.op, index);
    const auto distance = static_cast<double>(std::abs(branch.values[element]));
    if (distance == 0) return fmt::format("{} is on its switch at {}", branch.op, index);
    return fmt::format("{} is {:.1e} from its switch at {}", branch.op, distance, index);
}

}  // namespace

Branches branches_of(const Tensor& result) {
    struct Pending {
        std::string op;
        Tensor tensor;
    };
    std::vector<Pending> pending;
    std::vector<Tensor> tensors{result};
    for (const recorded::Step& step : recorded::steps_to(result)) {
        if (!step.depends || !step.node->op()->switches || step.node->inputs().empty()) continue;
        for (const Tensor& tensor : step.node->op()->switches(Record(*step.node))) {
            pending.push_back({recorded::described(*step.node), tensor});
            tensors.push_back(tensor);
        }
    }
    compute(tensors);
    Branches branches;
    for (Pending& each : pending) {
        branches.push_back(
            {std::move(each.op), each.tensor.shape(), is_floating(each.tensor.dtype()), subject::numbers(each.tensor)});
    }
    return branches;
}

std::optional<Crossing> crossing(const Branches& middle, const Branches& left, const Branches& right) {
    if (!fit(middle, left) || !fit(middle, right)) return Crossing{"it records other operations nearby", false};
    std::optional<Crossing> found;
    for (std::size_t i = 0; i < middle.size(); ++i) {
        for (std::size_t element = 0; element < middle[i].values.size(); ++element) {
            const Branch& here = middle[i];
            if (!differ(here, left[i], element) && !differ(here, right[i], element)) continue;
            const bool is_on_it = here.is_distance && here.values[element] == 0;
            if (is_on_it || !found) found = Crossing{crossing_text(here, element), is_on_it};
            if (is_on_it) return found;
        }
    }
    return found;
}

bool are_same(const Branches& a, const Branches& b) {
    if (!fit(a, b)) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t element = 0; element < a[i].values.size(); ++element) {
            if (differ(a[i], b[i], element)) return false;
        }
    }
    return true;
}

}  // namespace xgrad::switches
