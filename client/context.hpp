#pragma once

#include "client/exit_code.hpp"
#include "client/options.hpp"
#include "client/output/terminal.hpp"
#include "core/net/power_client.hpp"

#include <map>
#include <set>

namespace switchyard::client {

// What a verb works with.
struct Context {
    Context(Timers& timers_, Options const& options_, Terminal& terminal_)
        : timers(timers_), options(options_), terminal(terminal_), power(timers_, options_.address)
    {
    }
    Timers& timers;
    Options const& options;
    Terminal& terminal;
    PowerClient power;
    std::string endpoint;                  // where the daemon was found
    std::map<CommandId, std::string> open; // commands that go on when we stop waiting, with their targets

    std::span<std::string const> arguments() const { return std::span(options.words).subspan(1); }
    // Until when to wait for results.
    Clock::time_point until() const { return Clock::now() + options.timeout.value_or(longest_wait); }

    // "pduclient: TEXT" and, once for each kind of error, what to do about it.
    void complain(std::string_view text) { terminal.note("pduclient: " + std::string(text)); }
    void advise(Errc code, std::string_view name);
    // A call failed: says so and returns what to exit with.
    ExitCode failed(std::string_view name, Error const& error);

private:
    std::set<Errc> advised_;
};

// "rack1-[01-20,31]" and the like, all arguments in one list, each name once.
Result<std::vector<std::string>> targets_of(std::span<std::string const> words);

} // namespace switchyard::client
