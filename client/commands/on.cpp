#include "client/commands/power.hpp"

#include <algorithm>
namespace switchyard::client {
namespace {

constexpr auto options = [] {
    std::array<std::string_view, power_options.size() + 1> out{"ensure"};
    std::ranges::copy(power_options, out.begin() + 1);
    return out;
}();

asio::awaitable<ExitCode> run(Context& context)
{
    return switch_targets(context, Action::on);
}

} // namespace

Verb const on_verb{"on", "TARGET...", 1, any_number, "Switch targets on",
    "Done when the device reports the power as on.", options, run};

} // namespace switchyard::client
