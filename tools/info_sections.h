/* SPDX-License-Identifier: BSD-3-Clause */
/* info_sections.h: what pmx_info knows, section by section, as JSON values. */
#pragma once

#include <nlohmann/json.hpp>

#include "status.h"

namespace pmx::tools {

/* Objects of plain values, but for transports and params: lists of objects with the same keys. */
nlohmann::ordered_json info_build();
/* A row for each path between ranks, and what its probe found. Opens and closes providers. */
nlohmann::ordered_json info_transports();
/* Brings pmx up and down: collective under mpirun, and once in a process. */
Status info_topology(nlohmann::ordered_json& section_out);
/* PMX_ERR_PARAM: a variable has a bad value, or does not exist. */
Status info_params(nlohmann::ordered_json& section_out);

/* A section for people: "key  value" lines, or a table. */
std::string info_text(const nlohmann::ordered_json& section);

}  // namespace pmx::tools
