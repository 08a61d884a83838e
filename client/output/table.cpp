#include "client/output/table.hpp"

#include <algorithm>

namespace switchyard::client {

void Table::print(Terminal& terminal) const
{
    std::vector<std::size_t> widths(rows_.front().size());
    for (auto const& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    for (auto const& row : rows_) {
        std::string text;
        for (std::size_t i = 0; i < row.size(); ++i)
            text += row[i]
                + (i + 1 < row.size() ? std::string(widths[i] - row[i].size() + 2, ' ') : std::string());
        text.erase(text.find_last_not_of(' ') + 1);
        terminal.line(text);
    }
}

} // namespace switchyard::client
