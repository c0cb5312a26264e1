/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_events.h: what a device says unasked: of its ports, its queue pairs and itself. */
#pragma once

#include <infiniband/verbs.h>

#include <string>

#include "transport_verbs_device.h"

namespace pmx {

struct VerbsEvent {
    enum class Effect : uint8_t {
        nothing,
        told,          /* operations say themselves what comes of it */
        queue_broken,  /* the queue pair qp_number takes nothing more */
        device_broken, /* nothing completes any more */
    };
    Effect effect = Effect::nothing;
    uint32_t qp_number = 0;
    std::string text; /* one line for people; "" with Effect::nothing */
};

/* What an event means to who uses this port. */
VerbsEvent verbs_event_of(const ibv_async_event& event, const VerbsPort& port);

/* From now on verbs_next_event() does not wait. */
Status verbs_begin_events(const VerbsPort& port);
/* The next event that has come; false: none. A system call. */
bool verbs_next_event(const VerbsPort& port, VerbsEvent& event_out);

}  // namespace pmx
