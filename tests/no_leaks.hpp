#pragma once

#include <cstdint>

#include <boost/make_shared.hpp>
#include <boost/test/tree/observer.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>

#include <xgrad/graph/node.hpp>

// Including this in one file of a runner makes every test case of that runner fail that leaves a node alive.

namespace no_leaks {

class Fixture : public boost::unit_test::test_unit_fixture {
  public:
    void setup() override { before_ = xgrad::live_nodes(); }
    void teardown() override {
        const std::int64_t left = xgrad::live_nodes() - before_;
        BOOST_TEST(left == 0, "the test has left " << left << " nodes alive");
    }

  private:
    std::int64_t before_ = 0;
};

/// Gives each test case the fixture when the tests start. An observer alone will not do: when it hears of a test's
/// end, it is too late to let the test fail.
class Observer : public boost::unit_test::test_observer, private boost::unit_test::test_tree_visitor {
  public:
    Observer() { boost::unit_test::framework::register_observer(*this); }
    void test_start(boost::unit_test::counter_t, boost::unit_test::test_unit_id root) override {
        traverse_test_tree(root, *this, true);
    }
    // After Boost's own observer of the start, of priority 0: until that one has been called, Boost 1.74 reads a flag
    // of it that is not initialised, and may end the run with "Test setup error".
    int priority() override { return 1; }

  private:
    void visit(const boost::unit_test::test_case& test) override {
        auto& fixtures = boost::unit_test::framework::get<boost::unit_test::test_case>(test.p_id).p_fixtures.value;
        fixtures.push_back(boost::make_shared<Fixture>());
    }
};

inline Observer observer;

}  // namespace no_leaks
