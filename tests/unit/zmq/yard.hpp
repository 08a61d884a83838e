#pragma once

#include "core/net/power_client.hpp"
#include "daemon/frontends/zmq/zmq_frontend.hpp"
#include "tests/support/memory_service.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <unistd.h>

namespace switchyard::test {

// A folder that goes away with the test.
class Folder {
public:
    Folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "switchyard-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~Folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::filesystem::path const& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

// A memory service behind a real ZmqFrontend on an ipc socket and a free tcp port.
struct Yard {
    explicit Yard(std::function<void(ZmqFrontendOptions&)> const& change = {})
        : frontend(loop.timers, service, log, options(change))
    {
        service.add_device("bmc1");
        service.add_device("pdu1", {"1", "2"});
        service.add_target("srv1", {"bmc1"}, "the first");
        service.add_target("srv2", {"pdu1:2"});
        auto const started = frontend.start();
        INFO((started ? std::string() : started.error().detail));
        REQUIRE(started);
    }
    ~Yard() { loop.run(frontend.stop(Clock::now() + std::chrono::seconds(5))); }

    ZmqFrontendOptions options(std::function<void(ZmqFrontendOptions&)> const& change) const
    {
        ZmqFrontendOptions out;
        out.listen = {ipc(), "tcp://127.0.0.1:*"};
        out.publish = {"ipc://" + (folder.path() / "events.sock").string(), "tcp://127.0.0.1:*"};
        out.max_message = 4'096;
        if (change)
            change(out);
        return out;
    }
    std::string ipc() const { return "ipc://" + (folder.path() / "switchyard.sock").string(); }

    Folder folder;
    Loop loop;
    NullSink sink;
    Log log{sink, LogLevel::debug};
    MemoryService service{loop.timers};
    ZmqFrontend frontend;
};

// A client without manners: it sends what it is told to.
class RawClient {
public:
    RawClient(Yard& yard, zmq::socket_type type = zmq::socket_type::dealer)
        : yard_(yard), socket_(yard.loop.io.get_executor(), context_, type)
    {
        REQUIRE(socket_.connect(yard.ipc()));
    }
    ZmqSocket& socket() { return socket_; }

    // Sends these frames and returns the last frame of the next message.
    std::string ask_frames(std::vector<std::string_view> const& frames)
    {
        send(frames);
        return receive();
    }
    std::string ask(std::string_view frame) { return ask_frames({frame}); }
    void send(std::vector<std::string_view> const& frames)
    {
        REQUIRE(socket_.send(frames) == ZmqSocket::Sent::yes);
    }
    std::string receive()
    {
        auto result = yard_.loop.run(receive_one());
        INFO((result ? std::string() : result.error().message()));
        REQUIRE(result);
        return *result;
    }

private:
    asio::awaitable<Result<std::string>> receive_one()
    {
        auto op = next();
        co_return co_await with_deadline(
            yard_.loop.timers, Clock::now() + std::chrono::seconds(10), std::move(op));
    }
    asio::awaitable<Result<std::string>> next()
    {
        ZmqFrames frames;
        while (!socket_.receive(frames)) {
            bool const readable = co_await socket_.readable();
            if (!readable)
                co_return fail(Errc::cancelled, "no message came");
        }
        co_return std::string(frames.text(frames.count() - 1));
    }

    Yard& yard_;
    zmq::context_t context_{1};
    ZmqSocket socket_;
};

} // namespace switchyard::test
