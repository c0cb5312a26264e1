/* SPDX-License-Identifier: BSD-3-Clause */
/* dump.h: what this rank and its proxy are at, for people: when a call asks for it, when a signal does, and when a wait
 * has lasted for PMX_TIMEOUT. */
#pragma once

#include <string>

#include "pmx_device.h"

namespace pmx {

class Runtime;

/* Lines that begin with "pmx[rank]: ". Any thread; asks the proxy, within 2 s. */
std::string dump_text(Runtime& rt);
/* The same lines with that prefix. */
std::string with_prefix(const std::string& lines);

/* What a wait that has ended by time was for: the word, what was seen and what was expected. */
std::string wait_text(const pmx_device_ctx_t& ctx, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value, int from_rank);

/* One record on stderr: what was waited for, then dump_text(). At most one in ten seconds, since a program may go on to
 * wait. */
void record_timeout(Runtime& rt, const std::string& what);

/* SIGUSR1 makes the proxy thread write its part of dump_text() to stderr from now on, unless the program has a handler for it. Undone
 * by the destructor, unless the program has put another in its place. */
class DumpSignal {
  public:
    DumpSignal();
    ~DumpSignal();
    DumpSignal(const DumpSignal&) = delete;
    DumpSignal& operator=(const DumpSignal&) = delete;
    /* Whether the signal came since the last call. */
    static bool came();

  private:
    bool installed_ = false;
};

}  // namespace pmx
