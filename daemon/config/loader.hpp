#pragma once

#include "daemon/config/model.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

// One finding in a configuration file: "switchyard.toml:14:3: unknown key 'adress' - did you mean 'address'?
// ..."
struct Finding {
    std::string file;
    unsigned line = 0; // from 1; 0 = the file as a whole
    unsigned column = 0;
    std::string message;
    std::string text() const; // "file:line:column: message"
};

struct Loaded {
    std::string file; // that was asked for
    Config config;
    std::vector<Finding> errors;   // all of them; with any, `config` must not be used
    std::vector<Finding> warnings; // a literal secret that others can read, a device with a fault, ...
};

using Drivers = std::span<DriverSpec const* const>;

// Reads FILE and then the *.toml of the folder conf.d beside it, in the order of their names. Strict: an
// unknown key, a wrong type, a value out of range or a dangling reference is an error. A device that cannot
// work for a reason outside the file (a secret that cannot be read) is no error: it gets a `fault`, and its
// targets too.
Loaded load_config(std::string const& path, Drivers drivers = all_drivers());
// The same from text, for tests and fuzzing; `name` stands for the file in findings.
Loaded parse_config(std::string_view text, std::string const& name, Drivers drivers = all_drivers());

// Makes every driver once and lets it go: a device none of whose drivers can be made (a program that is
// missing) gets a `fault`, a single one that cannot be made a warning. For --check-config, which must know
// now what the daemon finds out when a device is used first.
void try_drivers(Loaded& loaded, Toolbox& tools);

// The JSON Schema (draft 2020-12) of the file, made from the same tables that the loader reads with.
std::string config_schema(Drivers drivers = all_drivers());

// The tables of docs/configuration.md as Markdown, one for each section ("daemon", "daemon.http", ...,
// "devices.NAME").
struct ReferenceTable {
    std::string section;
    std::string markdown;
};
std::vector<ReferenceTable> config_reference();

} // namespace switchyard
