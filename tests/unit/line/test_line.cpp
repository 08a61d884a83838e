#include "core/net/http_server.hpp"
#include "daemon/frontends/line/line_frontend.hpp"
#include "tests/support/memory_service.hpp"
#include "tests/support/raw_http.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;
using namespace switchyard::test;
using namespace std::chrono_literals;

namespace {

class NoPages final : public HttpHandler {
public:
    asio::awaitable<HttpResponse> handle(HttpRequest const&) override { co_return http_text(404); }
};

class Lines final : public LogSink {
public:
    void write(LogLevel level, std::string_view message, std::span<LogField const> fields) override
    {
        text += to_logfmt(level, message, fields);
    }
    std::string text;
};

// srv1 is a BMC's only system, pdu1 has outlets, db1 is fed twice.
struct LineRig {
    LineRig()
    {
        service.add_device("bmc1");
        service.add_device("pdu1", {"1", "2", "AA1", "on"});
        service.add_target("srv1", {"bmc1"});
        service.add_target("db1", {"pdu1:1", "pdu1:2"});
        REQUIRE(server.listen({"127.0.0.1:0"}));
    }
    ~LineRig() { loop.run(server.stop(Clock::now())); }
    std::string told(std::string_view bytes)
    {
        RawHttp client(loop, server.ports().front());
        client.send(bytes);
        return client.read_to_end();
    }

    Loop loop;
    Lines lines;
    Log log{lines, LogLevel::info};
    MemoryService service{loop.timers};
    LineFrontend frontend{service, log};
    NoPages pages;
    HttpServer server{loop.timers, log, pages, {}, &frontend};
};

// "target outlet action delay off_time", or why not.
std::string parsed(std::string_view text)
{
    auto const request = parse_line(text);
    if (!request)
        return std::string(name(request.error().code)) + ": " + request.error().detail;
    auto const time = [](auto const& value) {
        return value ? std::to_string(value->count()) : std::string("-");
    };
    return request->target + " " + request->outlet.value_or("-") + " " + std::string(name(request->action))
        + " " + time(request->delay) + " " + time(request->off_time);
}

} // namespace

TEST_CASE("A line names a device and a port, or a target")
{
    CHECK(parsed("p1 1 on") == "p1 1 on - -");
    CHECK(parsed("p1 AA1 off") == "p1 AA1 off - -");
    CHECK(parsed("p1 -3 reboot") == "p1 -3 cycle - -");
    CHECK(parsed("srv1 on") == "srv1 - on - -");
    CHECK(parsed("srv1 cycle") == "srv1 - cycle - -");
    CHECK(parsed("p1 on off") == "p1 on off - -");
    CHECK(parsed("  p1 1 on \t\r\n") == "p1 1 on - -");
    CHECK(parsed("böard 1 on") == "böard 1 on - -");
}

TEST_CASE("The delay is before an on or off, and the time that a reboot stays off")
{
    CHECK(parsed("p1 1 on 5") == "p1 1 on 5000 -");
    CHECK(parsed("p1 1 off 0") == "p1 1 off 0 -");
    CHECK(parsed("p1 1 reboot 1") == "p1 1 cycle - 1000");
    CHECK(parsed("srv1 reboot 1.500000") == "srv1 - cycle - 1500");
    CHECK(parsed("srv1 on 7") == "srv1 - on 7000 -");
    CHECK(parsed("p1 1 reboot -1") == "p1 1 cycle - 0");
    CHECK(parsed("p1 1 on 31536000") == "p1 1 on 31536000000 -");
    for (auto const* delay : {"abc", "31536001", "99999999999999999999", "1h", "1e3", ".", "--1", "+1"}) {
        auto const told = parsed(std::string("p1 1 on ") + delay);
        CHECK(told
            == std::string("bad_request: the delay must be seconds up to 31536000, not '") + delay + "'");
    }
}

TEST_CASE("What is no line is told so")
{
    for (auto const* text : {"", " ", "p1", "p1 1", "p1 status", "p1 1 on 1 2", "p1 1 on 1 2 3 4 5 6"})
        CHECK(parsed(text) == "bad_request: HOSTNAME [PORT] on|off|reboot [DELAY]");
    for (auto const* text : {"p1 1 status", "p1 1 ON", "p1 1 status 5", "p1 1 o"})
        CHECK(parsed(text) == "unsupported_action: the commands are on, off, reboot and cycle");
    CHECK(parsed("p1  on") == "bad_request: two blanks in a row; HOSTNAME [PORT] on|off|reboot [DELAY]");
    CHECK(parsed("p1\t1\ton") == "bad_request: the line has a tab or another control character");
    CHECK(parsed("p1 1 on\np1 2 on") == "bad_request: the line has a tab or another control character");
    CHECK(parsed(std::string_view("p1 \0 on", 7))
        == "bad_request: the line has a tab or another control character");
    CHECK(parsed("\xff\xfe") == "bad_request: the line is not UTF-8");
}

TEST_CASE("ack comes after execution")
{
    LineRig rig;
    CHECK(rig.told("pdu1 1 on") == "ack\n");
    CHECK(rig.service.power("pdu1:1") == PowerState::on);
    CHECK(rig.service.last_principal().name == "line");
    CHECK(rig.told("srv1 off\n") == "ack\n");
    CHECK(rig.service.power("bmc1") == PowerState::off);
    CHECK_FALSE(rig.service.last_request().outlet);
    CHECK(rig.told(" bmc1 on \r\n") == "ack\n");
    CHECK(rig.told("db1 reboot 0") == "ack\n");
    CHECK(rig.service.last_request().off_time == 0ms);
    CHECK(rig.lines.text.empty());
}

TEST_CASE("nack tells nothing and the log tells why")
{
    LineRig rig;
    CHECK(rig.told("nosuch 1 on") == "nack\n");
    CHECK(rig.lines.text.find("warning nack to a line line=\"nosuch 1 on\" peer=127.0.0.1:")
        != std::string::npos);
    CHECK(rig.lines.text.find("code=unknown_target") != std::string::npos);
    CHECK(rig.told("pdu1 0 on") == "nack\n");
    CHECK(rig.told("pdu1 1 status\n") == "nack\n");
    rig.service.end_with(CommandState::failed, Error(Errc::unreachable, "no route"));
    CHECK(rig.told("pdu1 1 on") == "nack\n");
    CHECK(rig.lines.text.find("no route") != std::string::npos);
    rig.service.end_with(CommandState::indeterminate, std::nullopt);
    CHECK(rig.told("pdu1 1 on") == "nack\n");
    CHECK(rig.lines.text.find("the command is indeterminate") != std::string::npos);
    rig.service.set_fault(MemoryService::Call::submit, Error(Errc::busy, "the queue is full"));
    CHECK(rig.told("pdu1 1 on") == "nack\n");
    CHECK(rig.lines.text.find("code=busy") != std::string::npos);
}

TEST_CASE("A malformed line gets a sentence and switches nothing")
{
    LineRig rig;
    CHECK(rig.told("pdu1 1\n") == "Unexpected data: HOSTNAME [PORT] on|off|reboot [DELAY]\n");
    CHECK(rig.told("\xff\xfe\n") == "Unexpected data: the line is not UTF-8\n");
    CHECK(rig.told("pdu1 1 off\npdu1 1 on\n") == "Unexpected data: one line a connection\n");
    CHECK(rig.told("pdu1  on\n").starts_with("Unexpected data: two blanks"));
    CHECK(rig.told(std::string(20'000, 'x')) == "Unexpected data: a line may have 16384 bytes\n");
    CHECK(rig.service.submitted() == 0);
    CHECK(rig.lines.text.find("info refused a line peer=127.0.0.1:") != std::string::npos);
}

TEST_CASE("A client that goes away does not take its command along, and a stop tells nack")
{
    LineRig rig;
    rig.service.hold();
    RawHttp client(rig.loop, rig.server.ports().front());
    client.send("pdu1 1 on");
    client.half_close();
    auto const limit = Clock::now() + 10s;
    while (rig.service.submitted() == 0 && Clock::now() < limit)
        rig.loop.run(rig.loop.timers.wait_until(Clock::now() + 1ms));
    rig.loop.run(rig.server.stop(Clock::now()));
    CHECK(client.read_to_end() == "nack\n");
    CHECK(rig.lines.text.find("nobody waits for command 1 any more; it goes on") != std::string::npos);
    auto const report = rig.loop.run(rig.service.look(CommandId{1}));
    REQUIRE(report);
    CHECK(report->state == CommandState::queued);
    rig.service.finish(CommandId{1});
}
