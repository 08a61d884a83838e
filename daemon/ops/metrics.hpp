#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/net/http_server.hpp"
#include "core/wire/northbound.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace switchyard {

// What monitoring sees at /metrics. Counting is an increment through a pointer found at the start; no label
// grows with the number of devices, clients or commands. docs/http-api.md lists the names.
class Metrics {
public:
    explicit Metrics(std::string_view version);
    ~Metrics();
    Metrics(Metrics const&) = delete;
    Metrics& operator=(Metrics const&) = delete;

    // As it happens, from any thread.
    void accepted(Action action, Clock::duration took);                        // until it was durable
    void finished(Action action, CommandState outcome, Clock::duration whole); // from acceptance to the end
    void committed(std::size_t rows, Clock::duration took);

    // One driver of the table, by its name. The reference stays good; a worker keeps it, or asks each time (a
    // short list is searched). On the io thread.
    class Driver {
    public:
        virtual ~Driver() = default;
        virtual void called(Clock::duration took) = 0; // whatever came of it
        virtual void failed(Errc code) = 0;
    };
    Driver& driver(std::string_view name);

    // As it is when somebody asks.
    void set_depth(CommandState open_state, std::size_t commands);
    void set_oldest_ready_age(Clock::duration age); // 0 when nothing waits
    void set_breakers_open(std::size_t drivers);
    void set_devices(std::size_t good, std::size_t failed);
    void set_wal_bytes(std::size_t bytes);
    void set_http(HttpServerStats const& stats);

    // OpenMetrics 1.0.
    std::string text() const;

private:
    class Series;
    std::unique_ptr<Series> series_;
};

} // namespace switchyard
