#include "daemon/frontends/http/query.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace switchyard {

namespace {

constexpr std::uint64_t largest_id = (std::uint64_t{1} << 53) - 1;

std::string const* find(HttpTarget const& target, std::string_view name)
{
    auto const found =
        std::ranges::find(target.query, name, [](auto const& pair) { return std::string_view(pair.first); });
    return found == target.query.end() ? nullptr : &found->second;
}

} // namespace

Result<> check_query(HttpTarget const& target, std::span<std::string_view const> allowed)
{
    for (auto i = target.query.begin(); i != target.query.end(); ++i) {
        auto const& name = i->first;
        if (std::ranges::find(allowed, std::string_view(name)) == allowed.end()) {
            auto const choice = allowed.empty() ? std::string("none is allowed here")
                                                : fmt::format("allowed are {}", fmt::join(allowed, ", "));
            return fail(Errc::bad_request,
                fmt::format(
                    "query parameter '{}' is unknown{}; {}", name, did_you_mean(name, allowed), choice));
        }
        if (std::ranges::any_of(
                target.query.begin(), i, [&name](auto const& pair) { return pair.first == name; }))
            return fail(Errc::bad_request, fmt::format("query parameter '{}' is given twice", name));
    }
    return {};
}

std::optional<std::string> query_text(HttpTarget const& target, std::string_view name)
{
    auto const* text = find(target, name);
    return text == nullptr ? std::nullopt : std::optional(*text);
}

Result<std::optional<std::chrono::milliseconds>> query_duration(
    HttpTarget const& target, std::string_view name, std::chrono::milliseconds most)
{
    auto const* text = find(target, name);
    if (text == nullptr)
        return std::nullopt;
    auto const value = parse_duration(*text);
    if (!value || *value > most)
        return fail(Errc::bad_request,
            fmt::format(
                "query parameter '{}' must be a time from 0 to {} such as '30', '1.5' or '500ms', not '{}'",
                name, to_text(most), *text));
    return value;
}

Result<std::optional<std::uint64_t>> query_number(
    HttpTarget const& target, std::string_view name, std::uint64_t least, std::uint64_t most)
{
    auto const* text = find(target, name);
    if (text == nullptr)
        return std::nullopt;
    auto const value = parse_integer(*text);
    if (!value || *value < 0 || static_cast<std::uint64_t>(*value) < least
        || static_cast<std::uint64_t>(*value) > most)
        return fail(Errc::bad_request,
            fmt::format(
                "query parameter '{}' must be a number from {} to {}, not '{}'", name, least, most, *text));
    return static_cast<std::uint64_t>(*value);
}

Result<bool> query_flag(HttpTarget const& target, std::string_view name)
{
    auto const* text = find(target, name);
    if (text == nullptr || *text == "false")
        return false;
    if (*text == "true")
        return true;
    return fail(Errc::bad_request,
        fmt::format("query parameter '{}' must be 'true' or 'false', not '{}'", name, *text));
}

Result<CommandId> command_id_from(std::string_view text)
{
    auto const value = parse_integer(text);
    if (!value || *value <= 0 || static_cast<std::uint64_t>(*value) > largest_id)
        return fail(Errc::not_found, fmt::format("'{}' is not the number of a command", text));
    return CommandId{static_cast<std::uint64_t>(*value)};
}

} // namespace switchyard
