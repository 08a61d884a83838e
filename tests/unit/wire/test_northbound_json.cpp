#include "core/wire/northbound_json.hpp"

#include "tests/unit/wire/random_values.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

json::value read(std::string_view text)
{
    auto value = parse_json(text);
    REQUIRE(value);
    return *std::move(value);
}

std::string request_error(std::string_view text)
{
    auto const request = request_from_json(read(text));
    REQUIRE_FALSE(request);
    CHECK(request.error().code == Errc::bad_request);
    CHECK(request.error().effect == Effect::none);
    return request.error().detail;
}

std::string parse_error(std::string_view text)
{
    auto const value = parse_json(text);
    REQUIRE_FALSE(value);
    CHECK(value.error().code == Errc::bad_request);
    return value.error().detail;
}

// As a value, as text, and back.
template <class T>
auto again(T const& value, Result<T> (*from)(json::value const&))
{
    auto parsed = parse_json(json::serialize(to_json(value)));
    REQUIRE(parsed);
    auto back = from(*parsed);
    if (!back)
        FAIL(back.error().detail << " in " << json::serialize(to_json(value)));
    return *std::move(back);
}

Result<Request> strict_request(json::value const& value)
{
    return request_from_json(value);
}

constexpr std::string_view allowed_fields =
    "target, outlet, action, operation, params, priority, key, delay, off_time, deadline, "
    "coalesce, ensure, reason";

} // namespace

TEST_CASE("a request with everything in it")
{
    auto const request = request_from_json(
        read(R"({"target": "srv1", "outlet": "3", "action": "reboot", "priority": "interactive",
        "key": "k 1", "delay": 1.5, "off_time": 10, "deadline": 60, "coalesce": "latest", "reason": "kernel test"})"));
    REQUIRE(request);
    CHECK(request->target == "srv1");
    CHECK(request->outlet == "3");
    CHECK(request->action == Action::cycle);
    CHECK(request->priority == Priority::interactive);
    CHECK(request->key == "k 1");
    CHECK(request->delay == 1500ms);
    CHECK(request->off_time == 10s);
    CHECK(request->deadline == 60s);
    CHECK(request->coalesce == Coalesce::latest);
    CHECK(request->reason == "kernel test");
    CHECK_FALSE(request->ensure);

    auto const invoke = request_from_json(
        read(R"({"target": "bmc", "action": "invoke", "operation": "identify", "params": {"seconds": 15}})"));
    REQUIRE(invoke);
    CHECK(invoke->operation == "identify");
    CHECK(invoke->params.at("seconds") == 15);

    auto const ensure = request_from_json(read(R"({"target": "srv1", "action": "on", "ensure": true})"));
    REQUIRE(ensure);
    CHECK(ensure->ensure);
}

TEST_CASE("a small request is a small text")
{
    Request request;
    request.target = "srv1";
    CHECK(json::serialize(to_json(request)) == R"({"target":"srv1","action":"on"})");
    request.delay = 2s;
    request.off_time = 500ms;
    request.action = Action::cycle;
    CHECK(json::serialize(to_json(request))
        == R"({"target":"srv1","action":"cycle","delay":2,"off_time":5E-1})");
}

TEST_CASE("a request names the field that is wrong and what is allowed")
{
    CHECK(request_error("[]") == "the request must be a JSON object");
    CHECK(request_error("3") == "the request must be a JSON object");
    CHECK(request_error(R"({"target":"a","action":"on","dealy":1})")
        == "unknown field 'dealy' - did you mean 'delay'? allowed: " + std::string(allowed_fields));
    CHECK(request_error(R"({"target":"a","action":"on","xyzzy":1})")
        == "unknown field 'xyzzy'; allowed: " + std::string(allowed_fields));
    CHECK(request_error(R"({"target":"a","action":"on","priority":"high"})")
        == "field 'priority' must be one of bulk, normal, interactive");
    CHECK(request_error(R"({"target":"a","action":"on","delay":-1})")
        == "field 'delay' must be a number of seconds from 0 to 31536000");
    CHECK(request_error(R"({"target":"a","action":"on","delay":31536000.5})")
        == "field 'delay' must be a number of seconds from 0 to 31536000");
    CHECK(request_error(R"({"target":"a","action":"on","delay":"5s"})")
        == "field 'delay' must be a number of seconds from 0 to 31536000");
    CHECK(request_error(R"({"target":"a","action":"on","delay":1e300})")
        == "field 'delay' must be a number of seconds from 0 to 31536000");
    CHECK(request_error(R"({"target":"a","action":"cycle","off_time":null})")
        == "field 'off_time' must be a number of seconds from 0 to 31536000");
    CHECK(request_error(R"({"target":"a","action":"on","deadline":0})")
        == "field 'deadline' must be a number of seconds from 0.001 to 31536000");
    CHECK(request_error(R"({"target":"a","action":"blink"})")
        == "field 'action' must be one of on, off, cycle, reset, soft, diag, invoke");
    CHECK(request_error(R"({"target":"a"})")
        == "field 'action' is required: one of on, off, cycle, reset, soft, diag, invoke");
    CHECK(request_error(R"({"action":"on"})") == "field 'target' is required: a name of 1 to 255 characters");
    CHECK(request_error(R"({"target":"","action":"on"})")
        == "field 'target' must be a name of 1 to 255 characters");
    CHECK(request_error(R"({"target":7,"action":"on"})")
        == "field 'target' must be a name of 1 to 255 characters");
    CHECK(request_error(R"({"target":"a\nb","action":"on"})")
        == "field 'target' must be a name of 1 to 255 characters");
    CHECK(request_error(R"({"target":"a","outlet":3,"action":"on"})")
        == "field 'outlet' must be a text of at most 255 characters");
    CHECK(request_error(R"({"target":"a","action":"on","key":""})")
        == "field 'key' must be a text of 1 to 255 printable ASCII characters");
    CHECK(request_error(R"({"target":"a","action":"on","key":"\u00e9"})")
        == "field 'key' must be a text of 1 to 255 printable ASCII characters");
    CHECK(request_error(R"({"target":"a","action":"on","coalesce":"all"})")
        == "field 'coalesce' must be one of none, latest");
    CHECK(request_error(R"({"target":"a","action":"on","ensure":1})")
        == "field 'ensure' must be true or false");
    CHECK(request_error(R"({"target":"a","action":"on","reason":"a\tb"})")
        == "field 'reason' must be a text of at most 500 characters, without control characters");
    CHECK(request_error(R"({"target":"a","action":"invoke","operation":"x","params":[]})")
        == "field 'params' must be an object");
}

TEST_CASE("fields that belong to other actions are refused")
{
    CHECK(request_error(R"({"target":"a","action":"invoke"})")
        == "field 'operation' is required with action 'invoke'");
    CHECK(request_error(R"({"target":"a","action":"on","operation":"x"})")
        == "field 'operation' is only allowed with action 'invoke'");
    CHECK(request_error(R"({"target":"a","action":"on","params":{}})")
        == "field 'params' is only allowed with action 'invoke'");
    CHECK(request_error(R"({"target":"a","action":"cycle","ensure":false})")
        == "field 'ensure' is only allowed with actions 'on' and 'off'");
    CHECK(request_error(R"({"target":"a","action":"on","off_time":3})")
        == "field 'off_time' is only allowed with action 'cycle'");
}

TEST_CASE("status is not a command")
{
    auto const request = request_from_json(read(R"({"target":"a","action":"status"})"));
    REQUIRE_FALSE(request);
    CHECK(request.error().code == Errc::unsupported_action);
    CHECK(request.error().detail
        == "'status' is not a command: ask for the state of the target instead (GET "
           "/v1/targets/{name}/state)");
}

TEST_CASE("lengths are counted in characters, not in bytes")
{
    auto const reads = [](std::string_view field, std::string const& text) {
        json::object object{{"target", "a"}, {"action", "on"}};
        object[field] = text;
        return request_from_json(object).has_value();
    };
    auto const times = [](std::string_view character, std::size_t count) {
        std::string text;
        while (count-- > 0)
            text += character;
        return text;
    };
    CHECK(reads("target", times("x", 255)));
    CHECK_FALSE(reads("target", times("x", 256)));
    CHECK(reads("target", times("ü", 255)));
    CHECK_FALSE(reads("target", times("ü", 256)));
    CHECK(reads("reason", times("😀", 500)));
    CHECK_FALSE(reads("reason", times("x", 501)));
    CHECK(reads("key", times("~", 255)));
    CHECK_FALSE(reads("key", times("~", 256)));
}

TEST_CASE("an unknown name is repeated in part only")
{
    json::object object{{"target", "a"}, {"action", "on"}};
    object[std::string(63, 'x') + "üüü"] = 1;
    auto const request = request_from_json(object);
    REQUIRE_FALSE(request);
    CHECK(request.error().detail
        == "unknown field '" + std::string(63, 'x') + "...'; allowed: " + std::string(allowed_fields));
}

TEST_CASE("text that is not JSON names the byte")
{
    CHECK(parse_error("") == "not JSON: the text ends at byte 0 inside a value");
    CHECK(parse_error(R"({"a": )") == "not JSON: the text ends at byte 6 inside a value");
    CHECK(parse_error(R"({"a": x})") == "not JSON at byte 6: syntax error");
    CHECK(parse_error("{} {}") == "not JSON at byte 3: more text after the value");
    CHECK(parse_error("{'a': 1}") == "not JSON at byte 1: syntax error");
    CHECK(parse_error("[1, 2,]") == "not JSON at byte 6: syntax error");
    CHECK_FALSE(parse_json("\"\xff\""));
    CHECK_FALSE(parse_json("NaN"));
    CHECK_FALSE(parse_json("\xEF\xBB\xBF{}"));
    CHECK(parse_json(" {} \n"));
}

TEST_CASE("JSON is nested sixteen levels deep at most")
{
    CHECK(parse_json(std::string(16, '[') + std::string(16, ']')));
    CHECK(parse_error(std::string(17, '[') + std::string(17, ']'))
        == "the JSON is nested deeper than 16 levels at byte 16");
    CHECK_FALSE(parse_json(std::string(100'000, '[')));
}

TEST_CASE("random requests survive JSON")
{
    std::uint64_t const seed = 1;
    INFO("seed " << seed);
    test::RandomValues random(seed);
    for (int i = 0; i < 2000; ++i) {
        auto const request = random.request();
        auto const back = again<Request>(request, strict_request);
        INFO(json::serialize(to_json(request)));
        CHECK(back.same_as(request));
        CHECK(back.key == request.key);
    }
}

TEST_CASE("random reports survive JSON")
{
    std::uint64_t const seed = 2;
    INFO("seed " << seed);
    test::RandomValues random(seed);
    for (int i = 0; i < 1000; ++i) {
        auto const report = random.report();
        auto const back = again<Report>(report, report_from_json);
        INFO(json::serialize(to_json(report)));
        CHECK(to_json(back) == to_json(report));
        CHECK(back.id == report.id);
        CHECK(back.state == report.state);
        CHECK(back.request.same_as(report.request));
        CHECK(back.principal == report.principal);
        CHECK(back.accepted == report.accepted);
        CHECK(back.due == report.due);
        CHECK(back.deadline == report.deadline);
        CHECK(back.started == report.started);
        CHECK(back.ended == report.ended);
        CHECK(back.power == report.power);
        CHECK(back.confirmed == report.confirmed);
        CHECK(back.changed == report.changed);
        CHECK(back.replaced_by == report.replaced_by);
        CHECK(back.error == report.error);
        CHECK(back.error_device == report.error_device);
        CHECK(back.result == report.result);
        REQUIRE(back.outlets.size() == report.outlets.size());
        for (std::size_t at = 0; at < back.outlets.size(); ++at) {
            CHECK(back.outlets[at].device == report.outlets[at].device);
            CHECK(back.outlets[at].outlet == report.outlets[at].outlet);
            CHECK(back.outlets[at].driver == report.outlets[at].driver);
            CHECK(back.outlets[at].power == report.outlets[at].power);
            CHECK(back.outlets[at].confirmed == report.outlets[at].confirmed);
            CHECK(back.outlets[at].attempts == report.outlets[at].attempts);
            CHECK(back.outlets[at].error == report.outlets[at].error);
        }
    }
}

TEST_CASE("random states, lists and events survive JSON")
{
    std::uint64_t const seed = 3;
    INFO("seed " << seed);
    test::RandomValues random(seed);
    for (int i = 0; i < 500; ++i) {
        TargetState state{
            random.text(), random.one_to(PowerState::partial), random.duration(), random.outlets()};
        auto const state_back = again<TargetState>(state, target_state_from_json);
        CHECK(to_json(state_back) == to_json(state));
        CHECK(state_back.age == state.age);

        TargetInfo target{random.text(), {random.text(), random.text()}, random.text()};
        auto const target_back = again<TargetInfo>(target, target_info_from_json);
        CHECK(target_back.name == target.name);
        CHECK(target_back.outlets == target.outlets);
        CHECK(target_back.description == target.description);

        DeviceInfo device{random.text(), {random.text()}, random.text(), random.text(), random.text(),
            random.text(), static_cast<std::size_t>(random.below(1000)), random.maybe(),
            random.one_to(Breaker::half_open), random.maybe(), random.text()};
        auto const device_back = again<DeviceInfo>(device, device_info_from_json);
        CHECK(to_json(device_back) == to_json(device));
        CHECK(device_back.breaker == device.breaker);
        CHECK(device_back.auth_latched == device.auth_latched);
        CHECK(device_back.queued == device.queued);

        Event event;
        event.id = EventId{random.below(100), random.below(1'000'000)};
        event.reset = random.below(5) == 0;
        if (!event.reset) {
            event.command = random.id();
            event.state = random.one_to(CommandState::indeterminate);
            event.action = random.one_to(Action::invoke);
            event.power = random.one_to(PowerState::partial);
            event.at = random.time();
            event.target = random.text();
            event.detail = random.text();
        }
        auto const event_back = again<Event>(event, event_from_json);
        CHECK(event_back.id == event.id);
        CHECK(event_back.reset == event.reset);
        CHECK(event_back.command == event.command);
        CHECK(event_back.state == event.state);
        CHECK(event_back.action == event.action);
        CHECK(event_back.power == event.power);
        CHECK(event_back.at == event.at);
        CHECK(event_back.target == event.target);
        CHECK(event_back.detail == event.detail);

        auto const error = random.error();
        CHECK(again<Error>(error, error_from_json) == error);

        CommandPage page{{random.report(), random.report()}, random.maybe() ? random.id() : CommandId{}};
        auto const page_back = again<CommandPage>(page, command_page_from_json);
        CHECK(page_back.next == page.next);
        CHECK(to_json(page_back) == to_json(page));
    }
}

TEST_CASE("an error says the code, the sentence, the detail and the effect")
{
    CHECK(json::serialize(to_json(Error(Errc::unreachable, "no answer from 10.0.0.5", Effect::possible)))
        == R"({"code":"unreachable","message":"the device does not answer: no answer from 10.0.0.5",)"
           R"("detail":"no answer from 10.0.0.5","effect":"possible"})");
    CHECK(json::serialize(to_json(Error(Errc::busy, "")))
        == R"({"code":"busy","message":"the queue is full, try again later","effect":"none"})");
}

TEST_CASE("an answer may carry fields that this version does not know")
{
    auto const report = report_from_json(
        read(R"({"id": 7, "state": "done", "future": [1], "outlets": [{"device": "d", "x": 1}],
        "request": {"target": "a", "action": "on", "mood": "good"}, "error": {"code": "busy", "device": "d", "hint": "wait"}})"));
    REQUIRE(report);
    CHECK(report->id.value == 7);
    CHECK(report->error_device == "d");
}

TEST_CASE("an answer that is wrong says where")
{
    auto const error = [](std::string_view text) {
        auto const report = report_from_json(read(text));
        REQUIRE_FALSE(report);
        return report.error().detail;
    };
    CHECK(error(R"({"id": 0, "state": "done"})") == "field 'id' must be the number of a command");
    CHECK(error(R"({"id": -1, "state": "done"})") == "field 'id' must be the number of a command");
    CHECK(error(R"({"id": 1})")
        == "field 'state' is required: one of delayed, queued, running, waiting, restoring, done, failed, "
           "expired, cancelled, "
           "superseded, indeterminate");
    CHECK(error(R"({"id": 1, "ended": "yesterday"})")
        == "field 'ended' must be a time like 2026-11-20T13:37:00.123456Z");
    CHECK(error(R"({"id": 1, "outlets": [{"device": "d"}, {"device": "d", "power": "dim"}]})")
        == "field 'outlets': item 1: field 'power' must be one of unknown, on, off, partial");
    CHECK(error(R"({"id": 1, "error": {"code": "oops"}})")
        == "field 'error': field 'code': 'oops' is not an error code");
    CHECK(error(R"({"id": 1, "request": {"target": "a", "action": "fly"}})")
        == "field 'request': field 'action' must be one of on, off, cycle, reset, soft, diag, invoke");
}

TEST_CASE("an event is of a command, or a reset")
{
    CHECK(event_from_json(read(R"({"id": "7.1", "reset": true})")));
    auto const event = event_from_json(read(R"({"id": "7.1", "target": "srv1"})"));
    REQUIRE_FALSE(event);
    CHECK(event.error().detail == "field 'command' is required: the number of a command");
    auto const bad = event_from_json(read(R"({"id": "7", "reset": true})"));
    REQUIRE_FALSE(bad);
    CHECK(bad.error().detail == "field 'id' must be the id of an event, like 7.1042");
}
