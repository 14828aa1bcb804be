#include <cmath>
#include <vector>

#include "reference_calls.hpp"

using xgrad::all;
using xgrad::DType;
using xgrad::keepdims;
using xgrad::newaxis;
using xgrad::Padding;
using xgrad::range;
using xgrad::Tensor;

namespace reference_calls {

namespace {

Tensor truth(const Tensor& x) {
    return x != 0;
}

/// Indices or labels, which the file holds as numbers.
Tensor whole(const Tensor& x) {
    return astype(x, DType::int64);
}

}  // namespace

const std::map<std::string, Call>& of_arrays() {
    static const std::map<std::string, Call> calls{
        {"softmax", [](Inputs x) { return softmax(x[0], 0); }},
        {"softmax.middle", [](Inputs x) { return softmax(x[0], 1); }},
        {"softmax.last", [](Inputs x) { return softmax(x[0], -1); }},
        {"log_softmax", [](Inputs x) { return log_softmax(x[0], 0); }},
        {"log_softmax.middle", [](Inputs x) { return log_softmax(x[0], 1); }},
        {"log_softmax.last", [](Inputs x) { return log_softmax(x[0], -1); }},
        {"sum", [](Inputs x) { return sum(x[0]); }},
        {"sum.axis", [](Inputs x) { return sum(x[0], 1); }},
        {"sum.axes_kept",
         [](Inputs x) {
             return sum(x[0], {0, 2}, keepdims);
         }},
        {"mean", [](Inputs x) { return mean(x[0]); }},
        {"mean.axis", [](Inputs x) { return mean(x[0], 1); }},
        {"mean.axes_kept",
         [](Inputs x) {
             return mean(x[0], {0, 2}, keepdims);
         }},
        {"amax", [](Inputs x) { return amax(x[0]); }},
        {"amax.axis", [](Inputs x) { return amax(x[0], 1); }},
        {"amax.axes_kept",
         [](Inputs x) {
             return amax(x[0], {0, 2}, keepdims);
         }},
        {"amin", [](Inputs x) { return amin(x[0]); }},
        {"amin.axis", [](Inputs x) { return amin(x[0], 1); }},
        {"amin.axes_kept",
         [](Inputs x) {
             return amin(x[0], {0, 2}, keepdims);
         }},
        {"logsumexp", [](Inputs x) { return logsumexp(x[0]); }},
        {"logsumexp.axis", [](Inputs x) { return logsumexp(x[0], 1); }},
        {"logsumexp.axes_kept",
         [](Inputs x) {
             return logsumexp(x[0], {0, 2}, keepdims);
         }},
        {"variance", [](Inputs x) { return variance(x[0]); }},
        {"variance.axis", [](Inputs x) { return variance(x[0], 1); }},
        {"variance.axes_kept",
         [](Inputs x) {
             return variance(x[0], {0, 2}, keepdims);
         }},
        {"stddev", [](Inputs x) { return stddev(x[0]); }},
        {"stddev.axis", [](Inputs x) { return stddev(x[0], 1); }},
        {"stddev.axes_kept",
         [](Inputs x) {
             return stddev(x[0], {0, 2}, keepdims);
         }},
        {"norm", [](Inputs x) { return norm(x[0]); }},
        {"norm.axis", [](Inputs x) { return norm(x[0], 1); }},
        {"norm.axes_kept",
         [](Inputs x) {
             return norm(x[0], {0, 2}, keepdims);
         }},
        {"variance.sample", [](Inputs x) { return variance(x[0], 1, {}, 1); }},
        {"stddev.sample", [](Inputs x) { return stddev(x[0], 1, {}, 1); }},
        {"amax.ties", [](Inputs x) { return amax(x[0], 1); }},
        {"amin.ties", [](Inputs x) { return amin(x[0], 1); }},
        {"logsumexp.large", [](Inputs x) { return logsumexp(x[0], 1); }},
        {"prod", [](Inputs x) { return prod(x[0]); }},
        {"prod.axis", [](Inputs x) { return prod(x[0], 1); }},
        {"prod.zeros", [](Inputs x) { return prod(x[0], 1, keepdims); }},
        {"norm_lp.0", [](Inputs x) { return norm_lp(x[0], 0, 1); }},
        {"norm_lp.0.5", [](Inputs x) { return norm_lp(x[0], 0.5, 1); }},
        {"norm_lp.1", [](Inputs x) { return norm_lp(x[0], 1, 1); }},
        {"norm_lp.1.5", [](Inputs x) { return norm_lp(x[0], 1.5, 1); }},
        {"norm_lp.2", [](Inputs x) { return norm_lp(x[0], 2, 1); }},
        {"norm_lp.3", [](Inputs x) { return norm_lp(x[0], 3, 1); }},
        {"norm_lp.-2", [](Inputs x) { return norm_lp(x[0], -2, 1); }},
        {"norm_lp.inf", [](Inputs x) { return norm_lp(x[0], HUGE_VAL, 1); }},
        {"norm_lp.-inf", [](Inputs x) { return norm_lp(x[0], -HUGE_VAL, 1); }},
        {"any", [](Inputs x) { return any(truth(x[0]), 1); }},
        {"all", [](Inputs x) { return all(truth(x[0]), 1); }},
        {"any.numbers", [](Inputs x) { return any(x[0]); }},
        {"all.numbers", [](Inputs x) { return all(x[0]); }},
        {"median.odd", [](Inputs x) { return median(x[0], 2); }},
        {"median.even", [](Inputs x) { return median(x[0], 0); }},
        {"median.all", [](Inputs x) { return median(x[0]); }},
        {"argmax", [](Inputs x) { return argmax(x[0], 1); }},
        {"argmin", [](Inputs x) { return argmin(x[0], 0); }},
        {"argmax.all", [](Inputs x) { return argmax(x[0]); }},
        {"argmin.all", [](Inputs x) { return argmin(x[0]); }},
        {"argsort", [](Inputs x) { return argsort(x[0], 1); }},
        {"argsort.descending", [](Inputs x) { return argsort(x[0], 1, true); }},
        {"sort", [](Inputs x) { return sort(x[0]); }},
        {"sort.descending", [](Inputs x) { return sort(x[0], 0, true); }},
        {"topk.values", [](Inputs x) { return topk(x[0], 3).values; }},
        {"topk.indices", [](Inputs x) { return topk(x[0], 2, 0).indices; }},
        {"cumsum", [](Inputs x) { return cumsum(x[0]); }},
        {"cumsum.last", [](Inputs x) { return cumsum(x[0], -1); }},
        {"cumprod", [](Inputs x) { return cumprod(x[0]); }},
        {"cumprod.zeros", [](Inputs x) { return cumprod(x[0], 1); }},
        {"linear_recurrence", [](Inputs x) { return linear_recurrence(x[0], x[1]); }},
        {"transpose", [](Inputs x) { return transpose(x[0]); }},
        {"transpose.axes",
         [](Inputs x) {
             return transpose(x[0], {1, 2, 0});
         }},
        {"reshape",
         [](Inputs x) {
             return reshape(x[0], {4, -1});
         }},
        {"broadcast_to",
         [](Inputs x) {
             return broadcast_to(x[0], {2, 3, 4});
         }},
        {"view",
         [](Inputs x) {
             return view(x[0], {range(1, 2), 2, newaxis, all(-2)});
         }},
        {"concatenate",
         [](Inputs x) {
             return xgrad::concatenate({x[0], x[1], x[0]}, 1);
         }},
        {"flatten", [](Inputs x) { return flatten(x[0]); }},
        {"swapaxes", [](Inputs x) { return swapaxes(x[0], 0, -1); }},
        {"moveaxis",
         [](Inputs x) {
             return moveaxis(x[0], {0, 1}, {2, 0});
         }},
        {"squeeze", [](Inputs x) { return squeeze(x[0]); }},
        {"squeeze.axis", [](Inputs x) { return squeeze(x[0], -1); }},
        {"expand_dims", [](Inputs x) { return expand_dims(x[0], 1); }},
        {"stack",
         [](Inputs x) {
             return xgrad::stack({x[0], x[1]}, 1);
         }},
        {"split", [](Inputs x) { return split(x[0], 3, 1)[1]; }},
        {"split.positions",
         [](Inputs x) {
             return split(x[0], std::vector<std::int64_t>{1, 4}, 1)[1];
         }},
        {"pad",
         [](Inputs x) {
             return pad(x[0], {{1, 0}, {2, 1}});
         }},
        {"pad.constant",
         [](Inputs x) {
             return pad(x[0], {{1, 1}, {0, 1}}, Padding::constant, 2.5);
         }},
        {"pad.edge",
         [](Inputs x) {
             return pad(x[0], {{2, 1}, {0, 3}}, Padding::edge);
         }},
        {"pad.reflect",
         [](Inputs x) {
             return pad(x[0], {{2, 1}, {0, 3}}, Padding::reflect);
         }},
        {"flip", [](Inputs x) { return flip(x[0]); }},
        {"flip.axes",
         [](Inputs x) {
             return flip(x[0], {0, 2});
         }},
        {"roll", [](Inputs x) { return roll(x[0], 2, 1); }},
        {"roll.back", [](Inputs x) { return roll(x[0], -7, 0); }},
        {"repeat", [](Inputs x) { return repeat(x[0], 3, 1); }},
        {"tile",
         [](Inputs x) {
             return tile(x[0], {2, 1, 2});
         }},
        {"meshgrid.first",
         [](Inputs x) {
             return xgrad::meshgrid({x[0], x[1]})[0];
         }},
        {"meshgrid.second",
         [](Inputs x) {
             return xgrad::meshgrid({x[0], x[1]})[1];
         }},
        {"diagonal", [](Inputs x) { return diagonal(x[0], 1); }},
        {"diagonal.axes", [](Inputs x) { return diagonal(x[0], -1, 0, 2); }},
        {"diag", [](Inputs x) { return diag(x[0], 1); }},
        {"diag.matrix", [](Inputs x) { return diag(x[0], -1); }},
        {"tril", [](Inputs x) { return tril(x[0]); }},
        {"tril.offset", [](Inputs x) { return tril(x[0], -1); }},
        {"triu", [](Inputs x) { return triu(x[0]); }},
        {"triu.offset", [](Inputs x) { return triu(x[0], -1); }},
        {"take", [](Inputs x) { return take(x[0], whole(x[1])); }},
        {"take.axis", [](Inputs x) { return take(x[0], whole(x[1]), 1); }},
        {"take_along_axis", [](Inputs x) { return take_along_axis(x[0], whole(x[1]), 1); }},
        {"take_along_axis.broadcast", [](Inputs x) { return take_along_axis(x[0], whole(x[1]), 0); }},
        {"scatter_add", [](Inputs x) { return scatter_add(x[0], whole(x[1]), x[2], 0); }},
        {"masked_select", [](Inputs x) { return masked_select(x[0], truth(x[1])); }},
        {"one_hot", [](Inputs x) { return one_hot(whole(x[0]), 4, x[0].dtype()); }},
        {"matmul", [](Inputs x) { return matmul(x[0], x[1]); }},
        {"matmul.batched", [](Inputs x) { return matmul(x[0], x[1]); }},
        {"matmul.broadcast", [](Inputs x) { return matmul(x[0], x[1]); }},
        {"matmul.vector_left", [](Inputs x) { return matmul(x[0], x[1]); }},
        {"matmul.vector_right", [](Inputs x) { return matmul(x[0], x[1]); }},
        {"matmul.vectors", [](Inputs x) { return matmul(x[0], x[1]); }},
        {"matmul.larger", [](Inputs x) { return matmul(x[0], x[1]); }},
        {"dot", [](Inputs x) { return dot(x[0], x[1]); }},
        {"dot.vectors", [](Inputs x) { return dot(x[0], x[1]); }},
        {"binary_cross_entropy", [](Inputs x) { return binary_cross_entropy(x[0], x[1]); }},
        {"binary_cross_entropy.labels", [](Inputs x) { return binary_cross_entropy(x[0], whole(x[1])); }},
        {"binary_cross_entropy_with_logits", [](Inputs x) { return binary_cross_entropy_with_logits(x[0], x[1]); }},
        {"binary_cross_entropy_with_logits.labels",
         [](Inputs x) { return binary_cross_entropy_with_logits(x[0], whole(x[1])); }},
        {"cross_entropy", [](Inputs x) { return cross_entropy(x[0], whole(x[1])); }},
        {"cross_entropy.distributions", [](Inputs x) { return cross_entropy(x[0], x[1]); }},
    };
    return calls;
}

}  // namespace reference_calls
