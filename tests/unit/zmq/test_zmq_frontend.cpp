#include "tests/unit/zmq/yard.hpp"

#include "core/wire/northbound_json.hpp"

#include <boost/json/parse.hpp>

#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace switchyard;
using namespace std::chrono_literals;
using test::RawClient;
using test::Yard;

namespace {

json::object parsed(std::string const& text)
{
    return json::parse(text).as_object();
}

} // namespace

TEST_CASE("a command is accepted, looked at and listed over ZeroMQ")
{
    Yard yard;
    RawClient client(yard);
    CHECK(
        client.ask(R"({"v":1,"id":"a-1","op":"submit","request":{"target":"srv1","action":"on","key":"k"}})")
        == R"({"v":1,"id":"a-1","ok":true,"command":1,"repeated":false})");
    CHECK(
        client.ask(R"({"v":1,"id":"a-2","op":"submit","request":{"target":"srv1","action":"on","key":"k"}})")
        == R"({"v":1,"id":"a-2","ok":true,"command":1,"repeated":true})");
    CHECK(yard.service.last_principal().name == "local:" + std::to_string(::getuid()));
    auto const looked = parsed(client.ask(R"({"v":1,"id":3,"op":"look","command":1})"));
    CHECK(looked.at("id") == 3);
    auto const report = report_from_json(looked.at("report"));
    REQUIRE(report);
    CHECK(report->state == CommandState::done);
    CHECK(report->power == PowerState::on);
    auto const listed = parsed(client.ask(R"({"v":1,"id":4,"op":"list"})"));
    CHECK(listed.at("page").at("commands").as_array().size() == 1);
}

TEST_CASE("with wait the one answer is the report at the end, and with progress the way there is told")
{
    Yard yard;
    yard.service.set_duration(20ms);
    RawClient client(yard);
    auto const answer = parsed(
        client.ask(R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"off"},"wait":30})"));
    CHECK(answer.at("ok") == true);
    CHECK(answer.at("repeated") == false);
    CHECK(answer.at("report").at("state") == "done");
    client.send(
        {R"({"v":1,"id":2,"op":"submit","request":{"target":"srv2","action":"on"},"wait":30,"progress":true})"});
    CHECK(client.receive() == R"({"v":1,"id":2,"accepted":{"command":2,"repeated":false}})");
    std::vector<std::string> states;
    for (;;) {
        auto const message = parsed(client.receive());
        CHECK(message.at("id") == 2);
        if (message.contains("ok")) {
            CHECK(message.at("report").at("power") == "on");
            break;
        }
        states.emplace_back(message.at("event").at("state").as_string());
    }
    CHECK_FALSE(states.empty());
}

TEST_CASE("a wait that ends too early answers with the report as it is")
{
    Yard yard;
    yard.service.hold();
    RawClient client(yard);
    auto const answer = parsed(
        client.ask(R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"on"},"wait":0.05})"));
    CHECK(answer.at("ok") == true);
    CHECK(answer.at("report").at("state") == "queued");
    auto const again = parsed(client.ask(R"({"v":1,"id":2,"op":"wait","command":1,"wait":0})"));
    CHECK(again.at("report").at("state") == "queued");
}

TEST_CASE("a REQ socket gets its delimiter back")
{
    Yard yard;
    RawClient client(yard, zmq::socket_type::req);
    CHECK(client.ask(R"({"v":1,"id":1,"op":"ping"})") == R"({"v":1,"id":1,"ok":true,"version":"0.1.0"})");
    CHECK(client.ask("{")
        == R"({"v":1,"id":null,"ok":false,"error":{"code":"bad_request","message":"the request is not valid: not JSON: the text ends at byte 1 inside a value",)"
           R"("detail":"not JSON: the text ends at byte 1 inside a value","effect":"none"}})");
}

TEST_CASE("lists, states and health are answered")
{
    Yard yard;
    RawClient client(yard);
    auto const targets = parsed(client.ask(R"({"v":1,"id":1,"op":"targets","limit":1})"));
    CHECK(targets.at("targets").as_array().at(0).at("name") == "srv1");
    CHECK(targets.at("next") == "srv1");
    auto const rest = parsed(client.ask(R"({"v":1,"id":1,"op":"targets","after":"srv1"})"));
    CHECK(rest.at("targets").as_array().at(0).at("name") == "srv2");
    CHECK_FALSE(rest.contains("next"));
    CHECK(parsed(client.ask(R"({"v":1,"id":1,"op":"devices"})")).at("devices").as_array().size() == 2);
    CHECK(parsed(client.ask(R"({"v":1,"id":1,"op":"device","device":"pdu1"})")).at("device").at("name")
        == "pdu1");
    CHECK(parsed(client.ask(R"({"v":1,"id":1,"op":"target","target":"srv1"})")).at("target").at("name")
        == "srv1");
    CHECK(parsed(client.ask(R"({"v":1,"id":1,"op":"state","target":"srv1"})")).at("state").at("target")
        == "srv1");
    CHECK(parsed(client.ask(R"({"v":1,"id":1,"op":"state","target":"pdu1","outlet":"2"})")).at("ok") == true);
    CHECK(parsed(client.ask(R"({"v":1,"id":1,"op":"health"})")).at("health").at("devices") == 2);
    CHECK(client.ask(R"({"v":1,"id":1,"op":"release","device":"pdu1"})") == R"({"v":1,"id":1,"ok":true})");
}

TEST_CASE("every transition is published under its target")
{
    Yard yard;
    zmq::context_t context{1};
    ZmqSocket all(yard.loop.io.get_executor(), context, zmq::socket_type::sub);
    ZmqSocket other(yard.loop.io.get_executor(), context, zmq::socket_type::sub);
    all.options().set(zmq::sockopt::subscribe, "target.srv1/");
    other.options().set(zmq::sockopt::subscribe, "target.srv2/");
    REQUIRE(all.connect(yard.frontend.publish_endpoints().at(1)));
    REQUIRE(other.connect(yard.frontend.publish_endpoints().at(0)));
    RawClient client(yard);
    // A subscription takes effect in its own time: commands go out until one is seen.
    auto seen = [&]() -> asio::awaitable<std::string> {
        ZmqFrames frames;
        for (;;) {
            Request request;
            request.target = "srv1";
            (void)co_await yard.service.submit(Principal("test"), std::move(request));
            co_await yard.loop.timers.wait_until(Clock::now() + 10ms);
            if (all.receive(frames)) {
                CHECK(frames.count() == 2);
                auto const event = event_from_json(json::parse(frames.text(1)));
                CHECK(event);
                CHECK(frames.text(0) == "target.srv1/" + std::to_string(event->command.value));
                co_return event->target;
            }
        }
    };
    CHECK(yard.loop.run(seen()) == "srv1");
    ZmqFrames frames;
    CHECK_FALSE(other.receive(frames));
}

TEST_CASE("what waits for a client that has gone ends with it")
{
    Yard yard;
    yard.service.hold();
    {
        RawClient client(yard);
        client.send(
            {R"({"v":1,"id":1,"op":"submit","request":{"target":"srv1","action":"on"},"wait":3600,"progress":true})"});
        CHECK(client.receive() == R"({"v":1,"id":1,"accepted":{"command":1,"repeated":false}})");
        client.send({R"({"v":1,"id":2,"op":"wait","command":1,"wait":3600})"});
        client.send({R"({"v":1,"id":3,"op":"ping"})"});
        while (client.receive().find(R"("id":3)") == std::string::npos)
            continue; // the progress of the first comes in between
        CHECK(yard.frontend.pending() == 2);
    }
    auto empty = [&]() -> asio::awaitable<bool> {
        auto const until = Clock::now() + 10s;
        while (yard.frontend.pending() > 0 && Clock::now() < until)
            co_await yard.loop.timers.wait_until(Clock::now() + 5ms);
        co_return yard.frontend.pending() == 0;
    };
    CHECK(yard.loop.run(empty()));
    CHECK(yard.loop.run(yard.service.look(CommandId{1}))->state == CommandState::queued);
}

TEST_CASE("the ipc socket is made for its group, and only where nobody listens")
{
    Yard yard([](ZmqFrontendOptions& options) {
        auto const folder = std::filesystem::path(options.publish.at(0).substr(6)).parent_path();
        options.publish.push_back("ipc://" + (folder / "deeper" / "down" / "e.sock").string());
    });
    struct stat status{};
    REQUIRE(::stat(yard.ipc().substr(6).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0660);
    CHECK(std::filesystem::exists(yard.folder.path() / "deeper" / "down" / "e.sock"));

    ZmqFrontendOptions options;
    options.listen = {yard.ipc()};
    ZmqFrontend second(yard.loop.timers, yard.service, yard.log, options);
    auto const started = second.start();
    REQUIRE_FALSE(started);
    CHECK(started.error().detail == "cannot listen on " + yard.ipc() + ": another process listens there");

    std::ofstream(yard.folder.path() / "file") << "precious";
    ZmqFrontendOptions on_file;
    on_file.listen = {"ipc://" + (yard.folder.path() / "file").string()};
    ZmqFrontend third(yard.loop.timers, yard.service, yard.log, on_file);
    CHECK(third.start().error().detail
        == "cannot listen on " + on_file.listen[0] + ": there is a file that is not a socket");

    ZmqFrontendOptions taken;
    taken.listen = {yard.frontend.endpoints().at(1)};
    ZmqFrontend fourth(yard.loop.timers, yard.service, yard.log, taken);
    CHECK(
        fourth.start().error().detail == "cannot listen on " + taken.listen[0] + ": Address already in use");
}

TEST_CASE("the socket of a daemon that was killed does not stand in the way")
{
    test::Folder folder;
    auto const path = (folder.path() / "old.sock").string();
    int const old = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(old, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    ::close(old);
    REQUIRE(std::filesystem::exists(path));
    Yard yard([&](ZmqFrontendOptions& options) { options.listen.push_back("ipc://" + path); });
    CHECK(yard.frontend.endpoints().back() == "ipc://" + path);
}
