#include "tests/unit/config/test_drivers.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

Loaded parse(std::string_view text)
{
    return parse_config(text, "t.toml", test::drivers);
}

Config good(std::string_view text)
{
    auto loaded = parse(text);
    if (!loaded.errors.empty())
        FAIL(test::texts(loaded.errors));
    return std::move(loaded.config);
}

} // namespace

TEST_CASE("an empty file is a configuration with the defaults")
{
    for (auto const* const text : {"", "\n", "# nothing\n", "[daemon]\n[devices]\n[targets]\n"}) {
        auto const config = good(text);
        CHECK(config.daemon == DaemonConfig());
        CHECK(config.devices.empty());
        CHECK(config.targets.empty());
    }
}

// Every key there is, none with its default.
constexpr auto full = R"(
[daemon]
deadline = "5m"
deadline_max = "2h"
stop_grace = 20
drain_timeout = 1.5
queue_limit = 10
event_ring = 64
log_level = "debug"
[daemon.http]
listen = ["0.0.0.0:80", "[::]:80", "localhost:0"]
max_connections = 5
max_body = 1024
max_header = 2048
header_timeout = "1s"
idle_timeout = "2s"
legacy_invalid_status = 503
[daemon.zmq]
listen = ["tcp://*:1"]
publish = []
max_message = 4096
max_pending = 7
curve_secret_key = { env = "KEY" }
curve_clients = ["0123456789012345678901234567890123456789"]
socket_group = "wheel"
[daemon.store]
path = "/x/y.db"
ballast = 0
keep = "1d"
keep_max = 3
[groups.rack7]
max_in_flight = 4
stagger = "500ms"
[devices.pdu1]
driver = "pdu"
address = "10.0.0.1"
port = 1161
community = "public"
version = "1"
settle = "2s"
strict = true
flags = ["a", "b"]
environment = { LANG = "C", TZ = "UTC" }
bus = "serial0"
group = "rack7"
attempt_timeout = "1s"
confirm_timeout = "2s"
soft_timeout = "3s"
off_time = "4s"
min_off = "500ms"
min_gap = "6ms"
max_age = "7s"
attempts = 8
retry_delay = "9ms"
retry_delay_max = "10s"
breaker_after = 0
breaker_delay = "11s"
breaker_delay_max = "12s"
auth_retry_after = "13m"
queue_limit = 14
confirm = false
native_cycle = true
coalesce = "latest"
on_indeterminate = "hold"
[targets.srv1]
device = "pdu1"
outlet = "05"
description = "a server"
)";

TEST_CASE("every key of the daemon and of a group arrives")
{
    auto const config = good(full);
    auto const& daemon = config.daemon;
    CHECK(daemon.deadline == 5min);
    CHECK(daemon.deadline_max == 2h);
    CHECK(daemon.stop_grace == 20s);
    CHECK(daemon.drain_timeout == 1500ms);
    CHECK(daemon.queue_limit == 10);
    CHECK(daemon.event_ring == 64);
    CHECK(daemon.log_level == LogLevel::debug);
    CHECK(daemon.http.listen == std::vector<std::string>{"0.0.0.0:80", "[::]:80", "localhost:0"});
    CHECK(daemon.http.max_connections == 5);
    CHECK(daemon.http.max_body == 1024);
    CHECK(daemon.http.max_header == 2048);
    CHECK(daemon.http.header_timeout == 1s);
    CHECK(daemon.http.idle_timeout == 2s);
    CHECK(daemon.http.legacy_invalid_status == 503);
    CHECK(daemon.zmq.listen == std::vector<std::string>{"tcp://*:1"});
    CHECK(daemon.zmq.publish.empty());
    CHECK(daemon.zmq.max_message == 4096);
    CHECK(daemon.zmq.max_pending == 7);
    CHECK(daemon.zmq.curve_secret_key == SecretRef(SecretRef::Kind::environment, "KEY"));
    CHECK(daemon.zmq.curve_clients.size() == 1);
    CHECK(daemon.zmq.socket_group == "wheel");
    CHECK(daemon.store.path == "/x/y.db");
    CHECK(daemon.store.ballast == 0);
    CHECK(daemon.store.keep == 24h);
    CHECK(daemon.store.keep_max == 3);
    CHECK(config.groups.at("rack7").max_in_flight == 4);
    CHECK(config.groups.at("rack7").stagger == 500ms);
}

TEST_CASE("every key of a device arrives")
{
    auto const config = good(full);
    auto const& device = config.devices.at("pdu1");
    CHECK(device.name == "pdu1");
    CHECK(device.bus == "serial0");
    CHECK(device.group == "rack7");
    CHECK(device.attempt_timeout == 1s);
    CHECK(device.confirm_timeout == 2s);
    CHECK(device.soft_timeout == 3s);
    CHECK(device.off_time == 4s);
    CHECK(device.min_off == 500ms);
    CHECK(device.min_gap == 6ms);
    CHECK(device.max_age == 7s);
    CHECK(device.attempts == 8);
    CHECK(device.retry_delay == 9ms);
    CHECK(device.retry_delay_max == 10s);
    CHECK(device.breaker_after == 0);
    CHECK(device.breaker_delay == 11s);
    CHECK(device.breaker_delay_max == 12s);
    CHECK(device.auth_retry_after == 13min);
    CHECK(device.queue_limit == 14);
    CHECK_FALSE(device.confirm);
    CHECK(device.native_cycle);
    CHECK(device.coalesce == Coalesce::latest);
    CHECK(device.on_indeterminate == OnIndeterminate::hold);
}

TEST_CASE("every type of a driver's keys arrives, and the target")
{
    auto const config = good(full);
    auto const& device = config.devices.at("pdu1");
    REQUIRE(device.drivers.size() == 1);
    auto const& driver = device.drivers.front();
    CHECK(&driver.spec() == &test::pdu_driver);
    CHECK(driver.device() == "pdu1");
    CHECK(driver.text("address") == "10.0.0.1");
    CHECK(driver.integer("port") == 1161);
    CHECK(driver.secret("community") == SecretRef(SecretRef::Kind::literal, "public"));
    CHECK(driver.text("version") == "1");
    CHECK(driver.duration("settle") == 2s);
    CHECK(driver.boolean("strict"));
    CHECK(driver.list("flags") == std::vector<std::string>{"a", "b"});
    CHECK(driver.map("environment").size() == 2);
    CHECK(config.targets.at("srv1").description == "a server");
    CHECK(config.targets.at("srv1").outlets == std::vector{OutletRef("pdu1", "5")});
}

TEST_CASE("a device may have several drivers")
{
    auto const config = good(R"(
[devices.srv1]
drivers = ["web", "bmc"]
attempts = 2
[devices.srv1.web]
address = "https://a"
[devices.srv1.bmc]
address = "10.0.0.9"
user = "root"
[targets.dual]
outlets = ["srv1"]
)");
    auto const& drivers = config.devices.at("srv1").drivers;
    REQUIRE(drivers.size() == 2);
    CHECK(drivers[0].spec().name == "web");
    CHECK(drivers[0].text("address") == "https://a");
    CHECK(drivers[0].text("user") == "admin");
    CHECK(drivers[1].text("user") == "root");
    CHECK(config.targets.at("dual").outlets == std::vector{OutletRef("srv1", "")});
}

TEST_CASE("a target may have several outlets, of devices that come later")
{
    auto const config = good(R"(
[targets.dual]
outlets = ["pdu1:3", "my pdu:07"]
[devices.pdu1]
driver = "pdu"
address = "a"
[devices."my pdu"]
driver = "pdu"
address = "b"
)");
    CHECK(config.targets.at("dual").outlets == std::vector{OutletRef("pdu1", "3"), OutletRef("my pdu", "7")});
}

TEST_CASE("the position of a finding is file, line and column")
{
    CHECK(Finding{"f.toml", 14, 3, "oops"}.text() == "f.toml:14:3: oops");
    CHECK(Finding{"f.toml", 0, 0, "oops"}.text() == "f.toml: oops");
}

TEST_CASE("a name that is a device and another target is a warning")
{
    auto const loaded = parse(R"(
[devices.a]
driver = "bmc"
address = "x"
[devices.b]
driver = "bmc"
address = "y"
[targets.a]
device = "b"
[targets.b]
device = "b"
)");
    CHECK(loaded.errors.empty());
    CHECK(test::texts(loaded.warnings)
        == "t.toml:9:10: 'a' is a target and a device: the name alone means the target\n");
}

TEST_CASE("many devices load and stay small")
{
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text +=
            fmt::format("[devices.pdu{0}]\ndriver = \"pdu\"\naddress = \"10.0.{1}.{2}\"\n[targets.srv{0}]\n"
                        "device = \"pdu{0}\"\noutlet = \"{3}\"\n",
                i, i / 256, i % 256, i % 8 + 1);
    auto const config = good(text);
    CHECK(config.devices.size() == 5000);
    CHECK(config.targets.size() == 5000);
    CHECK(config.targets.at("srv4999").outlets.front() == OutletRef("pdu4999", "8"));
    CHECK(config.devices.at("pdu4999").drivers.front().text("address") == "10.0.19.135");
}

TEST_CASE("a device whose drivers cannot be made is at fault")
{
    auto loaded = parse("[devices.a]\ndriver = \"bmc\"\naddress = \"x\"\n");
    REQUIRE(loaded.errors.empty());
    asio::io_context io;
    Timers timers(io.get_executor());
    NullSink sink;
    Log log(sink, LogLevel::error);
    Toolbox tools{timers, log};
    try_drivers(loaded, tools);
    CHECK(loaded.config.devices.at("a").fault == "driver bmc: the program for a is missing");
    CHECK(test::texts(loaded.warnings) == "t.toml: device 'a': driver bmc: the program for a is missing\n");
}
