#include "client/commands/power.hpp"

#include <algorithm>
namespace switchyard::client {
namespace {

constexpr auto options = [] {
    std::array<std::string_view, power_options.size() + 1> out{"off-time"};
    std::ranges::copy(power_options, out.begin() + 1);
    return out;
}();

asio::awaitable<ExitCode> run(Context& context)
{
    return switch_targets(context, Action::cycle);
}

} // namespace

Verb const cycle_verb{"cycle", "TARGET...", 1, any_number,
    "Switch targets off, wait, and switch them on (also: reboot)",
    "The off is confirmed before the wait begins. Once the off was sent the daemon switches on again "
    "whatever happens,\n"
    "also after its own restart.",
    options, run};

} // namespace switchyard::client
