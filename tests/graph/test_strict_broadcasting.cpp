#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <thread>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// The mode that refuses doubtful stretches: which ones, with which words, where it holds and where not.

using support::message_of;
using xgrad::name;
using xgrad::ShapeError;
using xgrad::StrictBroadcasting;
using xgrad::Tensor;
using Array = xt::xarray<double>;

namespace {

Tensor tensor(const std::vector<std::size_t>& extents, const std::string& called = "") {
    return support::ones_called(called, extents);
}

#define REFUSED(statement, text, cure)                                          \
    BOOST_TEST(message_of<ShapeError>([&] { static_cast<void>(statement); }) == \
               std::string(text) + " at test_strict_broadcasting.cpp:" + std::to_string(__LINE__) + "; " + (cure))

const std::string two_ways = "needs operands that are not stretched both ways while broadcasting is strict, got ";
const std::string rank_1 = "needs matrices, not an array of one axis, while broadcasting is strict, got ";

struct Things {
    Tensor A = tensor({5, 1}, "A"), Y = tensor({1, 5}, "Y"), Z = tensor({4, 5}, "Z");
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(strict_broadcasting, Things)

BOOST_AUTO_TEST_CASE(refuses_a_stretch_in_two_ways) {
    const StrictBroadcasting strict;
    REFUSED(A - Y, "subtract: " + two_ways + "A (5, 1) and Y (1, 5)",
            "did you mean transpose(A) - Y or A - transpose(Y)?");
    REFUSED(tensor({5, 1}) == Y, "equal: " + two_ways + "(5, 1) and Y (1, 5)",
            "did you mean the first operand transposed or transpose(Y)?");
    REFUSED(where(Z > 0, A, Y), "where: needs shapes that broadcast, got (4, 5), A (5, 1) and Y (1, 5)",
            "did you mean transpose(A)?");
    REFUSED(tensor({3, 1}, "u") * tensor({1, 4}, "v"), "multiply: " + two_ways + "u (3, 1) and v (1, 4)",
            "if it is meant, write broadcast_to(u, {3, 4})");
}

BOOST_AUTO_TEST_CASE(refuses_an_array_of_one_axis_beside_a_matrix) {
    const StrictBroadcasting strict;
    REFUSED(Z + tensor({5}, "r"), "add: " + rank_1 + "Z (4, 5) and r (5,)", "did you mean Z + reshape(r, {1, 5})?");
    REFUSED(tensor({5}, "a") - A, "subtract: " + rank_1 + "a (5,) and A (5, 1)",
            "did you mean reshape(a, {5, 1}) - A or a - reshape(A, {5})?");
    const Tensor square = tensor({4, 4}, "S"), b = tensor({4}, "b");
    REFUSED(square + b, "add: " + rank_1 + "S (4, 4) and b (4,)",
            "did you mean S + reshape(b, {4, 1}) or S + reshape(b, {1, 4})?");
    REFUSED(Z - sum(tensor({5, 4}), 1), "subtract: " + rank_1 + "Z (4, 5) and (5,)",
            "did you mean the second operand as (1, 5)?");
}

BOOST_AUTO_TEST_CASE(allows_what_is_plain) {
    const StrictBroadcasting strict;
    const Tensor column = tensor({4, 1}), row = tensor({1, 5}), list = tensor({5});
    BOOST_CHECK_NO_THROW(Z + column);
    BOOST_CHECK_NO_THROW(row * Z);
    BOOST_CHECK_NO_THROW(Z - 1);
    BOOST_CHECK_NO_THROW(Z / Tensor(2.0));
    BOOST_CHECK_NO_THROW(Z + tensor({1, 1}));
    BOOST_CHECK_NO_THROW(list + list);
    BOOST_CHECK_NO_THROW(list * 2 - tensor({1}));
    BOOST_CHECK_NO_THROW(where(Z > 0, Z, 0));
    BOOST_CHECK_NO_THROW(broadcast_to(A, {5, 5}) - Y);
    BOOST_CHECK_NO_THROW(xgrad::linalg::outer(list, tensor({3})));
    BOOST_CHECK_NO_THROW(xgrad::linalg::kron(Z, A));
}

BOOST_AUTO_TEST_CASE(is_off_by_default_and_nests) {
    BOOST_TEST(!StrictBroadcasting::is_on());
    BOOST_TEST((A - Y).shape() == xgrad::Shape(5, 5));
    {
        const StrictBroadcasting strict;
        BOOST_CHECK_THROW(A - Y, ShapeError);
        {
            const StrictBroadcasting off(false);
            BOOST_CHECK_NO_THROW(A - Y);
        }
        BOOST_CHECK_THROW(A - Y, ShapeError);
        std::thread([&] { BOOST_TEST(!StrictBroadcasting::is_on()); }).join();
    }
    BOOST_CHECK_NO_THROW(A - Y);
    try {
        const StrictBroadcasting strict;
        throw std::runtime_error("out");
    } catch (const std::runtime_error&) {
    }
    BOOST_TEST(!StrictBroadcasting::is_on());
}

BOOST_AUTO_TEST_SUITE_END()
