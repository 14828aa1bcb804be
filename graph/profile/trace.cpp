#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <xgrad/graph/error.hpp>
#include <xgrad/graph/explain/walk.hpp>
#include <xgrad/graph/profile/state.hpp>
#include <xgrad/graph/recording.hpp>

namespace xgrad {

namespace {

/// A JSON string. What is not ASCII stays as it is, in UTF-8.
std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += {'\\', c};
        } else if (static_cast<unsigned char>(c) < 0x20) {
            result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            result += c;
        }
    }
    return result + '"';
}

double microseconds(run::Time time) {
    return static_cast<double>(time) / 1e3;
}

}  // namespace

void Profile::State::write(std::ostream& out) const {
    out << "{\"displayTimeUnit\": \"ns\",\n";
    if (left_out > 0) out << fmt::format("\"otherData\": {{\"events left out\": {}}},\n", left_out);
    out << "\"traceEvents\": [\n"
           "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": 0, \"args\": {\"name\": \"xgrad\"}}";
    // What all events of one work have in common, once.
    std::vector<std::string> names, facts;
    for (const Work& work : works) {
        names.push_back(quoted(work.row.operations));
        facts.push_back(fmt::format("\"shape\": {}, \"bytes\": {:.0f}, \"flops\": {:.0f}",
                                    quoted(shapes_text(work.row)), work.bytes, work.flops));
    }
    for (const Event& event : events) {
        const bool is_planning = event.work == Event::planning;
        out << fmt::format(
            ",\n{{\"name\": {}, \"cat\": \"{}\", \"ph\": \"X\", \"pid\": 1, \"tid\": {}, \"ts\": {:.3f}, "
            "\"dur\": {:.3f}",
            is_planning ? "\"plan\"" : names[event.work], is_planning ? "plan" : "step", event.thread,
            microseconds(event.begin - begin), microseconds(event.end - event.begin));
        if (!is_planning) {
            const std::string at = quoted(explain::place_text({event.file, event.line}));
            out << fmt::format(", \"args\": {{{}, \"at\": {}}}", facts[event.work], at);
        }
        out << "}";
    }
    out << "\n]}\n";
}

std::string Profile::trace() const {
    std::ostringstream out;
    const std::lock_guard lock(state_->mutex);
    state_->write(out);
    return out.str();
}

void Profile::write_trace(const std::string& path, Location at) const {
    std::ofstream file(path);
    {
        const std::lock_guard lock(state_->mutex);
        state_->write(file);
    }
    file.close();
    if (!file) throw FileError("write_trace", "needs a file that can be written", path, Attribution::resolve(at));
}

}  // namespace xgrad
