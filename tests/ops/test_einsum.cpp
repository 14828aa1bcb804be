#include <boost/test/unit_test.hpp>

#include <map>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Products of several kinds against loops, and against each other.

using support::close;
using support::Numbers;
using support::numbers_of;
using xgrad::Shape;
using xgrad::Tensor;
using namespace xgrad::linalg;
namespace la = xgrad::linalg;  // where xgrad has a function of the same name, it is found as well

namespace {

Tensor random(const std::vector<std::size_t>& shape, unsigned seed) {
    return support::draws(shape, seed);
}

/// Σ over all letters of the products, by running through every value of every letter.
Tensor by_loops(const std::string& subscripts, const std::vector<Tensor>& operands) {
    const std::size_t arrow = subscripts.find("->");
    std::vector<std::string> groups{""};
    for (char c : subscripts.substr(0, arrow)) {
        if (c == ',') {
            groups.emplace_back();
        } else {
            groups.back() += c;
        }
    }
    const std::string result = subscripts.substr(arrow + 2);
    std::map<char, std::int64_t> extent, at;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        for (std::size_t axis = 0; axis < groups[i].size(); ++axis) {
            extent[groups[i][axis]] = operands[i].shape()[axis];
            at[groups[i][axis]] = 0;
        }
    }
    const auto place = [&](const std::string& letters) {
        std::int64_t offset = 0;
        for (char letter : letters) offset = offset * extent[letter] + at[letter];
        return static_cast<std::size_t>(offset);
    };
    Shape shape;
    for (char letter : result) shape.push_back(extent[letter]);
    Numbers sums(static_cast<std::size_t>(shape.size()), 0);
    std::vector<Numbers> numbers;
    for (const Tensor& operand : operands) numbers.push_back(numbers_of(operand));
    for (bool more = true; more;) {
        long double product = 1;
        for (std::size_t i = 0; i < groups.size(); ++i) product *= numbers[i][place(groups[i])];
        sums[place(result)] += product;
        more = false;
        for (auto& [letter, index] : at) {
            if (++index < extent[letter]) {
                more = true;
                break;
            }
            index = 0;
        }
    }
    return support::tensor_of(operands[0].dtype(), shape, sums);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(products_of_tensors)

BOOST_AUTO_TEST_CASE(einsum_against_loops) {
    const Tensor A = random({3, 4}, 8);
    const Tensor B = random({4, 2}, 9);
    const Tensor S = random({3, 3}, 10);
    const Tensor T = random({2, 3, 4}, 11);
    const Tensor D = random({3, 2, 3}, 12);
    const Tensor v = random({4}, 13);
    const Tensor w = random({3}, 14);
    const std::pair<const char*, std::vector<Tensor>> cases[] = {
        {"ij->ji", {A}},
        {"ij->", {A}},
        {"ij->j", {A}},
        {"ii->i", {S}},
        {"ii->", {S}},
        {"iji->j", {D}},
        {"ij,jk->ik", {A, B}},
        {"ij,jk->ki", {A, B}},
        {"i,j->ij", {v, w}},
        {"i,i->", {v, v}},
        {"ij,ij->i", {A, A}},
        {"kij,ij->kj", {T, A}},
        {"kij,ij,j->k", {T, A, v}},
        {"ij,jk,kil,i->l", {A, B, T, w}},
        {"ab,cd->dacb", {A, B}},
        {"iji,ik->jk", {D, S}},
        {"kij,kij->", {T, T}},
        {"ij,kj->ik", {A, A}},
    };
    for (const auto& [subscripts, operands] : cases) {
        BOOST_TEST(close(einsum(subscripts, operands), by_loops(subscripts, operands)), subscripts);
    }
    BOOST_TEST(close(einsum("ij,jk", {A, B}), matmul(A, B)));
    BOOST_TEST(close(einsum(" ba , b ", {A, w}), by_loops("ba,b->a", {A, w})));
    BOOST_TEST(close(einsum("ba", {A}), xgrad::transpose(A)));  // alphabetical
    BOOST_TEST(close(einsum("iij,k", {xgrad::stop_gradient(random({2, 2, 3}, 15)), w}),
                     by_loops("iij,k->jk", {random({2, 2, 3}, 15), w})));
    BOOST_TEST(close(einsum("...ij,...jk->...ik", {T, random({5, 1, 4, 2}, 16)}), matmul(T, random({5, 1, 4, 2}, 16))));
    BOOST_TEST(close(einsum("i...->...i", {T}), by_loops("ijk->jki", {T})));
    BOOST_TEST(close(einsum("...i,i", {T, v}), by_loops("abi,i->ab", {T, v})));
    BOOST_TEST(close(einsum("...,...", {T, A}), T * A));
    const Tensor whole = xt::xarray<int>{{1, 2}, {3, 4}};
    BOOST_TEST(close(einsum("ij,jk->ik", {whole, whole}), Tensor(xt::xarray<std::int64_t>{{7, 10}, {15, 22}})));
}

BOOST_AUTO_TEST_CASE(products) {
    const Tensor A = random({2, 3}, 17);
    const Tensor B = random({3, 2}, 18);
    BOOST_TEST(close(la::vdot(A, B), sum(xgrad::reshape(A, {6}) * xgrad::reshape(B, {6}))));
    BOOST_TEST(close(la::outer(A, B), einsum("i,j", {xgrad::reshape(A, {6}), xgrad::reshape(B, {6})})));
    BOOST_TEST(close(la::tensordot(A, B, 1), matmul(A, B)));
    BOOST_TEST(close(la::tensordot(A, B, 0), einsum("ij,kl", {A, B})));
    BOOST_TEST(close(la::kron(A, B), xgrad::reshape(einsum("ij,kl->ikjl", {A, B}), {6, 6})));
    BOOST_TEST(la::kron(random({2}, 19), random({3, 2, 2}, 20)).shape() == Shape(3, 2, 4));
    const Tensor S = random({2, 3, 3}, 21);
    BOOST_TEST(close(la::trace(S), einsum("...ii->...", {S})));
    BOOST_TEST(close(la::trace(A, 1), Tensor(A.value<double>()(0, 1) + A.value<double>()(1, 2))));
    BOOST_TEST(la::trace(A, 7).item() == 0);
    BOOST_TEST(close(matrix_power(S, 5), matmul(S, matmul(S, matmul(S, matmul(S, S))))));
    BOOST_TEST(close(matmul(matrix_power(S, -3), matrix_power(S, 3)),
                     xgrad::broadcast_to(la::identity(3, S.dtype()), S.shape()), 0, 1e-9));
    BOOST_TEST(close(matrix_power(S, 0), xgrad::broadcast_to(la::identity(3, S.dtype()), S.shape())));
}

BOOST_AUTO_TEST_SUITE_END()
