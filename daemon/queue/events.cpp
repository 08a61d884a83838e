#include "daemon/queue/events.hpp"

namespace switchyard {

class EventRing::Reader final : public Subscription {
public:
    Reader(EventRing& ring, std::uint64_t next, bool lost)
        : ring_(&ring),
          place_(ring.readers_.insert(ring.readers_.end(), this)),
          wake_(ring.executor_),
          next_(next),
          lost_(lost)
    {
    }
    ~Reader() override
    {
        if (ring_ != nullptr)
            ring_->readers_.erase(place_);
    }
    Reader(Reader const&) = delete;
    Reader& operator=(Reader const&) = delete;

    asio::awaitable<Result<Event>> next() override
    {
        while (ring_ != nullptr) {
            auto const& ring = *ring_;
            auto const first = ring.next_seq_ - ring.ring_.size();
            if (lost_ || next_ < first) {
                lost_ = false;
                next_ = std::max(next_, first);
                Event reset;
                reset.id = EventId{ring.epoch_, next_ - 1};
                reset.reset = true;
                co_return reset;
            }
            if (next_ < ring.next_seq_)
                co_return ring.ring_[static_cast<std::size_t>(next_++ - first)];
            if (ring.closed_)
                break;
            bool const waited = co_await wake_.wait();
            if (!waited)
                co_return fail(Errc::cancelled, "");
        }
        co_return fail(Errc::shutting_down, "");
    }
    // The ring dies; its reader may live on with the client.
    void orphan()
    {
        ring_ = nullptr;
        wake();
    }
    void wake()
    {
        if (wake_.waiting())
            wake_.notify();
    }

private:
    EventRing* ring_;
    std::list<Reader*>::iterator place_;
    Signal wake_;
    std::uint64_t next_;
    bool lost_;
};

EventRing::~EventRing()
{
    for (auto* reader : readers_)
        reader->orphan();
}

void EventRing::publish(Event event)
{
    event.id = EventId{epoch_, next_seq_++};
    ring_.push_back(std::move(event));
    if (ring_.size() > capacity_)
        ring_.pop_front();
    for (auto* reader : readers_)
        reader->wake();
}

std::unique_ptr<Subscription> EventRing::subscribe(std::optional<EventId> since)
{
    if (!since)
        return std::make_unique<Reader>(*this, next_seq_, false);
    auto const first = next_seq_ - ring_.size();
    // An id of another start, or one that the ring no longer (or not yet) knows: what was missed cannot be
    // told.
    bool const known = since->epoch == epoch_ && since->seq + 1 >= first && since->seq < next_seq_;
    return std::make_unique<Reader>(*this, known ? since->seq + 1 : next_seq_, !known);
}

void EventRing::close()
{
    closed_ = true;
    for (auto* reader : readers_)
        reader->wake();
}

} // namespace switchyard
