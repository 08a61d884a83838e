#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard {

enum class Protocol : std::uint8_t { http, line };

// What the first bytes of a connection speak; nothing while both are possible. HTTP is a method, one blank,
// and a target: "/...", "*", or an http URI (RFC 9112 section 3). TLS counts as HTTP, whose parser tells such
// a client what it meets.
std::optional<Protocol> sniff(std::string_view first_bytes) noexcept;

} // namespace switchyard
