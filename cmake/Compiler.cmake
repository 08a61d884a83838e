# Flags of our own targets. Third-party headers come in as SYSTEM and are not judged by them.
add_library(switchyard_compiler INTERFACE)
target_compile_options(switchyard_compiler INTERFACE
    -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
    -Wcast-qual -Woverloaded-virtual -Wimplicit-fallthrough
    -fstack-protector-strong -fcf-protection=full)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Wrong about the frames of Asio's coroutines, whose operator new it inlines and whose operator delete it does not:
    # https://gcc.gnu.org/bugzilla/show_bug.cgi?id=109224
    target_compile_options(switchyard_compiler INTERFACE -Wno-mismatched-new-delete)
endif()
target_compile_definitions(switchyard_compiler INTERFACE _GLIBCXX_ASSERTIONS=1)
target_include_directories(switchyard_compiler INTERFACE ${PROJECT_SOURCE_DIR})

# Sanitizers go to everything that is compiled here, the separately compiled parts of Boost too.
if(SWITCHYARD_SANITIZE)
    add_compile_options(-fsanitize=${SWITCHYARD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SWITCHYARD_SANITIZE})
endif()
if(SWITCHYARD_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(MOLD mold)
if(MOLD)
    add_link_options(-fuse-ld=mold)
endif()

find_program(CCACHE ccache)
if(CCACHE)
    # Precompiled headers need the sloppiness; base_dir lets several checkouts share one cache.
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
        add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
    endif()
endif()
