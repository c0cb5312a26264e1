/* SPDX-License-Identifier: BSD-3-Clause */
/* shape.h: what --shape, --tokens and --routing may say. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "status.h"

namespace pmx::tools {

/* The widths of one MoE layer. The ranges are those of pmx_moe_check, which is asked later. */
struct Shape {
    std::string name; /* as the user gave it */
    int hidden = 0;
    int intermediate = 0;
    int experts = 0;
    int top_k = 0;
    bool renormalise = true;
    /* What the model of this name has and the layer of pmx has not; "" when nothing. */
    std::string only_widths;
};

/* "name or name or H,I,E,k" */
std::string shape_choices();
/* A line for each name, for the help. */
std::string shape_table();
Status parse_shape(const std::string& text, Shape& shape_out);

/* H,I,E in the place of those of shape. */
Status parse_widths(const std::string& text, Shape& shape);

/* N or N0,N1,...: whole numbers of 0 or more. */
Status parse_tokens(const std::string& text, std::vector<int>& tokens_out);
/* "E0,E1,..." with -1 for none. */
Status parse_expert_map(const std::string& text, std::vector<int32_t>& experts_out);
/* One number stands for every rank; a list must be as long as there are ranks. */
Status tokens_of_ranks(const std::vector<int>& given, int n_ranks, std::vector<int>& tokens_out);
/* Divides total tokens, the first ranks get one more. */
std::vector<int> divide_tokens(uint64_t total, int n_ranks);

enum class RoutingKind { uniform, zipf, file };
struct Routing {
    RoutingKind kind = RoutingKind::uniform;
    double exponent = 0; /* zipf */
    std::string path;    /* file */
};
/* uniform, zipf:A with A 0..10, file:PATH */
Status parse_routing(const std::string& text, Routing& routing_out);

}  // namespace pmx::tools
