#pragma once

#include "core/base/error.hpp"
#include "core/base/secret.hpp"
#include "core/net/timers.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

// Programs as children, for what only a program can do and for what would block the io thread.
namespace switchyard {

// The descriptor on which a child reads Program::secret, once: `ipmitool -f /dev/fd/3`.
inline constexpr int secret_fd = 3;

// What to run. Never a shell: each element of argv arrives as it is.
struct Program {
    explicit Program(std::vector<std::string> argv_) : argv(std::move(argv_)) {}

    std::vector<std::string> argv; // argv[0] with a slash is a path, else it is searched in PATH
    // The whole environment but for PATH (the daemon's own) and LANG=C; nothing else of the daemon's is
    // inherited.
    std::vector<std::pair<std::string, std::string>> environment;
    std::string input; // what standard input reads; empty: /dev/null
    Secret secret;     // at most 4096 bytes, on a pipe at secret_fd; empty: no such descriptor
    std::size_t output_limit = 64 * 1024;  // bytes kept of each of stdout and stderr; the rest is read and
                                           // dropped
    std::chrono::milliseconds grace{1000}; // between SIGTERM and SIGKILL
};

struct ProgramEnd {
    int status = -1;        // exit status; -1 when a signal ended it
    int signal = 0;         // that signal, or 0
    bool timed_out = false; // it was stopped at the deadline
    bool cancelled = false; // it was stopped because the caller was cancelled
    bool truncated = false; // more than output_limit came
    std::string out;
    std::string err;

    bool stopped() const noexcept { return timed_out || cancelled; }
    friend bool operator==(ProgramEnd const&, ProgramEnd const&) = default;
    // "ended with status 3", "was killed by signal 11", "was stopped at the deadline", "was stopped".
    std::string how() const;
};

// Runs a program to its end, which comes at `deadline` or with the caller's cancellation at the latest, plus
// `grace`: then the child's process group gets SIGTERM and after `grace` SIGKILL. When the child ends by
// itself whatever is left of its group is killed, so that no grandchild acts later; who leaves the group
// (setsid) escapes that. The child is always reaped.
//
// The child dies with the thread that started it (PR_SET_PDEATHSIG), so a daemon killed by SIGKILL leaves no
// child that would act besides the recovered daemon's command. That does not reach grandchildren, nor
// programs that change their user at exec (set-user-ID); there the service manager's control group does the
// rest.
//
// An error means that nothing ran (Effect::none, but for a child that had to be killed at once): `cancelled`
// before the start, or `internal` with the program's name and the system's reason (no such file, permission
// denied, too many open files, argument list too long, ...).
asio::awaitable<Result<ProgramEnd>> run_program(Timers& timers, Program program, Clock::time_point deadline);

} // namespace switchyard
