// Catch2 2 and 3 behind one include: Debian 12 ships 2.13, others 3.
#pragma once
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif
