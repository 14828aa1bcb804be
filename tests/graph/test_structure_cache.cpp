#include <boost/test/unit_test.hpp>

#include <xgrad/graph/run/structure_cache.hpp>

// What is known of graphs is found by all of the structure, and a large one, which takes much memory, is kept only for
// a program that repeats it.

using Cache = xgrad::run::StructureCache<int>;
using Structure = std::vector<std::uint64_t>;

namespace {

const Structure large(std::size_t{2} << 20, 7);

int found(Cache& cache, std::uint64_t hash, const Structure& structure) {
    const int* const value = cache.find(hash, structure);
    return value ? *value : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(structure_cache)

BOOST_AUTO_TEST_CASE(a_structure_is_known_from_the_first_time_on) {
    Cache cache;
    BOOST_TEST(found(cache, 1, {1, 2}) == -1);
    cache.enter(1, Structure{1, 2}, 5);
    BOOST_TEST(found(cache, 1, {1, 2}) == 5);
}

BOOST_AUTO_TEST_CASE(another_structure_of_the_same_hash_is_another) {
    Cache cache;
    cache.enter(1, Structure{1, 2}, 5);
    BOOST_TEST(found(cache, 1, {1, 3}) == -1);
    BOOST_TEST(found(cache, 1, {1, 2, 3}) == -1);
}

BOOST_AUTO_TEST_CASE(a_large_structure_is_known_from_the_second_time_on) {
    Cache cache;
    cache.enter(1, large, 5);
    BOOST_TEST(found(cache, 1, large) == -1);
    cache.enter(1, large, 6);
    BOOST_TEST(found(cache, 1, large) == 6);
}

BOOST_AUTO_TEST_CASE(large_structures_that_come_once_push_nothing_out) {
    Cache cache;
    cache.enter(1, Structure{1}, 5);
    for (std::uint64_t hash = 2; hash < 100; ++hash) cache.enter(hash, large, 0);
    BOOST_TEST(found(cache, 1, {1}) == 5);
}

BOOST_AUTO_TEST_CASE(small_structures_that_come_once_push_no_large_one_out) {
    Cache cache;
    for (int time = 0; time < 2; ++time) cache.enter(1, large, 5);
    for (std::uint64_t hash = 2; hash < 2000; ++hash) cache.enter(hash, Structure{hash}, 0);
    BOOST_TEST(found(cache, 1, large) == 5);
    BOOST_TEST(found(cache, 2, {2}) == -1);
    BOOST_TEST(found(cache, 1999, {1999}) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
