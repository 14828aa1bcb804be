// From nothing to the first gradient of W3: the runner measures the time of the whole process, which prints the peak of
// its memory itself. (What a parent learns of that includes the parent's own at the time of the fork.)

#include <fstream>
#include <string>

#include <fmt/format.h>

#include "w3.hpp"

/// In kB; 0 where the system does not tell.
static long peak_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stol(line.substr(line.find(':') + 1));
    }
    return 0;
}

int main() {
    const w3::Network net;
    const std::vector<xgrad::Tensor> gradients = xgrad::grad(w3::cost(net, net.parameters), net.parameters);
    xgrad::compute(gradients);
    double sum = 0;
    for (const xgrad::Tensor& g : gradients) sum += bench::magnitude(g);
    fmt::print("{:.6f} {}\n", sum, peak_memory());
}
