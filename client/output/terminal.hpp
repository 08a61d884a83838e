#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace switchyard::client {

// Where people and scripts read: results on `out`, everything else on `err`. On a terminal a line of progress
// stands below the results and is rewritten.
class Terminal {
public:
    Terminal(std::ostream& out, std::ostream& err, bool interactive)
        : out_(out), err_(err), interactive_(interactive)
    {
    }
    ~Terminal() { clear(); }
    Terminal(Terminal const&) = delete;
    Terminal& operator=(Terminal const&) = delete;

    bool interactive() const noexcept { return interactive_; }
    void line(std::string_view text); // a result
    void note(std::string_view text); // for people: summaries, errors, hints
    void progress(std::string text);  // nothing in a pipe

private:
    void clear();
    void show();

    std::ostream& out_;
    std::ostream& err_;
    bool interactive_;
    std::string progress_;
    bool shown_ = false;
};

} // namespace switchyard::client
