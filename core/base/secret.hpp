#pragma once

#include "core/base/error.hpp"

#include <string>
#include <string_view>

namespace switchyard {

// A password or key in memory: it cannot be printed or compared by accident, and its bytes are wiped when it
// dies.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}
    Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept;
    Secret(Secret const&) = delete;
    Secret& operator=(Secret const&) = delete;
    ~Secret() { wipe(); }

    std::string_view reveal() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }

private:
    void wipe() noexcept;
    std::string text_;
};

// The text with every occurrence of the secret replaced by "***": for what other programs print. An empty
// secret hides nothing.
std::string redact(std::string text, Secret const& secret);

// Where a secret is kept. The configuration holds references; the secret itself is read each time it is used,
// so that a changed file works without a reload and nothing stays in memory.
struct SecretRef {
    enum class Kind : unsigned char { literal, file, environment, credential };
    SecretRef() = default;
    SecretRef(Kind kind_, std::string value_) : kind(kind_), value(std::move(value_)) {}

    Kind kind = Kind::literal;
    std::string value; // the secret itself, a path, a variable's name, or a systemd credential's name

    // Reads it. One trailing line end of a file (of at most 4096 bytes) is not part of the secret. Fails with
    // `internal` and a detail that names the place ("cannot read the secret file /etc/x: No such file or
    // directory"), never the secret.
    Result<Secret> resolve() const;
    friend bool operator==(SecretRef const&, SecretRef const&) = default;
};

} // namespace switchyard
