#include "core/net/subprocess.hpp"

#include "core/net/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace switchyard {
namespace {

using Stream = asio::posix::stream_descriptor;

constexpr std::size_t secret_limit = 4096; // PIPE_BUF: the smallest pipe takes it without a reader
// Descriptors of ours lie above those that the child gets (0 to 3), so that dup2() never overwrites one that
// is still needed.
constexpr int lowest_own_fd = 10;
// How long output is read after the child's end while a process that left the group holds the pipe open.
constexpr auto drain_time = std::chrono::milliseconds{100};

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// Closes `fd` and gives the same file at a high number; an empty Fd (errno is set) when there is none.
Fd lifted(int fd)
{
    Fd const low(fd);
    return low ? Fd(::fcntl(fd, F_DUPFD_CLOEXEC, lowest_own_fd)) : Fd();
}

struct Pipe {
    Fd read;
    Fd write;
    bool open(int flags)
    {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC | flags) != 0)
            return false;
        read = lifted(ends[0]);
        write = lifted(ends[1]);
        return read && write;
    }
};

// Everything that the child needs, made ready before it exists: between vfork() and execve() it only makes
// system calls.
struct Launch {
    std::string path;
    std::vector<char*> argv;
    std::vector<std::string> environment_texts;
    std::vector<char*> environment;
    Fd input;
    Pipe out;
    Pipe err;
    Pipe secret;
    Pipe failure; // the reason why execve() failed; the end when it did not
};

std::string search_path()
{
    auto const* const path = std::getenv("PATH");
    return path != nullptr && *path != '\0' ? path
                                            : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// The file that argv[0] names; itself when nothing is found, so that execve() tells the reason.
std::string find_program(std::string const& name, std::string const& path)
{
    if (name.find('/') != std::string::npos)
        return name;
    for (std::size_t begin = 0; begin <= path.size();) {
        auto const end = std::min(path.find(':', begin), path.size());
        auto file = path.substr(begin, end - begin) + "/" + name;
        if (end > begin && ::access(file.c_str(), X_OK) == 0)
            return file;
        begin = end + 1;
    }
    return name;
}

bool open_input(Launch& launch, Program const& program)
{
    if (program.input.empty()) {
        launch.input = lifted(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        return static_cast<bool>(launch.input);
    }
    // A file in memory: any size, no writer that would have to wait for the child.
    launch.input = lifted(::memfd_create("input", MFD_CLOEXEC));
    auto const size = static_cast<ssize_t>(program.input.size());
    return launch.input && ::write(launch.input.get(), program.input.data(), program.input.size()) == size
        && ::lseek(launch.input.get(), 0, SEEK_SET) == 0;
}

bool open_secret(Launch& launch, Program const& program)
{
    if (program.secret.empty())
        return true;
    if (program.secret.reveal().size() > secret_limit) {
        errno = E2BIG;
        return false;
    }
    auto const text = program.secret.reveal();
    if (!launch.secret.open(0) || ::write(launch.secret.write.get(), text.data(), text.size()) < 0)
        return false;
    launch.secret.write = Fd(); // the child reads the secret and then the end
    return true;
}

// False with errno set when the system has no descriptor or memory for it.
bool prepare(Launch& launch, Program& program)
{
    auto path = search_path();
    launch.path = find_program(program.argv.front(), path);
    for (auto& argument : program.argv)
        launch.argv.push_back(argument.data());
    launch.argv.push_back(nullptr);
    launch.environment_texts = {"PATH=" + path, "LANG=C"};
    for (auto const& [key, value] : program.environment)
        launch.environment_texts.push_back(key + "=" + value);
    for (auto& text : launch.environment_texts)
        launch.environment.push_back(text.data());
    launch.environment.push_back(nullptr);
    return open_input(launch, program) && open_secret(launch, program) && launch.out.open(0)
        && launch.err.open(0) && launch.failure.open(0);
}

// In the child, on the parent's memory: nothing here may allocate, lock or return.
[[noreturn]] void become(Launch const& launch, pid_t parent)
{
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        ::sigaction(number, &standard, nullptr); // an ignored SIGPIPE would be inherited
    sigset_t none;
    ::sigemptyset(&none);
    auto const descriptors = ::dup2(launch.input.get(), 0) >= 0 && ::dup2(launch.out.write.get(), 1) >= 0
        && ::dup2(launch.err.write.get(), 2) >= 0
        && (!launch.secret.read || ::dup2(launch.secret.read.get(), secret_fd) >= 0);
    auto const first_unused = static_cast<unsigned>(launch.secret.read ? secret_fd + 1 : secret_fd);
    if (descriptors && ::close_range(first_unused, ~0U, CLOSE_RANGE_CLOEXEC) == 0 && ::setpgid(0, 0) == 0
        && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0) {
        if (::getppid() != parent)
            ::_exit(127); // the daemon was killed before it could be told
        ::execve(launch.path.c_str(), launch.argv.data(), launch.environment.data());
    }
    int const error = errno;
    (void)!::write(launch.failure.write.get(), &error, sizeof error);
    ::_exit(127);
}

// vfork: a daemon with much memory starts a child as fast as a small one. Gives the child, or -1 with errno
// set. The reason comes by a pipe and not by the memory that both share, since sanitizers make a fork of it.
pid_t launch_child(Launch& launch)
{
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before); // no handler of ours may run in the child
    auto const parent = ::getpid();
    auto const child = ::vfork();
    if (child == 0)
        become(launch, parent);
    int error = child < 0 ? errno : 0;
    launch.failure.write = Fd();
    if (child > 0 && ::read(launch.failure.read.get(), &error, sizeof error) == sizeof error)
        ::waitpid(child, nullptr, 0);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr); // not earlier: no signal may interrupt the read
    errno = error;
    return error == 0 ? child : -1;
}

// A running child: its pidfd and the pipes that it writes to.
class Child {
public:
    Child(asio::any_io_executor const& executor, pid_t pid, Fd pidfd, Launch& launch, std::size_t limit)
        : pid_(pid),
          pidfd_(executor, pidfd.release()),
          out_(executor, launch.out.read.release()),
          err_(executor, launch.err.read.release()),
          limit_(limit)
    {
    }

    // Ends with the child, which is then a zombie until reap(); `cancelled` when the wait was.
    asio::awaitable<Result<>> ended()
    {
        while (!is_zombie()) {
            auto const [error] =
                co_await pidfd_.async_wait(Stream::wait_read, asio::as_tuple(asio::use_awaitable));
            if (error)
                co_return fail(Errc::cancelled, "the wait was cancelled");
        }
        co_return Result<>{};
    }
    // Asio wakes a wait for nothing when an event of a descriptor that was closed meets the record that its
    // successor reuses.
    bool is_zombie() const noexcept
    {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0
            && info.si_pid == pid_;
    }
    // Only before reap(): as long as the leader is not reaped nobody else can have the group's number.
    void signal_group(int number) const noexcept { ::kill(-pid_, number); }
    void reap(ProgramEnd& end)
    {
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
        if (info.si_code == CLD_EXITED)
            end.status = info.si_status;
        else
            end.signal = info.si_status;
    }
    asio::awaitable<void> collect_out(ProgramEnd& end) { return collect(out_, end.out, end.truncated); }
    asio::awaitable<void> collect_err(ProgramEnd& end) { return collect(err_, end.err, end.truncated); }

private:
    asio::awaitable<void> collect(Stream& stream, std::string& text, bool& truncated)
    {
        std::array<char, 4096> buffer;
        for (;;) {
            auto const [error, size] =
                co_await stream.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
            if (error)
                co_return;
            auto const kept = std::min(size, limit_ - text.size());
            text.append(buffer.data(), kept);
            truncated = truncated || kept < size;
        }
    }

    pid_t pid_;
    Stream pidfd_;
    Stream out_;
    Stream err_;
    std::size_t limit_;
};

// Ends what still runs, reaps, and collects the rest of the output. Runs shielded: nothing may interrupt it.
asio::awaitable<Result<>> finish(
    Timers& timers, Child& child, TaskGroup& readers, ProgramEnd& end, Clock::duration grace)
{
    if (end.stopped()) {
        child.signal_group(SIGTERM);
        auto const gone = co_await with_deadline(timers, Clock::now() + grace, child.ended());
        child.signal_group(SIGKILL);
        if (!gone)
            co_await child.ended();
    }
    child.signal_group(SIGKILL);
    child.reap(end);
    bool const waited = co_await readers.drain(Clock::now() + drain_time);
    if (!waited) {
        readers.cancel();
        co_await readers.drain(Clock::time_point::max());
    }
    co_return Result<>{};
}

std::unexpected<Error> cannot_start(std::string const& program, int error)
{
    return fail(Errc::internal, fmt::format("cannot start {}: {}", program, std::strerror(error)));
}

} // namespace

std::string ProgramEnd::how() const
{
    if (timed_out)
        return "was stopped at the deadline";
    if (cancelled)
        return "was stopped";
    return signal != 0 ? fmt::format("was killed by signal {}", signal)
                       : fmt::format("ended with status {}", status);
}

asio::awaitable<Result<ProgramEnd>> run_program(Timers& timers, Program program, Clock::time_point deadline)
{
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        co_return fail(Errc::cancelled, "cancelled before " + program.argv.front() + " was started");
    auto launch = std::make_unique<Launch>();
    if (!prepare(*launch, program))
        co_return cannot_start(program.argv.front(), errno);
    auto const pid = launch_child(*launch);
    if (pid < 0)
        co_return cannot_start(program.argv.front(), errno);
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd) {
        auto const error = errno;
        ::kill(-pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        co_return fail(Errc::internal,
            fmt::format("cannot watch {}, so it was killed: {}", program.argv.front(), std::strerror(error)),
            Effect::possible);
    }
    Child child(timers.executor(), pid, std::move(pidfd), *launch, program.output_limit);
    launch.reset(); // our ends of the child's descriptors
    ProgramEnd end;
    TaskGroup readers(timers);
    readers.spawn(child.collect_out(end));
    readers.spawn(child.collect_err(end));
    auto const ended = co_await with_deadline(timers, deadline, child.ended());
    end.timed_out = !ended && ended.error().code == Errc::timed_out;
    end.cancelled = !ended && !end.timed_out;
    co_await shielded(finish(timers, child, readers, end, program.grace));
    co_return end;
}

} // namespace switchyard
