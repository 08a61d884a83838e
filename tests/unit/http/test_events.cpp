#include "tests/unit/http/rig.hpp"

using namespace switchyard;
using namespace switchyard::test;

namespace {

struct Sse {
    std::string id, event, data;
};

// One event as a browser would read it. Each of ours comes in a chunk of its own.
Sse read_event(RawHttp& client)
{
    Sse event;
    client.read_line(); // the size of the chunk
    for (auto line = client.read_line(); !line.empty(); line = client.read_line()) {
        auto const colon = line.find(": ");
        auto& part = line.starts_with("id") ? event.id : line.starts_with("data") ? event.data : event.event;
        part = colon == line.npos ? line : line.substr(colon + 2);
    }
    client.read_line(); // the end of the chunk
    return event;
}

RawHttp open_events(HttpRig& rig, std::string const& query = {}, std::string const& headers = {})
{
    auto client = rig.client();
    client.send("GET /v1/events" + query + " HTTP/1.1\r\n" + headers + "\r\n");
    auto const head = client.reply(true);
    CHECK(head.status() == 200);
    CHECK(head.header("Content-Type") == "text/event-stream");
    CHECK(head.header("Cache-Control") == "no-store");
    CHECK(read_event(client).event == "2000"); // "retry: 2000"
    return client;
}

} // namespace

TEST_CASE("Every transition is sent as it happens")
{
    HttpRig rig;
    auto client = open_events(rig);
    rig.get("/power/control/on?hostname=bmc1");
    for (auto const* state : {"queued", "running", "done"}) {
        auto const event = read_event(client);
        CHECK(event.event == "command");
        auto const data = json::parse(event.data);
        CHECK(data.at("state").as_string() == state);
        CHECK(data.at("command").to_number<int>() == 1);
    }
}

TEST_CASE("A reader goes on after the last event it has seen")
{
    HttpRig rig;
    rig.get("/power/control/on?hostname=bmc1");
    auto by_header = open_events(rig, "", "Last-Event-ID: 1.1\r\n");
    CHECK(read_event(by_header).id == "1.2");
    auto by_query = open_events(rig, "?since=1.2");
    CHECK(read_event(by_query).id == "1.3");
    auto both = open_events(rig, "?since=1.1", "Last-Event-ID: 1.2\r\n");
    CHECK(read_event(both).id == "1.3");
    CHECK(error_of(rig.get("/v1/events?since=now"))
        == "400 bad_request the request is not valid: query parameter 'since' must "
           "be the id of an event such as '7.1042', not 'now'");
}

TEST_CASE("A reader whose place is unknown is told to list again")
{
    HttpRig rig;
    rig.service.set_ring(2);
    rig.get("/power/control/on?hostname=bmc1");
    rig.get("/power/control/on?hostname=bmc1");
    for (auto const* unknown : {"1.1", "9.1", "1.99", "garbage"}) {
        auto client = open_events(rig, "", std::string("Last-Event-ID: ") + unknown + "\r\n");
        auto const event = read_event(client);
        CHECK(event.event == "reset");
        CHECK(event.id == "1.6");
    }
    auto client = open_events(rig, "?since=1.6");
    rig.service.restart();
    rig.service.set_ring(64);
    CHECK(read_event(client).event == "reset");
    rig.get("/power/control/on?hostname=bmc1");
    CHECK(read_event(client).id == "2.1");
}

TEST_CASE("A silent stream is kept alive by comments")
{
    HttpFrontendOptions options;
    options.event_keep_alive = std::chrono::milliseconds(10);
    HttpRig rig(std::move(options));
    auto client = open_events(rig);
    CHECK(client.read_until("\n\n").ends_with(": keep-alive\n\n"));
    rig.service.publish(Event());
    client.read_until("event: command\n");
}

TEST_CASE("A reader that is gone frees its subscription")
{
    HttpFrontendOptions options;
    options.event_keep_alive = std::chrono::milliseconds(10);
    HttpRig rig(std::move(options));
    auto client = open_events(rig);
    CHECK(rig.service.subscriptions() == 1);
    SECTION("by a reset")
    {
        client.reset();
    }
    SECTION("by a close, which the next comment finds out")
    {
        client.close();
    }
    rig.until([&] { return rig.service.subscriptions() == 0 && rig.frontend.stats().open == 0; });
}

TEST_CASE("A reader that takes nothing does not hold the events of the others")
{
    HttpFrontendOptions options;
    options.limits.write_timeout = std::chrono::milliseconds(200);
    HttpRig rig(std::move(options));
    auto slow = open_events(rig);
    slow.take_little();
    auto quick = open_events(rig);
    Event large;
    large.detail.assign(100'000, 'x');
    for (int i = 0; i < 120; ++i) {
        rig.service.publish(large);
        CHECK(read_event(quick).id == "1." + std::to_string(i + 1));
    }
    rig.until([&] { return rig.frontend.stats().timed_out == 1; });
    CHECK(rig.service.subscriptions() == 1);
}

TEST_CASE("Readers of events have a limit")
{
    HttpFrontendOptions options;
    options.max_event_streams = 1;
    HttpRig rig(std::move(options));
    auto client = open_events(rig);
    auto const refused = rig.get("/v1/events");
    CHECK(error_of(refused) == "429 busy the queue is full, try again later: 1 clients read events already");
    CHECK(header(refused, "Retry-After") == "1");
}

TEST_CASE("The end of the service ends the streams")
{
    HttpRig rig;
    auto client = open_events(rig);
    rig.service.shut_down();
    CHECK(client.read_until("0\r\n\r\n") == "0\r\n\r\n");
}
