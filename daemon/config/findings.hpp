#pragma once

#include "daemon/config/loader.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

// A place in one of the files; small, because every name of a large configuration keeps one while it is read.
struct Position {
    std::uint32_t file = 0; // index of the file in Findings
    std::uint32_t line = 0; // from 1; 0 = the file as a whole
    std::uint32_t column = 0;
    friend auto operator<=>(Position const&, Position const&) = default;
};

// Collects what is wrong, in whatever order it is found out.
class Findings {
public:
    std::uint32_t add_file(std::string name);
    void error(Position at, std::string message) { errors_.push_back({at, std::move(message)}); }
    void warning(Position at, std::string message) { warnings_.push_back({at, std::move(message)}); }
    // "switchyard.toml:14:3", for messages about two places.
    std::string place(Position at) const;
    // Moves the findings out, in the order of the files and lines.
    void give(Loaded& loaded);

private:
    struct Note {
        Position at;
        std::string message;
    };
    std::vector<Finding> sorted(std::vector<Note> notes) const;

    std::vector<std::string> files_;
    std::vector<Note> errors_;
    std::vector<Note> warnings_;
};

} // namespace switchyard
