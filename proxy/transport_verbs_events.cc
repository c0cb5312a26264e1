/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport_verbs_events.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace pmx {

namespace {

using Effect = VerbsEvent::Effect;

VerbsEvent of_port(const ibv_async_event& event, const VerbsPort& port, const char* what)
{
    if (unsigned(event.element.port_num) != port.number) return {};
    return {Effect::told, 0, fmt::format("verbs device {}: port {} {}", port.name, port.number, what)};
}

}  // namespace

VerbsEvent verbs_event_of(const ibv_async_event& event, const VerbsPort& port)
{
    const char* const name = ibv_event_type_str(event.event_type);
    switch (event.event_type) {
        case IBV_EVENT_QP_FATAL:
        case IBV_EVENT_QP_REQ_ERR:
        case IBV_EVENT_QP_ACCESS_ERR:
        case IBV_EVENT_PATH_MIG_ERR:
            return {Effect::queue_broken, event.element.qp->qp_num,
                    fmt::format("verbs device {}: queue pair {}: {}", port.name, event.element.qp->qp_num, name)};
        case IBV_EVENT_CQ_ERR:
        case IBV_EVENT_SRQ_ERR:
        case IBV_EVENT_DEVICE_FATAL:
            return {Effect::device_broken, 0, fmt::format("verbs device {}: {}", port.name, name)};
        case IBV_EVENT_PORT_ERR:
            return of_port(event, port, "is down: what is sent now fails unless it comes back in time");
        case IBV_EVENT_PORT_ACTIVE: return of_port(event, port, "is active again");
        case IBV_EVENT_LID_CHANGE: return of_port(event, port, "has another LID: the other ranks do not know it");
        /* The rest is of no consequence to connected queue pairs, such as the end of a broken one's receives. */
        default: return {};
    }
}

Status verbs_begin_events(const VerbsPort& port)
{
    const int fd = port.context->async_fd, flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) return {};
    return fail(PMX_ERR_SYSTEM, "verbs device {}: its events cannot be read: {}", port.name, std::strerror(errno));
}

bool verbs_next_event(const VerbsPort& port, VerbsEvent& event_out)
{
    ibv_async_event event;
    if (ibv_get_async_event(port.context.get(), &event)) return false;
    event_out = verbs_event_of(event, port);
    ibv_ack_async_event(&event);
    return true;
}

}  // namespace pmx
