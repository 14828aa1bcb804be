#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <zlib.h>

/// A folder of its own for a test, gone with everything in it when the test ends.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "xgrad-test-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    BOOST_REQUIRE(file.good());
}

/// The bytes as a gzip file holds them.
inline std::string gzip(const std::string& bytes) {
    TemporaryFolder folder;
    const std::string path = (folder / "packed").string();
    gzFile file = gzopen(path.c_str(), "wb6");
    BOOST_REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
    BOOST_REQUIRE(gzclose(file) == Z_OK);
    std::ifstream packed(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(packed), std::istreambuf_iterator<char>()};
}

/// What `call` throws as an E says; fails the test if it throws nothing.
template <class E, class Call>
std::string message_of(Call&& call) {
    try {
        call();
    } catch (const E& error) {
        return error.what();
    }
    BOOST_ERROR("nothing was thrown");
    return {};
}
