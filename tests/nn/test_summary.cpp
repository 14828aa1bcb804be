#include <boost/test/unit_test.hpp>

#include <xgrad/xgrad.hpp>

#include "support.hpp"

using xgrad::Shape;

BOOST_AUTO_TEST_SUITE(summaries)

BOOST_AUTO_TEST_CASE(of_a_network_are_the_table) {
    xgrad::nn::DeepNetwork net({.units = {784, 128, 10}, .dropout = 0.2});
    const std::int64_t before = xgrad::live_nodes();
    BOOST_TEST(summary(net, Shape{784, 32}).text() ==
               "layer   operations    shape       parameters    memory      FLOPs\n"
               "1       matmul, add   (128, 32)       100480   32.8 kB   6426.6 k\n"
               "        relu          (128, 32)            0   16.4 kB       4096\n"
               "2       matmul, add   (10, 32)          1290    2560 B     82.2 k\n"
               "        softmax       (10, 32)             0    1280 B        320\n"
               "total                                 101770   53.0 kB   6513.3 k\n"
               "parameters take 407.1 kB\n");
    BOOST_TEST(xgrad::live_nodes() == before);
    BOOST_TEST(net.is_training());
    net.eval();
    summary(net, Shape{784, 32});
    BOOST_TEST(!net.is_training());
}

BOOST_AUTO_TEST_CASE(of_images_count_the_filters) {
    namespace nn = xgrad::nn;
    nn::Sequential model(nn::Conv2d(3, 8, 5), nn::ReLU(), nn::Flatten(), nn::Linear(8 * 4 * 4, 10));
    const xgrad::Summary table = xgrad::summary(model, Shape{2, 3, 8, 8});
    std::int64_t parameters = 0;
    for (const xgrad::Tensor& p : model.parameters()) parameters += p.size();
    BOOST_TEST(table.parameters == parameters);
    BOOST_TEST(table.rows[0].ops == "conv2d, add");
    BOOST_TEST(table.rows[0].flops == 2. * (2 * 8 * 4 * 4) * (3 * 5 * 5) + 2 * 8 * 4 * 4);
    BOOST_CHECK_THROW(summary(model, Shape{2, 1, 8, 8}), xgrad::ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
