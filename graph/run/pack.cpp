#include <xgrad/graph/run/pack.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include <xgrad/graph/per_isa.hpp>
#include <xgrad/graph/run/fetch.hpp>

namespace xgrad::run {

namespace {

constexpr std::int64_t worth_fetching = 128;  // elements
constexpr std::int64_t short_run = 16;        // a call for each would take longer than what it does

/// One element again and again.
template <class Item>
struct Repeat {
    [[gnu::always_inline]] static inline void run(Item element, std::int64_t count, Item* target) {
        for (std::int64_t i = 0; i < count; ++i) target[i] = element;
    }
};
template <class Item>
void repeat(Item element, std::int64_t count, Item* target) {
    xgrad::detail::run_per_isa<Repeat<Item>>(element, count, target);
}

/// Rows of `count` elements each, in which one is `step` from the next, as the rows are `apart`.
template <class Item>
void copy_short_rows(const Item* source, std::int64_t rows, std::int64_t apart, std::int64_t count, std::int64_t step,
                     Item* target) {
    if (apart != 0) {
        for (std::int64_t row = 0; row < rows; ++row) {
            for (std::int64_t i = 0; i < count; ++i) target[row * count + i] = source[row * apart + i * step];
        }
        return;
    }
    // One row again and again: twice as many with each copy.
    for (std::int64_t i = 0; i < count; ++i) target[i] = source[i * step];
    const std::int64_t size = rows * count;
    for (std::int64_t done = count; done < size; done *= 2) {
        std::memcpy(target + done, target, static_cast<std::size_t>(std::min(done, size - done)) * sizeof(Item));
    }
}

}  // namespace

void append_axis(Shape& shape, Strides& strides, std::int64_t extent, std::int64_t stride) {
    const std::size_t last = shape.rank() - 1;
    if (shape.rank() > 0 && strides[last] == stride * extent) {
        shape[last] *= extent;
        strides[last] = stride;
    } else {
        shape.push_back(extent);
        strides.push_back(stride);
    }
}

Packer::Packer(const Array& array, const Shape& shape) : data_(array.data), item_bytes_(item_size(array.dtype)) {
    const Strides strides = stretched_strides(array.shape, array.strides, shape);
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] != 1) append_axis(shape_, strides_, shape[axis], strides[axis]);
    }
}

bool Packer::is_contiguous() const {
    return shape_.rank() == 0 || (shape_.rank() == 1 && strides_[0] == 1);
}

bool Packer::is_repeated() const {
    return shape_.rank() == 0 || (shape_.rank() == 1 && strides_[0] == 0);
}

std::size_t Packer::period() const {
    if (shape_.rank() < 2 || strides_[0] != 0 || shape_[0] == 0) return 0;
    return static_cast<std::size_t>(shape_.size() / shape_[0]);
}

template <class Item>
void Packer::pack_items(const Item* data, std::size_t start, std::size_t count, Item* target) const {
    if (count == 0) return;  // an extent may be 0, and no index can be taken modulo that
    if (shape_.rank() == 0) {
        repeat(*data, static_cast<std::int64_t>(count), target);
        return;
    }
    const std::size_t last = shape_.rank() - 1;
    std::array<std::int64_t, Shape::max_rank> index{};
    std::int64_t offset = 0;
    auto rest = static_cast<std::int64_t>(start);
    for (std::size_t axis = shape_.rank(); axis-- > 0;) {
        index[axis] = rest % shape_[axis];
        rest /= shape_[axis];
        offset += index[axis] * strides_[axis];
    }
    const std::int64_t step = strides_[last];
    auto left = static_cast<std::int64_t>(count);
    while (left > 0) {
        const Item* source = data + offset;
        const std::int64_t run = std::min(left, shape_[last] - index[last]);
        if (last > 0 && index[last] == 0 && shape_[last] <= short_run && left >= 2 * shape_[last]) {
            // Whole rows, but for the last of them that can be taken: the end of an axis is treated below.
            const std::int64_t rows = std::min(left / shape_[last], shape_[last - 1] - index[last - 1]) - 1;
            if (rows > 0) {
                copy_short_rows(source, rows, strides_[last - 1], shape_[last], step, target);
                target += rows * shape_[last];
                left -= rows * shape_[last];
                index[last - 1] += rows;
                offset += rows * strides_[last - 1];
                continue;
            }
        }
        if (run < short_run) {
            for (std::int64_t i = 0; i < run; ++i) target[i] = source[i * step];
        } else if (step == 1) {
            // The next run is somewhere else, where the processor does not foresee it.
            if (last > 0 && run >= worth_fetching && index[last - 1] + 1 < shape_[last - 1]) {
                fetch(source + strides_[last - 1], static_cast<std::size_t>(run) * sizeof(Item));
            }
            std::memcpy(target, source, static_cast<std::size_t>(run) * sizeof(Item));
        } else if (step == 0) {
            repeat(*source, run, target);
        } else {
            for (std::int64_t i = 0; i < run; ++i) target[i] = source[i * step];
        }
        target += run;
        left -= run;
        index[last] += run;
        offset += run * step;
        for (std::size_t axis = last; axis > 0 && index[axis] == shape_[axis]; --axis) {
            offset += strides_[axis - 1] - shape_[axis] * strides_[axis];
            index[axis] = 0;
            ++index[axis - 1];
        }
    }
}

void Packer::pack_from(const void* data, std::size_t start, std::size_t count, void* target) const {
    const auto items = [&]<class Item>(Item* typed) {
        pack_items(static_cast<const Item*>(data), start, count, typed);
    };
    switch (item_bytes_) {
        case 1:
            return items(static_cast<std::uint8_t*>(target));
        case 4:
            return items(static_cast<std::uint32_t*>(target));
        case 8:
            return items(static_cast<std::uint64_t*>(target));
        default:
            return items(static_cast<long double*>(target));
    }
}

const void* contiguous(const Array& array, StorageRef& scratch) {
    const auto size = static_cast<std::size_t>(array.shape.size());
    const Packer packer(array, array.shape);
    if (size == 0 || packer.is_contiguous()) return array.data;
    scratch = StorageRef(Storage::allocate(size * item_size(array.dtype)));
    packer.pack(0, size, scratch->data());
    return scratch->data();
}

}  // namespace xgrad::run

namespace xgrad {

const void* row_major_data(const Array& array, StorageRef& scratch) {
    return run::contiguous(array, scratch);
}

}  // namespace xgrad
