#include "core/net/deadline.hpp"
#include "core/wire/northbound_json.hpp"
#include "daemon/frontends/http/query.hpp"
#include "daemon/frontends/http/replies.hpp"
#include "daemon/frontends/http/routes.hpp"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

// Server-sent events (WHATWG HTML, section 9.2): every transition of every command, resumable by the id of
// the last one read.
namespace switchyard {

namespace {

class EventStream final : public HttpStream {
public:
    EventStream(HttpContext& context, std::unique_ptr<Subscription> events)
        : context_(context), events_(std::move(events))
    {
        ++context_.event_streams;
    }
    ~EventStream() override { --context_.event_streams; }

    asio::awaitable<std::optional<std::string>> next() override
    {
        // At once, so that the client sees that it is connected; and how long it waits before it comes back.
        if (!std::exchange(begun_, true))
            co_return "retry: 2000\n\n";
        auto const until = Clock::now() + context_.options.event_keep_alive;
        auto event = co_await with_deadline(context_.timers, until, events_->next());
        if (event)
            co_return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", to_string(event->id),
                event->reset ? "reset" : "command", json::serialize(to_json(*event)));
        // Nothing happened: a comment shows both sides that the other one is there.
        if (event.error().code == Errc::timed_out)
            co_return ": keep-alive\n\n";
        co_return std::nullopt;
    }

private:
    HttpContext& context_;
    std::unique_ptr<Subscription> events_;
    bool begun_ = false;
};

// A browser that comes back sends the header beside the URL it had: the header is newer. One that cannot be
// read is as unknown as one that is too old: the service answers both with a reset.
Result<std::optional<EventId>> resume_from(HttpCall const& call)
{
    if (auto const last = call.request.header("Last-Event-ID"))
        return event_id_from(*last).value_or(EventId());
    auto const since = query_text(call.target, "since");
    if (!since)
        return std::nullopt;
    auto const id = event_id_from(*since);
    if (!id)
        return fail(Errc::bad_request,
            fmt::format(
                "query parameter 'since' must be the id of an event such as '7.1042', not '{}'", *since));
    return *id;
}

} // namespace

asio::awaitable<HttpResponse> stream_events(HttpContext& context, HttpCall const& call)
{
    auto const since = resume_from(call);
    if (!since)
        co_return error_reply(since.error());
    if (context.event_streams >= context.options.max_event_streams) {
        Error const full(Errc::busy, fmt::format("{} clients read events already", context.event_streams));
        co_return error_reply(full);
    }
    HttpResponse response(200, "text/event-stream", {});
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("X-Accel-Buffering", "no"); // nginx would hold the events back
    response.stream = std::make_unique<EventStream>(context, context.service.watch(*since));
    co_return response;
}

} // namespace switchyard
