#include <xgrad/graph/run/plan_cache.hpp>

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace xgrad::run {

namespace {

// Beyond these numbers all plans are forgotten: a program whose structure never repeats gains nothing from them, and
// one that needs as many makes them again in a fraction of the time that it spent between.
constexpr std::size_t most_plans = 512;
constexpr std::size_t most_words = std::size_t{1} << 22;

struct Known {
    std::vector<std::uint64_t> structure;
    std::shared_ptr<const Plan> plan;
};

struct Cache {
    std::unordered_map<std::uint64_t, Known> plans;
    std::size_t words = 0;
};

}  // namespace

std::shared_ptr<const Plan> find_plan(const Schedule& schedule) {
    thread_local Cache cache;
    const std::span<const std::uint64_t> structure = schedule.structure();
    const std::uint64_t hash = schedule.hash();
    const auto found = cache.plans.find(hash);
    if (found != cache.plans.end()) {
        const std::vector<std::uint64_t>& known = found->second.structure;
        if (std::equal(known.begin(), known.end(), structure.begin(), structure.end())) return found->second.plan;
    }
    auto plan = std::make_shared<const Plan>(schedule);
    if (structure.size() > most_words) return plan;
    if (cache.plans.size() >= most_plans || cache.words + structure.size() > most_words) {
        cache.plans.clear();
        cache.words = 0;
    }
    Known& known = cache.plans[hash];
    cache.words += structure.size() - known.structure.size();
    known = {{structure.begin(), structure.end()}, plan};
    return plan;
}

}  // namespace xgrad::run
