#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include <xgrad/graph/location.hpp>

namespace xgrad {

/// What every error of the library is. The text says op, rule, facts and place:
///
///     matmul: needs (n, k) and (k, m), got W1 (3, 4) and X (3, 400) at train.cpp:42; did you mean transpose(W1)?
class Error : public std::runtime_error {
  public:
    /// `rule` is what was broken, `facts` what was found (may be empty), `cure` what would mend it (likewise); one
    /// that begins with a new line stands on lines of its own.
    Error(std::string_view op, std::string_view rule, std::string_view facts, Location at, std::string_view cure = {});
    /// The same with what would mend it.
    Error(const Error& error, std::string_view cure);

    const std::string& op() const noexcept { return op_; }
    Location location() const noexcept { return location_; }

  private:
    std::string op_;
    Location location_;
};

/// Shapes or axes that do not fit an operation.
struct ShapeError : Error {
    using Error::Error;
};

/// A dtype that an operation does not take, or two that cannot meet without loss.
struct DTypeError : Error {
    using Error::Error;
};

/// A value out of range: a label, an index, a hyper-parameter.
struct ValueError : Error {
    using Error::Error;
};

/// A gradient that does not exist: of a tensor that is not a scalar, or with respect to one that is not connected.
struct GradientError : Error {
    using Error::Error;
};

/// A file that is missing, truncated or not what it claims to be.
struct FileError : Error {
    using Error::Error;
};

/// Memory for a value that the system does not give. Its text is composed like that of an Error; it is caught as a
/// std::bad_alloc, which smaller allocations throw as they are.
///
///     add: needs 4398046511104 bytes for (1048576, 1048576), got none at train.cpp:42
class OutOfMemory : public std::bad_alloc {
  public:
    OutOfMemory(std::string_view op, std::string_view rule, Location at) : error_(op, rule, "none", at) {}
    const char* what() const noexcept override { return error_.what(); }
    Location location() const noexcept { return error_.location(); }

  private:
    Error error_;
};

}  // namespace xgrad
