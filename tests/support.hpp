#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <xgrad/graph/tensor.hpp>

// What several test files need: tensors from plain numbers, numbers from tensors, and comparisons that say where they
// failed.

namespace support {

using Numbers = std::vector<long double>;

inline std::size_t count_of(const xgrad::Shape& shape) {
    return static_cast<std::size_t>(shape.size());
}

inline bool mentions(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

/// A constant with these elements, in row-major order.
inline xgrad::Tensor tensor_of(xgrad::DType dtype, const xgrad::Shape& shape, const Numbers& numbers) {
    return xgrad::visit(dtype, [&](auto zero) {
        using T = decltype(zero);
        xt::xarray<T> array(std::vector<std::size_t>(shape.begin(), shape.end()));
        for (std::size_t i = 0; i < numbers.size(); ++i) array.data()[i] = static_cast<T>(numbers[i]);
        return xgrad::Tensor(std::move(array));
    });
}

/// The elements in row-major order.
inline Numbers numbers_of(const xgrad::Tensor& tensor) {
    return xgrad::visit(tensor.dtype(), [&](auto zero) {
        const auto view = tensor.value<decltype(zero)>();
        return Numbers(view.data(), view.data() + view.size());
    });
}

/// Uniform numbers from a fixed seed, exact in float32.
inline xt::xarray<double> draws(const std::vector<std::size_t>& shape, unsigned seed, double low = -2,
                                double high = 2) {
    std::mt19937 engine(seed);
    xt::xarray<double> array(shape);
    for (double& value : array) {
        value = static_cast<float>(low + (high - low) * (static_cast<double>(engine()) / 0x1p32));
    }
    return array;
}

/// The same as a tensor.
inline xgrad::Tensor drawn(const xgrad::Shape& shape, unsigned seed) {
    return draws(std::vector<std::size_t>(shape.begin(), shape.end()), seed);
}

/// Ones, under a name if there is one.
inline xgrad::Tensor ones_called(const std::string& called, const std::vector<std::size_t>& extents) {
    const xgrad::Tensor result = xt::xarray<double>(extents, 1.);
    return called.empty() ? result : xgrad::name(result, called);
}

/// True if both have the same shape, dtype and bits.
inline bool same_bits(const xgrad::Tensor& x, const xgrad::Tensor& y) {
    if (x.shape() != y.shape() || x.dtype() != y.dtype()) return false;
    return xgrad::visit(x.dtype(), [&](auto zero) {
        using T = decltype(zero);
        const auto a = x.value<T>();
        const auto b = y.value<T>();
        // The padding of an 80-bit number is not part of it.
        const std::size_t bytes = sizeof(T) == 16 ? 10 : sizeof(T);
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (std::memcmp(a.data() + i, b.data() + i, bytes) != 0) return false;
        }
        return true;
    });
}

/// Whether |x − y| ≤ atol + rtol |y| everywhere, for tensors and xtensor expressions of one shape; else which is worst.
inline boost::test_tools::predicate_result close(const xgrad::Tensor& x, const xgrad::Tensor& y, double rtol = 1e-12,
                                                 double atol = 1e-14) {
    boost::test_tools::predicate_result result(true);
    if (x.shape() != y.shape()) {
        result = false;
        result.message() << "shape " << to_string(x.shape()) << " instead of " << to_string(y.shape());
        return result;
    }
    const Numbers a = numbers_of(x);
    const Numbers b = numbers_of(y);
    long double worst = 0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
        if (a[i] == b[i] || both_nan) continue;
        const long double excess = std::abs(a[i] - b[i]) / (atol + rtol * std::abs(b[i]));
        if (!(excess <= worst)) worst = excess, where = i;
    }
    if (!(worst <= 1)) {
        result = false;
        result.message() << "worst at element " << where << ": " << static_cast<double>(a[where]) << " instead of "
                         << static_cast<double>(b[where]) << ", " << static_cast<double>(worst)
                         << " times the tolerance";
    }
    return result;
}

/// While alive, operations are computed when they are recorded (true) or when they are read (false), whatever
/// XGRAD_EAGER says.
class Eagerness {
  public:
    explicit Eagerness(bool eager) { xgrad::set_eager(eager); }
    ~Eagerness() { xgrad::set_eager(before_); }
    Eagerness(const Eagerness&) = delete;
    Eagerness& operator=(const Eagerness&) = delete;

  private:
    bool before_ = xgrad::is_eager();
};

/// While alive, whether formulas are computed by others that keep more digits.
class Rewriting {
  public:
    explicit Rewriting(bool rewrites) { xgrad::set_rewrites(rewrites); }
    ~Rewriting() { xgrad::set_rewrites(before_); }
    Rewriting(const Rewriting&) = delete;
    Rewriting& operator=(const Rewriting&) = delete;

  private:
    bool before_ = xgrad::has_rewrites();
};

/// The text of the error that f throws; says so if it throws none or one of another type.
template <class E, class F>
std::string message_of(F&& f) {
    try {
        f();
    } catch (const E& error) {
        return error.what();
    } catch (const std::exception& error) {
        return std::string("another type of error: ") + error.what();
    }
    return "no error";
}

}  // namespace support
