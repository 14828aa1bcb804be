// The entry of every test runner. Boost's own, which BOOST_TEST_MODULE makes, cannot follow a precompiled header.
#include <boost/test/unit_test.hpp>

int main(int count, char** arguments) {
    const auto start = [] {
        boost::unit_test::framework::master_test_suite().p_name.value = "xgrad";
        return true;
    };
    return boost::unit_test::unit_test_main(start, count, arguments);
}
