/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of parameters, the faults of the software NIC, and uids: text that users write. An input is lines
 * NAME=VALUE. What is accepted reads back as itself; what is refused changes nothing. */
#include <string_view>

#include "expect.h"
#include "runtime/params.h"
#include "runtime/uid.h"
#include "transport_softnic_faults.h"

using namespace pmx;

static void one(std::string_view name, std::string_view value)
{
    Params params;
    const std::string before = param_text(name, params);
    Status status = param_parse(name, value, params);
    const std::string after = param_text(name, params);
    if (!status.ok()) {
        EXPECT(status.code() == PMX_ERR_PARAM && !status.detail().empty());
        EXPECT(before == after);
        return;
    }
    EXPECT(param_parse(name, after, params).ok());
    EXPECT(param_text(name, params) == after);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes)
{
    std::string_view text(reinterpret_cast<const char*>(data), n_bytes);
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        size_t equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
        one(name, value);
        if (name == "SOFTNIC_FAULTS") {
            SoftNicFaults faults;
            if (!softnic_parse_faults(value, faults).ok())
                EXPECT(faults.dead_rank == -1 && faults.drop_one_of == 0);
        }
        Uid uid;
        if (name == "UID" && Uid::parse(std::string(value), uid).ok()) {
            Uid again;
            EXPECT(Uid::parse(uid.text(), again).ok() && again.port == uid.port &&
                   again.address == uid.address);
        }
    }
    return 0;
}
