#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

// Pictures, summaries and the ledger of stretches.

using support::count_of;
using support::mentions;
using xgrad::Shape;
using xgrad::Tensor;

namespace {

struct Network {
    Tensor X = name(Tensor(support::draws({2, 40}, 1)), "X");
    Tensor W1 = xgrad::parameter(support::draws({4, 2}, 2), "W1"),
           b1 = xgrad::parameter(support::draws({4, 1}, 3), "b1");
    Tensor W2 = xgrad::parameter(support::draws({1, 4}, 4), "W2"),
           b2 = xgrad::parameter(support::draws({1, 1}, 5), "b2");
    Tensor A1 = name(tanh(matmul(W1, X) + b1), "A1");
    Tensor J = name(sum(square(matmul(W2, A1) + b2)), "J");
};

/// A folder of its own, removed in the end; and a PATH without any programs while it is asked for.
struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("xgrad_draw_" + std::to_string(getpid()));
    std::string search = std::getenv("PATH");
    Folder() { std::filesystem::create_directory(path); }
    ~Folder() {
        setenv("PATH", search.c_str(), 1);
        std::filesystem::remove_all(path);
    }
    void hide_programs() const { setenv("PATH", path.c_str(), 1); }
    std::string file(const std::string& name) const { return (path / name).string(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(explanations)

BOOST_AUTO_TEST_CASE(a_drawing_has_a_node_for_everything_and_a_frame_for_each_layer) {
    const Network net;
    const std::int64_t before = xgrad::live_nodes();
    const std::string dot = draw(net.J).dot();
    BOOST_TEST(xgrad::live_nodes() == before);
    // X, four parameters, two products, two sums, tanh, square, sum.
    BOOST_TEST(count_of(dot, "[label=") == 12u);
    BOOST_TEST(count_of(dot, " -> ") == 11u);
    BOOST_TEST(count_of(dot, "subgraph cluster_") == 2u);
    for (const char* part : {"<B>W1</B>  <FONT COLOR=\"#777777\">(4, 2)</FONT>", "<B>A1</B>  tanh", "<B>J</B>  sum",
                             "test_explain.cpp:", "label=\"layer 2\""}) {
        BOOST_TEST(mentions(dot, part), part << " in\n" << dot);
    }
    BOOST_TEST(!mentions(draw(net.J, {.layers = false}).dot(), "subgraph"));
}

BOOST_AUTO_TEST_CASE(a_drawing_shows_values_and_gradients) {
    const Network net;
    const std::string dot = draw(net.J, {.values = true}).dot();
    const std::string b2 = fmt::format("{:.3g}", net.b2);
    const std::string gradient = fmt::format("{:.3g}", grad(net.J, net.b2));
    BOOST_TEST(mentions(dot, b2), b2);
    BOOST_TEST(mentions(dot, gradient), gradient);
    BOOST_TEST(mentions(dot, "mean "));
    BOOST_TEST(mentions(dot, "█"));
    BOOST_TEST(count_of(dot, "gradient") == 11u);  // all but X
}

BOOST_AUTO_TEST_CASE(a_drawing_of_a_large_graph_is_folded) {
    Tensor t = xgrad::parameter(support::draws({3}, 1), "t");
    Tensor s = t;
    for (int i = 0; i < 5000; ++i) s = i % 2 ? s + t : sin(s);
    const std::string dot = draw(sum(s)).dot();
    BOOST_TEST(count_of(dot, "[label=") <= 300u);
    BOOST_TEST(count_of(dot, "[label=") > 10u);
    BOOST_TEST(mentions(dot, " add, "));

    Tensor A = support::draws({4, 10}, 2);
    for (int l = 1; l <= 30; ++l) {
        A = tanh(matmul(xgrad::parameter(support::draws({4, 4}, 3), "W" + std::to_string(l)), A));
    }
    const std::string layers = draw(sum(A), {.most_nodes = 40}).dot();
    BOOST_TEST(mentions(layers, "<B>layer 30</B>  1 matmul, 1 parameter, 1 tanh"), layers);
    BOOST_TEST(count_of(layers, "[label=") == 32u);  // and the data, and the sum
}

BOOST_AUTO_TEST_CASE(a_drawing_is_saved_with_or_without_graphviz) {
    const Network net;
    const Folder folder;
    BOOST_TEST(draw(net.J).save(folder.file("a.dot")) == folder.file("a.dot"));
    const bool has_dot = std::system("command -v dot > /dev/null") == 0;
    if (has_dot) {
        BOOST_TEST(draw(net.J, {.values = true}).save(folder.file("b.svg")) == folder.file("b.svg"));
        std::ifstream svg(folder.file("b.svg"));
        const std::string text((std::istreambuf_iterator<char>(svg)), {});
        BOOST_TEST(mentions(text, "<svg"));
        BOOST_TEST(mentions(text, ">W1<"));
        BOOST_TEST(!std::filesystem::exists(folder.file("b.dot")));
    }
    folder.hide_programs();
    BOOST_TEST(draw(net.J).save(folder.file("c.png")) == folder.file("c.dot"));
    BOOST_TEST(std::filesystem::exists(folder.file("c.dot")));
    const auto message = [&](const char* file) {
        return support::message_of<xgrad::FileError>([&] { draw(net.J).save(folder.file(file)); });
    };
    BOOST_TEST(message("d.bmp").starts_with("draw: needs a .dot, .svg, .png or .pdf, got "));
    BOOST_TEST(message("no/such/folder.dot").starts_with("draw: cannot write, got "));
}

BOOST_AUTO_TEST_CASE(a_summary_adds_up) {
    const Network net;
    const xgrad::Summary table = summary(net.J);
    BOOST_TEST(table.parameters == 4 * 2 + 4 + 4 + 1);
    BOOST_TEST(table.parameter_bytes == 17 * 8);
    BOOST_TEST(table.rows.size() == 5u);
    BOOST_TEST(table.rows[0].name == "1");
    BOOST_TEST(table.rows[0].ops == "matmul, add");
    BOOST_TEST(table.rows[0].parameters == 12);
    BOOST_TEST(table.rows[0].flops == 2. * 4 * 2 * 40 + 4 * 40);
    BOOST_TEST(table.rows[1].name == "A1");
    BOOST_TEST(table.rows[1].bytes == 4 * 40 * 8);
    double flops = 0;
    for (const xgrad::SummaryRow& row : table.rows) flops += row.flops;
    BOOST_TEST(table.flops == flops);
    BOOST_TEST(mentions(table.text(), "total "), table.text());
    // One that is used twice counts once.
    BOOST_TEST(summary(sum(net.W1 * net.W1 + net.W1)).parameters == 8);
}

BOOST_AUTO_TEST_CASE(what_explains_is_printed_as_it_is) {
    const Network net;
    const xgrad::Summary table = summary(net.J);
    const xgrad::Derivation equations = derivation(net.J, {net.W1});
    BOOST_TEST(fmt::format("{}", table) == table.text());
    BOOST_TEST(fmt::format("{}", equations) == equations.text());
    BOOST_TEST(fmt::format("{}", broadcasts(net.J)) == to_string(broadcasts(net.J)));
    std::ostringstream stream;
    stream << table << equations;
    BOOST_TEST(stream.str() == table.text() + equations.text());
}

BOOST_AUTO_TEST_CASE(every_stretch_is_listed) {
    const Network net;
    const std::vector<xgrad::Broadcast> found = broadcasts(net.J);
    BOOST_TEST(found.size() == 2u);
    BOOST_TEST(found[0].name == "b1");
    BOOST_TEST(found[0].op == "add");
    BOOST_TEST(found[0].from == Shape(4, 1));
    BOOST_TEST(found[0].to == Shape(4, 40));
    BOOST_TEST(!found[0].is_two_way);
    BOOST_TEST(found[0].doubt.empty());
    BOOST_TEST(mentions(to_string(found), "b1 (4, 1)   over 40 columns\n"), to_string(found));
    BOOST_TEST(broadcasts(2 * sum(net.W1 + 1)).empty());
}

BOOST_AUTO_TEST_CASE(suspicious_stretches_are_told) {
    const Tensor Y = name(Tensor(support::draws({5}, 1)), "Y");
    const Tensor A = name(xgrad::parameter(support::draws({5, 1}, 2)), "A");
    const Tensor row = name(Tensor(support::draws({1, 5}, 3)), "r");
    const auto doubts = [](const Tensor& J) {
        std::string text;
        for (const xgrad::Broadcast& stretch : broadcasts(J)) text += "[" + stretch.doubt + "]";
        return text;
    };
    BOOST_TEST(doubts(sum(A - Y)) == "[][rank 1; meant reshape(Y, {5, 1})?]");
    BOOST_TEST(doubts(sum(A - row)) == "[two ways; meant reshape(A, {1, 5})?][two ways; meant reshape(r, {5, 1})?]");
    BOOST_TEST(doubts(sum(xgrad::parameter(support::draws({3, 5}, 4)) - Y)) == "[rank 1; meant reshape(Y, {1, 5})?]");
}

/// The page as a browser has made it; empty where there is no Chromium.
std::string seen_by_browser(const Folder& folder, const std::string& page, const std::string& fragment) {
    if (std::system("command -v chromium > /dev/null") != 0) return "";
    const std::string file = folder.file("page.html"), seen = folder.file("seen.html");
    std::ofstream(file) << page;
    const std::string profile = " --user-data-dir=" + folder.file("profile");
    const std::string command = "timeout 60 chromium --headless --no-sandbox --disable-gpu" + profile +
                                " --dump-dom 'file://" + file + fragment + "' > " + seen + " 2> /dev/null";
    if (std::system(command.c_str()) != 0) return "";
    std::ifstream stream(seen);
    return std::string((std::istreambuf_iterator<char>(stream)), {});
}

BOOST_AUTO_TEST_CASE(a_walkthrough_goes_forward_and_back) {
    const Network net;
    const Folder folder;
    const std::string page = walkthrough(net.J, {net.W1, net.b1, net.W2, net.b2});
    BOOST_TEST(count_of(page, "backward:false") == 4u);  // Z1, A1, Z2, J
    BOOST_TEST(count_of(page, "backward:true") == 6u);
    BOOST_TEST(count_of(page, "http") == 1u);  // the name of SVG; nothing is fetched
    const std::string gradient = fmt::format("{:.3g}", grad(net.J, net.b2));
    BOOST_TEST(mentions(page, gradient), gradient);
    const std::string seen = seen_by_browser(folder, page, "#8");
    if (seen.empty()) return;
    BOOST_TEST(mentions(seen, "step 8 of 10, backward, m = 40"), seen);
    BOOST_TEST(mentions(seen, "∂Z1 = W2ᵀ ∂Z2 * (1 − A1²)   (4, 40)"), seen);
    BOOST_TEST(count_of(seen, "class=\"value  now ") == 1u);
    BOOST_TEST(count_of(seen, "class=\"later\"") == 2u);  // ∂W1 and ∂b1 are still to come
}

/// n layers of one unit, each with a name and a weight of its own, or without names.
struct Chain {
    Chain(int layers, bool has_names) {
        Tensor A = xgrad::name(Tensor(support::draws({1, 2}, 2)), "X");
        for (int layer = 1; layer <= layers; ++layer) {
            const std::string number = std::to_string(layer);
            if (has_names || layer == 1) W.push_back(xgrad::parameter(support::draws({1, 1}, 1), "W" + number));
            A = tanh(matmul(W.back(), A));
            if (has_names) A = xgrad::name(A, "A" + number);
        }
        J = xgrad::name(mean(A), "J");
    }
    std::vector<Tensor> W;
    Tensor J;
};

BOOST_AUTO_TEST_CASE(a_walkthrough_of_a_large_graph_is_refused_before_it_is_computed) {
    const Chain chain(400, true);
    const std::string text = support::message_of<xgrad::ValueError>([&] { walkthrough(chain.J, chain.W); });
    const std::string place = " at test_explain.cpp:" + std::to_string(__LINE__ - 1);
    BOOST_TEST(text == "walkthrough: needs a graph of at most 1000 steps, got 1601" + place +
                           "; draw() folds one of any size; WalkthroughOptions::most_steps asks for more");
    BOOST_TEST(bool(chain.J.node()->is_computed) == xgrad::is_eager());
    // Asked for, it comes, and is of a size that a browser takes.
    const std::string page = walkthrough(chain.J, chain.W, {.most_steps = 1601});
    BOOST_TEST(count_of(page, "backward:false,") + count_of(page, "backward:true,") == 1601u);
    BOOST_TEST(page.size() < 1000u * 1000u);
    // What one would draw comes without being asked for.
    const Chain fifty(50, true);
    BOOST_TEST(walkthrough(fifty.J, fifty.W).size() < 200u * 1000u);
    const Chain without_names(50000, false);
    const std::string of_nodes =
        support::message_of<xgrad::ValueError>([&] { walkthrough(without_names.J, without_names.W); });
    BOOST_TEST(of_nodes.starts_with("walkthrough: needs a graph of at most 20000 operations and values, got 100"),
               of_nodes);
}

BOOST_AUTO_TEST_CASE(a_derivation_is_a_page) {
    const Network net;
    const Folder folder;
    const std::string page = derivation(net.J, {net.W1, net.b1}).html();
    BOOST_TEST(count_of(page, "http") == 0u);
    BOOST_TEST(mentions(page, "<td class=\"value\">W1 X + b1</td>"), page);
    const std::string seen = seen_by_browser(folder, page, "");
    if (seen.empty()) return;
    BOOST_TEST(mentions(seen, "<span class=\"symbol\">W1</span> <span class=\"symbol\">X</span>"), seen);
    BOOST_TEST(mentions(seen, "<span class=\"symbol\">∂Z1</span>"), seen);
}

BOOST_AUTO_TEST_SUITE_END()
