#include "core/wire/northbound.hpp"

#include <array>
#include <charconv>

namespace switchyard {
namespace {

constexpr std::array<std::string_view, 7> actions{"on", "off", "cycle", "reset", "soft", "diag", "invoke"};
constexpr std::array<std::string_view, 4> power_states{"unknown", "on", "off", "partial"};
constexpr std::array<std::string_view, 3> priorities{"bulk", "normal", "interactive"};
constexpr std::array<std::string_view, 2> coalesces{"none", "latest"};
constexpr std::array<std::string_view, 11> command_states{"delayed", "queued", "running", "waiting",
    "restoring", "done", "failed", "expired", "cancelled", "superseded", "indeterminate"};
constexpr std::array<std::string_view, 3> breakers{"closed", "open", "half_open"};

static_assert(actions.size() == static_cast<std::size_t>(Action::invoke) + 1);
static_assert(power_states.size() == static_cast<std::size_t>(PowerState::partial) + 1);
static_assert(priorities.size() == static_cast<std::size_t>(Priority::interactive) + 1);
static_assert(coalesces.size() == static_cast<std::size_t>(Coalesce::latest) + 1);
static_assert(command_states.size() == static_cast<std::size_t>(CommandState::indeterminate) + 1);
static_assert(breakers.size() == static_cast<std::size_t>(Breaker::half_open) + 1);

template <class Enum, std::size_t N>
std::optional<Enum> from(std::array<std::string_view, N> const& names, std::string_view text) noexcept
{
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == text)
            return static_cast<Enum>(i);
    return std::nullopt;
}

// A decimal number without a sign or leading zeros, so that each id has one spelling.
std::optional<std::uint64_t> whole_number(std::string_view text) noexcept
{
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || (text.size() > 1 && text.front() == '0'))
        return std::nullopt;
    return value;
}

} // namespace

std::string_view name(Action action) noexcept
{
    return actions[static_cast<std::size_t>(action)];
}

std::string_view name(PowerState state) noexcept
{
    return power_states[static_cast<std::size_t>(state)];
}

std::string_view name(Priority priority) noexcept
{
    return priorities[static_cast<std::size_t>(priority)];
}

std::string_view name(Coalesce coalesce) noexcept
{
    return coalesces[static_cast<std::size_t>(coalesce)];
}

std::string_view name(CommandState state) noexcept
{
    return command_states[static_cast<std::size_t>(state)];
}

std::string_view name(Breaker breaker) noexcept
{
    return breakers[static_cast<std::size_t>(breaker)];
}

std::optional<Action> action_from(std::string_view text) noexcept
{
    return text == "reboot" ? Action::cycle : from<Action>(actions, text);
}

std::optional<PowerState> power_state_from(std::string_view text) noexcept
{
    return from<PowerState>(power_states, text);
}

std::optional<Priority> priority_from(std::string_view text) noexcept
{
    return from<Priority>(priorities, text);
}

std::optional<Coalesce> coalesce_from(std::string_view text) noexcept
{
    return from<Coalesce>(coalesces, text);
}

std::optional<CommandState> command_state_from(std::string_view text) noexcept
{
    return from<CommandState>(command_states, text);
}

std::optional<Breaker> breaker_from(std::string_view text) noexcept
{
    return from<Breaker>(breakers, text);
}

bool Request::same_as(Request const& other) const
{
    return target == other.target && outlet == other.outlet && action == other.action
        && operation == other.operation && params == other.params && priority == other.priority
        && delay == other.delay && off_time == other.off_time && deadline == other.deadline
        && coalesce == other.coalesce && ensure == other.ensure && reason == other.reason;
}

std::string to_string(EventId id)
{
    return std::to_string(id.epoch) + '.' + std::to_string(id.seq);
}

std::optional<EventId> event_id_from(std::string_view text) noexcept
{
    auto const dot = text.find('.');
    if (dot == std::string_view::npos)
        return std::nullopt;
    auto const epoch = whole_number(text.substr(0, dot));
    auto const seq = whole_number(text.substr(dot + 1));
    if (!epoch || !seq)
        return std::nullopt;
    return EventId{*epoch, *seq};
}

} // namespace switchyard
