#pragma once

#include "core/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

inline constexpr std::size_t host_range_limit = 65'536; // names
inline constexpr std::size_t host_name_limit = 255;     // bytes of one name

// The names that a host range stands for, each once, in the order of writing: "rack1-[01-20,31]",
// "pdu[1-3]:[1-8]", "a,b[1-2]". Brackets hold numbers and ranges of numbers; "01-20" pads as it is written.
// Several brackets multiply, the last one runs fastest. Blanks around a name are not part of it. Fails with
// `bad_request` and a detail that names the character (from 1) for a reversed range, brackets that do not
// match, ends that are padded differently, an empty name, a name of more than host_name_limit bytes, and more
// than host_range_limit names.
Result<std::vector<std::string>> expand_hosts(std::string_view text);

// The inverse, for summaries: a short range that stands for exactly these names, in no particular order.
// Names that contain brackets or commas appear as they are.
std::string fold_hosts(std::vector<std::string> names);

} // namespace switchyard
