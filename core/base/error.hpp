#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace switchyard {

// What an error says about the world: can the device have acted?
enum class Effect : std::uint8_t { none, possible };

// Every reason that a client can be told. The names are part of protocol version 1 (docs/protocol.md).
enum class Errc : std::uint8_t {
    bad_request,
    unknown_target,
    unsupported_action,
    unauthorized,
    auth_failed,
    unreachable,
    timed_out,
    protocol,
    refused,
    busy,
    cancelled,
    expired,
    superseded,
    indeterminate,
    key_conflict,
    commit_unknown,
    store_unavailable,
    shutting_down,
    not_found,
    internal,
};
inline constexpr std::size_t errc_count = static_cast<std::size_t>(Errc::internal) + 1;

// The code as clients read it: "unknown_target".
std::string_view name(Errc code) noexcept;
// One sentence for people, without a full stop: "no target or device has this name".
std::string_view sentence(Errc code) noexcept;
// The inverse of name(); nothing when the text names no code.
std::expected<Errc, std::string> errc_from(std::string_view text);

struct Error {
    // A constructor, not an aggregate: g++ 12.2 frees aggregate temporaries twice in a co_await expression.
    Error() = default;
    Error(Errc code_, std::string detail_, Effect effect_ = Effect::none)
        : code(code_), effect(effect_), detail(std::move(detail_))
    {
    }

    Errc code = Errc::internal;
    Effect effect = Effect::none;
    std::string detail; // what happened, for people; never a secret

    // "sentence: detail", or one of them when they say the same or the detail is empty.
    std::string message() const;
    friend bool operator==(Error const&, Error const&) = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string detail, Effect effect = Effect::none)
{
    return std::unexpected<Error>(Error(code, std::move(detail), effect));
}

} // namespace switchyard
