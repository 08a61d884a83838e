#include "drivers/ipmitool_output.hpp"
#include "tests/support/driver_contract.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace switchyard;
using namespace switchyard::test;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;

// A BMC that tests/support/programs/ipmitool.py plays in a directory of its own.
struct Fixture {
    DriverConfig bmc(std::string const& trouble = "")
    {
        place = directory / std::to_string(++number);
        std::filesystem::create_directory(place);
        std::ofstream(place + "/trouble") << trouble;
        DriverConfig config(*find_driver("ipmitool"), "bmc7");
        config.set("program", std::string(SWITCHYARD_PROGRAMS "/ipmitool.py"));
        config.set("address", place);
        config.set("user", std::string("admin"));
        config.set("password", SecretRef(SecretRef::Kind::literal, "ipmi-secret"));
        config.set("home", directory.path());
        return config;
    }
    Result<> write(Driver& driver, Action action, Clock::duration patience = 20s)
    {
        ContractAttempt attempt(patience);
        auto result = bench.write(driver, attempt, "", action);
        CHECK(attempt.intents <= 1);
        return result;
    }
    Result<> write(DriverConfig const& config, Action action) { return write(*bench.make(config), action); }
    Result<PowerState> read(Driver& driver, Clock::duration patience = 20s)
    {
        ContractAttempt attempt(patience);
        return bench.read(driver, attempt, "");
    }
    Result<json::value> invoke(Driver& driver, std::string name, json::object params = {})
    {
        ContractAttempt attempt(20s);
        Operation const operation(std::move(name), std::move(params));
        return bench.invoke(driver, attempt, "", operation);
    }
    Texts calls() const { return lines_of(place + "/calls"); }
    std::string refusal(DriverConfig const& config)
    {
        NullSink sink;
        Log log(sink, LogLevel::error);
        Loop loop;
        Toolbox toolbox{loop.timers, log};
        auto const driver = config.spec().make(toolbox, config);
        REQUIRE_FALSE(driver);
        CHECK(driver.error().code == Errc::bad_request);
        return driver.error().detail;
    }

    DriverBench bench;
    TemporaryDirectory directory;
    std::string place;
    int number = 0;
};

} // namespace

TEST_CASE_METHOD(Fixture, "the ipmitool driver keeps the contract")
{
    Contract contract;
    contract.driver = "ipmitool";
    contract.secret = "ipmi-secret";
    contract.short_patience = 500ms;
    contract.device = [&](Trouble trouble) -> std::optional<DriverConfig> {
        static constexpr std::array<char const*, 6> names{
            "", "unreachable", "", "garbage", "stuck", "lost_reply"};
        auto config = bmc(names.at(static_cast<std::size_t>(trouble)));
        if (trouble == Trouble::wrong_password)
            config.set("password", SecretRef(SecretRef::Kind::literal, "ipmi-secret-old"));
        return config;
    };
    contract.executed = [&] { return static_cast<int>(lines_of(place + "/witness").size()); };
    check_contract(contract);
}

TEST_CASE_METHOD(Fixture, "the command line is complete, and the password is not in it")
{
    auto config = bmc();
    config.set("kg", SecretRef(SecretRef::Kind::literal, "the-kg"));
    config.set("port", std::int64_t{6230});
    config.set("privilege", std::string("operator"));
    config.set("cipher", std::string("3"));
    config.set("timeout", 2000ms);
    config.set("retries", std::int64_t{3});
    config.set("target_address", std::string("0x82"));
    config.set("target_channel", std::int64_t{0});
    config.set("transit_address", std::string("0x24"));
    config.set("transit_channel", std::int64_t{6});
    config.set("options", Texts{"-o", "supermicro"});
    auto const driver = bench.make(config);
    CHECK(write(*driver, Action::on));
    CHECK(write(*driver, Action::reset)); // sent once, with the patience of 2 + 3 + 4 seconds
    std::string const common = "-v -I lanplus -H BMC -p 6230 -U admin -L OPERATOR ";
    std::string const rest = " -f /dev/fd/3 -C 3 -K -t 0x82 -b 0 -T 0x24 -B 6 -o supermicro chassis power ";
    CHECK(calls()
        == Texts{common + "-N 2 -R 3" + rest + "on | IPMI_KGKEY",
            common + "-N 9 -R 1" + rest + "reset | IPMI_KGKEY"});
}

TEST_CASE_METHOD(Fixture, "without a password ipmitool is told so and asks nobody; IPMI 1.5 has no suites")
{
    auto config = bmc();
    config.set("interface", std::string("lan"));
    config.set("password", SecretRef(SecretRef::Kind::literal, ""));
    CHECK_FALSE(write(config, Action::off));
    CHECK(calls()
        == Texts{"-v -I lan -H BMC -p 623 -U admin -L ADMINISTRATOR -N 1 -R 2 -P  chassis power off | "});
}

TEST_CASE_METHOD(Fixture, "a BMC without suite 17 is asked with suite 3, under one intent, from then on")
{
    auto const driver = bench.make(bmc("only_suite_3"));
    CHECK(write(*driver, Action::on));
    CHECK(read(*driver) == PowerState::on);
    auto const seen = calls();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].find("-C 17 ") != std::string::npos);
    CHECK(seen[1].find("-C 3 ") != std::string::npos);
    CHECK(seen[2].find("-C 3 ") != std::string::npos);

    auto pinned = bmc("only_suite_3");
    pinned.set("cipher", std::string("17"));
    auto const refused = write(pinned, Action::on);
    REQUIRE_FALSE(refused);
    CHECK(refused.error()
        == Error(Errc::refused,
            "ipmitool: Error in open session response message : invalid authentication algorithm"));
}

TEST_CASE_METHOD(Fixture, "what a stop can have done is told by how far ipmitool had come")
{
    auto const place_of = [&] { return place + "/trouble"; };
    auto const driver = bench.make(bmc("stuck_login"));
    auto const unknown = write(*driver, Action::on, 600ms);
    REQUIRE_FALSE(unknown);
    CHECK(
        unknown.error() == Error(Errc::timed_out, "ipmitool was stopped at the deadline", Effect::possible));

    std::ofstream(place_of()) << "";
    CHECK(read(*driver)); // now it is known that this ipmitool tells when it is logged in
    std::ofstream(place_of()) << "stuck_login";
    auto const before = write(*driver, Action::on, 600ms);
    REQUIRE_FALSE(before);
    CHECK(before.error()
        == Error(Errc::timed_out, "ipmitool was stopped at the deadline before it had logged in"));

    std::ofstream(place_of()) << "stuck";
    auto const after = write(*driver, Action::on, 600ms);
    REQUIRE_FALSE(after);
    CHECK(after.error().effect == Effect::possible);

    std::ofstream(place_of()) << "killed";
    CHECK(write(*driver, Action::on).error()
        == Error(Errc::protocol, "ipmitool was killed by signal 6", Effect::possible));
}

TEST_CASE_METHOD(Fixture, "completion codes have their code and effect")
{
    struct Row {
        char const* text;
        Errc code;
        Effect effect;
    };
    for (auto const& row : {Row{"Node busy", Errc::unreachable, Effect::none},
             Row{"BMC initialization in progress", Errc::unreachable, Effect::none},
             Row{"Destination unavailable", Errc::unreachable, Effect::none},
             Row{"Insufficient privilege level", Errc::auth_failed, Effect::none},
             Row{"Invalid command", Errc::unsupported_action, Effect::none},
             Row{"Command not supported in present state", Errc::refused, Effect::none},
             Row{"Invalid data field in request", Errc::refused, Effect::none},
             Row{"Timeout", Errc::timed_out, Effect::possible},
             Row{"Command response could not be provided", Errc::timed_out, Effect::possible},
             Row{"Unspecified error", Errc::refused, Effect::possible},
             Row{"Unknown (0x80)", Errc::refused, Effect::possible}}) {
        CAPTURE(row.text);
        auto const result = write(bmc(std::string("cc: ") + row.text), Action::soft);
        REQUIRE_FALSE(result);
        CHECK(result.error()
            == Error(row.code, std::string("ipmitool: Set Chassis Power Control to Soft failed: ") + row.text,
                row.effect));
    }
}

TEST_CASE_METHOD(Fixture, "logins fail without effect, and say whether the credentials are to blame")
{
    struct Row {
        char const* text;
        Errc code;
    };
    for (auto const& row : {Row{"RAKP 2 message indicates an error : unauthorized name", Errc::auth_failed},
             Row{"RAKP 2 message indicates an error : unauthorized role requested", Errc::auth_failed},
             Row{"RAKP 2 message indicates an error : insufficient resources for session", Errc::unreachable},
             Row{"RAKP 2 message indicates an error : illegal parameter", Errc::refused},
             Row{"> RAKP 4 message has invalid integrity check value", Errc::auth_failed},
             Row{"Error in open session response message : insufficient resources for session",
                 Errc::unreachable},
             Row{"Set Session Privilege Level to ADMINISTRATOR failed: Unknown (0x81)", Errc::auth_failed},
             Row{"This BMC does not support IPMI v2 / RMCP+", Errc::refused}}) {
        CAPTURE(row.text);
        auto const result = write(bmc(std::string("login: ") + row.text), Action::on);
        REQUIRE_FALSE(result);
        CHECK(result.error() == Error(row.code, std::string("ipmitool: ") + row.text));
    }
}

TEST_CASE_METHOD(Fixture, "operations become ipmitool's commands")
{
    auto const driver = bench.make(bmc());
    auto const last = [&] {
        auto const line = calls().back();
        auto const begin = line.find("-C 17 ") + 6;
        return line.substr(begin, line.find(" |") - begin);
    };
    CHECK(invoke(*driver, "identify", {{"seconds", 60}}));
    CHECK(last() == "chassis identify 60");
    CHECK(invoke(*driver, "identify", {{"force", true}}));
    CHECK(last() == "chassis identify force");
    CHECK(invoke(*driver, "bootdev", {{"device", "pxe"}, {"persistent", true}, {"efi", true}}));
    CHECK(last() == "chassis bootdev pxe options=persistent,efiboot");
    CHECK(invoke(*driver, "bootdev", {{"device", "disk"}, {"efi", true}}));
    CHECK(last() == "chassis bootdev disk options=efiboot");
    CHECK(invoke(*driver, "bootdev", {{"device", "none"}}));
    CHECK(last() == "chassis bootdev none");
    CHECK(invoke(*driver, "bootdev", {{"device", "pxe; reboot"}}).error().code == Errc::bad_request);
    CHECK(invoke(*driver, "identify", {{"seconds", -1}}).error().code == Errc::bad_request);

    CHECK(invoke(*driver, "guid").error().code == Errc::protocol);
    std::ofstream(place + "/output") << "System GUID  : 1234\nGUID Encoding : IPMI";
    CHECK(json::serialize(*invoke(*driver, "guid")) == R"({"system_guid":"1234","guid_encoding":"IPMI"})");
}

TEST_CASE("ipmitool's listings become JSON")
{
    CHECK(json::serialize(blocks_from_ipmitool("Device ID                 : 0\n"
                                               "Product Name              : Unknown (0xF02)\n"
                                               "Additional Device Support :\n"
                                               "    Sensor Device\n"
                                               "    SEL Device\n"
                                               "Aux Firmware Rev Info     : \n"
                                               "    0x00\n"))
        == R"j([{"device_id":"0","product_name":"Unknown (0xF02)","additional_device_support":)j"
           R"j(["Sensor Device","SEL Device"],)j"
           R"j("aux_firmware_rev_info":["0x00"]}])j");
    CHECK(json::serialize(
              blocks_from_ipmitool("SEL Record ID : 0001\n Record Type : 02\n\nSEL Record ID : 0002\n\n"))
        == R"([{"sel_record_id":"0001","record_type":"02"},{"sel_record_id":"0002"}])");
    CHECK(blocks_from_ipmitool("SEL has no entries\n").empty());
    CHECK(blocks_from_ipmitool("\n\n  \n   x\n").empty());
}

TEST_CASE_METHOD(Fixture, "credentials that IPMI cannot carry fail before the intent")
{
    auto config = bmc();
    config.set("password", SecretRef(SecretRef::Kind::literal, std::string(21, 'x')));
    auto const driver = bench.make(config);
    ContractAttempt attempt(20s);
    auto const result = bench.write(*driver, attempt, "", Action::on);
    REQUIRE_FALSE(result);
    CHECK(result.error()
        == Error(Errc::auth_failed, "the password is longer than the 20 bytes that IPMI allows"));
    CHECK(attempt.intents == 0);
    CHECK(calls().empty());
}

TEST_CASE_METHOD(Fixture, "a configuration that cannot work is refused")
{
    auto config = bmc();
    config.set("options", Texts{"-Psecret"});
    CHECK(refusal(config) == "options: -P is not allowed here; the driver sets it by a key of its own");
    config = bmc();
    config.set("timeout", 1500ms);
    CHECK(refusal(config) == "timeout must be whole seconds from 1s to 30s");
    config = bmc();
    config.set("user", std::string(17, 'x'));
    CHECK(refusal(config) == "user: IPMI allows 16 bytes");
}
