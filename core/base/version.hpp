#pragma once

#include <string_view>

namespace switchyard {

// Of all programs, and of the project: CMakeLists.txt reads it here.
inline constexpr std::string_view version = "0.1.0";

} // namespace switchyard
