#include "core/net/http_server.hpp"

#include "core/base/text.hpp"
#include "core/net/http_server_connection.hpp"
#include "core/net/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <list>

namespace switchyard {

namespace {

using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto quiet = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t turned_away_at_once = 64; // clients beyond the limit that are told so; more are just
                                                // closed
constexpr std::chrono::milliseconds accept_pause{100}; // when the system has no descriptor or no memory
constexpr std::chrono::milliseconds last_words{500};   // for cancelled requests to be answered

// "127.0.0.1:16421", "[::1]:0", "localhost:8080"
Result<tcp::endpoint> endpoint_from(std::string_view text)
{
    auto const colon = text.rfind(':');
    auto host = text.substr(0, std::min(colon, text.size()));
    auto const port = colon == text.npos ? std::nullopt : parse_integer(text.substr(colon + 1));
    if (!port || *port < 0 || *port > 65'535)
        return fail(
            Errc::bad_request, fmt::format("'{}' is no address to listen on: use ADDRESS:PORT", text));
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != host.npos)
        return fail(
            Errc::bad_request, fmt::format("'{}': write an IPv6 address in brackets, [::1]:{}", text, *port));
    error_code error;
    auto const address = host == "localhost" ? asio::ip::address(asio::ip::address_v4::loopback())
                                             : asio::ip::make_address(std::string(host), error);
    if (error)
        return fail(Errc::bad_request, fmt::format("'{}' is no IP address to listen on", host));
    return tcp::endpoint(address, static_cast<std::uint16_t>(*port));
}

// A machine without IPv6 has no [::1] either; the daemon listens there by default and must start all the
// same.
bool lacks_family(tcp::endpoint const& endpoint, error_code const& error) noexcept
{
    return error == asio::error::address_family_not_supported
        || (endpoint.address().is_v6() && endpoint.address().is_loopback()
            && error == boost::system::errc::address_not_available);
}

bool lacks_room(error_code const& error) noexcept
{
    return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system
        || error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

// A descriptor kept back, so that a client can be turned away when there is no other left.
class ReserveDescriptor {
public:
    ReserveDescriptor() { take(); }
    ~ReserveDescriptor() { give(); }
    ReserveDescriptor(ReserveDescriptor const&) = delete;
    ReserveDescriptor& operator=(ReserveDescriptor const&) = delete;
    bool held() const noexcept { return fd_ >= 0; }
    void take()
    {
        if (fd_ < 0)
            fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    void give()
    {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
    }

private:
    int fd_ = -1;
};

// A connection's entry in a list, for as long as it lives.
class Place {
public:
    Place(std::list<HttpConnection*>& list, HttpConnection& connection)
        : list_(list), at_(list.insert(list.end(), &connection))
    {
    }
    ~Place() { list_.erase(at_); }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;

private:
    std::list<HttpConnection*>& list_;
    std::list<HttpConnection*>::iterator at_;
};

} // namespace

class HttpServer::Core {
public:
    Core(Timers& timers, Log& log, HttpHandler& handler, HttpServerLimits const& limits, LineHandler* lines)
        : shared(timers, log, handler, limits, lines), tasks_(timers)
    {
    }

    Result<> listen(std::vector<std::string> const& addresses);
    asio::awaitable<void> stop(Clock::time_point until);

    HttpServerStats const& stats() noexcept
    {
        shared.stats.open = connections_.size();
        return shared.stats;
    }

    HttpServerShared shared;
    std::list<tcp::acceptor> acceptors;

private:
    Result<> open(tcp::acceptor& acceptor, std::string const& address, bool& impossible);
    asio::awaitable<void> accept(tcp::acceptor& acceptor);
    void admit(tcp::socket socket);
    asio::awaitable<void> serve(tcp::socket socket, asio::cancellation_signal& cancel, bool welcome);
    void refuse_without_descriptor(tcp::acceptor& acceptor);

    ReserveDescriptor reserve_;
    std::list<HttpConnection*> connections_; // that are served
    std::list<HttpConnection*> turned_away_; // that hear that there is no room
    TaskGroup tasks_;
};

Result<> HttpServer::Core::open(tcp::acceptor& acceptor, std::string const& address, bool& impossible)
{
    error_code error;
    auto const endpoint = endpoint_from(address);
    if (!endpoint)
        return std::unexpected(endpoint.error());
    acceptor.open(endpoint->protocol(), error);
    if (!error && endpoint->address().is_v6())
        acceptor.set_option(asio::ip::v6_only(true), error);
    if (!error)
        acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error)
        acceptor.bind(*endpoint, error);
    if (!error)
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    impossible = lacks_family(*endpoint, error);
    if (error)
        return fail(Errc::bad_request, fmt::format("cannot listen on {}: {}", address, error.message()));
    return {};
}

Result<> HttpServer::Core::listen(std::vector<std::string> const& addresses)
{
    std::list<tcp::acceptor> opened;
    std::optional<Error> passed_over;
    for (auto const& address : addresses) {
        auto& acceptor = opened.emplace_back(shared.timers.executor());
        bool impossible = false;
        auto done = open(acceptor, address, impossible);
        if (done)
            continue;
        if (!impossible)
            return done;
        opened.pop_back();
        passed_over = std::move(done.error());
        shared.log.warning(passed_over->detail);
    }
    if (opened.empty() && passed_over)
        return std::unexpected(std::move(*passed_over));
    acceptors.splice(acceptors.end(), opened);
    for (auto& acceptor : acceptors)
        tasks_.spawn(accept(acceptor));
    return {};
}

asio::awaitable<void> HttpServer::Core::accept(tcp::acceptor& acceptor)
{
    while (!shared.stopping) {
        auto [error, socket] = co_await acceptor.async_accept(quiet);
        if (shared.stopping)
            break;
        if (!error) {
            admit(std::move(socket));
            continue;
        }
        if (error == asio::error::operation_aborted)
            break;
        if (!lacks_room(error))
            continue; // a client that went away while it waited to be accepted
        shared.log.warning("cannot accept an HTTP client", {kv("error", error.message())});
        refuse_without_descriptor(acceptor);
        co_await shared.timers.wait_until(Clock::now() + accept_pause);
    }
}

void HttpServer::Core::admit(tcp::socket socket)
{
    bool const welcome = connections_.size() < shared.limits.max_connections;
    ++(welcome ? shared.stats.accepted : shared.stats.refused);
    if (!welcome && turned_away_.size() >= turned_away_at_once)
        return; // closes it
    tasks_.spawn_with(
        [&](asio::cancellation_signal& cancel) { return serve(std::move(socket), cancel, welcome); });
}

asio::awaitable<void> HttpServer::Core::serve(
    tcp::socket socket, asio::cancellation_signal& cancel, bool welcome)
{
    HttpConnection connection(shared, std::move(socket), cancel);
    Place const place(welcome ? connections_ : turned_away_, connection);
    if (welcome)
        co_await connection.run();
    else
        co_await connection.turn_away();
}

// Every descriptor is in use: the reserve lets one client in, to hear that it is not served, instead of
// leaving it to wait.
void HttpServer::Core::refuse_without_descriptor(tcp::acceptor& acceptor)
{
    if (!reserve_.held())
        return reserve_.take();
    reserve_.give();
    error_code error;
    acceptor.non_blocking(true, error);
    auto socket = acceptor.accept(error);
    if (!error) {
        static constexpr std::string_view text = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                                 "Content-Length: 0\r\nConnection: close\r\n\r\n";
        socket.non_blocking(true, error);
        socket.write_some(asio::buffer(text), error);
        ++shared.stats.refused;
        socket.close(error);
    }
    reserve_.take();
}

asio::awaitable<void> HttpServer::Core::stop(Clock::time_point until)
{
    shared.stopping = true;
    error_code ignored;
    for (auto& acceptor : acceptors)
        acceptor.close(ignored);
    for (auto* connection : std::list<HttpConnection*>(connections_))
        connection->begin_stop();
    bool ended = co_await tasks_.drain(until);
    if (!ended) {
        tasks_.cancel();
        ended = co_await tasks_.drain(Clock::now() + last_words);
    }
    if (!ended) {
        for (auto* connection : std::list<HttpConnection*>(connections_))
            connection->abort();
        tasks_.cancel();
        co_await tasks_.drain(Clock::time_point::max());
    }
}

HttpServer::HttpServer(
    Timers& timers, Log& log, HttpHandler& handler, HttpServerLimits const& limits, LineHandler* lines)
    : core_(std::make_unique<Core>(timers, log, handler, limits, lines))
{
}

HttpServer::~HttpServer() = default;

Result<> HttpServer::listen(std::vector<std::string> const& addresses)
{
    return core_->listen(addresses);
}

std::vector<std::uint16_t> HttpServer::ports() const
{
    std::vector<std::uint16_t> ports;
    for (auto const& acceptor : core_->acceptors) {
        error_code ignored;
        ports.push_back(acceptor.local_endpoint(ignored).port());
    }
    return ports;
}

asio::awaitable<void> HttpServer::stop(Clock::time_point until)
{
    return core_->stop(until);
}

HttpServerStats const& HttpServer::stats() const noexcept
{
    return core_->stats();
}

} // namespace switchyard
