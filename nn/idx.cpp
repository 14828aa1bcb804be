#include <xgrad/nn/idx.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace xgrad::nn {

namespace {

/// The bytes of a file, inflated if they are gzip's. All that is wrong with the file is thrown from here, by name.
class ByteReader {
  public:
    ByteReader(std::string_view op, const std::string& path, Location at);
    ~ByteReader() {
        if (is_gzip_) inflateEnd(&stream_);
    }
    ByteReader(const ByteReader&) = delete;
    ByteReader& operator=(const ByteReader&) = delete;

    [[noreturn]] void fail(std::string_view rule, std::string_view facts) const {
        throw FileError(op_, rule, fmt::format("{} in '{}'", facts, path_), at_);
    }
    bool is_gzip() const { return is_gzip_; }
    std::int64_t stored_size() const { return stored_size_; }

    /// Fills the target as far as the data goes and returns how far that is.
    std::size_t read(unsigned char* target, std::size_t size) {
        return is_gzip_ ? read_gzip(target, size) : read_stored(target, size);
    }
    /// Refuses bytes that follow the gzip stream; to be called when all of its data has been read.
    void expect_end_of_file();

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    std::size_t read_stored(unsigned char* target, std::size_t size);
    std::size_t read_gzip(unsigned char* target, std::size_t size);

    std::string_view op_;
    std::string path_;
    Location at_;
    std::unique_ptr<std::FILE, Close> file_;
    std::int64_t stored_size_ = 0;
    bool is_gzip_ = false;
    bool at_end_ = false;
    z_stream stream_{};
    std::array<unsigned char, 1 << 16> packed_;
};

ByteReader::ByteReader(std::string_view op, const std::string& path, Location at) : op_(op), path_(path), at_(at) {
    const auto refuse = [&](std::string_view rule, std::string_view more = {}) {
        throw FileError(op_, rule, fmt::format("'{}'{}", path_, more), at_);
    };
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) refuse("needs a file that exists");
    // A pipe or a device has no size to judge the header by.
    if (!error && !std::filesystem::is_regular_file(status)) refuse("needs a regular file");
    file_.reset(std::fopen(path_.c_str(), "rb"));
    if (!file_) {
        refuse("needs a file that can be opened", fmt::format(" ({})", std::generic_category().message(errno)));
    }
    stored_size_ = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
    if (error) refuse("needs a file with a size", fmt::format(" ({})", error.message()));

    std::array<unsigned char, 2> magic{};
    const bool starts_as_gzip = read_stored(magic.data(), 2) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    std::rewind(file_.get());
    if (starts_as_gzip) {
        constexpr int gzip_only = 16;
        if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK) throw std::bad_alloc();
        is_gzip_ = true;
    }
}

std::size_t ByteReader::read_stored(unsigned char* target, std::size_t size) {
    const std::size_t got = std::fread(target, 1, size, file_.get());
    if (std::ferror(file_.get()) != 0) fail("needs a file that can be read", std::generic_category().message(errno));
    return got;
}

std::size_t ByteReader::read_gzip(unsigned char* target, std::size_t size) {
    std::size_t done = 0;
    while (done < size && !at_end_) {
        if (stream_.avail_in == 0) {
            stream_.next_in = packed_.data();
            stream_.avail_in = static_cast<uInt>(read_stored(packed_.data(), packed_.size()));
        }
        const bool had_input = stream_.avail_in > 0;
        const auto room = static_cast<uInt>(std::min<std::size_t>(size - done, std::numeric_limits<uInt>::max()));
        stream_.next_out = target + done;
        stream_.avail_out = room;
        const int result = inflate(&stream_, Z_NO_FLUSH);
        done += room - stream_.avail_out;
        if (result == Z_STREAM_END) {
            at_end_ = true;
        } else if (result == Z_MEM_ERROR) {
            throw std::bad_alloc();
        } else if (!had_input && stream_.avail_out == room) {
            fail("needs a whole gzip stream", "one that ends early");
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            fail("needs an intact gzip stream", stream_.msg != nullptr ? stream_.msg : "a preset dictionary");
        }
    }
    return done;
}

void ByteReader::expect_end_of_file() {
    if (!is_gzip_) return;
    const std::int64_t left = stream_.avail_in + stored_size_ - std::ftell(file_.get());
    if (left > 0) fail("needs nothing after the gzip stream", fmt::format("{} more bytes", left));
}

struct Header {
    unsigned type = 0;
    Shape shape;
    std::int64_t data_bytes = 0;
};

constexpr unsigned ubyte_type = 0x08, byte_type = 0x09, short_type = 0x0B, int_type = 0x0C, float_type = 0x0D,
                   double_type = 0x0E;

/// 0 if there is no such type.
std::int64_t bytes_of_type(unsigned type) {
    switch (type) {
        case ubyte_type:
        case byte_type:
            return 1;
        case short_type:
            return 2;
        case int_type:
        case float_type:
            return 4;
        case double_type:
            return 8;
        default:
            return 0;
    }
}

/// The most bytes that this many compressed ones are believed to hold. Deflate's longest match makes 258 bytes of
/// 2 bits, so that no stream exceeds 1032 to 1; data worth reading stays far below.
std::int64_t most_inflated(std::int64_t compressed) {
    constexpr std::int64_t longest = 1032, usual = 100, harmless = std::int64_t{1} << 28;
    return std::min(longest * compressed, std::max(harmless, usual * compressed));
}

template <class Raw>
Raw from_big_endian(const unsigned char* bytes) {
    using Bits =
        std::conditional_t<sizeof(Raw) == 1, std::uint8_t,
                           std::conditional_t<sizeof(Raw) == 2, std::uint16_t,
                                              std::conditional_t<sizeof(Raw) == 4, std::uint32_t, std::uint64_t>>>;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(Raw); ++i) bits = bits << 8 | bytes[i];
    return std::bit_cast<Raw>(static_cast<Bits>(bits));
}

Header read_header(ByteReader& reader) {
    std::array<unsigned char, 4> magic{};
    if (const std::size_t got = reader.read(magic.data(), 4); got < 4) {
        reader.fail("needs the 4 bytes that begin an IDX file", std::to_string(got));
    }
    if (magic[0] != 0 || magic[1] != 0) {
        reader.fail("needs an IDX file, which begins with two zero bytes",
                    fmt::format("0x{:02X} 0x{:02X}", magic[0], magic[1]));
    }
    Header header;
    header.type = magic[2];
    header.data_bytes = bytes_of_type(header.type);
    if (header.data_bytes == 0) {
        reader.fail("needs an element type of 0x08, 0x09, 0x0B, 0x0C, 0x0D or 0x0E",
                    fmt::format("0x{:02X}", header.type));
    }
    constexpr unsigned most_axes = 4;
    const unsigned rank = magic[3];
    if (rank < 1 || rank > most_axes) reader.fail("needs 1 to 4 axes", std::to_string(rank));

    std::array<unsigned char, 4 * most_axes> extents{};
    if (const std::size_t got = reader.read(extents.data(), 4 * rank); got < 4 * rank) {
        reader.fail(fmt::format("needs {} bytes of sizes", 4 * rank), std::to_string(got));
    }
    for (unsigned axis = 0; axis < rank; ++axis) {
        const auto extent = from_big_endian<std::int32_t>(&extents[4 * axis]);
        if (extent < 0) {
            reader.fail("needs sizes that are not negative", fmt::format("{} along axis {}", extent, axis));
        }
        header.shape.push_back(extent);
    }
    // An axis without elements must not let the others overflow.
    Shape others = header.shape;
    std::replace(others.begin(), others.end(), std::int64_t{0}, std::int64_t{1});
    if (!is_valid(others)) reader.fail("needs sizes that fit memory", to_string(header.shape));
    header.data_bytes *= header.shape.size();

    if (!reader.is_gzip()) {
        const std::int64_t held = reader.stored_size() - 4 - 4 * static_cast<std::int64_t>(rank);
        if (held != header.data_bytes) {
            reader.fail(fmt::format("needs {} bytes of data for {}", header.data_bytes, to_string(header.shape)),
                        std::to_string(held));
        }
    } else if (header.data_bytes > most_inflated(reader.stored_size())) {
        reader.fail(fmt::format("needs sizes that {} compressed bytes can hold", reader.stored_size()),
                    to_string(header.shape));
    }
    return header;
}

/// Calls take(bytes, count) with the data, piece by piece, each a whole number of elements.
template <class Take>
void read_data(ByteReader& reader, const Header& header, Take&& take) {
    std::array<unsigned char, 1 << 16> piece;
    std::int64_t done = 0;
    const auto refuse = [&](std::string_view facts) {
        reader.fail(fmt::format("needs {} bytes of data for {}", header.data_bytes, to_string(header.shape)), facts);
    };
    while (done < header.data_bytes) {
        const auto wanted = static_cast<std::size_t>(
            std::min<std::int64_t>(static_cast<std::int64_t>(piece.size()), header.data_bytes - done));
        const std::size_t got = reader.read(piece.data(), wanted);
        if (got < wanted) refuse(std::to_string(done + static_cast<std::int64_t>(got)));
        take(piece.data(), got);
        done += static_cast<std::int64_t>(got);
    }
    // Asking for one byte more also makes zlib compare the checksum at the stream's end.
    if (reader.read(piece.data(), 1) > 0) refuse("more");
    reader.expect_end_of_file();
}

template <class T, class Raw>
Tensor read_elements(ByteReader& reader, const Header& header, Location at) {
    auto array = xt::xarray<T>::from_shape(std::vector<std::size_t>(header.shape.begin(), header.shape.end()));
    T* target = array.data();
    read_data(reader, header, [&](const unsigned char* bytes, std::size_t count) {
        for (std::size_t i = 0; i < count; i += sizeof(Raw)) *target++ = from_big_endian<Raw>(bytes + i);
    });
    return Tensor(std::move(array), at);
}

}  // namespace

Tensor read_idx(const std::string& path, Location at) {
    at = Attribution::resolve(at);
    ByteReader reader("read_idx", path, at);
    const Header header = read_header(reader);
    switch (header.type) {
        case ubyte_type:
            return read_elements<std::int32_t, std::uint8_t>(reader, header, at);
        case byte_type:
            return read_elements<std::int32_t, std::int8_t>(reader, header, at);
        case short_type:
            return read_elements<std::int32_t, std::int16_t>(reader, header, at);
        case int_type:
            return read_elements<std::int32_t, std::int32_t>(reader, header, at);
        case float_type:
            return read_elements<float, float>(reader, header, at);
        default:
            return read_elements<double, double>(reader, header, at);
    }
}

IdxBytes read_idx_bytes(const std::string& path, Location at) {
    at = Attribution::resolve(at);
    ByteReader reader("read_idx_bytes", path, at);
    Header header = read_header(reader);
    if (header.type != ubyte_type) {
        reader.fail("needs unsigned bytes, type 0x08", fmt::format("0x{:02X}", header.type));
    }
    IdxBytes result;
    result.bytes.reserve(static_cast<std::size_t>(header.data_bytes));
    read_data(reader, header, [&](const unsigned char* bytes, std::size_t count) {
        result.bytes.insert(result.bytes.end(), bytes, bytes + count);
    });
    result.shape = std::move(header.shape);
    return result;
}

}  // namespace xgrad::nn
