#include <xgrad/ops/probe_tables.hpp>

namespace xgrad {

std::vector<Shape> shapes_of_every_rank() {
    return {Shape{},
            Shape{1},
            Shape{7},
            Shape{8},
            Shape{15},
            Shape{16},
            Shape{1, 17},
            Shape{7, 1},
            Shape{2, 1, 3},
            Shape{2, 2, 1, 3},
            Shape{1, 2, 1, 3, 2},
            Shape{0},
            Shape{2, 0}};
}

Probes shape_probes(std::vector<Shape> shapes, std::function<Tensor(const Tensor&)> f) {
    return [shapes = std::move(shapes), f = std::move(f)] {
        std::vector<Probe> probes;
        for (const Shape& shape : shapes) {
            probes.push_back({to_string(shape), {{shape}}, [f](auto x) { return f(x[0]); }});
        }
        return probes;
    };
}

Probes pair_probes(std::vector<ShapePair> shapes, std::function<Tensor(const Tensor&, const Tensor&)> f) {
    return [shapes = std::move(shapes), f = std::move(f)] {
        std::vector<Probe> probes;
        for (const auto& [x, y] : shapes) {
            probes.push_back({to_string(x) + " " + to_string(y), {{x}, {y}}, [f](auto t) { return f(t[0], t[1]); }});
        }
        return probes;
    };
}

Probes number_probes(std::vector<ShapeAndNumbers> table, std::function<Tensor(const Tensor&, const Shape& numbers)> f) {
    return [table = std::move(table), f = std::move(f)] {
        std::vector<Probe> probes;
        for (const auto& [shape, numbers] : table) {
            probes.push_back({to_string(shape) + " with " + to_string(numbers),
                              {{shape}},
                              [f, numbers = numbers](auto x) { return f(x[0], numbers); }});
        }
        return probes;
    };
}

Probes axis_probes(std::function<Tensor(const Tensor&, std::int64_t axis)> f) {
    return [f = std::move(f)] {
        const std::vector<ShapeAndNumbers> table{
            {Shape{1}, 0},       {Shape{15}, -1},      {Shape{16, 1}, 0},          {Shape{1, 17}, 1},
            {Shape{3, 1, 4}, 1}, {Shape{2, 3, 2}, -3}, {Shape{2, 2, 1, 3}, 3},     {Shape{1, 3, 2, 2}, -2},
            {Shape{3, 0}, 0},    {Shape{2, 0, 3}, -1}, {Shape{1, 2, 1, 3, 2}, -2}, {Shape{2, 1, 2, 1, 3}, 0}};
        return number_probes(table, [f](const Tensor& x, const Shape& axis) { return f(x, axis[0]); }).list();
    };
}

Probes joined(Probes first, Probes second) {
    return [first = std::move(first), second = std::move(second)] {
        std::vector<Probe> all = first;
        all.insert(all.end(), second.begin(), second.end());
        return all;
    };
}

Probes drawn(Probes as_given, Interval interval) {
    return [as_given = std::move(as_given), interval] {
        std::vector<Probe> probes = as_given;
        for (Probe& probe : probes) {
            for (ProbeInput& input : probe.inputs) {
                if (input.kind != ProbeInput::Kind::real) continue;
                input.low = interval.low;
                input.high = interval.high;
            }
        }
        return probes;
    };
}

}  // namespace xgrad
