#include "tests/unit/config/test_drivers.hpp"

#include <catch2/catch.hpp>

using namespace switchyard;

namespace {

// All errors of a file, one a line.
std::string errors(std::string_view text)
{
    return test::texts(parse_config(text, "t.toml", test::drivers).errors);
}

// The errors of a device with these lines, beginning in line 4.
std::string device_errors(std::string_view lines)
{
    return errors(fmt::format("[devices.d]\ndriver = \"pdu\"\naddress = \"a\"\n{}\n", lines));
}

std::string target_errors(std::string_view lines)
{
    return errors(fmt::format("[devices.pdu1]\ndriver = \"pdu\"\naddress = \"a\"\n[devices.bmc1]\ndriver = "
                              "\"bmc\"\naddress = \"a\"\n{}\n",
        lines));
}

constexpr std::string_view duration_forms = R"(("500ms", "5s", "2m", "1h", "1d" or a number of seconds))";
constexpr std::string_view device_keys =
    "driver, drivers, bus, group, attempt_timeout, confirm_timeout, soft_timeout, off_time, "
    "min_off, min_gap, max_age, attempts, retry_delay, retry_delay_max, breaker_after, "
    "breaker_delay, breaker_delay_max, auth_retry_after, queue_limit, confirm, native_cycle, "
    "coalesce, on_indeterminate";

} // namespace

TEST_CASE("text that is not TOML says where")
{
    CHECK(errors("[devices\n").starts_with("t.toml:1:"));
    CHECK(errors("a = \n").starts_with("t.toml:1:"));
    CHECK(errors("[daemon]\ndeadline = \"5m\"\ndeadline = \"6m\"\n").starts_with("t.toml:3:"));
}

TEST_CASE("the JSON of PDUDaemon is recognised")
{
    auto const message =
        "t.toml: this is JSON: the configuration of PDUDaemon is not read by this version; write TOML, as "
        "docs/configuration.md shows\n";
    CHECK(errors("{\"daemon\": {}}") == message);
    CHECK(errors(" \n\t{") == message);
    CHECK(errors("// a comment\n{}") == message);
    CHECK(errors("/* a comment */ {}") == message);
}

TEST_CASE("unknown keys get a hint and the allowed ones")
{
    CHECK(errors("[device.x]\n")
        == "t.toml:1:2: unknown key 'device' - did you mean 'devices'? allowed: daemon, devices, groups, "
           "targets\n");
    CHECK(errors("[daemon]\nport = 1\n")
        == "t.toml:2:1: unknown key 'port'; allowed: deadline, deadline_max, stop_grace, drain_timeout, "
           "queue_limit, event_ring, "
           "log_level, http, zmq, store\n");
    CHECK(errors("[daemon.http]\nlistn = []\n")
        == "t.toml:2:1: unknown key 'listn' - did you mean 'listen'? allowed: listen, max_connections, "
           "max_body, max_header, "
           "header_timeout, idle_timeout, legacy_invalid_status\n");
    CHECK(errors("[groups.g]\nstager = 1\n")
        == "t.toml:2:1: unknown key 'stager' - did you mean 'stagger'? allowed: max_in_flight, stagger\n");
    CHECK(device_errors("  comunity = 1")
        == fmt::format("t.toml:4:3: unknown key 'comunity' - did you mean 'community'? allowed: {}, address, "
                       "port, community, version, "
                       "settle, strict, flags, environment\n",
            device_keys));
    CHECK(target_errors("[targets.t]\ndevice = \"bmc1\"\nport = \"1\"")
        == "t.toml:9:1: unknown key 'port'; allowed: device, outlet, outlets, description\n");
}

TEST_CASE("wrong types and ranges say what is allowed and what stands there")
{
    CHECK(device_errors("attempts = 0")
        == "t.toml:4:12: key 'attempts' must be a whole number from 1 to 100, not 0\n");
    CHECK(device_errors("attempts = \"3\"")
        == "t.toml:4:12: key 'attempts' must be a whole number from 1 to 100, not \"3\"\n");
    CHECK(device_errors("attempts = 3.0")
        == "t.toml:4:12: key 'attempts' must be a whole number from 1 to 100, not 3\n");
    CHECK(device_errors("confirm = \"yes\"")
        == "t.toml:4:11: key 'confirm' must be true or false, not \"yes\"\n");
    CHECK(device_errors("off_time = \"5 s\"")
        == fmt::format("t.toml:4:12: key 'off_time' must be a duration from 0s to 24h {}, not \"5 s\"\n",
            duration_forms));
    CHECK(device_errors("off_time = -1")
        == fmt::format(
            "t.toml:4:12: key 'off_time' must be a duration from 0s to 24h {}, not -1\n", duration_forms));
    CHECK(device_errors("settle = nan")
        == fmt::format("t.toml:4:10: key 'settle' must be a duration {}, not nan\n", duration_forms));
    CHECK(device_errors("settle = 2026-01-01")
        == fmt::format(
            "t.toml:4:10: key 'settle' must be a duration {}, not a date or time\n", duration_forms));
    CHECK(device_errors("coalesce = \"lates\"")
        == "t.toml:4:12: key 'coalesce' must be one of none, latest, not \"lates\" - did you mean "
           "'latest'?\n");
    CHECK(device_errors("version = \"4\"")
        == "t.toml:4:11: key 'version' must be one of 1, 2c, 3, not \"4\"\n");
    CHECK(device_errors("port = 70000")
        == "t.toml:4:8: key 'port' must be a whole number from 1 to 65535, not 70000\n");
    CHECK(device_errors("flags = \"a\"") == "t.toml:4:9: key 'flags' must be a list of texts, not \"a\"\n");
    CHECK(device_errors("flags = [\"a\", 1]") == "t.toml:4:9: key 'flags' must be a list of texts, not 1\n");
    CHECK(device_errors("environment = { A = 1 }")
        == "t.toml:4:15: key 'environment' must be a table of texts, not 1\n");
    CHECK(errors("[daemon.store]\nkeep = \"23h\"\n")
        == fmt::format("t.toml:2:8: key 'keep' must be a duration from 24h to 87600h {}, not \"23h\"\n",
            duration_forms));
    CHECK(errors("[daemon]\nlog_level = \"loud\"\n")
        == "t.toml:2:13: key 'log_level' must be one of error, warning, info, debug, not \"loud\"\n");
    CHECK(errors("devices = 3\n") == "t.toml:1:11: 'devices' must be a table: [devices]\n");
    CHECK(errors("[[devices]]\n").starts_with("t.toml:1:"));
    CHECK(errors("[devices]\na = 1\n") == "t.toml:2:5: 'devices.a' must be a table: [devices.a]\n");
    CHECK(errors("[daemon]\nhttp = true\n") == "t.toml:2:8: 'daemon.http' must be a table: [daemon.http]\n");
}

TEST_CASE("values that a type cannot judge")
{
    CHECK(errors("[daemon.http]\nlisten = [\"16421\"]\n")
        == "t.toml:2:10: key 'listen' must be a list of \"HOST:PORT\" or \"[IPV6]:PORT\"; \"16421\" is "
           "none\n");
    CHECK(errors("[daemon.http]\nlisten = [\"::1:80\"]\n")
        == "t.toml:2:10: key 'listen' must be a list of \"HOST:PORT\" or \"[IPV6]:PORT\"; \"::1:80\" is "
           "none\n");
    CHECK(errors("[daemon.http]\nlegacy_invalid_status = 501\n")
        == "t.toml:2:25: key 'legacy_invalid_status' must be 500 or 503, not 501\n");
    CHECK(errors("[daemon.zmq]\nlisten = [\"udp://x\"]\n")
        == "t.toml:2:10: key 'listen' must be a list of \"tcp://HOST:PORT\" or \"ipc:///PATH\"; \"udp://x\" "
           "is none\n");
    CHECK(errors("[daemon.zmq]\ncurve_clients = [\"short\"]\n")
        == "t.toml:2:17: key 'curve_clients' must be a list of public keys of 40 characters (Z85); \"short\" "
           "has 5\n");
    CHECK(errors("[daemon.store]\npath = \"\"\n") == "t.toml:2:8: key 'path' must not be empty\n");
    CHECK(errors("[daemon]\ndeadline = \"2d\"\n")
        == "t.toml:2:1: deadline (48h) is longer than deadline_max (24h)\n");
    CHECK(errors("[daemon]\ndeadline_max = \"5m\"\n")
        == "t.toml:2:1: deadline (10m) is longer than deadline_max (5m)\n");
    CHECK(device_errors("retry_delay = \"2m\"")
        == "t.toml:1:10: retry_delay (2m) is longer than retry_delay_max (1m)\n");
    CHECK(device_errors("breaker_delay_max = \"1s\"")
        == "t.toml:1:10: breaker_delay (5s) is longer than breaker_delay_max (1s)\n");
}

TEST_CASE("a secret never shows in a message")
{
    auto const expected = "t.toml:4:13: key 'community' must be a text, { file = \"...\" }, { env = \"...\" "
                          "} or { credential = "
                          "\"...\" }\n";
    CHECK(device_errors("community = 12345678") == expected);
    CHECK(device_errors("community = { flie = \"x\" }") == expected);
    CHECK(device_errors("community = { file = \"x\", env = \"Y\" }") == expected);
    CHECK(device_errors("community = { file = \"\" }") == expected);
    CHECK(device_errors("community = { env = 5 }") == expected);
    CHECK(device_errors("community = {}") == expected);
}

TEST_CASE("mistakes about drivers")
{
    CHECK(errors("[devices.d]\n")
        == "t.toml:1:10: device 'd' has no driver: write driver = \"...\" or drivers = [...]; drivers: bmc, "
           "pdu, web\n");
    CHECK(errors("[devices.d]\ndriver = \"bmcc\"\naddress = \"a\"\n")
        == "t.toml:2:10: there is no driver \"bmcc\" - did you mean 'bmc'? drivers: bmc, pdu, web\n");
    CHECK(errors("[devices.d]\ndriver = \"bmc\"\ndrivers = [\"bmc\"]\naddress = \"a\"\n")
        == "t.toml:1:10: device 'd' has both 'driver' and 'drivers'; write one of them\n");
    CHECK(errors("[devices.d]\ndriver = 7\n") == "t.toml:2:10: key 'driver' must be a text, not 7\n");
    CHECK(errors("[devices.d]\ndrivers = \"bmc\"\n")
        == "t.toml:2:11: key 'drivers' must be a list of texts, not \"bmc\"\n");
    CHECK(errors("[devices.d]\ndrivers = []\n")
        == "t.toml:2:11: key 'drivers' must name one driver at least\n");
    CHECK(errors("[devices.d]\ndrivers = [\"bmc\", \"bmc\"]\nbmc.address = \"a\"\n")
        == "t.toml:2:11: driver 'bmc' is named twice\n");
    CHECK(errors("[devices.d]\ndriver = \"bmc\"\n")
        == "t.toml:1:10: device 'd' lacks key 'address' of driver 'bmc': Address of the BMC.\n");
    CHECK(errors("[devices.d]\ndrivers = [\"bmc\"]\naddress = \"a\"\nbmc.address = \"a\"\n")
        == "t.toml:3:1: key 'address' belongs to driver 'bmc': with drivers = [...] write it in "
           "[devices.d.bmc]\n");
    CHECK(errors("[devices.d]\ndriver = \"bmc\"\naddress = \"a\"\n[devices.d.bmc]\nuser = \"x\"\n")
        == "t.toml:4:12: a table for driver 'bmc' goes with drivers = [...]; with driver = \"...\" its keys "
           "stand beside that\n");
    CHECK(errors("[devices.d]\ndrivers = [\"bmc\"]\n[devices.d.bmc]\naddress = \"a\"\nusr = \"x\"\n")
        == "t.toml:5:1: unknown key 'usr' - did you mean 'user'? allowed: address, user, password\n");
    CHECK(errors("[devices.d]\ndrivers = [\"bmc\"]\nbmc = 4\n")
        == "t.toml:1:10: device 'd' lacks key 'address' of driver 'bmc': Address of the BMC.\n"
           "t.toml:3:7: 'devices.d.bmc' must be a table: [devices.d.bmc]\n");
}

TEST_CASE("mistakes about names")
{
    CHECK(errors("[devices.\"a:b\"]\n")
        == "t.toml:1:10: [devices]: the name contains ':', which stands between a device and its outlet or "
           "in a path\n");
    CHECK(errors("[targets.\"a/b\"]\n")
        == "t.toml:1:10: [targets]: the name contains '/', which stands between a device and its outlet or "
           "in a path\n");
    CHECK(errors("[groups.\"\"]\n") == "t.toml:1:9: [groups]: the name is empty\n");
    CHECK(errors("[groups.\" a\"]\n") == "t.toml:1:9: [groups]: the name begins or ends with a blank\n");
    CHECK(errors("[groups.\"a\\tb\"]\n") == "t.toml:1:9: [groups]: the name contains a control character\n");
    CHECK(errors("[groups." + std::string(255, 'x') + "]\n").empty());
    CHECK(errors("[groups." + std::string(256, 'x') + "]\n")
        == "t.toml:1:9: [groups]: the name is longer than 255 characters\n");
}

TEST_CASE("mistakes about targets")
{
    CHECK(target_errors("[targets.t]")
        == "t.toml:7:10: target 't' has no outlet: write device = \"...\" (and outlet = \"...\"), or outlets "
           "= [...]\n");
    CHECK(target_errors("[targets.t]\ndevice = \"bmc1\"\noutlets = [\"bmc1\"]")
        == "t.toml:7:10: target 't' has both 'outlets' and 'device' or 'outlet'; write one of the two\n");
    CHECK(target_errors("[targets.t]\noutlet = \"1\"") == "t.toml:8:10: key 'outlet' needs key 'device'\n");
    CHECK(target_errors("[targets.t]\ndevice = \"pdu1\"\noutlet = 3")
        == "t.toml:9:10: key 'outlet' must be a text, not 3\n");
    CHECK(target_errors("[targets.t]\noutlets = []")
        == "t.toml:8:11: key 'outlets' must name one outlet at least\n");
    CHECK(target_errors("[targets.t]\noutlets = [3]")
        == "t.toml:8:11: key 'outlets' must be a list of texts, not 3\n");
    CHECK(target_errors("[targets.t]\ndevice = \"pdu2\"\noutlet = \"1\"")
        == "t.toml:8:10: there is no device \"pdu2\" - did you mean 'pdu1'? devices: bmc1, pdu1\n");
    CHECK(target_errors("[targets.t]\noutlets = [\"pdu1:1\",\n  \"x\"]")
        == "t.toml:9:3: there is no device \"x\"; devices: bmc1, pdu1\n");
    CHECK(target_errors("[targets.t]\ndevice = \"pdu1\"\noutlet = \"9\"")
        == "t.toml:8:10: device pdu1 has no outlet '9'; outlets: 1 to 8\n");
    CHECK(target_errors("[targets.t]\ndevice = \"pdu1\"")
        == "t.toml:8:10: device pdu1 has no outlet ''; outlets: 1 to 8\n");
    CHECK(target_errors("[targets.t]\ndevice = \"bmc1\"\noutlet = \"1\"")
        == "t.toml:8:10: device bmc1 has one system and no outlet '1'; leave the outlet out\n");
    CHECK(target_errors("[targets.t]\noutlets = [\"pdu1:5\", \"pdu1:05\"]")
        == "t.toml:8:22: outlet 'pdu1:5' is named twice\n");
    CHECK(errors("[targets.t]\ndevice = \"a\"\n")
        == "t.toml:2:10: there is no device \"a\"; [devices] is empty\n");
}

TEST_CASE("a group must exist")
{
    CHECK(device_errors("group = \"rack\"") == "t.toml:4:9: there is no group \"rack\"; [groups] is empty\n");
    CHECK(device_errors("group = \"rack8\"\n[groups.rack7]")
        == "t.toml:4:9: there is no group \"rack8\" - did you mean 'rack7'? groups: rack7\n");
}

TEST_CASE("all errors of a file are told at once, in its order")
{
    CHECK(errors("[targets.t]\ndevice = \"nope\"\n[daemon]\nqueue_limit = 0\nx = 1\n[devices.d]\ndriver = "
                 "\"bmc\"\n")
        == "t.toml:2:10: there is no device \"nope\"; devices: d\n"
           "t.toml:4:15: key 'queue_limit' must be a whole number from 1 to 10000000, not 0\n"
           "t.toml:5:1: unknown key 'x'; allowed: deadline, deadline_max, stop_grace, drain_timeout, "
           "queue_limit, event_ring, "
           "log_level, http, zmq, store\n"
           "t.toml:6:10: device 'd' lacks key 'address' of driver 'bmc': Address of the BMC.\n");
}

TEST_CASE("thousands of mistakes are told in reasonable time")
{
    std::string text;
    for (int i = 0; i < 2000; ++i)
        text += fmt::format(
            "[devices.d{0}]\ndriver = \"bmc\"\naddress = \"a\"\n[targets.t{0}]\ndevice = \"e{0}\"\n", i);
    auto const loaded = parse_config(text, "t.toml", test::drivers);
    CHECK(loaded.errors.size() == 2000);
    CHECK(loaded.errors.front().message == "there is no device \"e0\" - did you mean 'd0'?");
    CHECK(loaded.errors.back().message == "there is no device \"e1999\"");
}
