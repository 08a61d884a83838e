#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace switchyard {

// JSON for people: members on lines of their own, indented by two blanks; a short list stays on its line.
std::string pretty_json(boost::json::value const& value);

} // namespace switchyard
