#include "core/net/subprocess.hpp"

#include "core/base/text.hpp"
#include "core/net/task_group.hpp"
#include "tests/support/run.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {

std::string slurp(std::string const& path)
{
    // Not by iterators: they throw when the process ends while it is read.
    std::ifstream file(path);
    std::string all;
    for (std::string line; std::getline(file, line);)
        all += line + "\n";
    return all;
}

// A process that is gone, or dead and waiting for an init that reaps.
bool gone(pid_t pid)
{
    auto const stat = slurp(fmt::format("/proc/{}/stat", pid));
    auto const state = stat.rfind(')');
    return state == std::string::npos || stat[state + 2] == 'Z' || stat[state + 2] == 'X';
}

std::ptrdiff_t open_descriptors()
{
    return std::distance(
        std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

std::string temporary(std::string_view name)
{
    return fmt::format(
        "{}/switchyard-{}-{}", std::filesystem::temp_directory_path().string(), ::getpid(), name);
}

struct Fixture {
    // Every test ends without a child and without a descriptor more than before.
    Fixture()
    {
        loop.run(loop.timers.wait_until(Clock::now())); // the loop's own descriptors exist from here on
        descriptors = open_descriptors();
    }
    ~Fixture()
    {
        CHECK(open_descriptors() == descriptors);
        CHECK((::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD));
    }

    Result<ProgramEnd> run(Program program, Clock::duration patience = 20s)
    {
        return loop.run(run_program(loop.timers, std::move(program), Clock::now() + patience));
    }
    ProgramEnd shell(std::string script, Clock::duration patience = 20s)
    {
        Program program({"sh", "-c", std::move(script)});
        program.grace = 100ms;
        auto end = run(std::move(program), patience);
        REQUIRE(end);
        return *end;
    }
    bool dies(pid_t pid)
    {
        for (auto const until = Clock::now() + 10s; Clock::now() < until;) {
            if (gone(pid))
                return true;
            loop.run(loop.timers.wait_until(Clock::now() + 2ms));
        }
        return false;
    }
    static pid_t pid_in(std::string const& text)
    {
        auto const number = parse_integer(text.substr(0, text.find('\n')));
        REQUIRE(number);
        return static_cast<pid_t>(*number);
    }

    test::Loop loop;
    std::ptrdiff_t descriptors = 0;
};

} // namespace

TEST_CASE_METHOD(Fixture, "a program's output, errors and exit status come back")
{
    auto const end = shell("echo out; echo err >&2; exit 3");
    CHECK(end.out == "out\n");
    CHECK(end.err == "err\n");
    CHECK(end.status == 3);
    CHECK(end.signal == 0);
    CHECK_FALSE(end.stopped());
    CHECK(end.how() == "ended with status 3");
}

TEST_CASE_METHOD(Fixture, "arguments arrive as they are, without a shell")
{
    Program program({"printf", "%s|", "a b", "$HOME", "", "`id`", "*"});
    CHECK(run(std::move(program))->out == "a b|$HOME||`id`|*|");
}

TEST_CASE_METHOD(Fixture, "the environment is PATH, LANG and what was given")
{
    ::setenv("SWITCHYARD_TEST_LEAK", "secret", 1);
    Program program({"/usr/bin/env"});
    program.environment.emplace_back("GIVEN", "a=b c");
    auto const end = run(std::move(program));
    ::unsetenv("SWITCHYARD_TEST_LEAK");
    CHECK(end->out == fmt::format("PATH={}\nLANG=C\nGIVEN=a=b c\n", ::getenv("PATH")));
}

TEST_CASE_METHOD(Fixture, "the child has its standard descriptors and nothing else of ours")
{
    std::string const list =
        "for fd in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && echo $fd; done; true";
    CHECK(shell(list).out == "0\n1\n2\n");
    Program program({"sh", "-c", list});
    program.secret = Secret("x");
    CHECK(run(std::move(program))->out == "0\n1\n2\n3\n");
    auto const held = std::array{::dup2(2, 100), ::dup2(2, 200)}; // not closed on exec, as some libraries
                                                                  // leave them
    CHECK(shell("[ -e /proc/$$/fd/100 ] || [ -e /proc/$$/fd/200 ] || echo clean").out == "clean\n");
    for (auto const fd : held)
        ::close(fd);
}

TEST_CASE_METHOD(Fixture, "the child starts with standard signal handling")
{
    struct sigaction ignore{};
    struct sigaction before{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before);
    auto const end = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
    ::sigaction(SIGPIPE, &before, nullptr);
    CHECK(end.out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE_METHOD(Fixture, "input of any size is read by the program; without it there is none")
{
    Program program({"wc", "-c"});
    program.input.assign(3'000'000, 'x');
    CHECK(run(std::move(program))->out == "3000000\n");
    CHECK(shell("cat").out.empty());
}

TEST_CASE_METHOD(Fixture, "a secret is read once from its descriptor and stands nowhere else")
{
    Program program({"sh", "-c",
        "cat /dev/fd/3; cat /dev/fd/3; cat /proc/$$/environ /proc/$$/cmdline | grep -c 'hunter[2]'"});
    program.secret = Secret("hunter2");
    CHECK(run(std::move(program))->out == "hunter20\n");
    Program large({"true"});
    large.secret = Secret(std::string(5000, 'x'));
    CHECK(run(std::move(large)).error().detail == "cannot start true: Argument list too long");
}

TEST_CASE_METHOD(Fixture, "more output than the limit is dropped, but read, so that the program ends")
{
    Program program({"sh", "-c", "head -c 5000000 /dev/zero; head -c 70000 /dev/zero >&2; exit 4"});
    program.output_limit = 1000;
    auto const end = run(std::move(program));
    CHECK(end->out == std::string(1000, '\0'));
    CHECK(end->err.size() == 1000);
    CHECK(end->truncated);
    CHECK(end->status == 4);
    CHECK_FALSE(shell("echo short").truncated);
}

TEST_CASE_METHOD(Fixture, "a program that dies by a signal says which")
{
    auto const end = shell("kill -SEGV $$");
    CHECK(end.signal == SIGSEGV);
    CHECK(end.status == -1);
    CHECK(end.how() == "was killed by signal 11");
}

TEST_CASE_METHOD(Fixture, "what cannot be started is told with the system's reason")
{
    CHECK(run(Program({"no-such-program"})).error()
        == Error(Errc::internal, "cannot start no-such-program: No such file or directory"));
    CHECK(run(Program({"/no/such/program"})).error().detail
        == "cannot start /no/such/program: No such file or directory");
    CHECK(run(Program({"/etc/passwd"})).error().detail == "cannot start /etc/passwd: Permission denied");
    Program large({"true", std::string(3'000'000, 'x')});
    CHECK(run(std::move(large)).error().detail == "cannot start true: Argument list too long");
}

TEST_CASE_METHOD(Fixture, "without free descriptors nothing starts, and later it does")
{
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    auto tight = before;
    tight.rlim_cur = static_cast<rlim_t>(descriptors + 3);
    ::setrlimit(RLIMIT_NOFILE, &tight);
    auto const end = run(Program({"true"}));
    ::setrlimit(RLIMIT_NOFILE, &before);
    REQUIRE_FALSE(end);
    CHECK(end.error().effect == Effect::none);
    CHECK(run(Program({"true"}))->status == 0);
}

TEST_CASE_METHOD(Fixture, "at the deadline the program is told to end")
{
    auto const start = Clock::now();
    auto const end = shell("trap 'echo bye; exit 5' TERM; echo up; sleep 100 & wait", 200ms);
    CHECK(end.timed_out);
    CHECK_FALSE(end.cancelled);
    CHECK(end.status == 5);
    CHECK(end.out == "up\nbye\n");
    CHECK(end.how() == "was stopped at the deadline");
    CHECK(Clock::now() - start < 10s);
}

TEST_CASE_METHOD(Fixture, "a program that ignores SIGTERM is killed after the grace")
{
    auto const end = shell("trap '' TERM; echo up; while :; do sleep 100; done", 200ms);
    CHECK(end.timed_out);
    CHECK(end.signal == SIGKILL);
    CHECK(end.out == "up\n");
}

TEST_CASE_METHOD(Fixture, "grandchildren do not outlive the program, however it ends")
{
    auto const stopped = shell("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; sleep 100; sleep 100'", 200ms);
    CHECK(dies(pid_in(stopped.out)));
    auto const left = shell("sleep 100 & echo $!");
    CHECK(left.status == 0);
    CHECK(dies(pid_in(left.out)));
}

TEST_CASE_METHOD(Fixture, "a process that left the group does not hold the call up")
{
    auto const start = Clock::now();
    auto const mark = temporary("left");
    auto const end = shell(
        "setsid sh -c 'echo $$; : >" + mark + "; exec sleep 100' & until [ -e " + mark + " ]; do :; done");
    std::filesystem::remove(mark);
    CHECK(end.status == 0);
    CHECK(Clock::now() - start < 10s);
    CHECK(::kill(pid_in(end.out), SIGKILL) == 0);
}

TEST_CASE_METHOD(Fixture, "a cancelled call stops its program and says so")
{
    TaskGroup group(loop.timers);
    std::optional<Result<ProgramEnd>> end;
    auto task = [&]() -> asio::awaitable<void> {
        Program program({"sleep", "100"});
        end = co_await run_program(loop.timers, std::move(program), Clock::now() + 1h);
    };
    group.spawn(task());
    auto stop = [&]() -> asio::awaitable<bool> {
        co_await loop.timers.wait_until(Clock::now() + 20ms);
        group.cancel();
        co_return co_await group.drain(Clock::now() + 10s);
    };
    CHECK(loop.run(stop()));
    REQUIRE(end);
    REQUIRE(*end);
    CHECK((*end)->cancelled);
    CHECK((*end)->signal == SIGTERM);
    CHECK((*end)->how() == "was stopped");
}

TEST_CASE_METHOD(Fixture, "a call that was cancelled before starts nothing")
{
    TaskGroup group(loop.timers);
    std::optional<Result<ProgramEnd>> end;
    auto task = [&]() -> asio::awaitable<void> {
        co_await loop.timers.wait_until(Clock::now() + 1h);
        Program program({"sleep", "100"});
        end = co_await run_program(loop.timers, std::move(program), Clock::now() + 1h);
    };
    group.spawn(task());
    auto stop = [&]() -> asio::awaitable<bool> {
        co_await loop.timers.wait_until(Clock::now() + 5ms);
        group.cancel();
        co_return co_await group.drain(Clock::now() + 10s);
    };
    CHECK(loop.run(stop()));
    REQUIRE(end);
    CHECK(end->error() == Error(Errc::cancelled, "cancelled before sleep was started"));
}

TEST_CASE_METHOD(Fixture, "two hundred programs run side by side")
{
    TaskGroup group(loop.timers);
    int right = 0;
    auto task = [&](int number) -> asio::awaitable<void> {
        Program program({"sh", "-c", "cat; exit " + std::to_string(number % 100)});
        program.input = std::to_string(number);
        auto const end = co_await run_program(loop.timers, std::move(program), Clock::now() + 60s);
        right += end && end->out == std::to_string(number) && end->status == number % 100 ? 1 : 0;
    };
    for (int number = 0; number < 200; ++number)
        group.spawn(task(number));
    CHECK(loop.run(group.drain(Clock::now() + 60s)));
    CHECK(right == 200);
}

// Asio pools the records of descriptors, so a child's end once woke the wait for its successor, which was
// killed for it.
TEST_CASE_METHOD(Fixture, "programs in quick succession all run to their own end")
{
    auto task = [&]() -> asio::awaitable<int> {
        int right = 0;
        for (int number = 0; number < 100; ++number) {
            Program program({"sh", "-c", "echo out; echo err >&2; read -r x </dev/null; exit 7"});
            auto const end = co_await run_program(loop.timers, std::move(program), Clock::now() + 20s);
            right += end && end->status == 7 && end->out == "out\n" && end->err == "err\n" ? 1 : 0;
        }
        co_return right;
    };
    CHECK(loop.run(task()) == 100);
}

TEST_CASE("a program dies with the process that started it")
{
    auto const path = temporary("child");
    auto const starter = ::fork();
    if (starter == 0) {
        test::Loop loop;
        Program program(
            {"sh", "-c", "echo $$ >" + path + ".new; mv " + path + ".new " + path + "; exec sleep 100"});
        (void)loop.run(run_program(loop.timers, std::move(program), Clock::now() + 1h));
        ::_exit(0);
    }
    test::Loop loop;
    auto const until = Clock::now() + 20s;
    while (!std::filesystem::exists(path) && Clock::now() < until)
        loop.run(loop.timers.wait_until(Clock::now() + 2ms));
    auto const child = parse_integer(slurp(path).substr(0, slurp(path).find('\n')));
    REQUIRE(child);
    CHECK_FALSE(gone(static_cast<pid_t>(*child)));
    ::kill(starter, SIGKILL);
    ::waitpid(starter, nullptr, 0);
    while (!gone(static_cast<pid_t>(*child)) && Clock::now() < until)
        loop.run(loop.timers.wait_until(Clock::now() + 2ms));
    CHECK(gone(static_cast<pid_t>(*child)));
    std::filesystem::remove(path);
}
