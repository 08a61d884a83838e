#pragma once

#include "core/base/ids.hpp"
#include "core/net/http_router.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

// Typed reading of query parameters. Every failure is `bad_request` with a detail that names the parameter
// and what it may be.
namespace switchyard {

// Every parameter is one of `allowed`, and none is given twice.
Result<> check_query(HttpTarget const& target, std::span<std::string_view const> allowed);

std::optional<std::string> query_text(HttpTarget const& target, std::string_view name);
// "30", "1.5", "500ms", "2m": 0 to `most`.
Result<std::optional<std::chrono::milliseconds>> query_duration(
    HttpTarget const& target, std::string_view name, std::chrono::milliseconds most);
Result<std::optional<std::uint64_t>> query_number(
    HttpTarget const& target, std::string_view name, std::uint64_t least, std::uint64_t most);
// "true" or "false"; absent is false.
Result<bool> query_flag(HttpTarget const& target, std::string_view name);
// A segment of the path that should be a command's number; fails with `not_found`.
Result<CommandId> command_id_from(std::string_view text);

} // namespace switchyard
