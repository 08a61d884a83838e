#pragma once

#include "core/base/error.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

// A request target taken apart. It is split first and decoded then, so that "rack%2f7" is one segment.
struct HttpTarget {
    std::vector<std::string> path;                          // "/v1/devices/" is {"v1", "devices", ""}
    std::vector<std::pair<std::string, std::string>> query; // in the order given

    // The first value of this name that is not blank.
    std::optional<std::string_view> first(std::string_view name) const noexcept;
};
// Fails with `bad_request` for a malformed escape and for text that is not UTF-8 once decoded. "+" is a blank
// in the query.
Result<HttpTarget> parse_http_target(std::string_view target);

struct HttpRoute {
    std::string_view method;
    std::string_view path; // "/v1/devices/{name}/release": a segment in braces takes any text that is not
                           // empty
};

struct HttpRouteMatch {
    std::optional<std::size_t> route;    // index in the table
    std::vector<std::string> parameters; // what the segments in braces took, in their order
    std::string allow;                   // when only the method is wrong: those there are, "GET, POST"
};
HttpRouteMatch find_http_route(
    std::span<HttpRoute const> routes, std::string_view method, std::span<std::string const> path);

} // namespace switchyard
