#include <xgrad/ops/kernels/onednn.hpp>

#include <dlfcn.h>

#include <cstdlib>
#include <string_view>

namespace xgrad::kernels {

OnednnSgemm onednn_sgemm() {
    static const OnednnSgemm found = []() -> OnednnSgemm {
        const char* wanted = std::getenv("XGRAD_ONEDNN");
        if (wanted && std::string_view(wanted) == "0") return nullptr;
        // The function is the same in both versions, and has been since 1.0.
        for (const char* name : {"libdnnl.so.3", "libdnnl.so.2"}) {
            if (void* library = dlopen(name, RTLD_LAZY | RTLD_LOCAL)) {
                return reinterpret_cast<OnednnSgemm>(dlsym(library, "dnnl_sgemm"));
            }
        }
        return nullptr;
    }();
    return found;
}

}  // namespace xgrad::kernels
