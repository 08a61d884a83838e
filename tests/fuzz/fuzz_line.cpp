#include "core/net/http_server_sniff.hpp"
#include "daemon/frontends/line/line_frontend.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// What the first bytes have told holds whatever follows; a line that parses says nothing but what it says.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    using namespace switchyard;
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    std::optional<Protocol> spoken;
    for (std::size_t seen = 0; seen <= std::min<std::size_t>(size, 100); ++seen) {
        auto const now = sniff(text.substr(0, seen));
        if (spoken && now != spoken)
            __builtin_trap();
        spoken = now;
    }
    auto const request = parse_line(text);
    if (!request) {
        if (request.error().detail.empty())
            __builtin_trap();
        return 0;
    }
    auto const line = request->target + (request->outlet ? " " + *request->outlet : std::string());
    auto const begin = text.find_first_not_of(" \t\r\n");
    if (!text.substr(begin).starts_with(line + " ") || line.find('\n') != std::string::npos)
        __builtin_trap();
    if (request->action != Action::on && request->action != Action::off && request->action != Action::cycle)
        __builtin_trap();
    auto const delay = request->delay ? request->delay : request->off_time;
    if (delay && (delay->count() < 0 || *delay > std::chrono::days(365)))
        __builtin_trap();
    // A newline at the end changes nothing.
    auto const again = parse_line(std::string(text) + "\r\n");
    if (!again || again->target != request->target || again->outlet != request->outlet)
        __builtin_trap();
    return 0;
}
