#pragma once

#include "core/net/timers.hpp"
#include "daemon/config/model.hpp"

#include <deque>

namespace switchyard {

// Whoever waits for a permit.
class GroupMember {
public:
    virtual ~GroupMember() = default;
    virtual void kick() = 0; // something may be free: try again now
};

// The limits of one group of devices: how many may switch at one time, and how far apart two `on` start
// (inrush). Whoever is refused is called in turn when something is free; a permit is held for one driver call
// and never while a command waits.
class Group {
public:
    Group(Timers& timers, GroupConfig config)
        : timers_(timers), config_(std::move(config)), stagger_timer_([this] { serve(); })
    {
    }

    // Takes a permit; when there is none, the member is put in the line and false comes back. `exempt`
    // ignores the stagger: a machine that a stop would leave dark is switched on at once.
    bool acquire(GroupMember& member, bool switches_on, bool exempt);
    void release();
    void leave(GroupMember& member); // it is going away
    void reconfigure(GroupConfig config);

private:
    struct Waiting {
        GroupMember* member;
        bool only_on; // everything that it was refused is an `on`: no use asking while the stagger lasts
    };

    bool full() const noexcept;
    bool staggered() const noexcept;
    void put_in_line(GroupMember& member, bool switches_on);
    void serve();

    Timers& timers_;
    GroupConfig config_;
    TimerNode stagger_timer_;
    std::deque<Waiting> line_;
    std::uint32_t in_flight_ = 0;
    Clock::time_point next_on_{};
};

} // namespace switchyard
