// expects: std::string
// Text is not a tensor.
#include <string>

#include <xgrad/graph/tensor.hpp>

#ifdef OK
const double value = 3;
#else
const std::string value = "3";
#endif

xgrad::Tensor tensor() {
    return value;
}
