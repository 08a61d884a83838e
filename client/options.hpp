#pragma once

#include "core/net/power_client.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::client {

using std::chrono::milliseconds;

// One option of the command line; verbs name those they take.
struct OptionSpec {
    std::string_view name;  // "delay"
    std::string_view value; // "SECONDS"; empty = a switch
    std::string_view help;
};
std::span<OptionSpec const> all_options() noexcept;
OptionSpec const& option(std::string_view name); // must exist
// What every verb takes.
std::span<std::string_view const> common_options() noexcept;

struct Options {
    std::vector<std::string> words; // the verb and its arguments
    std::vector<std::string> given; // names of the options that were given
    bool help = false;
    bool version = false;

    PowerAddress address;
    std::optional<std::string> events;
    bool json = false;
    bool wait = true;
    std::optional<milliseconds> timeout;
    std::size_t parallel = 64;

    std::optional<milliseconds> delay, off_time, deadline;
    std::optional<Priority> priority;
    std::optional<std::string> key;
    std::optional<Coalesce> coalesce;
    bool ensure = false;
    std::string reason;
    milliseconds max_age{0};

    bool leave_off = false;
    bool all = false;
    CommandFilter filter;

    // PDUDaemon's pduclient.
    std::optional<std::string> daemon, hostname, port, command;
    bool http = false;
    bool legacy() const noexcept { return daemon || hostname || command || http; }
};

// Reads the arguments after the program's name. Fails with `bad_request` and a detail that says what would be
// right.
Result<Options> parse_options(std::vector<std::string> const& arguments);

} // namespace switchyard::client
