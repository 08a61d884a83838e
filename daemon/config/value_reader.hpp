#pragma once

#include "drivers/driver.hpp"

#include <toml++/toml.h>

#include <expected>
#include <span>
#include <string>
#include <string_view>

// Single values of a TOML file, read as a KeySpec says. The errors are sentences without a place.
namespace switchyard {

// Fails with "key 'attempts' must be a whole number from 1 to 100, not 0". A secret never shows in a message.
std::expected<KeyValue, std::string> read_value(toml::node const& node, KeySpec const& key);

// "a whole number from 1 to 100": what may stand for a key, for messages and docs.
std::string expected_text(KeySpec const& key);

// The allowed values of a text, "on|off" as a list; empty = any.
std::vector<std::string_view> allowed_values(KeySpec const& key);

// "unknown key 'adress' - did you mean 'address'? allowed: address, ..."
std::string unknown_key(std::string_view key, std::span<std::string_view const> allowed);

// What is wrong with the name of a device, target or group ("the name is longer than 255 characters"); empty
// = nothing.
std::string wrong_name(std::string_view name);

// "a, b, c"
std::string listed(std::span<std::string_view const> words);

} // namespace switchyard
