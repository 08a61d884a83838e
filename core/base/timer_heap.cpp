#include "core/base/timer_heap.hpp"

#include <algorithm>

namespace switchyard {
namespace {
constexpr std::size_t arity = 4;
}

TimerNode::~TimerNode()
{
    disarm();
}

void TimerNode::disarm() noexcept
{
    if (heap_ != nullptr)
        heap_->disarm(*this);
}

TimerHeap::~TimerHeap()
{
    for (auto* node : nodes_)
        node->heap_ = nullptr;
}

void TimerHeap::arm(TimerNode& node, Clock::time_point when)
{
    disarm(node);
    node.when_ = when;
    node.order_ = ++armed_;
    node.heap_ = this;
    nodes_.push_back(&node);
    node.index_ = nodes_.size() - 1;
    sift_up(node.index_);
}

void TimerHeap::disarm(TimerNode& node) noexcept
{
    if (node.heap_ != this)
        return;
    std::size_t const index = node.index_;
    node.heap_ = nullptr;
    auto* const last = nodes_.back();
    nodes_.pop_back();
    if (last == &node)
        return;
    place(index, last);
    sift_up(index);
    sift_down(last->index_);
}

std::size_t TimerHeap::fire(Clock::time_point now)
{
    // What a callback arms for "now" fires in the next round, so that a timer that re-arms itself cannot hold
    // the loop.
    std::uint64_t const last = armed_;
    std::size_t fired = 0;
    while (!nodes_.empty() && nodes_.front()->when_ <= now && nodes_.front()->order_ <= last) {
        auto* const node = nodes_.front();
        disarm(*node);
        ++fired;
        node->due_();
    }
    return fired;
}

void TimerHeap::place(std::size_t index, TimerNode* node) noexcept
{
    nodes_[index] = node;
    node->index_ = index;
}

void TimerHeap::sift_up(std::size_t index) noexcept
{
    auto* const node = nodes_[index];
    while (index > 0) {
        std::size_t const parent = (index - 1) / arity;
        if (!before(*node, *nodes_[parent]))
            break;
        place(index, nodes_[parent]);
        index = parent;
    }
    place(index, node);
}

void TimerHeap::sift_down(std::size_t index) noexcept
{
    auto* const node = nodes_[index];
    for (;;) {
        std::size_t const first = index * arity + 1;
        if (first >= nodes_.size())
            break;
        std::size_t const end = std::min(first + arity, nodes_.size());
        std::size_t best = first;
        for (std::size_t child = first + 1; child < end; ++child)
            if (before(*nodes_[child], *nodes_[best]))
                best = child;
        if (!before(*nodes_[best], *node))
            break;
        place(index, nodes_[best]);
        index = best;
    }
    place(index, node);
}

} // namespace switchyard
