#include "daemon/frontends/http/replies.hpp"

#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

namespace switchyard {

namespace {

// Seconds; nothing where asking again changes nothing.
std::string_view retry_after(Errc code) noexcept
{
    switch (code) {
    case Errc::busy:
        return "1";
    case Errc::store_unavailable:
    case Errc::shutting_down:
        return "5";
    default:
        return {};
    }
}

} // namespace

unsigned http_status(Errc code) noexcept
{
    switch (code) {
    case Errc::bad_request:
        return 400;
    case Errc::unauthorized:
        return 403;
    case Errc::unknown_target:
    case Errc::not_found:
        return 404;
    case Errc::cancelled:
    case Errc::superseded:
    case Errc::expired:
    case Errc::indeterminate:
        return 409;
    case Errc::unsupported_action:
    case Errc::key_conflict:
        return 422;
    case Errc::busy:
        return 429;
    case Errc::commit_unknown:
    case Errc::internal:
        return 500;
    case Errc::auth_failed:
    case Errc::unreachable:
    case Errc::refused:
    case Errc::protocol:
        return 502;
    case Errc::store_unavailable:
    case Errc::shutting_down:
        return 503;
    case Errc::timed_out:
        return 504;
    }
    return 500;
}

HttpResponse json_reply(unsigned status, json::object const& value)
{
    std::string body = json::serialize(value);
    body.push_back('\n');
    HttpResponse response(status, "application/json", std::move(body));
    return response;
}

HttpResponse error_reply(Error const& error, ErrorSubject const& subject)
{
    return error_reply(http_status(error.code), error, subject);
}

HttpResponse error_reply(unsigned status, Error const& error, ErrorSubject const& subject)
{
    auto object = to_json(error);
    if (!subject.device.empty())
        object.emplace("device", subject.device);
    if (subject.command)
        object.emplace("command", subject.command.value);
    if (error.code == Errc::commit_unknown)
        object.emplace(
            "advice", "send the same request with the same Idempotency-Key again to learn what became of it");
    json::object whole;
    whole.emplace("error", std::move(object));
    auto response = json_reply(status, whole);
    if (auto const seconds = retry_after(error.code); !seconds.empty())
        response.headers.emplace_back("Retry-After", std::string(seconds));
    if (subject.command)
        response.headers.emplace_back("Location", "/v1/commands/" + std::to_string(subject.command.value));
    return response;
}

} // namespace switchyard
