# One target a folder, so that a forbidden include also fails to link.
#   switchyard_folder(net base wire Boost::url)   makes the library switchyard_net (alias switchyard::net) of this folder's
#   *.cpp, which may use switchyard::base, switchyard::wire and the named outside targets.
function(switchyard_folder name)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
    if(sources)
        add_library(switchyard_${name} STATIC ${sources})
        set(scope PUBLIC)
        target_link_libraries(switchyard_${name} PRIVATE switchyard_compiler)
    else()
        add_library(switchyard_${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    add_library(switchyard::${name} ALIAS switchyard_${name})
    foreach(dependency IN LISTS ARGN)
        target_link_libraries(switchyard_${name} ${scope} ${dependency})
    endforeach()
endfunction()
