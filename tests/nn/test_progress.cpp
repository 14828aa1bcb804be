#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <xgrad/nn/progress.hpp>

using namespace xgrad;
using namespace xgrad::nn;

using boost::unit_test::precondition;

namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

/// A stream that is not a terminal, and what was written to it.
struct PlainStream {
    std::unique_ptr<std::FILE, Close> file{std::tmpfile()};

    std::string text() const {
        std::string result;
        std::rewind(file.get());
        for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) result += static_cast<char>(c);
        return result;
    }
};

/// A machine without pseudo-terminals (a container that mounts no /dev/pts) cannot run the tests that need one; Boost
/// reports them as skipped.
boost::test_tools::assertion_result machine_has_terminals(boost::unit_test::test_unit_id) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    const bool has = master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0;
    const bool opens = has && access(ptsname(master), R_OK | W_OK) == 0;
    if (master >= 0) close(master);
    boost::test_tools::assertion_result result(opens);
    result.message() << "there are no pseudo-terminals here";
    return result;
}

/// A terminal of a given width, and what was written to it.
class Terminal {
  public:
    explicit Terminal(unsigned short width) : master_(posix_openpt(O_RDWR | O_NOCTTY)) {
        BOOST_REQUIRE(master_ >= 0 && grantpt(master_) == 0 && unlockpt(master_) == 0);
        const int slave = open(ptsname(master_), O_RDWR | O_NOCTTY);
        BOOST_REQUIRE(slave >= 0);
        termios settings{};
        tcgetattr(slave, &settings);
        settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);
        tcsetattr(slave, TCSANOW, &settings);
        resize(width);
        file.reset(fdopen(slave, "w"));
        fcntl(master_, F_SETFL, O_NONBLOCK);
    }
    ~Terminal() { close(master_); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    void resize(unsigned short width) const {
        winsize size{};
        size.ws_col = width;
        size.ws_row = 24;
        ioctl(master_, TIOCSWINSZ, &size);
    }
    std::string text() const {
        std::string result;
        char buffer[4096];
        for (ssize_t got = read(master_, buffer, sizeof buffer); got > 0; got = read(master_, buffer, sizeof buffer)) {
            result.append(buffer, static_cast<std::size_t>(got));
        }
        return result;
    }
    std::unique_ptr<std::FILE, Close> file;

  private:
    int master_;
};

/// What stood in the line, one redraw after the other.
std::vector<std::string> redraws(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text.substr(text.find('\r') + 1));
    for (std::string line; std::getline(stream, line, '\r');) lines.push_back(line);
    return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(plain_lines) {
    const PlainStream stream;
    double now = 10;
    {
        Progress progress(2, 4, 50, stream.file.get(), [&] { return now; });
        for (int step = 0; step < 4; ++step) {
            now += 0.5;
            progress.step(0.7);
        }
        now += 0.5;
        progress.epoch(0.693147, 0.5125);
        for (int step = 0; step < 4; ++step) {
            now += 0.5;
            progress.step();
        }
        now += 0.5;
        progress.epoch(0.25);
    }
    BOOST_TEST(stream.text() ==
               "epoch 1/2  cost 0.693147  accuracy  51.25 %  100 examples/s  2.5 s left\n"
               "epoch 2/2  cost 0.250000  100 examples/s\n"
               "2 epochs in 5.0 s\n");
}

BOOST_AUTO_TEST_CASE(numbers_of_all_sizes) {
    const PlainStream stream;
    double now = 0;
    Progress progress(1000, 1, 1000000, stream.file.get(), [&] { return now; });
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    for (const double cost : {nan, -nan, infinity, 1e-7, 123456.0, 0.0}) {
        now += 60;
        progress.step();
        progress.epoch(cost, 1.0);
    }
    progress.finish();
    progress.finish();
    BOOST_TEST(stream.text() ==
               "epoch    1/1000  cost nan  accuracy 100.00 %  16.7k examples/s  16 h 39 min left\n"
               "epoch    2/1000  cost nan  accuracy 100.00 %  16.7k examples/s  16 h 38 min left\n"
               "epoch    3/1000  cost inf  accuracy 100.00 %  16.7k examples/s  16 h 37 min left\n"
               "epoch    4/1000  cost 1.000000e-07  accuracy 100.00 %  16.7k examples/s  16 h 36 min left\n"
               "epoch    5/1000  cost 1.234560e+05  accuracy 100.00 %  16.7k examples/s  16 h 35 min left\n"
               "epoch    6/1000  cost 0.000000  accuracy 100.00 %  16.7k examples/s  16 h 34 min left\n"
               "6 epochs in 6 min 00 s\n");
}

BOOST_AUTO_TEST_CASE(nothing_done) {
    const PlainStream stream;
    { const Progress progress(3, 0, 0, stream.file.get()); }
    BOOST_TEST(stream.text() == "");
    Progress progress(3, 0, 0, stream.file.get(), [] { return 0.0; });
    progress.finish();
    BOOST_TEST(stream.text() == "0 epochs in 0.0 s\n");
}

BOOST_AUTO_TEST_CASE(one_line_on_a_terminal, *precondition(machine_has_terminals)) {
    const Terminal terminal(80);
    double now = 0;
    Progress progress(2, 4, 250, terminal.file.get(), [&] { return now; });
    for (int step = 0; step < 4; ++step) {
        now += 0.25;
        progress.step(step == 0 ? 0.7 : Progress::unread);
    }
    progress.epoch(0.5, 0.75);
    for (int step = 0; step < 4; ++step) {
        now += 0.25;
        progress.step();
    }
    progress.epoch(0.25, 0.875);
    BOOST_TEST(terminal.text() ==
               "\repoch 1/2 [===>                          ]  cost 0.7000  1000/s  1.8 s left"
               "\repoch 1/2 [=======>                      ]  cost 0.7000  1000/s  1.5 s left"
               "\repoch 1/2 [===========>                  ]  cost 0.7000  1000/s  1.2 s left"
               "\repoch 1/2 [===============>              ]  cost 0.7000  1000/s  1.0 s left"
               "\repoch 2/2 [==========>      ]  cost 0.5000  accuracy 75.0 %  1000/s  0.8 s left"
               "\repoch 2/2 [============>    ]  cost 0.5000  accuracy 75.0 %  1000/s  0.5 s left"
               "\repoch 2/2 [==============>  ]  cost 0.5000  accuracy 75.0 %  1000/s  0.2 s left"
               "\repoch 2/2 [=============================]  cost 0.5000  accuracy 75.0 %  1000/s"
               "\repoch 2/2 [=============================]  cost 0.2500  accuracy 87.5 %  1000/s"
               "\n2 epochs in 2.0 s\n");
}

BOOST_AUTO_TEST_CASE(ten_redraws_a_second, *precondition(machine_has_terminals)) {
    const Terminal terminal(80);
    double now = 0;
    Progress progress(1, 1000, 1, terminal.file.get(), [&] { return now; });
    for (int step = 0; step < 999; ++step) {
        now += 0.001;
        progress.step(1.0);
    }
    const std::size_t drawn = redraws(terminal.text()).size();
    BOOST_TEST(drawn <= 11U);
    BOOST_TEST(drawn >= 9U);
}

BOOST_AUTO_TEST_CASE(narrow_terminals, *precondition(machine_has_terminals)) {
    for (unsigned short width = 1; width < 100; ++width) {
        const Terminal terminal(width);
        double now = 0;
        Progress progress(12, 2, 1000, terminal.file.get(), [&] { return now; });
        for (int epoch = 0; epoch < 3; ++epoch) {
            for (int step = 0; step < 2; ++step) {
                now += 33;
                progress.step(0.123);
            }
            progress.epoch(1e-9, 0.5);
        }
        for (const std::string& line : redraws(terminal.text())) {
            BOOST_TEST(line.size() < width);
            BOOST_TEST(line.find('\n') == std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_terminal_made_narrower, *precondition(machine_has_terminals)) {
    const Terminal terminal(80);
    double now = 0;
    Progress progress(1, 9, 1, terminal.file.get(), [&] { return now += 1; });
    progress.step(1.0);
    terminal.text();
    terminal.resize(20);
    progress.step(1.0);
    for (const std::string& line : redraws(terminal.text())) BOOST_TEST(line.size() < 20U);
}

BOOST_AUTO_TEST_CASE(an_exception_leaves_a_fresh_line, *precondition(machine_has_terminals)) {
    const Terminal terminal(80);
    {
        Progress progress(1, 9, 1, terminal.file.get());
        progress.step(1.0);
    }
    const std::string text = terminal.text();
    BOOST_REQUIRE(!text.empty());
    BOOST_TEST(text.back() == '\n');
}

BOOST_AUTO_TEST_SUITE_END()
