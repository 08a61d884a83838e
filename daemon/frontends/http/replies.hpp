#pragma once

#include "core/net/http_server_message.hpp"
#include "core/wire/northbound.hpp"

namespace switchyard {

// The HTTP status that tells an error (the table is in docs/http-api.md).
unsigned http_status(Errc code) noexcept;

// What an error is about, as far as it is known.
struct ErrorSubject {
    ErrorSubject() = default;
    explicit ErrorSubject(std::string device_) : device(std::move(device_)) {}
    explicit ErrorSubject(CommandId command_) : command(command_) {}
    std::string device;
    CommandId command;
};

HttpResponse json_reply(unsigned status, json::object const& value);
// {"error": {"code", "message", "detail", "effect", "device", "command"}}, with Retry-After where waiting
// helps.
HttpResponse error_reply(Error const& error, ErrorSubject const& subject = ErrorSubject());
HttpResponse error_reply(unsigned status, Error const& error, ErrorSubject const& subject = ErrorSubject());

} // namespace switchyard
