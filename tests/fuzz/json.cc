/* SPDX-License-Identifier: BSD-3-Clause */
/* The strict reader of JSON: what it accepts is an object, within the depth, and reads back the same. */
#include "expect.h"
#include "tools/strict_json.h"

using namespace pmx::tools;

static int depth_of(const nlohmann::json& value)
{
    int most = 0;
    if (value.is_structured())
        for (const auto& part : value) most = std::max(most, depth_of(part));
    return most + value.is_structured();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes)
{
    nlohmann::json object, again;
    pmx::Status status = parse_json_object("fuzz", {reinterpret_cast<const char*>(data), n_bytes}, object);
    if (!status.ok()) {
        EXPECT(status.code() == PMX_ERR_ARGUMENT && status.detail().find('\n') == std::string::npos);
        return 0;
    }
    EXPECT(object.is_object() && depth_of(object) <= kJsonMaxDepth);
    EXPECT(parse_json_object("fuzz", object.dump(), again).ok() && again == object);
    EXPECT(excerpt(object).find('\n') == std::string::npos);
    return 0;
}
