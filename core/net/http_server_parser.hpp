#pragma once

#include "core/net/http_server_message.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace switchyard {

// Turns bytes into requests, one at a time, and refuses whatever two parsers could read in two ways: bare CR
// or LF, folded headers, more than one Content-Length or Host, Content-Length beside Transfer-Encoding (RFC
// 9112 sections 2.2, 5.2, 6.3). Beast's parser does the grammar; this one keeps its hands off the bytes until
// the head is complete and clean.
class HttpParser {
public:
    // Limits in bytes: request line with headers, and body.
    HttpParser(std::size_t max_head, std::size_t max_body);
    ~HttpParser();
    HttpParser(HttpParser const&) = delete;
    HttpParser& operator=(HttpParser const&) = delete;

    // Begins the next request. `into` must live until it is done.
    void start(HttpRequest& into);
    // Takes what it can of `bytes`, which begin with what it has not taken so far; returns how many. Not to
    // be called again before start() when finished().
    std::size_t feed(std::string_view bytes);

    bool begun() const noexcept { return begun_; } // a byte of the request was seen
    bool done() const noexcept { return done_; }
    bool failed() const noexcept { return status_ != 0; }
    bool finished() const noexcept { return done_ || failed(); }
    // The client waits for "100 Continue" before it sends the body.
    bool wants_continue() const noexcept { return wants_continue_; }
    // When failed(): the status that tells it (400, 413, 417, 431, 501, 505), and why.
    unsigned status() const noexcept { return status_; }
    std::string const& reason() const noexcept { return reason_; }

private:
    class Grammar;
    bool scan(std::string_view bytes);
    void feed_grammar(std::string_view bytes, std::size_t& used);
    void refuse(unsigned status, std::string reason);

    std::size_t const max_head_;
    std::size_t const max_body_;
    std::unique_ptr<Grammar> grammar_;
    HttpRequest* request_ = nullptr;
    std::size_t scanned_ = 0;
    bool begun_ = false;
    bool head_done_ = false;
    bool done_ = false;
    bool wants_continue_ = false;
    unsigned status_ = 0;
    std::string reason_;
};

} // namespace switchyard
