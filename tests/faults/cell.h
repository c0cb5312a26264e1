/* SPDX-License-Identifier: BSD-3-Clause */
/* cell.h: one cell of the fault matrix: a fault, an operation that it meets, and the moment. */
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pmx.h"

namespace cell {

inline constexpr int kVictim = 1, kAttacker = 0;

enum class Moment { before_post, after_post, before_signal, in_quiet, in_finalize };

/* What is promised. */
enum class Kind {
    fatal,   /* the victim is lost: what involves it says so and names it, and the others can go on without it
              */
    passing, /* nothing is lost, all calls succeed */
    local    /* the same; each rank does it to itself */
};

struct Fault {
    const char* name;
    Kind kind;
    bool by_victim;   /* fatal: the victim does it to itself */
    bool main_only;   /* not in another thread */
    void (*strike)(); /* begins it */
};
const Fault* find_fault(const std::string& name);
/* Before pmx_init: what faults need of the outside world. */
void prepare_faults(const std::string& name);
/* After pmx_init, all ranks. */
void exchange_pids();
/* Joins what strikes in the background. */
void end_faults();

/* An operation of this rank with all others. */
class Operation {
public:
    virtual ~Operation() = default;
    virtual void begin() {}      /* what moves the data, as far as it is apart */
    virtual void announce() = 0; /* the rest: signals, or all of it */
    virtual void check() = 0;    /* waits for what the others send, and looks at it */
};
std::unique_ptr<Operation> make_operation(const std::string& name);
bool is_layer(const std::string& name);

/* The result of a call. What is not allowed for this cell, and wrong data, are noted; the run goes on. */
void note(const char* call, int err);
void note_data(const char* what, bool right);

struct State {
    int rank = 0, size = 1;
    const Fault* fault = nullptr;
    bool struck = false;      /* on this rank the fault may have begun */
    bool failed_seen = false; /* a call ended with PMX_ERR_PEER_FAILED and named the victim */
    int n_wrong = 0;
    std::string first_error; /* the first line of detail of a call that failed */
};
extern State state;

/* Whether a wait for this rank, or a put to it, may fail in this cell. */
bool may_fail();
/* Waits of the program are longer than those of pmx: failure is found first. */
inline constexpr uint64_t kWaitNs = 30'000'000'000;

/* Symmetric memory; ends the rank when there is none. */
void* sym(size_t n_bytes);

}  // namespace cell
