/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_softnic_faults.h: what the software NIC does wrong on purpose. As text, PMX_SOFTNIC_FAULTS: "none", or
 * one or more of these, each at most once, with commas between them and no blanks:
 *
 *   drop=N        one of N operations, drawn, gets lost: it completes with an error, and so does all to that rank
 *   late=N:US     one of N completions, drawn, comes US microseconds late
 *   again=N:M     one of N posts, drawn, begins a storm: it and the next M - 1 take nothing
 *   dead=R:N      all but the first N operations of each rank to rank R complete with an error
 *   silent=R:N    all but the first N operations of each rank to rank R neither arrive nor complete
 *   loss=N:US     one of N messages, drawn, does not get through, and is sent again US microseconds later
 *   corrupt=N     of one of N parts of a put that land, drawn, a bit is wrong
 *   miss=N        one of N parts of a put, drawn, never lands, while the put completes
 *   cut=R:US      the link of rank R is cut: messages from it and to it are sent again each US microseconds
 *
 * N is 1..1000000000 (in dead and silent 0..), US and M are 1..1000000, R is 0..1048575.
 *
 * They hold all the time, or while a switch is on: then a program can say to the operation when a fault begins and ends. */
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "status.h"

namespace pmx {

struct SoftNicFaults {
    uint32_t drop_one_of = 0; /* 0: never; so are the others */
    uint32_t late_one_of = 0;
    uint32_t late_us = 0;
    uint32_t again_one_of = 0;
    uint32_t again_posts = 0;
    int dead_rank = -1; /* -1: none */
    uint32_t dead_after = 0;
    int silent_rank = -1;
    uint32_t silent_after = 0;
    uint32_t loss_one_of = 0;
    uint32_t loss_us = 0;
    uint32_t corrupt_one_of = 0;
    uint32_t miss_one_of = 0;
    int cut_rank = -1;
    uint32_t cut_us = 0;
    /* Off while the character is '0'. Null: always on. Writer: whoever shares it, relaxed. */
    std::shared_ptr<const char> on;
};

/* The first character of a file, as others write it. PMX_ERR_PARAM: it cannot be read, or is empty. */
Status softnic_open_switch(const std::string& path, std::shared_ptr<const char>& on_out);

/* PMX_ERR_PARAM: says which part of the text is wrong and what is allowed. */
Status softnic_parse_faults(std::string_view text, SoftNicFaults& faults_out);

}  // namespace pmx
