#include "bench.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <utility>

#include <benchmark/benchmark.h>

namespace {

std::atomic<std::int64_t> calls_of_new{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
    calls_of_new.fetch_add(1, std::memory_order_relaxed);
    void* memory = alignment <= alignof(std::max_align_t)
                       ? std::malloc(bytes == 0 ? 1 : bytes)
                       : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (!memory) throw std::bad_alloc();
    return memory;
}

/// Lets the peak of this process's memory begin here, where the system can do that: what made the inputs is no part of
/// a step.
void forget_peak_memory() {
    std::ofstream("/proc/self/clear_refs") << 5;
}

/// Takes the steps that are checked, warms up, and counts what a step allocates.
struct Prepared {
    bench::Program program;
    bench::Check check;
    double allocations = 0;

    explicit Prepared(bench::Program made) : program(std::move(made)) {
        forget_peak_memory();
        for (int i = 0; i < bench::checked_steps; ++i) program.step();
        check = program.check();
        using Clock = std::chrono::steady_clock;
        const auto end = Clock::now() + std::chrono::milliseconds(250);
        while (Clock::now() < end) program.step();
        constexpr int counted = 10;
        const std::int64_t before = bench::allocations();
        for (int i = 0; i < counted; ++i) program.step();
        allocations = static_cast<double>(bench::allocations() - before) / counted;
    }
};

}  // namespace

void* operator new(std::size_t bytes) {
    return allocate(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace bench {

std::int64_t allocations() noexcept {
    return calls_of_new.load(std::memory_order_relaxed);
}

Case::Case(std::string name, std::string variant, std::function<Program()> make) {
    const auto prepared = std::make_shared<std::unique_ptr<Prepared>>();  // once for all repetitions
    const auto measure = [prepared, make = std::move(make)](benchmark::State& state) {
        if (!*prepared) *prepared = std::make_unique<Prepared>(make());
        const Prepared& p = **prepared;
        for (auto _ : state) p.program.step();
        state.counters["cost"] = p.check.cost;
        state.counters["moved"] = p.check.moved;
        state.counters["per"] = p.program.per;
        state.counters["allocations"] = p.allocations;
    };
    benchmark::RegisterBenchmark((name + "/" + variant).c_str(), measure)
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMicrosecond);
}

}  // namespace bench

BENCHMARK_MAIN();
