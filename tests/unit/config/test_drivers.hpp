#pragma once

#include "daemon/config/loader.hpp"

#include "core/base/text.hpp"

#include <fmt/format.h>

#include <array>

// Drivers for the loader's tests, whatever the tree has: a PDU with outlets 1 to 8 and a BMC with one system.
namespace switchyard::test {

inline constexpr std::array pdu_keys{
    KeySpec{.name = "address", .doc = "Address of the PDU.", .required = true},
    KeySpec{.name = "port",
        .type = KeyType::integer,
        .fallback = "161",
        .doc = "UDP port.",
        .min = 1,
        .max = 65'535},
    KeySpec{.name = "community", .type = KeyType::secret, .fallback = "private", .doc = "SNMP community."},
    KeySpec{.name = "version", .fallback = "2c", .doc = "SNMP version.", .allowed = "1|2c|3"},
    KeySpec{.name = "settle", .type = KeyType::duration, .fallback = "1s", .doc = "Pause after a write."},
    KeySpec{.name = "strict", .type = KeyType::boolean, .fallback = "false", .doc = "Believe nothing."},
    KeySpec{.name = "flags", .type = KeyType::text_list, .doc = "More flags."},
    KeySpec{.name = "environment", .type = KeyType::text_map, .doc = "Variables."},
};
inline constexpr std::array bmc_keys{
    KeySpec{.name = "address", .doc = "Address of the BMC.", .required = true},
    KeySpec{.name = "user", .fallback = "admin", .doc = "User name."},
    KeySpec{.name = "password", .type = KeyType::secret, .doc = "Password."},
};

inline Result<std::unique_ptr<Driver>> cannot_make(Toolbox&, DriverConfig const& config)
{
    return fail(Errc::internal, fmt::format("the program for {} is missing", config.device()));
}

inline Result<std::string> numbered_outlet(DriverConfig const& config, std::string_view outlet)
{
    auto const number = parse_integer(outlet);
    if (!number || *number < 1 || *number > 8)
        return fail(Errc::unknown_target,
            fmt::format("device {} has no outlet '{}'; outlets: 1 to 8", config.device(), outlet));
    return std::to_string(*number);
}

inline std::string no_endpoint(DriverConfig const& config)
{
    return config.device();
}
inline Capabilities no_capabilities(DriverConfig const&)
{
    return {};
}

inline constexpr DriverSpec pdu_driver{
    "pdu", "A PDU.", pdu_keys, cannot_make, numbered_outlet, no_endpoint, no_capabilities};
inline constexpr DriverSpec bmc_driver{
    "bmc", "A BMC.", bmc_keys, cannot_make, only_the_empty_outlet, no_endpoint, no_capabilities};
inline constexpr DriverSpec web_driver{
    "web", "A BMC by HTTP.", bmc_keys, cannot_make, only_the_empty_outlet, no_endpoint, no_capabilities};
inline constexpr std::array<DriverSpec const*, 3> drivers{&bmc_driver, &pdu_driver, &web_driver};

inline std::string texts(std::vector<Finding> const& findings)
{
    std::string all;
    for (auto const& finding : findings)
        all += finding.text() + '\n';
    return all;
}

} // namespace switchyard::test
