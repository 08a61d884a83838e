#pragma once

#include "daemon/config/model.hpp"

#include <string>
#include <vector>

namespace switchyard {

// One finding in a configuration file: "switchyard.toml:14:3: unknown key 'adress' - did you mean 'address'? ..."
struct Finding {
    std::string file;
    unsigned line = 0; // from 1; 0 = the file as a whole
    unsigned column = 0;
    std::string message;
    std::string text() const; // "file:line:column: message"
};

struct Loaded {
    Config config;
    std::vector<Finding> errors;   // all of them; with any, `config` must not be used
    std::vector<Finding> warnings; // a literal secret that others can read, a name that is a device and a target, ...
};

// Reads FILE and then the *.toml of the folder conf.d beside it, in the order of their names. Strict: an unknown key, a wrong
// type, a value out of range or a dangling reference is an error. A device that cannot work for a reason outside the file (a
// missing secret file, a missing program) is no error: it gets a `fault`.
Loaded load_config(std::string const& path);
// The same from text, for tests and fuzzing; `name` stands for the file in findings.
Loaded parse_config(std::string_view text, std::string const& name);

// The JSON Schema (draft 2020-12) of the file, made from the same tables that the loader reads with.
std::string config_schema();

} // namespace switchyard
