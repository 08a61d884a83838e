#include "core/base/timer_heap.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace switchyard;
using namespace std::chrono_literals;

namespace {
Clock::time_point at(int milliseconds)
{
    return Clock::time_point{std::chrono::milliseconds{milliseconds}};
}
} // namespace

TEST_CASE("timers fire in the order of their times, equal ones in the order of arming")
{
    TimerHeap heap;
    std::vector<int> fired;
    TimerNode a([&] { fired.push_back(1); }), b([&] { fired.push_back(2); }), c([&] { fired.push_back(3); });
    heap.arm(a, at(20));
    heap.arm(b, at(10));
    heap.arm(c, at(10));
    CHECK(heap.next() == at(10));
    CHECK(heap.fire(at(9)) == 0);
    CHECK(heap.fire(at(30)) == 3);
    CHECK(fired == std::vector{2, 3, 1});
    CHECK(heap.empty());
}

TEST_CASE("a timer may be moved, disarmed and destroyed while armed")
{
    TimerHeap heap;
    int fired = 0;
    TimerNode kept([&] { ++fired; });
    {
        TimerNode gone([&] { FAIL("it was destroyed"); });
        heap.arm(gone, at(1));
    }
    heap.arm(kept, at(5));
    heap.arm(kept, at(50));
    CHECK(heap.fire(at(10)) == 0);
    kept.disarm();
    CHECK_FALSE(kept.armed());
    CHECK(heap.fire(at(100)) == 0);
    heap.arm(kept, at(60));
    CHECK(heap.fire(at(100)) == 1);
    CHECK(fired == 1);
}

TEST_CASE("what a callback arms for now fires in the next round")
{
    TimerHeap heap;
    int rounds = 0;
    std::unique_ptr<TimerNode> again;
    again = std::make_unique<TimerNode>([&] {
        if (++rounds < 5)
            heap.arm(*again, at(1));
    });
    heap.arm(*again, at(1));
    CHECK(heap.fire(at(1)) == 1);
    CHECK(heap.fire(at(1)) == 1);
    CHECK(rounds == 2);
}

TEST_CASE("a heap that dies leaves its timers disarmed")
{
    TimerNode node([] {});
    {
        TimerHeap heap;
        heap.arm(node, at(1));
    }
    CHECK_FALSE(node.armed());
}

TEST_CASE("the heap agrees with a multimap over random operations")
{
    std::mt19937 random(7);
    TimerHeap heap;
    std::multimap<int, int> model;
    std::map<int, int> due;
    std::vector<int> fired;
    std::vector<std::unique_ptr<TimerNode>> nodes;
    for (int i = 0; i < 200; ++i)
        nodes.push_back(std::make_unique<TimerNode>([&fired, i] { fired.push_back(i); }));
    auto forget = [&](int i) {
        if (auto const at_ = due.find(i); at_ != due.end()) {
            auto [first, last] = model.equal_range(at_->second);
            while (first != last)
                first = first->second == i ? model.erase(first) : std::next(first);
            due.erase(at_);
        }
    };
    int now = 0;
    for (int step = 0; step < 20'000; ++step) {
        int const i = static_cast<int>(random() % nodes.size());
        auto& node = *nodes[static_cast<std::size_t>(i)];
        forget(i);
        if (random() % 4 == 0) {
            node.disarm();
        } else {
            int const when = now + static_cast<int>(random() % 500);
            heap.arm(node, at(when));
            model.emplace(when, i);
            due[i] = when;
        }
        if (random() % 8 == 0) {
            now += static_cast<int>(random() % 60);
            fired.clear();
            heap.fire(at(now));
            std::vector<int> expected;
            for (auto j = model.begin(); j != model.end() && j->first <= now; j = model.erase(j)) {
                expected.push_back(j->second);
                due.erase(j->second);
            }
            REQUIRE(fired == expected);
        }
        REQUIRE(heap.size() == model.size());
    }
}
