// expects: a tensor holds bool, integer or floating-point elements
// An element type that no operation takes is refused by name.
#include <complex>

#include <xgrad/graph/tensor.hpp>

#ifdef OK
using Number = double;
#else
using Number = std::complex<double>;
#endif

xgrad::Tensor tensor(const xt::xarray<Number>& array) {
    return array;
}
