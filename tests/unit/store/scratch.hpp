#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace switchyard::test {

// A directory of its own for one test, gone after it.
class Scratch {
public:
    Scratch()
    {
        std::string name = (std::filesystem::temp_directory_path() / "switchyard-store-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("cannot make a directory for the test");
        directory_ = name;
    }
    ~Scratch()
    {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    Scratch(Scratch const&) = delete;
    Scratch& operator=(Scratch const&) = delete;
    std::string path(std::string const& name) const { return (directory_ / name).string(); }
    std::filesystem::path const& directory() const { return directory_; }

private:
    std::filesystem::path directory_;
};

} // namespace switchyard::test
