#include "tests/unit/zmq/yard.hpp"

using namespace switchyard;
using namespace std::chrono_literals;
using test::RawClient;
using test::Yard;

namespace {

std::string refusal(std::string_view id, std::string_view code, std::string_view sentence_,
    std::string_view detail, std::string_view more = "")
{
    return R"({"v":1,"id":)" + std::string(id) + R"(,"ok":false,"error":{"code":")" + std::string(code)
        + R"(","message":")" + std::string(sentence_) + ": " + std::string(detail) + R"(","detail":")"
        + std::string(detail) + R"(","effect":"none")" + std::string(more) + "}}";
}

std::string bad(std::string_view id, std::string_view detail)
{
    return refusal(id, "bad_request", "the request is not valid", detail);
}

} // namespace

TEST_CASE("a message that is no request gets an answer that says why")
{
    Yard yard;
    RawClient client(yard);
    CHECK(client.ask("") == bad("null", "not JSON: the text ends at byte 0 inside a value"));
    CHECK(client.ask("hello") == bad("null", "not JSON at byte 0: syntax error"));
    CHECK(client.ask("[1]") == bad("null", "the message must be a JSON object"));
    CHECK(client.ask(R"({"id":1,"op":"ping"})") == bad("1", "field 'v' is missing: it must be 1"));
    CHECK(client.ask(R"({"v":2,"id":1,"op":"ping"})")
        == bad("1", "this daemon speaks protocol version 1: field 'v' must be 1"));
    CHECK(client.ask(R"({"v":1,"op":"ping"})")
        == bad("null", "field 'id' must be a text of 1 to 255 characters or a whole number"));
    CHECK(client.ask(R"({"v":1,"id":[],"op":"ping"})")
        == bad("null", "field 'id' must be a text of 1 to 255 characters or a whole number"));
    constexpr auto known =
        "submit, wait, look, cancel, list, state, targets, target, devices, device, release, health, ping";
    CHECK(
        client.ask(R"({"v":1,"id":"a"})") == bad("\"a\"", std::string("field 'op' must be one of ") + known));
    CHECK(client.ask(R"({"v":1,"id":"a","op":"sumbit"})")
        == bad("\"a\"", std::string("unknown operation 'sumbit' - did you mean 'submit'? known: ") + known));
    CHECK(client.ask(R"({"v":1,"id":"a","op":"xyzzy"})")
        == bad("\"a\"", std::string("unknown operation 'xyzzy'; known: ") + known));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"ping","request":{}})")
        == bad("1", "unknown field 'request'; allowed: v, id, op"));
}

TEST_CASE("fields are judged one by one")
{
    Yard yard;
    RawClient client(yard);
    CHECK(client.ask(R"({"v":1,"id":1,"op":"submit"})")
        == bad("1", "field 'request' is required: an object with a target and an action"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"on"},"waits":3})")
        == bad(
            "1", "unknown field 'waits' - did you mean 'wait'? allowed: v, id, op, request, wait, progress"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"on"},"wait":-1})")
        == bad("1", "field 'wait' must be a number of seconds from 0 to 86400"));
    CHECK(client.ask(
              R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"on"},"progress":true})")
        == bad("1", "field 'progress' is only allowed with 'wait'"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"look","command":0})")
        == bad("1", "field 'command' must be the number of a command"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"list","filter":{"state":"gone"}})")
        == bad("1",
            "field 'filter': field 'state' must be one of delayed, queued, running, waiting, restoring, "
            "done, failed, "
            "expired, cancelled, superseded, indeterminate"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"targets","limit":501})")
        == bad("1", "field 'limit' must be a number from 1 to 500"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"state","target":""})")
        == bad("1", "field 'target' must be a name of 1 to 255 characters"));
}

TEST_CASE("frames are counted and measured")
{
    Yard yard;
    RawClient client(yard);
    CHECK(client.ask_frames({R"({"v":1,"id":1,"op":"ping"})", "more"})
        == bad("null", "a message is one frame of JSON, this one has 2 frames"));
    CHECK(client.ask_frames({"", R"({"v":1,"id":1,"op":"ping"})", "more"})
        == bad("null", "a message is one frame of JSON, this one has 2 frames"));
    std::vector<std::string_view> const many(30, "x");
    CHECK(client.ask_frames(many) == bad("null", "a message is one frame of JSON, this one has 30 frames"));
    std::string const large(5'000, ' ');
    CHECK(client.ask(large) == bad("null", "the message has 5000 bytes, at most 4096 are allowed"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"ping"})") == R"({"v":1,"id":1,"ok":true,"version":"0.1.0"})");
}

TEST_CASE("what the service refuses is told with its code, and what it is about")
{
    Yard yard;
    RawClient client(yard);
    CHECK(client.ask(R"({"v":1,"id":1,"op":"submit","request":{"target":"nosuch","action":"on"}})")
        == refusal("1", "unknown_target", "no target or device has this name", "'nosuch'"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"status"}})")
        == refusal("1", "unsupported_action", "the device cannot do this",
            "'status' is not a command: ask for the state of the target instead (GET "
            "/v1/targets/{name}/state)"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"look","command":99})")
        == refusal("1", "not_found", "there is no such command", "command 99", R"(,"command":99)"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"wait","command":99,"wait":1})")
        == refusal("1", "not_found", "there is no such command", "command 99", R"(,"command":99)"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"release","device":"nosuch"})")
        == refusal(
            "1", "unknown_target", "no target or device has this name", "'nosuch'", R"(,"device":"nosuch")"));
    yard.service.set_fault(
        test::MemoryService::Call::submit, Error(Errc::commit_unknown, "the disk is full"));
    CHECK(client.ask(R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"on"}})")
        == refusal("1", "commit_unknown",
            "the command may or may not have been recorded: ask again with the same key",
            "the disk is full"));
}

TEST_CASE("more requests than allowed are told to come back")
{
    Yard yard([](ZmqFrontendOptions& options) { options.max_pending = 2; });
    yard.service.hold();
    RawClient client(yard);
    auto const waits =
        R"({"v":1,"id":7,"op":"submit","request":{"target":"srv1","action":"on"},"wait":60,"progress":true})";
    CHECK(client.ask(waits) == R"({"v":1,"id":7,"accepted":{"command":1,"repeated":false}})");
    client.ask(waits);
    std::string answer;
    client.send({R"({"v":1,"id":8,"op":"look","command":1})"});
    do
        answer = client.receive();
    while (answer.find("\"id\":7") != std::string::npos);
    CHECK(answer
        == refusal(
            "8", "busy", "the queue is full, try again later", "2 requests are being answered already"));
    yard.service.finish(CommandId{1});
    yard.service.finish(CommandId{2});
}

TEST_CASE("a daemon that stops says so and answers what is open")
{
    Yard yard;
    yard.service.hold();
    RawClient client(yard);
    CHECK(
        client.ask(
            R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"on"},"wait":60,"progress":true})")
        == R"({"v":1,"id":1,"accepted":{"command":1,"repeated":false}})");
    TaskGroup group(yard.loop.timers);
    group.spawn(yard.frontend.stop(Clock::now() + 200ms));
    yard.loop.run(yard.loop.timers.wait_until(Clock::now())); // it has begun
    client.send({R"({"v":1,"id":2,"op":"ping"})"});
    std::string answer;
    do
        answer = client.receive();
    while (answer.find("\"event\"") != std::string::npos);
    CHECK(answer
        == refusal("2", "shutting_down", "the daemon is stopping", "send it again when the daemon is back"));
    CHECK(client.receive()
        == refusal("1", "shutting_down", "the daemon is stopping",
            "the command goes on; ask for it again when the daemon is back", R"(,"command":1)"));
    CHECK(yard.loop.run(group.drain(Clock::now() + 5s)));
}
