#pragma once

#include "client/output/terminal.hpp"

#include <vector>

namespace switchyard::client {

// Columns as wide as their widest cell; the last one is not padded.
class Table {
public:
    explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); } // as many cells as the head
    void print(Terminal& terminal) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

} // namespace switchyard::client
