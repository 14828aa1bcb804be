// Compiled once per runner: what every test file includes anyway.
#include <boost/test/unit_test.hpp>
#if __has_include(<xgrad/xgrad.hpp>)
#include <xgrad/xgrad.hpp>
#endif
