#pragma once

#include <string_view>

namespace switchyard {

// Of all programs; a test compares it with the project's version in CMakeLists.txt.
inline constexpr std::string_view version = "0.1.0";

} // namespace switchyard
