#include <xgrad/graph/run/watched.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

#include <xgrad/graph/profile/environment.hpp>
#include <xgrad/graph/run/plan.hpp>

namespace xgrad::run {

namespace detail {

// One too many, so that the first plan of the process comes by here and the environment is asked.
constinit std::atomic<int> watchers{1};

}  // namespace detail

namespace {

struct Watchers {
    std::mutex mutex;
    std::vector<Watcher*> list;
};

/// Never destroyed: threads may still compute when the process ends.
Watchers& all() {
    static auto* watchers = new Watchers;
    return *watchers;
}

template <class Tell>
void tell(Tell&& tell_one) {
    const std::lock_guard lock(all().mutex);
    for (Watcher* watcher : all().list) tell_one(*watcher);
}

void ask_environment() {
    static std::once_flag is_asked;
    std::call_once(is_asked, [] {
        profile::begin_if_environment_says_so();
        --detail::watchers;
    });
}

std::uint32_t this_thread() noexcept {
    static std::atomic<std::uint32_t> threads{0};
    thread_local const std::uint32_t number = threads.fetch_add(1, std::memory_order_relaxed);
    return number;
}

/// What has been measured within the innermost stretch of this thread that is not over.
thread_local Time within = 0;

}  // namespace

Time now() noexcept {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

void add_watcher(Watcher& watcher) {
    const std::lock_guard lock(all().mutex);
    all().list.push_back(&watcher);
    ++detail::watchers;
}

void remove_watcher(Watcher& watcher) noexcept {
    const std::lock_guard lock(all().mutex);
    std::vector<Watcher*>& list = all().list;
    const auto found = std::find(list.begin(), list.end(), &watcher);
    if (found == list.end()) return;
    list.erase(found);
    --detail::watchers;
}

Stopwatch::Stopwatch() noexcept : begin_(now()), before_(within) {
    within = 0;
}

Stretch Stopwatch::stop() noexcept {
    if (!is_running_) return {};
    is_running_ = false;
    const Time end = now();
    const Time own = end - begin_ - within;
    within = before_ + (end - begin_);
    return {begin_, end, own, this_thread()};
}

void PlanningTime::begin() {
    ask_environment();
    if (is_watched()) watch_.emplace();
}

void PlanningTime::end() noexcept {
    const Stretch time = watch_->stop();
    tell([&](Watcher& watcher) { watcher.planning(time); });
}

void Plan::run_watched(std::span<Node* const> order, Addresses addresses) const {
    ask_environment();
    std::size_t step = 0;
    const auto run_until = [&](std::size_t end) {
        for (; step < end; ++step) {
            Stopwatch watch;
            run_step(steps_[step], order, addresses);
            const Stretch time = watch.stop();
            tell([&](Watcher& watcher) { watcher.step(*this, order, step, time); });
        }
    };
    for (std::size_t section = 0; section < sections_.size(); ++section) {
        run_until(sections_[section].first);
        // The steps run side by side: each is told of as if it had taken its share of the time, one after the other.
        std::vector<std::atomic<Time>> times(sections_[section].end - sections_[section].first);
        Stopwatch watch;
        run_section(section, order, addresses, times.data());
        const Stretch whole = watch.stop();
        Time sum = 0;
        for (const Time time : times) sum += time;
        Stretch share = whole;
        for (const Time time : times) {
            const double part = sum > 0 ? static_cast<double>(time) / static_cast<double>(sum) : 0;
            share.end = share.begin + static_cast<Time>(part * static_cast<double>(whole.end - whole.begin));
            share.own = static_cast<Time>(part * static_cast<double>(whole.own));
            tell([&](Watcher& watcher) { watcher.step(*this, order, step, share); });
            share.begin = share.end;
            ++step;
        }
    }
    run_until(steps_.size());
}

}  // namespace xgrad::run
