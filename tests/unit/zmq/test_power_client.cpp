#include "tests/unit/zmq/yard.hpp"

#include "core/net/zmq_curve.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace switchyard;
using namespace std::chrono_literals;
using test::Yard;

namespace {

PowerAddress at(std::vector<std::string> endpoints)
{
    PowerAddress address;
    address.endpoints = std::move(endpoints);
    address.handshake = 500ms;
    return address;
}

// A connected client that is closed whatever happens.
struct Client {
    Client(Yard& yard_, PowerAddress address) : yard(yard_), power(yard_.loop.timers, std::move(address))
    {
        auto const greeting = yard.loop.run(power.connect());
        INFO((greeting ? std::string() : greeting.error().detail));
        REQUIRE(greeting);
    }
    ~Client() { yard.loop.run(power.close()); }
    Yard& yard;
    PowerClient power;
};

Request request(Action action, std::string target)
{
    Request out;
    out.target = std::move(target);
    out.action = action;
    return out;
}

std::string connect_error(Yard& yard, PowerAddress address)
{
    PowerClient power(yard.loop.timers, std::move(address));
    auto const greeting = yard.loop.run(power.connect());
    yard.loop.run(power.close());
    REQUIRE_FALSE(greeting);
    return std::string(name(greeting.error().code)) + " " + greeting.error().detail;
}

struct Keys {
    Keys()
    {
        std::array<char, 41> a{}, b{};
        REQUIRE(zmq_curve_keypair(a.data(), b.data()) == 0);
        pub = a.data();
        secret = b.data();
    }
    std::string pub, secret;
};

} // namespace

TEST_CASE("addresses are completed")
{
    CHECK(power_endpoint("srv9") == "tcp://srv9:16422");
    CHECK(power_endpoint("srv9:1234") == "tcp://srv9:1234");
    CHECK(power_endpoint("::1") == "tcp://[::1]:16422");
    CHECK(power_endpoint("[::1]:99") == "tcp://[::1]:99");
    CHECK(power_endpoint("/run/x.sock") == "ipc:///run/x.sock");
    CHECK(power_endpoint("tcp://a:1") == "tcp://a:1");
    CHECK(events_endpoint("ipc:///run/switchyard/switchyard.sock") == "ipc:///run/switchyard/events.sock");
    CHECK(events_endpoint("tcp://srv9:16422") == "tcp://srv9:16423");
}

TEST_CASE("a client submits, waits, looks, cancels and lists")
{
    Yard yard;
    Client client(yard, at({yard.ipc()}));
    auto const accepted = yard.loop.run(client.power.submit(request(Action::on, "srv1")));
    REQUIRE(accepted);
    CHECK(accepted->id == CommandId{1});
    CHECK(yard.loop.run(client.power.wait(accepted->id, Clock::now() + 5s))->power == PowerState::on);
    CHECK(yard.loop.run(client.power.look(accepted->id))->state == CommandState::done);
    yard.service.hold();
    auto const held = yard.loop.run(client.power.submit(request(Action::off, "srv1")));
    CHECK(
        yard.loop.run(client.power.cancel(held->id, CancelMode::restore))->state == CommandState::cancelled);
    CHECK(yard.loop.run(client.power.list({}))->commands.size() == 2);
    CHECK(yard.loop.run(client.power.state("srv1", {}, 0ms, Clock::now() + 5s))->power == PowerState::on);
    CHECK(yard.loop.run(client.power.target("srv1"))->description == "the first");
    CHECK(yard.loop.run(client.power.device("pdu1"))->name == "pdu1");
    CHECK(yard.loop.run(client.power.targets("", 1))->next == "srv1");
    CHECK(yard.loop.run(client.power.devices("", 10))->devices.size() == 2);
    CHECK(yard.loop.run(client.power.release("pdu1")));
    CHECK(yard.loop.run(client.power.health())->at("targets") == 2);
    auto const error = yard.loop.run(client.power.submit(request(Action::on, "nosuch"))).error();
    CHECK(error.code == Errc::unknown_target);
    CHECK(error.detail == "'nosuch'");
    CHECK(client.power.in_flight() == 0);
}

TEST_CASE("run() tells the id at once, then the way, then the end")
{
    Yard yard;
    yard.service.set_duration(20ms);
    Client client(yard, at({yard.frontend.endpoints().at(1)}));
    std::vector<std::string> story;
    PowerClient::Progress progress;
    progress.accepted = [&](PowerClient::Accepted const& accepted) {
        story.push_back("accepted " + std::to_string(accepted.id.value));
    };
    progress.event = [&](Event const& event) { story.emplace_back(name(event.state)); };
    auto const report =
        yard.loop.run(client.power.run(request(Action::on, "srv1"), Clock::now() + 10s, progress));
    REQUIRE(report);
    CHECK(report->state == CommandState::done);
    REQUIRE_FALSE(story.empty());
    CHECK(story.front() == "accepted 1");
}

TEST_CASE("many calls are in flight at once, and slow ones do not hold up others")
{
    Yard yard;
    yard.service.hold();
    Client client(yard, at({yard.ipc()}));
    TaskGroup group(yard.loop.timers);
    int ended = 0;
    PowerClient::Progress const silent;
    auto one = [&]() -> asio::awaitable<void> {
        auto const report =
            co_await client.power.run(request(Action::on, "srv1"), Clock::now() + 30s, silent);
        ended += report && report->state == CommandState::done ? 1 : 0;
    };
    for (int i = 0; i < 50; ++i)
        group.spawn(one());
    auto finish = [&]() -> asio::awaitable<bool> {
        while (yard.service.submitted() < 50)
            co_await yard.loop.timers.wait_until(Clock::now() + 1ms);
        auto const looked = co_await client.power.look(CommandId{50});
        CHECK(looked->state == CommandState::queued);
        for (std::uint64_t id = 1; id <= 50; ++id)
            yard.service.finish(CommandId{id});
        co_return co_await group.drain(Clock::now() + 10s);
    };
    CHECK(yard.loop.run(finish()));
    CHECK(ended == 50);
}

TEST_CASE("where no daemon answers, it says what it found")
{
    Yard yard;
    auto const folder = yard.folder.path().string();
    CHECK(connect_error(yard, at({"ipc://" + folder + "/none.sock"}))
        == "unreachable ipc://" + folder + "/none.sock: there is no such socket");
    // A port that was free a moment ago.
    std::string free;
    {
        zmq::context_t context;
        ZmqSocket socket(yard.loop.io.get_executor(), context, zmq::socket_type::router);
        REQUIRE(socket.bind("tcp://127.0.0.1:*"));
        free = socket.last_endpoint();
    }
    CHECK(connect_error(yard, at({"ipc://" + folder + "/none.sock", free}))
        == "unreachable ipc://" + folder + "/none.sock: there is no such socket; " + free
            + ": connection refused");
    // Somebody who takes connections and says nothing.
    int const mute = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(mute, reinterpret_cast<sockaddr const*>(&address), size) == 0);
    REQUIRE(::listen(mute, 4) == 0);
    REQUIRE(::getsockname(mute, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    auto const silent = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    CHECK(connect_error(yard, at({silent})) == "unreachable " + silent + ": no answer within 500 ms");
    ::close(mute);
}

TEST_CASE("the second address is tried when nobody is at the first")
{
    Yard yard;
    PowerClient power(yard.loop.timers, at({"ipc:///nonexistent/x.sock", yard.frontend.endpoints().at(1)}));
    auto const greeting = yard.loop.run(power.connect());
    REQUIRE(greeting);
    CHECK(greeting->endpoint == yard.frontend.endpoints().at(1));
    CHECK(greeting->version == "0.1.0");
    yard.loop.run(power.close());
}

TEST_CASE("a command that was accepted is asked for again when the daemon comes back")
{
    Yard yard;
    yard.service.hold();
    auto second = std::make_unique<ZmqFrontend>(yard.loop.timers, yard.service, yard.log, [&] {
        ZmqFrontendOptions options;
        options.listen = {"ipc://" + (yard.folder.path() / "second.sock").string()};
        return options;
    }());
    REQUIRE(second->start());
    Client client(yard, at({second->endpoints().at(0)}));
    PowerClient::Progress const silent;
    std::optional<Result<Report>> result;
    auto one = [&]() -> asio::awaitable<void> {
        result = co_await client.power.run(request(Action::on, "srv1"), Clock::now() + 30s, silent);
    };
    TaskGroup group(yard.loop.timers);
    group.spawn(one());
    auto story = [&]() -> asio::awaitable<bool> {
        while (yard.service.submitted() < 1)
            co_await yard.loop.timers.wait_until(Clock::now() + 1ms);
        co_await yard.loop.timers.wait_until(Clock::now() + 50ms);
        // The daemon dies: no goodbye but the broken connection.
        auto const options = std::vector<std::string>{second->endpoints().at(0)};
        co_await second->stop(Clock::now());
        second.reset();
        ZmqFrontendOptions again;
        again.listen = options;
        second = std::make_unique<ZmqFrontend>(yard.loop.timers, yard.service, yard.log, again);
        CHECK(second->start());
        yard.service.finish(CommandId{1});
        co_return co_await group.drain(Clock::now() + 10s);
    };
    CHECK(yard.loop.run(story()));
    yard.loop.run(second->stop(Clock::now() + 1s));
    REQUIRE(result);
    INFO((*result ? std::string() : (*result).error().message()));
    CHECK((*result)->state == CommandState::done);
    CHECK(yard.service.submitted() == 1);
}

TEST_CASE("with CURVE only listed keys come in, and the key is the name")
{
    Keys const server, known, stranger;
    Yard yard([&](ZmqFrontendOptions& options) {
        options.curve_secret_key = SecretRef(SecretRef::Kind::literal, server.secret);
        options.curve_clients = {known.pub};
    });
    auto const tcp = yard.frontend.endpoints().at(1);
    auto address = at({tcp});
    address.curve_server = server.pub;
    address.curve_secret = SecretRef(SecretRef::Kind::literal, known.secret);
    {
        Client client(yard, address);
        CHECK(yard.loop.run(client.power.submit(request(Action::on, "srv1"))));
        CHECK(yard.service.last_principal().name == "curve:" + known.pub);
    }
    {
        Client client(yard, at({yard.ipc()}));
        CHECK(yard.loop.run(client.power.submit(request(Action::on, "srv1"))));
        CHECK(yard.service.last_principal().name == "local:" + std::to_string(::getuid()));
    }
    address.curve_secret = SecretRef(SecretRef::Kind::literal, stranger.secret);
    CHECK(connect_error(yard, address) == "unauthorized " + tcp + ": the daemon does not know our key");
    CHECK(connect_error(yard, at({tcp}))
        == "unreachable " + tcp
            + ": the connection was closed in the handshake (does the daemon want CURVE keys?)");
    address.curve_secret = SecretRef(SecretRef::Kind::literal, "short");
    CHECK(connect_error(yard, address)
        == "bad_request the secret key is not a CURVE key: one has 40 characters of Z85, as "
           "zmq_curve_keypair() makes them");
}

TEST_CASE("events are read as they are published")
{
    Yard yard;
    PowerEvents events(yard.loop.timers, {});
    REQUIRE(events.connect(yard.frontend.publish_endpoints().at(0), {"srv2"}));
    TaskGroup group(yard.loop.timers);
    std::optional<Event> seen;
    auto reader = [&]() -> asio::awaitable<void> {
        auto event = co_await events.next();
        if (event)
            seen = *event;
    };
    group.spawn(reader());
    auto story = [&]() -> asio::awaitable<bool> {
        while (!group.empty()) {
            (void)co_await yard.service.submit(Principal("x"), request(Action::on, "srv1"));
            (void)co_await yard.service.submit(Principal("x"), request(Action::on, "srv2"));
            co_await yard.loop.timers.wait_until(Clock::now() + 5ms);
        }
        co_return true;
    };
    yard.loop.run(story());
    REQUIRE(seen);
    CHECK(seen->target == "srv2");
}
