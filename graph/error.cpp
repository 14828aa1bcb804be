#include <xgrad/graph/error.hpp>

#include <utility>

namespace xgrad {

namespace {

std::string compose(std::string_view op, std::string_view rule, std::string_view facts, Location at,
                    std::string_view cure) {
    std::string text(op);
    text += ": ";
    text += rule;
    if (!facts.empty()) {
        text += ", got ";
        text += facts;
    }
    if (at.line > 0) {
        std::string_view file(at.file);
        text += " at ";
        text += file.substr(file.find_last_of('/') + 1);
        text += ':';
        text += std::to_string(at.line);
    }
    if (!cure.empty()) {
        if (cure[0] != '\n') text += "; ";
        text += cure;
    }
    return text;
}

thread_local Location attributed;
thread_local bool is_attributed = false;

}  // namespace

Error::Error(std::string_view op, std::string_view rule, std::string_view facts, Location at, std::string_view cure)
    : std::runtime_error(compose(op, rule, facts, at, cure)), op_(op), location_(at) {}

Error::Error(const Error& error, std::string_view cure)
    : std::runtime_error(std::string(error.what()) + "; " + std::string(cure)),
      op_(error.op_),
      location_(error.location_) {}

Attribution::Attribution(Location at) noexcept : previous_(attributed), owner_(!is_attributed) {
    if (owner_) {
        attributed = at;
        is_attributed = true;
    }
}

Attribution::~Attribution() {
    if (owner_) is_attributed = false;
    attributed = previous_;
}

WithoutAttribution::WithoutAttribution() noexcept : was_attributed_(std::exchange(is_attributed, false)) {}

WithoutAttribution::~WithoutAttribution() {
    is_attributed = was_attributed_;
}

bool Attribution::is_active() noexcept {
    return is_attributed;
}

Location Attribution::resolve(Location at) noexcept {
    return is_attributed ? attributed : at;
}

}  // namespace xgrad
