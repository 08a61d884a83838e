#include "core/net/task_group.hpp"
#include "daemon/ops/systemd.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

// The manager's end of the notify socket, at an abstract address so that nothing is left behind.
class Manager {
public:
    Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::string const name = "switchyard-test-" + std::to_string(::getpid());
        std::memcpy(address.sun_path + 1, name.data(), name.size());
        auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr const*>(&address), size) == 0);
        ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
    }
    ~Manager()
    {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
        ::unsetenv("WATCHDOG_PID");
        ::close(socket_);
    }
    Manager(Manager const&) = delete;
    Manager& operator=(Manager const&) = delete;

    void want_watchdog(std::chrono::microseconds limit, pid_t process = ::getpid())
    {
        ::setenv("WATCHDOG_USEC", std::to_string(limit.count()).c_str(), 1);
        ::setenv("WATCHDOG_PID", std::to_string(process).c_str(), 1);
    }
    // Everything that was told since the last call.
    std::vector<std::string> told()
    {
        std::vector<std::string> messages;
        std::array<char, 4096> buffer{};
        for (;;) {
            auto const size = ::recv(socket_, buffer.data(), buffer.size(), 0);
            if (size < 0)
                return messages;
            messages.emplace_back(buffer.data(), static_cast<std::size_t>(size));
        }
    }

private:
    int socket_;
};

using Messages = std::vector<std::string>;

} // namespace

TEST_CASE("the manager is told about start, status and stop")
{
    Manager manager;
    Systemd systemd;
    CHECK(Systemd::present());
    systemd.ready("3 devices");
    systemd.status("2 commands open");
    systemd.extend_timeout(15s);
    systemd.stopping("finishing 2 commands");
    CHECK(manager.told()
        == Messages{"READY=1\nSTATUS=3 devices", "STATUS=2 commands open", "EXTEND_TIMEOUT_USEC=15000000",
            "STOPPING=1\nSTATUS=finishing 2 commands"});
}

TEST_CASE("a reload carries the time at which it began")
{
    VirtualTime time;
    Manager manager;
    Systemd systemd;
    auto const start = Clock::now();
    time.advance_to(start + 7ms);
    auto const now = std::chrono::duration_cast<std::chrono::microseconds>((start + 7ms).time_since_epoch());
    systemd.reloading("reading switchyard.toml");
    CHECK(manager.told()
        == Messages{"RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count())
            + "\nSTATUS=reading switchyard.toml"});
}

TEST_CASE("a text cannot smuggle in an assignment")
{
    Manager manager;
    Systemd systemd;
    systemd.status("broken\nREADY=1\r\x01");
    CHECK(manager.told() == Messages{"STATUS=broken READY=1  "});
}

TEST_CASE("without a manager nothing happens")
{
    Systemd systemd;
    CHECK_FALSE(Systemd::present());
    systemd.ready("nobody listens");
    CHECK_FALSE(Systemd::watchdog_interval());
}

TEST_CASE("the watchdog is fed twice in each period, until it is cancelled")
{
    VirtualTime time;
    test::Loop loop;
    loop.use(time);
    Manager manager;
    manager.want_watchdog(30s);
    CHECK(Systemd::watchdog_interval() == 15s);

    Systemd systemd;
    TaskGroup group(loop.timers);
    group.spawn(keep_watchdog(systemd, loop.timers));
    auto stop = [&](Clock::duration after) -> asio::awaitable<bool> {
        co_await loop.timers.wait_until(Clock::now() + after);
        group.cancel();
        co_return co_await group.drain(Clock::now() + 1s);
    };
    CHECK(loop.run(stop(59s)));
    CHECK(manager.told() == Messages(4, "WATCHDOG=1"));
}

TEST_CASE("nobody asks for a watchdog, or another process is meant: it is not fed")
{
    test::Loop loop;
    Manager manager;
    Systemd systemd;
    loop.run(keep_watchdog(systemd, loop.timers));
    manager.want_watchdog(30s, ::getppid());
    CHECK_FALSE(Systemd::watchdog_interval());
    loop.run(keep_watchdog(systemd, loop.timers));
    CHECK(manager.told().empty());
}
