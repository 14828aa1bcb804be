#include <algorithm>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include <xgrad/graph/op.hpp>
#include <xgrad/graph/profile.hpp>
#include <xgrad/graph/run/parallel.hpp>
#include <xgrad/graph/run/watched.hpp>

namespace xgrad {

namespace {

/// The shortest of several runs, after one that is not counted, in about so many seconds.
double shortest(double budget, const std::function<void()>& run) {
    run();
    const run::Time first = run::now();
    run::Time best = 0;
    do {
        const run::Time begin = run::now();
        run();
        const run::Time took = std::max<run::Time>(run::now() - begin, 1);
        best = best == 0 ? took : std::min(best, took);
    } while (static_cast<double>(run::now() - first) < budget * 1e9);
    return static_cast<double>(best) / 1e9;
}

double memory_ceiling() {
    constexpr std::size_t count = std::size_t{1} << 22;
    constexpr std::size_t part_size = std::size_t{1} << 16;
    constexpr std::size_t bytes = 3 * count * sizeof(double);
    const std::unique_ptr<double[]> memory(new double[3 * count]);
    double* const a = memory.get();
    double* const b = a + count;
    double* const c = b + count;
    const auto pass = [=] {
        run::parallel_for(count / part_size, bytes, [=](std::size_t part) {
            const std::size_t end = (part + 1) * part_size;
            for (std::size_t i = part * part_size; i < end; ++i) a[i] = b[i] + 0.5 * c[i];
        });
    };
    run::parallel_for(3 * count / part_size, bytes,
                      [=](std::size_t part) { std::fill_n(a + part * part_size, part_size, 1.0); });
    return bytes / shortest(0.07, pass);
}

double product_ceiling() {
    const Op* op = find_op("matmul");
    const Kernel* kernel = op ? std::get_if<Kernel>(&op->forward) : nullptr;
    if (!kernel) return 0;
    constexpr std::int64_t n = 512;
    const Shape shape{n, n};
    const std::vector<float> factor(n * n, 0.5F);
    std::vector<float> product(n * n);
    const Array array{DType::float32, shape, row_major(shape), factor.data()};
    const std::vector<Array> inputs{array, array};
    const Attributes none;
    const double seconds = shortest(0.02, [&] {
        (*kernel)({inputs, none, DType::float32, shape, product.data(), {}});
    });
    return 2.0 * n * n * n / seconds;
}

/// An unknown ceiling is better than no table.
double measured(double (*measure)()) {
    try {
        return measure();
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

}  // namespace

Ceilings ceilings() {
    static const Ceilings found{measured(memory_ceiling), measured(product_ceiling)};
    return found;
}

}  // namespace xgrad
