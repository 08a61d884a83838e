#include "client/commands/verb.hpp"
#include "client/output/table.hpp"
#include "core/wire/northbound_json.hpp"

#include <boost/json/serialize.hpp>

namespace switchyard::client {
namespace {

constexpr std::size_t page_size = 500;

std::string condition(DeviceInfo const& device)
{
    std::string out = device.status;
    if (device.auth_latched)
        out += ", refuses our credentials";
    else if (device.breaker != Breaker::closed)
        out += ", unreachable";
    return out;
}

std::vector<std::string> row(DeviceInfo const& device)
{
    std::string drivers;
    for (auto const& driver : device.drivers)
        drivers += (drivers.empty() ? "" : ", ") + driver;
    return {device.name, condition(device), drivers, std::to_string(device.queued),
        device.running ? "yes" : "no", device.reason.empty() ? device.last_error : device.reason};
}

asio::awaitable<ExitCode> run(Context& context)
{
    Table table({"DEVICE", "STATUS", "DRIVERS", "QUEUED", "BUSY", "WHY"});
    bool any = false;
    std::string after;
    do {
        auto const page = co_await context.power.devices(after, page_size);
        if (!page)
            co_return context.failed("devices", page.error());
        for (auto const& device : page->devices) {
            any = true;
            if (context.options.json)
                context.terminal.line(json::serialize(to_json(device)));
            else
                table.add(row(device));
        }
        after = page->next;
    } while (!after.empty());
    if (!any)
        context.terminal.note("the daemon has no devices: [devices.NAME] in its configuration makes one");
    else if (!context.options.json)
        table.print(context.terminal);
    co_return ExitCode::done;
}

} // namespace

Verb const devices_verb{"devices", "", 0, 0, "List devices with their queue and last error", "", {}, run};

} // namespace switchyard::client
