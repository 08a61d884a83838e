// The main of a fuzz target where libFuzzer is not linked: feeds it every file of the folders that it is
// given.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace {

bool replay(std::filesystem::path const& path)
{
    std::ifstream file(path, std::ios::binary);
    std::string const bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file.good() && !file.eof())
        return false;
    // Said before, so that a crash names its input.
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<std::uint8_t const*>(bytes.data()), bytes.size());
    return true;
}

} // namespace

int main(int count, char** arguments)
{
    std::size_t fed = 0;
    for (int i = 1; i < count; ++i) {
        std::error_code error;
        for (auto const& entry : std::filesystem::recursive_directory_iterator(arguments[i], error))
            if (entry.is_regular_file() && replay(entry.path()))
                ++fed;
        if (error) {
            std::fprintf(stderr, "cannot read %s: %s\n", arguments[i], error.message().c_str());
            return 1;
        }
    }
    std::printf("%zu inputs\n", fed);
    return fed > 0 ? 0 : 1;
}
