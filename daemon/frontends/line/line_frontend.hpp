#pragma once

#include "core/base/log.hpp"
#include "core/net/line_handler.hpp"
#include "daemon/service.hpp"

namespace switchyard {

// "HOSTNAME [PORT] COMMAND [DELAY]". With a port HOSTNAME is a device, without one a target, then a device
// with one system. COMMAND is on, off, reboot or cycle; DELAY is in seconds (0 to a year; a negative one has
// always meant 0), before an on or off, or that a reboot stays off. A single blank parts the words, so that
// a script's empty $PORT is an error and not a command to all that HOSTNAME stands for. Fails with
// `bad_request` for a malformed line and with `unsupported_action` for an unknown command.
Result<Request> parse_line(std::string_view text);

// PDUDaemon's line protocol: "ack" after the command was executed, "nack" when it was refused or failed, and
// a sentence for a malformed line. What its clients never hear, the reason, is in the log.
// docs/line-protocol.md is the reference.
class LineFrontend final : public LineHandler {
public:
    LineFrontend(PowerService& service, Log& log) : service_(service), log_(log) {}

    bool complete(std::string_view text) const override { return parse_line(text).has_value(); }
    asio::awaitable<std::string> line(std::string text, std::string peer) override;
    std::string refusal(std::string_view reason, std::string_view peer) override;

private:
    asio::awaitable<Result<>> carry_out(Request request);

    PowerService& service_;
    Log& log_;
    Principal const principal_{"line"};
};

} // namespace switchyard
