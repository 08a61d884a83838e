#include "daemon/queue/groups.hpp"

#include <algorithm>

namespace switchyard {

bool Group::available(bool switches_on, bool exempt) const noexcept
{
    if (config_.max_in_flight > 0 && in_flight_ >= config_.max_in_flight)
        return false;
    return !switches_on || exempt || config_.stagger.count() == 0 || Clock::now() >= next_on_;
}

bool Group::acquire(GroupMember& member, bool switches_on, bool exempt)
{
    if (!available(switches_on, exempt)) {
        if (std::ranges::find(line_, &member) == line_.end())
            line_.push_back(&member);
        if (switches_on && config_.stagger.count() > 0 && !stagger_timer_.armed() && next_on_ > Clock::now())
            timers_.arm(stagger_timer_, next_on_);
        return false;
    }
    ++in_flight_;
    if (switches_on)
        next_on_ = Clock::now() + config_.stagger;
    return true;
}

void Group::release()
{
    --in_flight_;
    serve();
}

void Group::leave(GroupMember& member)
{
    std::erase(line_, &member);
}

void Group::reconfigure(GroupConfig config)
{
    config_ = std::move(config);
    serve();
}

// Each in the line is asked once, in turn; one that is refused again stands at the end of it.
void Group::serve()
{
    for (std::size_t waiting = line_.size(); waiting > 0 && !line_.empty(); --waiting) {
        if (config_.max_in_flight > 0 && in_flight_ >= config_.max_in_flight)
            return;
        bool const only_ons_wait = config_.stagger.count() > 0 && Clock::now() < next_on_;
        auto* const next = line_.front();
        line_.pop_front();
        next->kick();
        if (only_ons_wait && std::ranges::find(line_, next) != line_.end())
            return;
    }
}

} // namespace switchyard
