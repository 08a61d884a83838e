#include "client/output/words.hpp"

namespace switchyard::client {
namespace {

std::string power_words(Report const& report)
{
    if (report.power == PowerState::unknown)
        return {};
    std::string out = ", power " + std::string(name(report.power));
    if (!report.changed)
        return out + " already, nothing was sent";
    return report.confirmed ? out : out + " (not confirmed by the device)";
}

} // namespace

std::string outcome(Report const& report)
{
    std::string out(name(report.state));
    if (report.state == CommandState::superseded && report.replaced_by)
        out += " by command " + std::to_string(report.replaced_by->value);
    if (report.error)
        out += ": " + report.error->message();
    if (!report.error_device.empty())
        out += " (device " + report.error_device + ")";
    return out + power_words(report);
}

std::string line_of(Event const& event)
{
    if (event.reset)
        return "some events were lost here: 'pduclient queue' lists what is open";
    std::string out = to_rfc3339(event.at) + " " + event.target + ": " + std::string(name(event.action)) + " "
        + std::string(name(event.state));
    if (event.power != PowerState::unknown)
        out += ", power " + std::string(name(event.power));
    if (!event.detail.empty())
        out += ": " + event.detail;
    return out + " (command " + std::to_string(event.command.value) + ")";
}

std::string advice(Errc code, std::string_view name)
{
    std::string const who(name);
    switch (code) {
    case Errc::unknown_target:
        return "'pduclient targets' and 'pduclient devices' list the names that can be used";
    case Errc::unsupported_action:
        return "'pduclient devices' shows which driver the device has; the driver's page says what it can do";
    case Errc::auth_failed:
        return "correct the user and password of the device in the configuration and reload the daemon: "
               "until then it is not "
               "asked again";
    case Errc::unreachable:
    case Errc::timed_out:
        return "check the network and power of the device itself; 'pduclient devices' shows its last error";
    case Errc::busy:
        return "'pduclient queue' shows what is waiting; try again later, or with a smaller --parallel";
    case Errc::indeterminate:
        return "look before you send it again: 'pduclient status " + who + "'";
    case Errc::commit_unknown:
        return "'pduclient queue --all --target " + who
            + "' shows whether it was recorded; with the same --key it is safe to "
              "send it again";
    case Errc::key_conflict:
        return "use another --key, or none";
    case Errc::store_unavailable:
        return "the daemon cannot write its store: its log says why (journalctl -u switchyardd)";
    case Errc::shutting_down:
        return "try again when the daemon is back";
    case Errc::unauthorized:
        return "the daemon's configuration lists the client keys that may connect (curve_clients)";
    case Errc::not_found:
        return "'pduclient queue --all' lists the commands that are kept";
    default:
        return {};
    }
}

std::string command_of(std::string_view target, CommandId id)
{
    return std::string(target) + " (command " + std::to_string(id.value) + ")";
}

} // namespace switchyard::client
