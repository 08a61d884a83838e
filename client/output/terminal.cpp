#include "client/output/terminal.hpp"

namespace switchyard::client {
namespace {

constexpr std::size_t width = 79; // a longer line would wrap and could not be rewritten

} // namespace

void Terminal::line(std::string_view text)
{
    clear();
    out_ << text << '\n' << std::flush;
    show();
}

void Terminal::note(std::string_view text)
{
    clear();
    err_ << text << '\n' << std::flush;
    show();
}

void Terminal::progress(std::string text)
{
    if (!interactive_)
        return;
    clear();
    progress_ = std::move(text);
    if (progress_.size() > width)
        progress_.resize(width);
    show();
}

void Terminal::clear()
{
    if (shown_)
        err_ << "\r\x1b[K" << std::flush;
    shown_ = false;
}

void Terminal::show()
{
    if (progress_.empty())
        return;
    err_ << progress_ << std::flush;
    shown_ = true;
}

} // namespace switchyard::client
