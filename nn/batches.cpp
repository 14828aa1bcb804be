#include <xgrad/nn/batches.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>

#include <xgrad/graph/explain/mend.hpp>
#include <xgrad/ops/movement.hpp>
#include <xgrad/ops/random.hpp>

namespace xgrad::nn {

namespace {

std::int64_t examples_of(const Tensor& data, Location at) {
    if (data.rank() < 1 || data.rank() > 2) {
        throw ShapeError("Batches", "needs data (m) or (features, m)", explain::operand_text(data), at);
    }
    return data.shape().back();
}

}  // namespace

Batches::Batches(const Tensor& X, const Tensor& Y, std::int64_t size, std::uint64_t seed, Location at)
    : X_(X), Y_(Y), seed_(seed) {
    at = Attribution::resolve(at);
    examples_ = examples_of(X, at);
    if (examples_of(Y, at) != examples_) {
        throw ShapeError("Batches", "needs as many labels as examples",
                         explain::operand_text(X) + " and " + explain::operand_text(Y), at);
    }
    if (examples_ == 0) throw ValueError("Batches", "needs at least one example", to_string(X.shape()), at);
    if (size < 0) throw ValueError("Batches", "needs a batch size >= 0", std::to_string(size), at);
    size_ = size == 0 ? examples_ : std::min(size, examples_);
    if (size_ < examples_) {
        X_rows_ = transpose(X);
        Y_rows_ = transpose(Y);
        order_.resize(static_cast<std::size_t>(examples_));
        std::iota(order_.begin(), order_.end(), 0);
    }
}

void Batches::shuffle() {
    for (std::size_t left = order_.size(); left > 1; --left) {
        const std::uint64_t draw = draws_++;
        const std::uint32_t counter[4] = {static_cast<std::uint32_t>(draw), static_cast<std::uint32_t>(draw >> 32), 0,
                                          1};
        const std::uint32_t key[2] = {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)};
        std::uint32_t words[4];
        random::philox(counter, key, words);
        const std::uint64_t chosen = (std::uint64_t{words[0]} * left) >> 32;  // left < 2³² examples
        std::swap(order_[left - 1], order_[chosen]);
    }
}

Tensor Batches::gather(const Tensor& rows, bool is_vector, std::int64_t first, std::int64_t count) const {
    const NodeRef source = detail::readable(rows, rows.dtype(), {});
    const std::int64_t width = is_vector ? 1 : rows.shape()[1];
    const std::size_t bytes = static_cast<std::size_t>(width) * item_size(rows.dtype());
    NodeRef leaf = detail::new_leaf(rows.dtype(), is_vector ? Shape{count} : Shape{count, width}, {});
    for (std::int64_t i = 0; i < count; ++i) {
        const auto example = static_cast<std::size_t>(order_[static_cast<std::size_t>(first + i)]);
        std::memcpy(static_cast<std::byte*>(leaf->data) + static_cast<std::size_t>(i) * bytes,
                    static_cast<const std::byte*>(source->data) + example * bytes, bytes);
    }
    return transpose(Tensor(std::move(leaf)));
}

Batch Batches::operator[](std::int64_t index) const {
    if (size_ == examples_) return {X_, Y_, examples_};
    const std::int64_t first = index * size_;
    const std::int64_t count = std::min(size_, examples_ - first);
    return {gather(X_rows_, X_.rank() == 1, first, count), gather(Y_rows_, Y_.rank() == 1, first, count), count};
}

}  // namespace xgrad::nn
