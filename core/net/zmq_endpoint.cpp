#include "core/net/zmq_endpoint.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace switchyard {
namespace {

std::string words(int error)
{
    return std::system_category().message(error);
}

Result<> clear_way(std::string const& endpoint, std::string const& path)
{
    std::error_code error;
    auto const folder = std::filesystem::path(path).parent_path();
    if (!folder.empty() && !std::filesystem::exists(folder, error)) {
        std::filesystem::create_directories(folder, error);
        if (error)
            return fail(Errc::internal,
                "cannot listen on " + endpoint + ": cannot make the folder " + folder.string() + ": "
                    + error.message());
    }
    auto const probed = probe_ipc(path);
    if (probed == 0)
        return fail(Errc::internal, "cannot listen on " + endpoint + ": another process listens there");
    if (probed == ECONNREFUSED && ::unlink(path.c_str()) != 0)
        return fail(Errc::internal,
            "cannot listen on " + endpoint + ": cannot remove the old socket: " + words(errno));
    if (probed == ENOTSOCK)
        return fail(
            Errc::internal, "cannot listen on " + endpoint + ": there is a file that is not a socket");
    return {};
}

void give_to_group(std::string const& path, std::string const& group)
{
    std::array<char, 4096> buffer;
    ::group entry{};
    ::group* found = nullptr;
    if (group.empty() || ::getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0
        || !found)
        return;
    // Without the right to give it away it stays with our own group: that is what a run by hand wants.
    (void)!::chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid);
}

} // namespace

std::string_view ipc_path(std::string_view endpoint) noexcept
{
    constexpr std::string_view scheme = "ipc://";
    if (!endpoint.starts_with(scheme) || endpoint.substr(scheme.size()).starts_with('@'))
        return {};
    return endpoint.substr(scheme.size());
}

int probe_ipc(std::string_view path) noexcept
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return ENAMETOOLONG;
    std::copy(path.begin(), path.end(), address.sun_path);
    int const probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return errno;
    int error = 0;
    if (::connect(probe, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
        error = errno == EAGAIN ? 0 : errno; // a full backlog has a living owner
    ::close(probe);
    struct stat status{};
    std::string const name(path);
    if (error == ECONNREFUSED && ::lstat(name.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
        return ENOTSOCK;
    return error;
}

Result<> bind_endpoint(ZmqSocket& socket, std::string const& endpoint, std::string const& group)
{
    std::string const path(ipc_path(endpoint));
    if (path.empty())
        return socket.bind(endpoint);
    if (auto const cleared = clear_way(endpoint, path); !cleared)
        return cleared;
    // The mask, so that there is no moment in which others could connect.
    auto const mask = ::umask(0117);
    auto const bound = socket.bind(endpoint);
    ::umask(mask);
    if (!bound)
        return bound;
    give_to_group(path, group);
    if (::chmod(path.c_str(), 0660) != 0)
        return fail(Errc::internal, "cannot set the mode of " + path + ": " + words(errno));
    return {};
}

} // namespace switchyard
