#pragma once

#include <cstdint>

namespace xgrad::kernels {

/// Adds arrays that lie so many elements apart up into the first one, in pairs: the order depends on their number
/// alone.
template <class T>
void add_up_pieces(T* arrays, std::int64_t count, std::int64_t distance, std::int64_t size) {
    for (std::int64_t width = 1; width < count; width *= 2) {
        for (std::int64_t number = 0; number + width < count; number += 2 * width) {
            T* __restrict sum = arrays + number * distance;
            const T* other = arrays + (number + width) * distance;
            for (std::int64_t i = 0; i < size; ++i) sum[i] += other[i];
        }
    }
}

}  // namespace xgrad::kernels
