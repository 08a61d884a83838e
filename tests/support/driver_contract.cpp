#include "tests/support/driver_contract.hpp"

#include "core/base/text.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace switchyard::test {
namespace {

using namespace std::chrono_literals;

// The arguments of all that descends from this process.
void collect_arguments(std::string const& pid, std::set<std::string>& arguments)
{
    std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
    for (std::string child; children >> child;) {
        std::ifstream line("/proc/" + child + "/cmdline");
        // Not by iterators: they throw when the process ends while it is read.
        std::string all;
        for (std::string word; std::getline(line, word, '\0');)
            all += word + " ";
        arguments.insert(all);
        collect_arguments(child, arguments);
    }
}

// One check of the contract: a device with a trouble, and the driver that was made for it.
class Check {
public:
    explicit Check(Contract const& contract) : contract_(contract)
    {
        bench.watch_arguments = !contract.secret.empty();
    }

    // False when this driver cannot have that trouble.
    bool device(Trouble trouble)
    {
        auto const config = contract_.device(trouble);
        if (!config)
            return false;
        driver = bench.make(*config);
        return true;
    }
    Result<> write(Action action) { return write(action, contract_.patience); }
    Result<> write(Action action, Clock::duration patience)
    {
        ContractAttempt attempt(patience);
        auto result = write(action, attempt);
        CHECK(attempt.intents <= 1);
        if (result || result.error().effect == Effect::possible)
            CHECK(attempt.intents == 1);
        return result;
    }
    Result<> write(Action action, ContractAttempt& attempt)
    {
        auto const before = contract_.executed();
        auto result = bench.write(*driver, attempt, contract_.outlet, action);
        if (!result) {
            notice(result.error());
            if (result.error().effect == Effect::none)
                CHECK(contract_.executed() == before);
        }
        return result;
    }
    Result<PowerState> read() { return read(contract_.patience); }
    Result<PowerState> read(Clock::duration patience)
    {
        ContractAttempt attempt(patience);
        auto result = bench.read(*driver, attempt, contract_.outlet);
        CHECK(attempt.intents == 0);
        if (!result) {
            notice(result.error());
            CHECK(result.error().effect == Effect::none);
        }
        return result;
    }
    bool reads() const { return driver->capabilities().read; }
    void no_secret_anywhere()
    {
        if (contract_.secret.empty())
            return;
        CHECK(bench.book.text.find(contract_.secret) == std::string::npos);
        CHECK(errors_.find(contract_.secret) == std::string::npos);
        for (auto const& line : bench.arguments)
            CHECK(line.find(contract_.secret) == std::string::npos);
    }

    DriverBench bench;
    std::unique_ptr<Driver> driver;

private:
    void notice(Error const& error)
    {
        INFO(error.message());
        CHECK_FALSE(error.detail.empty());
        errors_ += error.message() + "\n";
    }

    Contract const& contract_;
    std::string errors_;
};

void on_and_off(Contract const& contract)
{
    Check check(contract);
    REQUIRE(check.device(Trouble::none));
    auto const& can = check.driver->capabilities();
    for (auto const action : {Action::on, Action::on, Action::off, Action::off}) {
        if (!can.absolute && contract.executed() % 2 == 1)
            continue; // a toggle is not repeated
        CHECK(check.write(action));
        if (check.reads() && can.absolute)
            CHECK(check.read() == (action == Action::on ? PowerState::on : PowerState::off));
    }
    CHECK(contract.executed() >= 2);
    check.no_secret_anywhere();
}

void refused_intent(Contract const& contract)
{
    Check check(contract);
    REQUIRE(check.device(Trouble::none));
    for (auto const code : {Errc::expired, Errc::cancelled, Errc::store_unavailable}) {
        ContractAttempt attempt(contract.patience);
        attempt.answer = fail(code, "not now");
        auto const result = check.write(Action::on, attempt);
        REQUIRE_FALSE(result);
        CHECK(result.error() == Error(code, "not now"));
        CHECK(attempt.intents == 1);
        CHECK(contract.executed() == 0);
    }
}

// Whatever a cancellation hits, the effect `none` is never a lie (Check::write looks).
void cancellation(Contract const& contract)
{
    Check at_intent(contract);
    REQUIRE(at_intent.device(Trouble::none));
    ContractAttempt attempt(contract.patience);
    attempt.on_intent = [&] { at_intent.bench.cancel(); };
    auto const result = at_intent.write(Action::on, attempt);
    if (!result)
        CHECK(result.error().code == Errc::cancelled);

    Check waiting(contract);
    if (!waiting.device(Trouble::stuck))
        return;
    waiting.bench.cancel_after = contract.short_patience;
    auto const start = Clock::now();
    auto const stopped = waiting.write(Action::on);
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == Errc::cancelled);
    CHECK(Clock::now() - start < contract.short_patience + contract.grace);
    if (waiting.reads())
        CHECK(waiting.read().error().code == Errc::cancelled);
    waiting.no_secret_anywhere();
}

void deadline(Contract const& contract)
{
    Check check(contract);
    if (!check.device(Trouble::stuck))
        return;
    auto const start = Clock::now();
    auto const result = check.write(Action::on, contract.short_patience);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::timed_out);
    CHECK(Clock::now() - start < contract.short_patience + contract.grace);
    if (check.reads())
        CHECK(check.read(contract.short_patience).error().code == Errc::timed_out);
    check.no_secret_anywhere();
}

void troubles(Contract const& contract)
{
    struct Expectation {
        Trouble trouble;
        Errc code;
        Effect effect;
        int executed;
        bool strikes_reads;
    };
    for (auto const& expected : {Expectation{Trouble::unreachable, Errc::unreachable, Effect::none, 0, true},
             Expectation{Trouble::wrong_password, Errc::auth_failed, Effect::none, 0, true},
             Expectation{Trouble::garbage, Errc::protocol, Effect::possible, 0, true},
             Expectation{Trouble::lost_reply, Errc::timed_out, Effect::possible, 1, false}}) {
        Check check(contract);
        if (!check.device(expected.trouble))
            continue;
        CAPTURE(static_cast<int>(expected.trouble));
        auto const result = check.write(Action::on);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == expected.code);
        CHECK(result.error().effect == expected.effect);
        CHECK(contract.executed() == expected.executed);
        if (check.reads() && expected.strikes_reads) {
            auto const state = check.read();
            REQUIRE_FALSE(state);
            CHECK(state.error().code == expected.code);
        }
        check.no_secret_anywhere();
    }
}

void what_it_lacks(Contract const& contract)
{
    Check check(contract);
    REQUIRE(check.device(Trouble::none));
    if (contract.unsupported) {
        ContractAttempt attempt(contract.patience);
        auto const result = check.write(*contract.unsupported, attempt);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::unsupported_action);
        CHECK(result.error().detail.find(name(*contract.unsupported)) != std::string::npos);
        CHECK(attempt.intents == 0);
        CHECK(contract.executed() == 0);
        CHECK_FALSE(check.driver->capabilities().actions.contains(*contract.unsupported));
    }
    ContractAttempt attempt(contract.patience);
    Operation const operation("no-such-operation", json::object());
    auto const result = check.bench.invoke(*check.driver, attempt, contract.outlet, operation);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::unsupported_action);
    CHECK(result.error().detail.find("no-such-operation") != std::string::npos);
    CHECK(attempt.intents == 0);
}

void the_spec(Contract const& contract)
{
    auto const* const spec = find_driver(contract.driver);
    REQUIRE(spec != nullptr);
    CHECK(spec->name == contract.driver);
    CHECK_FALSE(spec->summary.empty());
    for (auto const& key : spec->keys) {
        CAPTURE(key.name);
        CHECK(key.doc.ends_with('.'));
        CHECK((key.fallback.empty() || !key.required));
        CHECK((key.type != KeyType::integer || key.fallback.empty() || parse_integer(key.fallback)));
        CHECK((key.type != KeyType::duration || key.fallback.empty() || parse_duration(key.fallback)));
    }
    auto const config = contract.device(Trouble::none);
    REQUIRE(config);
    CHECK(spec->canonical_outlet(*config, contract.outlet) == contract.outlet);
    CHECK(spec->canonical_outlet(*config, "no such outlet").error().code == Errc::unknown_target);
    CHECK(spec->endpoint(*config).starts_with(contract.driver + "|"));
    if (!contract.secret.empty())
        CHECK(spec->endpoint(*config).find(contract.secret) == std::string::npos);
    Check check(contract);
    REQUIRE(check.device(Trouble::none));
    CHECK(check.driver->capabilities().read == spec->capabilities(*config).read);
    CHECK(check.driver->capabilities().atomic_cycle
        == check.driver->capabilities().actions.contains(Action::cycle));
}

} // namespace

std::unique_ptr<Driver> DriverBench::make(DriverConfig const& config)
{
    auto driver = config.spec().make(toolbox_, config);
    if (!driver)
        throw std::runtime_error(driver.error().message());
    return std::move(*driver);
}

Result<PowerState> DriverBench::read(Driver& driver, ContractAttempt& attempt, std::string const& outlet)
{
    return call(driver.read(attempt, outlet), attempt.deadline());
}

Result<> DriverBench::write(
    Driver& driver, ContractAttempt& attempt, std::string const& outlet, Action action)
{
    return call(driver.write(attempt, outlet, action), attempt.deadline());
}

Result<json::value> DriverBench::invoke(
    Driver& driver, ContractAttempt& attempt, std::string const& outlet, Operation const& operation)
{
    return call(driver.invoke(attempt, outlet, operation), attempt.deadline());
}

template <class T>
Result<T> DriverBench::call(asio::awaitable<Result<T>> operation, Clock::time_point deadline)
{
    std::optional<Result<T>> result;
    TaskGroup group(loop_.timers);
    auto task = [&]() -> asio::awaitable<void> {
        result = co_await with_deadline(loop_.timers, deadline, std::move(operation));
    };
    cancel = [&group] { group.cancel(); };
    group.spawn(task());
    auto const start = Clock::now();
    while (!group.empty()) {
        loop_.run(group.drain(Clock::now() + 2ms));
        if (watch_arguments)
            collect_arguments(std::to_string(::getpid()), arguments);
        if (cancel_after && Clock::now() - start >= *cancel_after)
            group.cancel();
    }
    cancel = nullptr;
    if (group.failure())
        std::rethrow_exception(group.failure());
    return std::move(*result);
}

void check_contract(Contract const& contract)
{
    SECTION("its entry in the table is sound")
    {
        the_spec(contract);
    }
    SECTION("on and off are idempotent and read back, one intent a write")
    {
        on_and_off(contract);
    }
    SECTION("a refused intent sends nothing and is told as it is")
    {
        refused_intent(contract);
    }
    SECTION("cancellation ends a call, and its effect is true")
    {
        cancellation(contract);
    }
    SECTION("the deadline ends a call")
    {
        deadline(contract);
    }
    SECTION("each trouble has its code and effect")
    {
        troubles(contract);
    }
    SECTION("what it lacks is named")
    {
        what_it_lacks(contract);
    }
}

TemporaryDirectory::TemporaryDirectory()
    : path_(std::filesystem::temp_directory_path().string() + "/switchyard-XXXXXX")
{
    if (::mkdtemp(path_.data()) == nullptr)
        throw std::runtime_error("no temporary directory");
}

TemporaryDirectory::~TemporaryDirectory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> lines_of(std::string const& path)
{
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    return lines;
}

} // namespace switchyard::test
