// ZeroMQ figures. `router` is the bare peer: a ROUTER that sends back what it gets. `load` is the load maker:
// so many DEALERs, each with one request on its way; it prints one line of JSON.
//   bench_zmq router ENDPOINT
//   bench_zmq load ENDPOINT CLIENTS SECONDS TARGETS accept|done

#include "bench/figures.hpp"
#include "core/base/text.hpp"

#include <zmq.hpp>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using switchyard::bench::Stopwatch;

int router(std::string const& endpoint)
{
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::router);
    socket.bind(endpoint);
    for (;;) {
        zmq::message_t part;
        if (!socket.recv(part))
            continue;
        socket.send(part, part.more() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
}

struct Client {
    explicit Client(zmq::context_t& context, std::string const& endpoint)
        : socket(context, zmq::socket_type::dealer)
    {
        socket.set(zmq::sockopt::linger, 0);
        socket.connect(endpoint);
    }
    zmq::socket_t socket;
    Stopwatch since;
    std::vector<std::uint32_t> latencies;
};

struct Load {
    std::size_t targets = 1;
    bool until_done = false; // wait for the end of each command, not only for its acceptance
    std::uint64_t sent = 0;
    std::uint64_t failed = 0;

    void send(Client& client)
    {
        ++sent;
        // Another target each time, so that equal commands do not merge; `on` and `off` take turns.
        auto const text = "{\"v\": 1, \"id\": " + std::to_string(sent)
            + ", \"op\": \"submit\", \"request\": {\"target\": \"t" + std::to_string(sent % targets)
            + "\", \"action\": \""
            + (sent / targets % 2 == 0 ? "on" : "off")
            // What is only to be accepted is due in an hour: nothing else happens meanwhile.
            + (until_done ? "\"}" : "\", \"delay\": 3600}") + (until_done ? ", \"wait\": 30}" : "}");
        client.since = Stopwatch();
        client.socket.send(zmq::buffer(text), zmq::send_flags::none);
    }
    // True when this was the answer. "accepted" comes before it when the answer is the end of the command.
    bool receive(Client& client)
    {
        zmq::message_t message;
        if (!client.socket.recv(message, zmq::recv_flags::dontwait) || message.more())
            return false;
        auto const text = message.to_string_view();
        if (until_done && text.find("\"accepted\"") != text.npos && text.find("\"ok\"") == text.npos)
            return false;
        if (text.find("\"ok\":false") != text.npos && ++failed == 1)
            std::fprintf(stderr, "bench_zmq: %.*s\n", static_cast<int>(text.size()), text.data());
        client.latencies.push_back(client.since.microseconds());
        return true;
    }
};

int load(std::string const& endpoint, std::size_t clients, double seconds, Load load)
{
    zmq::context_t context;
    std::vector<Client> all;
    all.reserve(clients);
    for (std::size_t i = 0; i < clients; ++i)
        all.emplace_back(context, endpoint);
    std::vector<zmq::pollitem_t> items;
    for (auto& client : all)
        items.push_back({client.socket.handle(), 0, ZMQ_POLLIN, 0});
    Stopwatch const whole;
    for (auto& client : all)
        load.send(client);
    while (whole.seconds() < seconds) {
        zmq::poll(items, std::chrono::milliseconds(100));
        for (std::size_t i = 0; i < items.size(); ++i)
            if ((items[i].revents & ZMQ_POLLIN) != 0 && load.receive(all[i]))
                load.send(all[i]);
    }
    double const took = whole.seconds();
    std::vector<std::vector<std::uint32_t>> latencies;
    for (auto& client : all)
        latencies.push_back(std::move(client.latencies));
    switchyard::bench::print_figures(std::move(latencies), took);
    return load.failed == 0 ? 0 : 1;
}

} // namespace

int main(int count, char** arguments)
{
    std::vector<std::string_view> const words(arguments + 1, arguments + count);
    if (words.size() == 2 && words[0] == "router")
        return router(std::string(words[1]));
    if (words.size() == 6 && words[0] == "load" && (words[5] == "accept" || words[5] == "done")) {
        auto const number = [&](std::size_t i) { return switchyard::parse_integer(words[i]).value_or(0); };
        if (number(2) > 0 && number(3) > 0 && number(4) > 0) {
            Load what;
            what.targets = static_cast<std::size_t>(number(4));
            what.until_done = words[5] == "done";
            return load(std::string(words[1]), static_cast<std::size_t>(number(2)),
                static_cast<double>(number(3)), what);
        }
    }
    std::fprintf(stderr,
        "usage: bench_zmq router ENDPOINT\n"
        "       bench_zmq load ENDPOINT CLIENTS SECONDS TARGETS accept|done\n");
    return 2;
}
