#pragma once

#include "core/net/signal.hpp"
#include "daemon/service.hpp"

#include <cstddef>
#include <deque>
#include <list>

namespace switchyard {

// The last events, for readers that follow and for readers that come back. Bounded: who falls behind gets a
// `reset` event.
class EventRing {
public:
    EventRing(asio::any_io_executor executor, std::size_t capacity)
        : executor_(std::move(executor)), capacity_(capacity)
    {
    }
    ~EventRing(); // readers that are left get shutting_down
    EventRing(EventRing const&) = delete;
    EventRing& operator=(EventRing const&) = delete;

    void set_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }
    void publish(Event event); // gives it its id
    std::unique_ptr<Subscription> subscribe(std::optional<EventId> since);
    void close(); // every reader ends with shutting_down
    std::size_t readers() const noexcept { return readers_.size(); }

private:
    class Reader;

    asio::any_io_executor executor_;
    std::size_t capacity_;
    std::uint64_t epoch_ = 0;
    std::uint64_t next_seq_ = 1;
    bool closed_ = false;
    std::deque<Event> ring_;
    std::list<Reader*> readers_;
};

} // namespace switchyard
