#include "tests/unit/http/rig.hpp"

using namespace switchyard;
using namespace switchyard::test;

namespace {

std::string const on = "/power/control/on";

// Status, body and reason in one line.
std::string told(HttpResponse const& response)
{
    auto const reason = header(response, "X-Switchyard-Error");
    CHECK(response.content_type == "text/plain; charset=utf-8");
    return std::to_string(response.status) + "|" + response.body + (reason.empty() ? "" : "|" + reason);
}

} // namespace

TEST_CASE("PDUDaemon's URLs switch and answer after execution")
{
    HttpRig rig;
    auto const first = rig.get(on + "?hostname=pdu1&port=1");
    CHECK(told(first) == "200|OK - accepted request\n");
    CHECK(header(first, "X-Switchyard-Command") == "1");
    CHECK(rig.service.power("pdu1:1") == PowerState::on);
    CHECK(told(rig.get("/power/control/off?hostname=pdu1&port=1")) == "200|OK - accepted request\n");
    CHECK(rig.service.power("pdu1:1") == PowerState::off);
    CHECK(told(rig.get("/power/control/reboot?hostname=pdu1&port=1")) == "200|OK - accepted request\n");
    CHECK(rig.service.last_request().action == Action::cycle);
    CHECK(rig.service.last_principal().name == "http");
}

TEST_CASE("A hostname without a port is a target, then a device with one system; an alias is a target")
{
    HttpRig rig;
    for (auto const* query :
        {"?alias=db1", "?hostname=db1", "?hostname=bmc1", "?hostname=%62mc1", "?hostname=rack%2f7"})
        CHECK(told(rig.get(on + query)) == "200|OK - accepted request\n");
    CHECK(rig.service.power("pdu1:2") == PowerState::on);
    CHECK_FALSE(rig.service.last_request().outlet);
    CHECK(told(rig.get(on + "?hostname=db1&port=1"))
        == "500|Invalid request\n|unknown_target: no target or device has this name: 'db1'");
}

TEST_CASE("A port is the name of an outlet, whatever it looks like")
{
    HttpRig rig;
    rig.service.add_device("p2", {"0", "-1", "01", "abc", "1;touch /tmp/x;"});
    for (auto const* port : {"0", "-1", "01", "abc", "1;touch%20/tmp/x;"})
        CHECK(told(rig.get(on + "?hostname=p2&port=" + port)) == "200|OK - accepted request\n");
    CHECK(rig.service.last_request().outlet == "1;touch /tmp/x;");
}

TEST_CASE("The first occurrence counts, a blank one does not, and unknown ones are passed over")
{
    HttpRig rig;
    CHECK(rig.get(on + "?hostname=pdu1&port=1&port=2&hostname=nosuch").status == 200);
    CHECK(rig.service.last_request().outlet == "1");
    CHECK(rig.get(on + "?hostname=bmc1&port=&alias=&delay=&x=y&&=").status == 200);
    CHECK(rig.service.last_request().target == "bmc1");
    CHECK_FALSE(rig.service.last_request().delay);
}

TEST_CASE("What PDUDaemon calls invalid keeps its text and gains a reason")
{
    HttpRig rig;
    auto const refused = [&rig](std::string const& query) { return told(rig.get(on + query)); };
    std::string const invalid = "500|Invalid request\n|";
    CHECK(refused("?alias=db1&hostname=pdu1&port=1")
        == invalid + "bad_request: the request is not valid: alias excludes hostname and port");
    CHECK(refused("?alias=db1&port=1")
        == invalid + "bad_request: the request is not valid: alias excludes hostname and port");
    CHECK(
        refused("?alias=nosuch") == invalid + "unknown_target: no target or device has this name: 'nosuch'");
    CHECK(refused("?hostname=nosuch&port=1")
        == invalid + "unknown_target: no target or device has this name: 'nosuch'");
    CHECK(refused("?hostname=pdu1")
        == invalid + "unknown_target: no target or device has this name: device 'pdu1' has no outlet ''");
    CHECK(refused("") == invalid + "bad_request: the request is not valid: hostname or alias is missing");
    CHECK(refused("?port=1")
        == invalid + "bad_request: the request is not valid: hostname or alias is missing");
    CHECK(refused("?HOSTNAME=pdu1&port=1")
        == invalid + "bad_request: the request is not valid: hostname or alias is missing");
    CHECK(refused("?hostname=%zz")
        == invalid
            + "bad_request: the request is not valid: '%' in the URL is not followed by two hexadecimal "
              "digits");
    CHECK(refused("?hostname=bmc1&delay=abc")
        == invalid
            + "bad_request: the request is not valid: delay must be a whole number of seconds up to "
              "31536000, not 'abc'");
    CHECK(refused("?hostname=bmc1&delay=1.5")
        == invalid
            + "bad_request: the request is not valid: delay must be a whole number of seconds up to "
              "31536000, not '1.5'");
    CHECK(refused("?hostname=bmc1&delay=99999999999").starts_with(invalid + "bad_request:"));
}

TEST_CASE("The status of an invalid request is a matter of configuration")
{
    HttpFrontendOptions options;
    options.legacy_invalid_status = 503;
    HttpRig rig(std::move(options));
    CHECK(rig.get(on).status == 503);
}

TEST_CASE("delay waits before on and off, and is the off time of a reboot")
{
    VirtualTime time;
    HttpRig rig;
    rig.loop.use(time);
    auto const begin = Clock::now();
    CHECK(rig.get(on + "?hostname=bmc1&delay=90").status == 200);
    CHECK(Clock::now() - begin == std::chrono::seconds(90));
    CHECK(rig.service.last_request().delay == std::chrono::seconds(90));
    CHECK(rig.get("/power/control/reboot?hostname=bmc1&delay=7").status == 200);
    CHECK(Clock::now() - begin == std::chrono::seconds(97));
    CHECK(rig.service.last_request().off_time == std::chrono::seconds(7));
    CHECK_FALSE(rig.service.last_request().delay);
    CHECK(rig.get(on + "?hostname=bmc1&delay=-5").status == 200);
    CHECK(Clock::now() - begin == std::chrono::seconds(97));
}

TEST_CASE("A command that does not end well is an invalid request with its reason and number")
{
    HttpRig rig;
    auto const ended = [&rig](CommandState state, std::optional<Error> error) {
        rig.service.end_with(state, std::move(error));
        auto const response = rig.get(on + "?hostname=bmc1");
        CHECK(header(response, "X-Switchyard-Command") == std::to_string(rig.service.last_id().value));
        return told(response);
    };
    std::string const invalid = "500|Invalid request\n|";
    CHECK(ended(CommandState::failed, Error(Errc::unreachable, "no answer from 192.0.2.1"))
        == invalid + "unreachable: the device does not answer: no answer from 192.0.2.1");
    CHECK(ended(CommandState::failed, std::nullopt)
        == invalid + "internal: internal error: the command is failed");
    CHECK(ended(CommandState::expired, std::nullopt)
        == invalid + "expired: the deadline passed before the command was sent: the command is expired");
    CHECK(ended(CommandState::cancelled, std::nullopt)
        == invalid + "cancelled: the command was cancelled: the command is cancelled");
    CHECK(ended(CommandState::superseded, std::nullopt)
        == invalid + "superseded: a newer command took its place: the command is superseded");
    CHECK(ended(CommandState::indeterminate, std::nullopt)
        == invalid
            + "indeterminate: the outcome cannot be known: the device may or may not have acted: the command "
              "is "
              "indeterminate");
}

TEST_CASE("Errors of the service are told in the header")
{
    HttpRig rig;
    rig.service.set_fault(MemoryService::Call::submit, Error(Errc::busy, "64 commands wait"));
    CHECK(told(rig.get(on + "?hostname=bmc1"))
        == "500|Invalid request\n|busy: the queue is full, try again later: 64 commands wait");
    rig.service.set_fault(MemoryService::Call::submit, std::nullopt);
    rig.service.set_fault(MemoryService::Call::wait, Error(Errc::shutting_down, {}));
    auto const response = rig.get(on + "?hostname=bmc1");
    CHECK(told(response) == "500|Invalid request\n|shutting_down: the daemon is stopping");
    CHECK(header(response, "X-Switchyard-Command") == "1");
}

TEST_CASE("Only GET switches")
{
    HttpRig rig;
    for (auto const* method : {"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"}) {
        auto const response = rig.ask(method, on + "?hostname=bmc1");
        CHECK(told(response) == "405|405: Method Not Allowed");
        CHECK(header(response, "Allow") == "GET");
    }
    CHECK(rig.service.submitted() == 0);
}

TEST_CASE("Other paths are not found")
{
    HttpRig rig;
    for (auto const* path : {"/power/control/status", "/power/control/cycle", "/power/control/ON",
             "//power/control/on", "/power/control/on/", "/power/control", "/power", "/favicon.ico"})
        CHECK(told(rig.get(path + std::string("?hostname=bmc1"))) == "404|404: Not Found");
    CHECK(rig.service.submitted() == 0);
}

TEST_CASE("The bytes are PDUDaemon's but for Date, Server and the headers it has not")
{
    HttpRig rig;
    auto client = rig.client();
    client.send("GET /power/control/on?hostname=pdu1&port=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    auto const reply = client.reply();
    CHECK(reply.status_line == "HTTP/1.1 200 OK");
    CHECK(reply.header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(reply.header("Content-Length") == "22");
    CHECK(reply.body == "OK - accepted request\n");
    client.send("HEAD /power/control/on?hostname=pdu1&port=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    auto const refused = client.reply(true);
    CHECK(refused.status_line == "HTTP/1.1 405 Method Not Allowed");
    CHECK(refused.header("Content-Length") == "23");
    client.send("GET /power/control/off?hostname=nosuch&port=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    auto const invalid = client.reply();
    CHECK(invalid.status_line == "HTTP/1.1 500 Internal Server Error");
    CHECK(invalid.header("Content-Length") == "16");
    CHECK(invalid.body == "Invalid request\n");
    CHECK(rig.service.submitted() == 2);
}

TEST_CASE("A name cannot add a header")
{
    HttpRig rig;
    auto client = rig.client();
    client.send("GET /power/control/on?hostname=a%0d%0aX-Evil:%201 HTTP/1.1\r\n\r\n");
    auto const reply = client.reply();
    CHECK(reply.header("X-Evil").empty());
    CHECK(reply.header("X-Switchyard-Error")
        == "unknown_target: no target or device has this name: 'a  X-Evil: 1'");
}

TEST_CASE("A client that goes away does not cancel its command")
{
    HttpRig rig;
    rig.service.hold();
    auto client = rig.client();
    client.send("GET /power/control/on?hostname=bmc1 HTTP/1.1\r\n\r\n");
    rig.until([&] { return rig.service.submitted() == 1; });
    client.reset();
    rig.until([&] { return rig.frontend.stats().open == 0; });
    rig.service.finish(rig.service.last_id());
    CHECK(rig.service.power("bmc1") == PowerState::on);
}

TEST_CASE("A client that half-closes gets the answer that PDUDaemon owed it")
{
    HttpRig rig;
    rig.service.set_duration(std::chrono::milliseconds(20));
    auto client = rig.client();
    client.send("GET /power/control/on?hostname=bmc1 HTTP/1.1\r\n\r\n");
    client.half_close();
    CHECK(client.reply().body == "OK - accepted request\n");
}
