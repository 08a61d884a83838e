#include "drivers/ipmitool_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace switchyard {
namespace {

struct Sign {
    std::string_view text;
    Errc code;
};

// Printed before the command could be sent: the effect is none. The first that is found counts.
constexpr std::array before_command{
    Sign{"RAKP 2 HMAC is invalid", Errc::auth_failed},                           // wrong password
    Sign{"RAKP 4 message has invalid integrity check value", Errc::auth_failed}, // wrong Kg
    Sign{": unauthorized name", Errc::auth_failed},
    Sign{": unauthorized role requested", Errc::auth_failed},
    Sign{": invalid role", Errc::auth_failed},
    Sign{"insufficient resources for", Errc::unreachable}, // no session is free; it passes
    Sign{"message indicates an error", Errc::refused},
    Sign{"Error in open session response message", Errc::refused},
    Sign{"Address lookup for", Errc::unreachable},
    Sign{"Could not open socket", Errc::unreachable},
    Sign{"This BMC does not support IPMI v2", Errc::refused},
    Sign{"Invalid user name", Errc::auth_failed},
    Sign{"NULL user name not enabled", Errc::auth_failed},
    Sign{"Requested privilege level exceeds limit", Errc::auth_failed},
    Sign{"due to maximum privilege capacity", Errc::auth_failed},
    Sign{"No session slot available", Errc::unreachable},
    Sign{"limit reached", Errc::unreachable},
    Sign{"Set Session Privilege Level to", Errc::auth_failed},
    Sign{"Activate Session command failed", Errc::auth_failed}, // IPMI 1.5: many BMCs answer a wrong password
                                                                // with silence
    Sign{"Authentication type", Errc::refused},
    Sign{"password is longer than", Errc::auth_failed},
    Sign{"Username is too long", Errc::auth_failed},
    Sign{"Kg key is too long", Errc::auth_failed},
    Sign{"Unsupported cipher suite ID", Errc::bad_request},
    Sign{"Invalid parameter given", Errc::bad_request},
    Sign{"Invalid privilege level", Errc::bad_request},
    Sign{"invalid option", Errc::bad_request},
    Sign{"Interface lan", Errc::internal}, // "Interface lanplus not supported": built without it
    Sign{"Unable to read password", Errc::internal},
    Sign{"Unable to establish", Errc::unreachable},
};

struct Completion {
    std::string_view text;
    Errc code;
    Effect effect;
};

// The BMC's answer to the command (IPMI 2.0 table 5-2). Those after which it may have acted, and texts that
// are not here, keep the worst effect.
constexpr std::array completions{
    Completion{"Node busy", Errc::unreachable, Effect::none},
    Completion{"BMC initialization in progress", Errc::unreachable, Effect::none},
    Completion{"update mode", Errc::unreachable, Effect::none},
    Completion{"Destination unavailable", Errc::unreachable, Effect::none},
    Completion{"Insufficient privilege level", Errc::auth_failed, Effect::none},
    Completion{"Invalid command", Errc::unsupported_action, Effect::none},
    Completion{"Command not supported in present state", Errc::refused, Effect::none},
    Completion{"command disabled", Errc::refused, Effect::none},
    Completion{"Invalid data field in request", Errc::refused, Effect::none},
    Completion{"Parameter out of range", Errc::refused, Effect::none},
    Completion{"Request data", Errc::refused, Effect::none},
    Completion{"Timeout", Errc::timed_out, Effect::possible},
    Completion{"Command response could not be provided", Errc::timed_out, Effect::possible},
};

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
        text.remove_suffix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
        text.remove_prefix(1);
    return text;
}

// Takes the first line from `text`.
std::string_view next_line(std::string_view& text) noexcept
{
    auto const end = std::min(text.find('\n'), text.size());
    auto const line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

std::string_view line_at(std::string_view text, std::size_t at) noexcept
{
    auto const begin = text.rfind('\n', at);
    text.remove_prefix(begin == std::string_view::npos ? 0 : begin + 1);
    return trimmed(next_line(text));
}

// Where the answer to the command starts: the noise of login and discovery, which fails in ways of its own,
// is over.
std::string_view after_discovery(std::string_view text) noexcept
{
    auto const at = text.rfind("Discovered IPMB address");
    return at == std::string_view::npos ? text : text.substr(at);
}

Error ipmitool_says(Errc code, std::string_view line, Effect effect)
{
    return Error(code, fmt::format("ipmitool: {}", line.substr(0, 300)), effect);
}

std::string key_from(std::string_view text)
{
    std::string key;
    for (auto const c : trimmed(text)) {
        auto const letter = static_cast<unsigned char>(c);
        if (std::isalnum(letter) != 0)
            key += static_cast<char>(std::tolower(letter));
        else if (!key.empty() && key.back() != '_')
            key += '_';
    }
    return key;
}

} // namespace

Error ipmitool_error(std::string_view standard_error, Effect worst)
{
    if (!reached_command(standard_error))
        for (auto const& sign : before_command)
            if (auto const at = standard_error.find(sign.text); at != std::string_view::npos)
                return ipmitool_says(sign.code, line_at(standard_error, at), Effect::none);
    auto const answer = after_discovery(standard_error);
    if (auto const at = answer.rfind(" failed: "); at != std::string_view::npos) {
        auto const line = line_at(answer, at);
        for (auto const& completion : completions)
            if (line.find(completion.text) != std::string_view::npos)
                return ipmitool_says(completion.code, line, std::min(worst, completion.effect));
        return ipmitool_says(Errc::refused, line, worst);
    }
    if (auto const at = answer.rfind("Unable to "); at != std::string_view::npos)
        return ipmitool_says(Errc::timed_out, line_at(answer, at), worst); // its words for "no answer"
    auto const end = trimmed(answer);
    return ipmitool_says(
        Errc::protocol, end.empty() ? "it failed without a word" : line_at(end, end.size() - 1), worst);
}

bool wants_other_suite(std::string_view standard_error) noexcept
{
    static constexpr std::array<std::string_view, 6> signs{"invalid authentication algorithm",
        "no matching authentication algorithm", "invalid integrity algorithm",
        "no matching integrity payload", "invalid confidentiality algorithm", "no matching cipher suite"};
    return !reached_command(standard_error) && std::ranges::any_of(signs, [&](auto sign) {
        return standard_error.find(sign) != std::string_view::npos;
    });
}

bool reached_command(std::string_view standard_error) noexcept
{
    return standard_error.find("Discovered IPMB address") != std::string_view::npos;
}

std::optional<PowerState> power_from_ipmitool(std::string_view output) noexcept
{
    while (!output.empty()) {
        auto const line = trimmed(next_line(output));
        if (line == "Chassis Power is on")
            return PowerState::on;
        if (line == "Chassis Power is off")
            return PowerState::off;
    }
    return std::nullopt;
}

json::array blocks_from_ipmitool(std::string_view output)
{
    json::array blocks;
    bool fresh = true; // the next line opens a block
    std::string last;
    while (!output.empty()) {
        auto const line = next_line(output);
        auto const colon = line.find(':');
        auto const indented = line.starts_with(' ') || line.starts_with('\t');
        if (trimmed(line).empty()) {
            fresh = true;
        } else if (colon != std::string_view::npos && !(indented && last.empty())) {
            if (fresh)
                blocks.emplace_back(json::object());
            fresh = false;
            last = key_from(line.substr(0, colon));
            blocks.back().as_object()[last] = trimmed(line.substr(colon + 1));
        } else if (indented && !fresh && !last.empty()) {
            auto& value = blocks.back().as_object()[last];
            if (!value.is_array())
                value = json::array();
            value.get_array().emplace_back(trimmed(line));
        }
    }
    return blocks;
}

} // namespace switchyard
