#include "core/net/http_router.hpp"

#include "core/base/text.hpp"

#include <algorithm>

namespace switchyard {

namespace {

int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

Result<std::string> decode(std::string_view text, bool plus_is_blank)
{
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            decoded.push_back(' ');
        } else if (text[i] != '%') {
            decoded.push_back(text[i]);
        } else {
            int const high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            int const low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail(Errc::bad_request, "'%' in the URL is not followed by two hexadecimal digits");
            decoded.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        }
    }
    if (!is_utf8(decoded))
        return fail(Errc::bad_request, "the URL is not UTF-8 once decoded");
    return decoded;
}

std::string_view take_until(std::string_view& text, char separator) noexcept
{
    auto const end = std::min(text.find(separator), text.size());
    auto const part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

// Calls `take` with each part between separators; "a/" has two.
template <class Take>
Result<> for_each_part(std::string_view text, char separator, Take take)
{
    for (;;) {
        bool const last = text.find(separator) == text.npos;
        if (auto done = take(take_until(text, separator)); !done)
            return done;
        if (last)
            return {};
    }
}

bool matches(std::string_view pattern, std::span<std::string const> path)
{
    pattern.remove_prefix(1);
    for (std::size_t i = 0;; ++i) {
        bool const last = pattern.find('/') == pattern.npos;
        auto const want = take_until(pattern, '/');
        if (i == path.size() || (want.starts_with('{') ? path[i].empty() : path[i] != want))
            return false;
        if (last)
            return i + 1 == path.size();
    }
}

std::vector<std::string> parameters_of(std::string_view pattern, std::span<std::string const> path)
{
    std::vector<std::string> values;
    pattern.remove_prefix(1);
    for (auto const& segment : path)
        if (take_until(pattern, '/').starts_with('{'))
            values.push_back(segment);
    return values;
}

} // namespace

std::optional<std::string_view> HttpTarget::first(std::string_view name) const noexcept
{
    for (auto const& [key, value] : query)
        if (key == name && !value.empty())
            return value;
    return std::nullopt;
}

Result<HttpTarget> parse_http_target(std::string_view target)
{
    HttpTarget parsed;
    auto rest = target.substr(0, target.find('#'));
    auto path = take_until(rest, '?');
    if (path.starts_with('/'))
        path.remove_prefix(1);
    auto done = for_each_part(path, '/', [&parsed](std::string_view segment) -> Result<> {
        auto text = decode(segment, false);
        if (!text)
            return std::unexpected(std::move(text.error()));
        parsed.path.push_back(std::move(*text));
        return {};
    });
    if (!done)
        return std::unexpected(std::move(done.error()));
    done = for_each_part(rest, '&', [&parsed](std::string_view pair) -> Result<> {
        auto const name = decode(take_until(pair, '='), true);
        auto const value = decode(pair, true);
        if (!name || !value)
            return std::unexpected(name ? value.error() : name.error());
        if (!name->empty())
            parsed.query.emplace_back(*name, *value);
        return {};
    });
    if (!done)
        return std::unexpected(std::move(done.error()));
    return parsed;
}

HttpRouteMatch find_http_route(
    std::span<HttpRoute const> routes, std::string_view method, std::span<std::string const> path)
{
    HttpRouteMatch match;
    for (std::size_t i = 0; i < routes.size(); ++i) {
        if (!matches(routes[i].path, path))
            continue;
        if (routes[i].method == method) {
            match.route = i;
            match.parameters = parameters_of(routes[i].path, path);
            match.allow.clear();
            return match;
        }
        match.allow.append(match.allow.empty() ? "" : ", ").append(routes[i].method);
    }
    return match;
}

} // namespace switchyard
