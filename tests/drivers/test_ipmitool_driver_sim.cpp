#include "tests/support/driver_contract.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>

// The driver with the real ipmitool against a real peer: OpenIPMI's ipmi_sim.
using namespace switchyard;
using namespace switchyard::test;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;

// One simulated BMC, for the life of a test.
class Bmc {
public:
    explicit Bmc(std::string const& options = "")
    {
        std::istringstream line(farm("start " + directory_.path() + " 1 " + options));
        line >> address_ >> port_ >> user_ >> password_ >> pid_ >> witness_;
        REQUIRE(line);
    }
    ~Bmc() { farm("stop " + directory_.path()); }
    Bmc(Bmc const&) = delete;
    Bmc& operator=(Bmc const&) = delete;

    DriverConfig config() const
    {
        DriverConfig config(*find_driver("ipmitool"), "bmc1");
        config.set("address", address_);
        config.set("port", port_);
        config.set("user", user_);
        config.set("password", SecretRef(SecretRef::Kind::literal, password_));
        config.set("home", directory_.path()); // no enterprise file: the slow way works as well
        return config;
    }
    // What the chassis did, without times.
    Texts witness() const
    {
        auto lines = lines_of(witness_);
        for (auto& line : lines)
            line = line.substr(line.find(' ') + 1);
        return lines;
    }
    void signal(int number) const { ::kill(pid_, number); }

private:
    static std::string farm(std::string const& arguments)
    {
        auto const command = std::string(SWITCHYARD_PROGRAMS "/../../peers/ipmi_sim/farm.sh ") + arguments;
        auto* const output = ::popen(command.c_str(), "r");
        REQUIRE(output != nullptr);
        std::array<char, 4096> buffer{};
        auto const size = std::fread(buffer.data(), 1, buffer.size(), output);
        CHECK(::pclose(output) == 0);
        return {buffer.data(), size};
    }

    TemporaryDirectory directory_;
    std::string address_;
    std::int64_t port_ = 0;
    std::string user_;
    std::string password_;
    pid_t pid_ = 0;
    std::string witness_;
};

struct Fixture {
    void use(DriverConfig const& config) { driver = bench.make(config); }
    Result<> write(Action action)
    {
        ContractAttempt attempt(30s);
        auto result = bench.write(*driver, attempt, "", action);
        CHECK(attempt.intents == 1);
        return result;
    }
    Result<PowerState> read()
    {
        ContractAttempt attempt(30s);
        return bench.read(*driver, attempt, "");
    }
    Result<json::value> invoke(std::string name, json::object params = {})
    {
        ContractAttempt attempt(30s);
        Operation const operation(std::move(name), std::move(params));
        return bench.invoke(*driver, attempt, "", operation);
    }
    static bool installed()
    {
        return ::access("/usr/bin/ipmi_sim", X_OK) == 0 && ::access("/usr/bin/ipmitool", X_OK) == 0;
    }

    DriverBench bench;
    std::unique_ptr<Driver> driver;
};

} // namespace

TEST_CASE_METHOD(Fixture, "a real BMC is switched, and each action is executed once", "[ipmi_sim]")
{
    REQUIRE(installed()); // scripts/setup installs openipmi and ipmitool
    Bmc const bmc;
    use(bmc.config());
    CHECK(read() == PowerState::off);
    CHECK(write(Action::on));
    CHECK(read() == PowerState::on);
    CHECK(write(Action::reset));
    CHECK(write(Action::cycle));
    CHECK(write(Action::off));
    CHECK(read() == PowerState::off);
    CHECK(write(Action::on));
    CHECK(write(Action::soft));
    CHECK(read() == PowerState::off);
    auto witness = bmc.witness();
    CHECK(std::ranges::count(witness, "reset 1") + std::ranges::count(witness, "reset 0") == 1);
    CHECK(std::ranges::count(witness, "soft 1") + std::ranges::count(witness, "soft 0") == 1);
    CHECK(witness.front() == "power 1");
    auto const diag = write(Action::diag); // ipmi_sim does not know it
    REQUIRE_FALSE(diag);
    CHECK(diag.error()
        == Error(Errc::refused,
            "ipmitool: Set Chassis Power Control to Diag failed: Invalid data field in request"));
    CHECK(bench.book.text.find("sim-secret") == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a real BMC tells wrong credentials at login, and does nothing", "[ipmi_sim]")
{
    Bmc const bmc;
    auto config = bmc.config();
    config.set("password", SecretRef(SecretRef::Kind::literal, "wrong"));
    use(config);
    CHECK(read().error() == Error(Errc::auth_failed, "ipmitool: > RAKP 2 HMAC is invalid"));
    CHECK(write(Action::on).error() == Error(Errc::auth_failed, "ipmitool: > RAKP 2 HMAC is invalid"));
    config = bmc.config();
    config.set("user", std::string("nobody"));
    use(config);
    CHECK(write(Action::on).error()
        == Error(Errc::auth_failed, "ipmitool: RAKP 2 message indicates an error : unauthorized name"));
    config = bmc.config();
    config.set("user", std::string("looker"));
    config.set("privilege", std::string("user"));
    use(config);
    CHECK(read() == PowerState::off);
    CHECK(write(Action::on).error()
        == Error(Errc::auth_failed,
            "ipmitool: Set Chassis Power Control to Up/On failed: Insufficient privilege level"));
    CHECK(bmc.witness().empty());
}

TEST_CASE_METHOD(Fixture, "IPMI 1.5 works, and tells wrong credentials too", "[ipmi_sim]")
{
    Bmc const bmc;
    auto config = bmc.config();
    config.set("interface", std::string("lan"));
    use(config);
    CHECK(write(Action::on));
    CHECK(read() == PowerState::on);
    config.set("password", SecretRef(SecretRef::Kind::literal, "wrong"));
    use(config);
    CHECK(
        write(Action::off).error() == Error(Errc::auth_failed, "ipmitool: Activate Session command failed"));
    config.set("user", std::string("nobody"));
    use(config);
    CHECK(write(Action::off).error() == Error(Errc::auth_failed, "ipmitool: Invalid user name"));
    CHECK(bmc.witness() == Texts{"power 1"});
}

TEST_CASE_METHOD(Fixture, "a host that does not answer is told within seconds", "[ipmi_sim]")
{
    Bmc const bmc;
    use(bmc.config());
    bmc.signal(SIGSTOP);
    auto const start = Clock::now();
    auto const result = write(Action::on);
    bmc.signal(SIGCONT);
    REQUIRE_FALSE(result);
    CHECK(result.error()
        == Error(Errc::unreachable, "ipmitool: Error: Unable to establish IPMI v2 / RMCP+ session"));
    CHECK(Clock::now() - start < 10s);
    CHECK(bmc.witness().empty());
}

TEST_CASE_METHOD(Fixture, "a chassis that follows late reads as it is", "[ipmi_sim]")
{
    Bmc const bmc("--delay 700 --strict");
    use(bmc.config());
    auto const soft = write(Action::soft); // of a system that is off
    REQUIRE_FALSE(soft);
    CHECK(soft.error().code == Errc::refused);
    CHECK(write(Action::on));
    CHECK(read() == PowerState::off);
    auto const until = Clock::now() + 10s;
    while (read() == PowerState::off && Clock::now() < until)
        ;
    CHECK(read() == PowerState::on);
    CHECK(bmc.witness() == Texts{"power 1"});
}

TEST_CASE_METHOD(Fixture, "operations beyond power reach a real BMC", "[ipmi_sim]")
{
    Bmc const bmc;
    use(bmc.config());
    auto const info = invoke("info");
    REQUIRE(info);
    CHECK(info->at("manufacturer_id") == "4753");
    CHECK(info->at("additional_device_support").as_array().size() == 6);
    auto const guid = invoke("guid");
    REQUIRE(guid);
    CHECK(guid->as_object().contains("system_guid"));
    auto const events = invoke("sel");
    REQUIRE(events);
    CHECK(events->as_array().empty());
    CHECK(invoke("identify", {{"seconds", 5}}));
    CHECK(invoke("bootdev", {{"device", "pxe"}, {"persistent", true}, {"efi", true}}));
    auto const witness = bmc.witness();
    CHECK(std::ranges::count(witness, "identify 5") == 1);
    CHECK(std::ranges::count(witness, "boot 1") == 1);
}

TEST_CASE_METHOD(Fixture, "the driver's own home spares ipmitool the enterprise file", "[ipmi_sim]")
{
    Bmc const bmc;
    TemporaryDirectory const runtime;
    auto config = bmc.config();
    config.set("home", std::string());
    ::setenv("RUNTIME_DIRECTORY", runtime.path().c_str(), 1);
    use(config);
    CHECK(read() == PowerState::off);
    ::unsetenv("RUNTIME_DIRECTORY");
    CHECK(::access((runtime / "ipmitool/.local/usr/share/misc/enterprise-numbers.txt").c_str(), F_OK) == 0);
}
