#pragma once

#include "core/net/task_group.hpp"
#include "drivers/driver.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

// Failed checks show what they compared.
namespace Catch {
template <>
struct StringMaker<switchyard::Error> {
    static std::string convert(switchyard::Error const& error)
    {
        auto const* const effect = error.effect == switchyard::Effect::none ? "none" : "possible";
        return std::string(name(error.code)) + " (effect " + effect + "): " + error.detail;
    }
};
template <class T>
struct StringMaker<switchyard::Result<T>> {
    static std::string convert(switchyard::Result<T> const& result)
    {
        return result ? std::string("a value") : StringMaker<switchyard::Error>::convert(result.error());
    }
};
} // namespace Catch

// What every driver promises (docs/drivers.md), as tests. A driver's test describes its devices by a Contract
// and runs check_contract() over it, within one TEST_CASE.
namespace switchyard::test {

// Counts intents and can refuse them.
class ContractAttempt final : public Attempt {
public:
    explicit ContractAttempt(Clock::duration patience) : deadline_(Clock::now() + patience) {}
    Clock::time_point deadline() const noexcept override { return deadline_; }
    asio::awaitable<Result<>> about_to_send() override
    {
        ++intents;
        if (on_intent)
            on_intent();
        co_return answer;
    }

    int intents = 0;
    Result<> answer;                 // what about_to_send() gives
    std::function<void()> on_intent; // runs inside it

private:
    Clock::time_point deadline_;
};

// Keeps every log record as one text.
class LogBook final : public LogSink {
public:
    void write(LogLevel level, std::string_view message, std::span<LogField const> fields) override
    {
        text += to_logfmt(level, message, fields) + "\n";
    }
    std::string text;
};

// A loop and drivers in it, called as a worker calls them: under their deadline, and cancelled from outside.
class DriverBench {
public:
    std::unique_ptr<Driver> make(DriverConfig const& config);
    Result<PowerState> read(Driver& driver, ContractAttempt& attempt, std::string const& outlet);
    Result<> write(Driver& driver, ContractAttempt& attempt, std::string const& outlet, Action action);
    Result<json::value> invoke(
        Driver& driver, ContractAttempt& attempt, std::string const& outlet, Operation const& operation);

    std::function<void()> cancel; // cancels the call that is running
    // While a call runs the arguments of every child and grandchild are collected here every few
    // milliseconds.
    std::set<std::string> arguments;
    bool watch_arguments = false;
    std::optional<Clock::duration> cancel_after;
    LogBook book;

private:
    template <class T>
    Result<T> call(asio::awaitable<Result<T>> operation, Clock::time_point deadline);

    Loop loop_;
    Log log_{book, LogLevel::debug};
    Toolbox toolbox_{loop_.timers, log_};
};

enum class Trouble {
    none,
    unreachable,
    wrong_password,
    garbage,    // executes nothing, answers nonsense
    stuck,      // executes nothing, answers nothing
    lost_reply, // executes, then answers nothing
};

struct Contract {
    std::string driver;
    // A fresh device that is off and has that trouble; nothing when this driver cannot have it.
    std::function<std::optional<DriverConfig>(Trouble)> device;
    // How many actions the device of the last device() has executed.
    std::function<int()> executed;
    std::string outlet;
    std::string secret;                // stands in the configuration and must stand nowhere else; empty: none
    std::optional<Action> unsupported; // an action that the device lacks
    Clock::duration patience = std::chrono::seconds(20); // enough for any call that works
    Clock::duration short_patience = std::chrono::milliseconds(300);
    Clock::duration grace = std::chrono::seconds(5); // a call ends so long after its deadline or cancellation
};

void check_contract(Contract const& contract);

// A directory that lives as long as this.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(TemporaryDirectory const&) = delete;
    TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    std::string const& path() const noexcept { return path_; }

private:
    std::string path_;
};

// The lines of a file; none when it does not exist.
std::vector<std::string> lines_of(std::string const& path);

} // namespace switchyard::test
