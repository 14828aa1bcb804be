#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <xgrad/graph/tensor.hpp>

namespace xgrad::nn {

/// The elements of an IDX file of unsigned bytes, as they are stored: row-major, one byte each.
struct IdxBytes {
    Shape shape;
    std::vector<std::uint8_t> bytes;
};

/// The array in an IDX file, gzip or plain, with the stored shape of 1 to 4 axes. Bytes, signed bytes, shorts and ints
/// become int32, floats float32, doubles float64.
///
///     two zero bytes, the element type, the rank, one big-endian int32 per axis, the elements big-endian
///
/// FileError unless the file is exactly that, to the last byte: a header that promises more than the file can hold is
/// refused before memory is taken for it, and reading stops at the first byte too many. So that a small file cannot
/// take a machine's memory, 256 MB or more must not be packed tighter than 100 to 1.
/// The format is the one of http://yann.lecun.com/exdb/mnist, gzip that of RFC 1952.
Tensor read_idx(const std::string& path, Location at = Location::current());

/// The same of a file of unsigned bytes, without making four bytes of one. FileError as read_idx, and for any other
/// element type.
IdxBytes read_idx_bytes(const std::string& path, Location at = Location::current());

}  // namespace xgrad::nn
