#include "daemon/store/store_file.hpp"

#include "core/base/text.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace switchyard {
namespace {

constexpr std::size_t lock_bytes = 80;

std::string directory_of(std::string const& path)
{
    auto const parent = std::filesystem::path(path).parent_path();
    return parent.empty() ? "." : parent.string();
}

std::unexpected<Error> failed(std::string const& what, std::string const& path)
{
    return fail(Errc::store_unavailable, what + " " + path + ": " + std::strerror(errno));
}

bool sync_directory(std::string const& path)
{
    int const fd = ::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool const synced = ::fsync(fd) == 0;
    ::close(fd);
    return synced;
}

// "pid 1234 ids 20000 starts 7", padded with blanks to its fixed length.
std::uint64_t number_after(std::string_view text, std::string_view word)
{
    auto const at = text.find(word);
    if (at == std::string_view::npos)
        return 0;
    text.remove_prefix(at + word.size());
    auto const value = parse_integer(text.substr(0, text.find_first_not_of("0123456789")));
    return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
}

std::string read_all(int fd)
{
    std::array<char, lock_bytes> buffer{};
    auto const got = ::pread(fd, buffer.data(), buffer.size(), 0);
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

} // namespace

LockFile::~LockFile()
{
    if (fd_ >= 0)
        ::close(fd_);
}

Result<> LockFile::acquire(std::string const& path)
{
    path_ = path + ".lock";
    // As a package would have made it. When that fails, opening tells why.
    if (auto const folder = std::filesystem::path(path).parent_path(); !folder.empty())
        ::mkdir(folder.c_str(), 0750);
    int const fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed("the directory of the store must exist and be writable: cannot open", path_);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        auto const busy = errno == EWOULDBLOCK;
        auto const pid = number_after(read_all(fd), "pid ");
        auto error = failed("cannot lock", path_);
        ::close(fd);
        if (!busy)
            return error;
        return fail(Errc::store_unavailable,
            "another daemon (process " + std::to_string(pid) + ") uses the store " + path);
    }
    fd_ = fd;
    auto const text = read_all(fd_);
    if (int const error = write(number_after(text, "ids "), number_after(text, "starts ")); error != 0) {
        errno = error;
        return failed("cannot write", path_);
    }
    return {};
}

int LockFile::write(std::uint64_t mark, std::uint64_t starts)
{
    std::string text = "pid " + std::to_string(::getpid()) + " ids " + std::to_string(mark) + " starts "
        + std::to_string(starts);
    text.resize(lock_bytes - 1, ' ');
    text += '\n';
    ssize_t put = 0;
    do
        put = ::pwrite(fd_, text.data(), text.size(), 0);
    while (put < 0 && errno == EINTR);
    if (put < 0)
        return errno;
    if (static_cast<std::size_t>(put) != text.size())
        return ENOSPC; // a short write of so little
    if (::fdatasync(fd_) != 0)
        return errno;
    mark_ = mark;
    starts_ = starts;
    return 0;
}

bool make_ballast(std::string const& store_path, std::uint64_t bytes)
{
    if (bytes == 0)
        return true;
    auto const path = store_path + ".ballast";
    int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    int error = 0;
    do
        error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    while (error == EINTR);
    bool const room = error == 0;
    ::close(fd);
    if (!room)
        ::unlink(path.c_str());
    return room;
}

bool drop_ballast(std::string const& store_path)
{
    return ::unlink((store_path + ".ballast").c_str()) == 0;
}

void note_suspicion(std::string const& store_path)
{
    int const fd = ::open((store_path + ".suspect").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return; // best effort: a file that is corrupt where it is read at the start is found without the note
    ::fsync(fd);
    ::close(fd);
    sync_directory(store_path);
}

bool is_suspect(std::string const& store_path)
{
    return ::access((store_path + ".suspect").c_str(), F_OK) == 0;
}

void clear_suspicion(std::string const& store_path)
{
    ::unlink((store_path + ".suspect").c_str());
}

Result<std::string> set_aside(std::string const& store_path, UtcTime now)
{
    std::string stamp = to_rfc3339(now);
    std::erase(stamp, ':');
    std::string const kept = store_path + ".corrupt-" + stamp;
    // The log first: a database without its log is an older state, a log without its database would be
    // replayed into the new.
    auto const log = store_path + "-wal";
    if (::rename(log.c_str(), (kept + "-wal").c_str()) != 0 && errno != ENOENT)
        return failed("cannot set aside", log);
    if (::rename(store_path.c_str(), kept.c_str()) != 0)
        return failed("cannot set aside", store_path);
    sync_directory(store_path);
    return kept;
}

Result<> prepare_file(std::string const& store_path)
{
    int const fd = ::open(store_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed("cannot open", store_path);
    ::close(fd);
    if (!sync_directory(store_path))
        return failed("cannot sync the directory of", store_path);
    return {};
}

std::uint64_t free_bytes(std::string const& store_path) noexcept
{
    struct statvfs room{};
    if (::statvfs(directory_of(store_path).c_str(), &room) != 0)
        return 0;
    return static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
}

} // namespace switchyard
