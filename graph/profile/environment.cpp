#include <xgrad/graph/profile/environment.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include <xgrad/graph/error.hpp>
#include <xgrad/graph/profile.hpp>

namespace xgrad::profile {

namespace {

struct OfProcess {
    std::string path;
    Profile profile{};
};

// Never destroyed: threads may still compute when the process ends.
OfProcess* of_process = nullptr;

void report() {
    of_process->profile.stop();
    try {
        fmt::print(stderr, "{}", of_process->profile.text());
        of_process->profile.write_trace(of_process->path);
        fmt::print(stderr, "trace in {}\n", of_process->path);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

}  // namespace

void begin_if_environment_says_so() {
    const char* value = std::getenv("XGRAD_PROFILE");
    const std::string wish = value ? value : "";
    if (wish.empty() || wish == "0") return;
    // Measured first: when the process ends, what a product needs may be gone.
    ceilings();
    of_process = new OfProcess{wish == "1" ? "xgrad-trace.json" : wish};
    std::atexit(report);
}

}  // namespace xgrad::profile
