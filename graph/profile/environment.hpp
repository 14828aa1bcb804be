#pragma once

namespace xgrad::profile {

/// If XGRAD_PROFILE is set, neither empty nor 0: profiles everything from here to the end of the process, then prints
/// the table to the standard error stream and writes a trace, to xgrad-trace.json or to the path that it says.
void begin_if_environment_says_so();

}  // namespace xgrad::profile
