#include <xgrad/ops/index_probes.hpp>

#include <string>

#include <xgrad/ops/probe_tables.hpp>

namespace xgrad {

std::vector<Indexed> slices_to_take() {
    return {{1, 1, 0, 1},
            {7, 16, -1, 16},
            {15, {}, 0, {}},
            {{8, 1}, {3, 4}, 0, {3, 4, 1}},
            {{1, 7}, 13, 1, {1, 13}},
            {{2, 1, 3}, {2, 3}, 1, {2, 2, 3, 3}},
            {{2, 3, 2}, 5, -2, {2, 5, 2}},
            {{2, 2, 1, 3}, 4, 3, {2, 2, 1, 4}},
            {{1, 2, 1, 3, 2}, 5, 3, {1, 2, 1, 5, 2}},
            {{3, 0}, 2, 0, {2, 0}},
            {{2, 3}, 0, 1, {2, 0}}};
}

std::vector<Indexed> elements_to_take() {
    std::vector<Indexed> table{{1, 1, 0, {}},
                               {15, 7, 0, {}},
                               {8, 17, -1, {}},
                               {{7, 1}, {8, 1}, 0, {}},
                               {{1, 7}, {1, 8}, -1, {}},
                               {{2, 1, 3}, {2, 2, 3}, 1, {}},
                               {{2, 3, 2}, {2, 3, 2}, -2, {}},
                               {{2, 2, 1, 3}, {2, 2, 1, 2}, 3, {}},
                               {{1, 2, 1, 3, 2}, {1, 2, 1, 2, 2}, 3, {}},
                               {{3, 0}, {2, 0}, 0, {}},
                               {{2, 3}, {0, 3}, 0, {}}};
    for (Indexed& row : table) row.taken = row.indices;
    return table;
}

Probes index_probes(std::vector<Indexed> table, Given given,
                    std::function<Tensor(std::span<const Tensor> x, const Indexed& row)> call) {
    return [table = std::move(table), given, call = std::move(call)] {
        std::vector<Probe> probes;
        for (const Indexed& row : table) {
            const auto extent = static_cast<double>(row.array[static_cast<std::size_t>(row.along())]);
            Probe probe{to_string(row.array) + " at " + to_string(row.indices) + " along " + std::to_string(row.axis),
                        {}};
            if (given != Given::taken) probe.inputs.push_back({row.array});
            probe.inputs.push_back({row.indices, -extent, extent, ProbeInput::Kind::integer});
            if (given != Given::array) probe.inputs.push_back({row.taken});
            probe.call = [call, row](auto x) { return call(x, row); };
            probes.push_back(std::move(probe));
        }
        return probes;
    };
}

Probes mask_probes(std::function<Tensor(const Tensor& x, const Tensor& mask)> f) {
    return [f = std::move(f)] {
        std::vector<Probe> probes;
        for (const Shape& shape : shapes_of_every_rank()) {
            probes.push_back({to_string(shape), {{shape}, {shape, 0, 1, ProbeInput::Kind::boolean}}, [f](auto x) {
                                  return f(x[0], x[1]);
                              }});
        }
        return probes;
    };
}

}  // namespace xgrad
