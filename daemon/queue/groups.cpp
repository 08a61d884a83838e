#include "daemon/queue/groups.hpp"

#include <algorithm>

namespace switchyard {

bool Group::full() const noexcept
{
    return config_.max_in_flight > 0 && in_flight_ >= config_.max_in_flight;
}

bool Group::staggered() const noexcept
{
    return config_.stagger.count() > 0 && Clock::now() < next_on_;
}

bool Group::acquire(GroupMember& member, bool switches_on, bool exempt)
{
    bool const too_early = switches_on && !exempt && staggered();
    if (full() || too_early) {
        put_in_line(member, switches_on);
        if (too_early)
            timers_.arm(stagger_timer_, next_on_);
        return false;
    }
    ++in_flight_;
    if (switches_on)
        next_on_ = Clock::now() + config_.stagger;
    return true;
}

void Group::put_in_line(GroupMember& member, bool switches_on)
{
    auto const at = std::ranges::find(line_, &member, &Waiting::member);
    if (at == line_.end())
        line_.push_back({&member, switches_on});
    else
        at->only_on = at->only_on && switches_on;
}

void Group::release()
{
    --in_flight_;
    serve();
}

void Group::leave(GroupMember& member)
{
    std::erase_if(line_, [&](Waiting const& waiting) { return waiting.member == &member; });
}

void Group::reconfigure(GroupConfig config)
{
    config_ = std::move(config);
    serve();
}

// Each in the line is asked once, in turn, while there is something to have. Who is not asked keeps its
// place.
void Group::serve()
{
    auto asked = std::exchange(line_, {});
    std::deque<Waiting> kept;
    while (!asked.empty() && !full()) {
        auto const next = asked.front();
        asked.pop_front();
        if (next.only_on && staggered())
            kept.push_back(next);
        else
            next.member->kick();
    }
    kept.insert(kept.end(), asked.begin(), asked.end());
    auto const refused = std::exchange(line_, std::move(kept));
    for (auto const& waiting : refused)
        put_in_line(*waiting.member, waiting.only_on);
    bool const for_the_stagger = std::ranges::any_of(line_, &Waiting::only_on);
    if (for_the_stagger && staggered())
        timers_.arm(stagger_timer_, next_on_);
}

} // namespace switchyard
