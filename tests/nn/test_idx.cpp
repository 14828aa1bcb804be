#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <xgrad/nn/idx.hpp>

#include "files.hpp"

using namespace xgrad;
using namespace xgrad::nn;

namespace {

constexpr Location here{"somewhere/train.cpp", 7};

std::string big_endian(std::uint64_t value, int bytes) {
    std::string result;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) result += static_cast<char>(value >> shift & 0xff);
    return result;
}

std::string header(unsigned type, std::initializer_list<std::uint32_t> extents) {
    std::string result{'\0', '\0', static_cast<char>(type), static_cast<char>(extents.size())};
    for (const std::uint32_t extent : extents) result += big_endian(extent, 4);
    return result;
}

/// The folder's file `name`, with these bytes.
struct OneFile {
    explicit OneFile(const std::string& bytes, const std::string& name = "data-idx") : path(folder / name) {
        write_file(path, bytes);
    }
    /// What reading it says, without " at train.cpp:7" and with the folder left out of the file's name.
    std::string error() const {
        std::string text = message_of<FileError>([&] { read_idx(path, here); });
        const std::string where = folder.path().string() + '/';
        BOOST_REQUIRE(text.find(where) != std::string::npos);
        text.erase(text.find(where), where.size());
        const std::string end = " at train.cpp:7";
        BOOST_REQUIRE(text.size() > end.size() && text.substr(text.size() - end.size()) == end);
        return text.substr(0, text.size() - end.size());
    }
    TemporaryFolder folder;
    std::filesystem::path path;
};

template <class T>
std::vector<T> elements(const Tensor& tensor) {
    const auto view = tensor.value<T>();
    return {view.data(), view.data() + view.size()};
}

const std::string six = header(0x08, {2, 3}) + std::string("\x00\x01\x7f\x80\xfe\xff", 6);

}  // namespace

BOOST_AUTO_TEST_SUITE(idx)

BOOST_AUTO_TEST_CASE(unsigned_bytes_plain_and_gzip) {
    for (const std::string& bytes : {six, gzip(six)}) {
        const OneFile file(bytes);
        const Tensor tensor = read_idx(file.path);
        BOOST_TEST(to_string(tensor.shape()) == "(2, 3)");
        BOOST_TEST((tensor.dtype() == DType::int32));
        BOOST_TEST(elements<std::int32_t>(tensor) == (std::vector<std::int32_t>{0, 1, 127, 128, 254, 255}));

        const IdxBytes raw = read_idx_bytes(file.path);
        BOOST_TEST(to_string(raw.shape) == "(2, 3)");
        BOOST_TEST(raw.bytes == (std::vector<std::uint8_t>{0, 1, 127, 128, 254, 255}));
    }
}

BOOST_AUTO_TEST_CASE(every_type) {
    const auto read = [](const std::string& bytes) { return read_idx(OneFile(gzip(bytes)).path); };
    using Ints = std::vector<std::int32_t>;
    constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();

    BOOST_TEST(elements<std::int32_t>(read(header(0x09, {3}) + "\x01\xff\x80")) == (Ints{1, -1, -128}));
    BOOST_TEST(elements<std::int32_t>(read(header(0x0B, {2, 1}) + big_endian(258, 2) + big_endian(0x8000, 2))) ==
               (Ints{258, -32768}));
    BOOST_TEST(elements<std::int32_t>(read(header(0x0C, {1, 2, 1}) + big_endian(16909060, 4) +
                                           big_endian(0x80000000, 4))) == (Ints{16909060, lowest}));
    const Tensor floats = read(header(0x0D, {1, 1, 1, 2}) + big_endian(0x3fc00000, 4) + big_endian(0xff800000, 4));
    BOOST_TEST(to_string(floats.shape()) == "(1, 1, 1, 2)");
    BOOST_TEST(elements<float>(floats) == (std::vector<float>{1.5F, -std::numeric_limits<float>::infinity()}));
    const Tensor doubles = read(header(0x0E, {1}) + big_endian(0x400921fb54442d18, 8));
    BOOST_TEST(elements<double>(doubles) == (std::vector<double>{3.141592653589793}));
}

BOOST_AUTO_TEST_CASE(no_elements) {
    const OneFile file(header(0x08, {0, 28, 28}));
    BOOST_TEST(to_string(read_idx(file.path).shape()) == "(0, 28, 28)");
    BOOST_TEST(read_idx_bytes(file.path).bytes.empty());
}

BOOST_AUTO_TEST_CASE(data_of_many_pieces) {
    std::mt19937 random(3);
    std::string bytes = header(0x0B, {100003});
    std::vector<std::int32_t> expected;
    for (int i = 0; i < 100003; ++i) {
        const auto value = static_cast<std::int16_t>(random());
        expected.push_back(value);
        bytes += big_endian(static_cast<std::uint16_t>(value), 2);
    }
    BOOST_TEST((elements<std::int32_t>(read_idx(OneFile(bytes).path)) == expected));
    BOOST_TEST((elements<std::int32_t>(read_idx(OneFile(gzip(bytes)).path)) == expected));
}

BOOST_AUTO_TEST_CASE(not_a_file) {
    const TemporaryFolder folder;
    const std::string missing = (folder / "train.gz").string();
    const int line = __LINE__ + 1;
    const std::string text = message_of<FileError>([&] { read_idx(missing); });
    BOOST_TEST(text ==
               "read_idx: needs a file that exists, got '" + missing + "' at test_idx.cpp:" + std::to_string(line));
    BOOST_TEST(message_of<FileError>([&] { read_idx_bytes(missing, here); }) ==
               "read_idx_bytes: needs a file that exists, got '" + missing + "' at train.cpp:7");
    BOOST_TEST(message_of<FileError>([&] { read_idx(folder.path(), here); }) ==
               "read_idx: needs a regular file, got '" + folder.path().string() + "' at train.cpp:7");
    BOOST_TEST(message_of<FileError>([&] { read_idx("/dev/null", here); }) ==
               "read_idx: needs a regular file, got '/dev/null' at train.cpp:7");
}

BOOST_AUTO_TEST_CASE(bad_header) {
    BOOST_TEST(OneFile("").error() == "read_idx: needs the 4 bytes that begin an IDX file, got 0 in 'data-idx'");
    BOOST_TEST(OneFile(std::string(3, '\0')).error() ==
               "read_idx: needs the 4 bytes that begin an IDX file, got 3 in 'data-idx'");
    BOOST_TEST(OneFile("\x89PNG\r\n").error() ==
               "read_idx: needs an IDX file, which begins with two zero bytes, got 0x89 0x50 in 'data-idx'");
    BOOST_TEST(OneFile(header(0x0A, {1}) + "x").error() ==
               "read_idx: needs an element type of 0x08, 0x09, 0x0B, 0x0C, 0x0D or 0x0E, got 0x0A in 'data-idx'");
    BOOST_TEST(OneFile(header(0x08, {})).error() == "read_idx: needs 1 to 4 axes, got 0 in 'data-idx'");
    BOOST_TEST(OneFile(header(0x08, {1, 1, 1, 1, 1}) + "x").error() ==
               "read_idx: needs 1 to 4 axes, got 5 in 'data-idx'");
    BOOST_TEST(OneFile(header(0x08, {2, 3}).substr(0, 9)).error() ==
               "read_idx: needs 8 bytes of sizes, got 5 in 'data-idx'");
    BOOST_TEST(OneFile(header(0x08, {2, 0xffffffff})).error() ==
               "read_idx: needs sizes that are not negative, got -1 along axis 1 in 'data-idx'");
    constexpr std::uint32_t most = 0x7fffffff;
    BOOST_TEST(OneFile(header(0x0E, {most, most, most, most})).error() ==
               "read_idx: needs sizes that fit memory, got (2147483647, 2147483647, 2147483647, 2147483647) in "
               "'data-idx'");
    BOOST_TEST(OneFile(header(0x0E, {most, most, most, 0})).error() ==
               "read_idx: needs sizes that fit memory, got (2147483647, 2147483647, 2147483647, 0) in 'data-idx'");
    const OneFile floats(header(0x0D, {1}) + big_endian(0, 4));
    BOOST_TEST(message_of<FileError>([&] { read_idx_bytes(floats.path, here); }) ==
               "read_idx_bytes: needs unsigned bytes, type 0x08, got 0x0D in '" + floats.path.string() +
                   "' at train.cpp:7");
}

BOOST_AUTO_TEST_CASE(wrong_length) {
    BOOST_TEST(OneFile(six.substr(0, 16)).error() == "read_idx: needs 6 bytes of data for (2, 3), got 4 in 'data-idx'");
    BOOST_TEST(OneFile(six + "x").error() == "read_idx: needs 6 bytes of data for (2, 3), got 7 in 'data-idx'");
    BOOST_TEST(OneFile(gzip(six.substr(0, 16))).error() ==
               "read_idx: needs 6 bytes of data for (2, 3), got 4 in 'data-idx'");
    BOOST_TEST(OneFile(gzip(six + "x")).error() ==
               "read_idx: needs 6 bytes of data for (2, 3), got more in 'data-idx'");
    BOOST_TEST(OneFile(header(0x0E, {2}) + std::string(15, 'x')).error() ==
               "read_idx: needs 16 bytes of data for (2,), got 15 in 'data-idx'");
}

BOOST_AUTO_TEST_CASE(bad_gzip) {
    const std::string packed = gzip(six);
    BOOST_TEST(OneFile(packed.substr(0, packed.size() - 12), "x.gz").error() ==
               "read_idx: needs a whole gzip stream, got one that ends early in 'x.gz'");
    // All the data is there; what is cut off is the checksum.
    BOOST_TEST(OneFile(packed.substr(0, packed.size() - 1), "x.gz").error() ==
               "read_idx: needs a whole gzip stream, got one that ends early in 'x.gz'");
    std::string wrong_sum = packed;
    wrong_sum[packed.size() - 6] ^= 1;
    BOOST_TEST(OneFile(wrong_sum, "x.gz").error() ==
               "read_idx: needs an intact gzip stream, got incorrect data check in 'x.gz'");
    std::string wrong_block = packed;
    wrong_block[10] |= 6;
    BOOST_TEST(OneFile(wrong_block, "x.gz").error() ==
               "read_idx: needs an intact gzip stream, got invalid block type in 'x.gz'");
    BOOST_TEST(OneFile(packed + "abc", "x.gz").error() ==
               "read_idx: needs nothing after the gzip stream, got 3 more bytes in 'x.gz'");
    BOOST_TEST(OneFile(packed + packed, "x.gz").error() == "read_idx: needs nothing after the gzip stream, got " +
                                                               std::to_string(packed.size()) + " more bytes in 'x.gz'");
}

BOOST_AUTO_TEST_CASE(cut_anywhere) {
    for (const std::string& bytes : {six, gzip(six)}) {
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            const OneFile file(bytes.substr(0, length));
            BOOST_CHECK_THROW(read_idx(file.path), FileError);
            BOOST_CHECK_THROW(read_idx_bytes(file.path), FileError);
        }
    }
}

BOOST_AUTO_TEST_CASE(any_bit_wrong_in_gzip) {
    // gzip's own header has bits without a meaning for the data; every other one is found out.
    const std::string packed = gzip(six);
    for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
        std::string bytes = packed;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        const OneFile file(bytes);
        if (bit / 8 >= 10) {
            BOOST_CHECK_THROW(read_idx(file.path), FileError);
        } else {
            try {
                BOOST_TEST(to_string(read_idx(file.path).shape()) == "(2, 3)");
            } catch (const FileError&) {
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(more_than_the_file_can_hold) {
    BOOST_TEST(OneFile(header(0x08, {2147483647}) + "abc").error() ==
               "read_idx: needs 2147483647 bytes of data for (2147483647,), got 3 in 'data-idx'");
    const std::string packed = gzip(header(0x08, {60000, 28, 28}) + "abc");
    BOOST_TEST(OneFile(packed, "x.gz").error() == "read_idx: needs sizes that " + std::to_string(packed.size()) +
                                                      " compressed bytes can hold, got (60000, 28, 28) in 'x.gz'");
}

BOOST_AUTO_TEST_CASE(gzip_bombs) {
    // 16 MB of zeros in 16 kB where the header promises 6 bytes: reading ends at the seventh.
    const OneFile overflowing(gzip(header(0x08, {2, 3}) + std::string(1 << 24, '\0')), "bomb.gz");
    BOOST_TEST(overflowing.error() == "read_idx: needs 6 bytes of data for (2, 3), got more in 'bomb.gz'");

    // A size that deflate could just reach, but no data worth reading does.
    std::mt19937 random(5);
    std::string noise(400000, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    const std::string packed = gzip(header(0x0E, {50000000}) + noise);
    BOOST_REQUIRE(packed.size() * 1032 > 400000000);
    BOOST_TEST(OneFile(packed, "bomb.gz").error() == "read_idx: needs sizes that " + std::to_string(packed.size()) +
                                                         " compressed bytes can hold, got (50000000,) in 'bomb.gz'");

    // An honest file packed as tightly as deflate can is read.
    const OneFile zeros(gzip(header(0x08, {1 << 20}) + std::string(1 << 20, '\0')));
    BOOST_TEST(read_idx_bytes(zeros.path).bytes.size() == std::size_t{1} << 20);
}

BOOST_AUTO_TEST_SUITE_END()
