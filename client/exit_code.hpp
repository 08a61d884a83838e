#pragma once

#include "core/base/error.hpp"
#include "core/wire/northbound.hpp"

namespace switchyard::client {

// What the verbs end with (docs/protocol.md, pduclient(1)). Numbers are a promise to scripts.
enum class ExitCode : int {
    done = 0,
    failed = 1,         // at least one command failed, or was refused
    usage = 2,          // the command line is wrong
    no_daemon = 3,      // nobody answered
    indeterminate = 4,  // the outcome of at least one cannot be known
    timed_out = 5,      // --timeout came first; the commands go on
    legacy_error = 127, // with --command: refused, failed or indeterminate
    interrupted = 130   // Ctrl-C; the commands go on
};

constexpr ExitCode exit_code(Errc code) noexcept
{
    switch (code) {
    case Errc::bad_request:
        return ExitCode::usage;
    case Errc::indeterminate:
    case Errc::commit_unknown:
        return ExitCode::indeterminate;
    default:
        return ExitCode::failed;
    }
}

constexpr ExitCode exit_code(CommandState state) noexcept
{
    if (state == CommandState::done)
        return ExitCode::done;
    if (state == CommandState::indeterminate)
        return ExitCode::indeterminate;
    return is_end(state) || state == CommandState::restoring ? ExitCode::failed : ExitCode::timed_out;
}

// Of several results: what is unknown counts most, then what failed, then what is still open.
constexpr ExitCode worse(ExitCode a, ExitCode b) noexcept
{
    for (auto const code : {ExitCode::indeterminate, ExitCode::failed, ExitCode::usage, ExitCode::timed_out})
        if (a == code || b == code)
            return code;
    return ExitCode::done;
}

} // namespace switchyard::client
