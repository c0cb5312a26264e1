/* SPDX-License-Identifier: BSD-3-Clause */
/* write_inputs.cc: writes what the tests of pmx_moe read.
 *
 *   write_inputs checkpoint DIR qwen3_moe|olmoe|mixtral bf16|fp32   two layers, see hf_directory.h
 *   write_inputs checkpoint DIR deepseek_v3|gpt_oss bf16|fp32         layer 1, see hf_models.h
 *   write_inputs tokens FILE ROWS COLS                              float32 activations
 *   write_inputs tokens-bf16 FILE ROWS COLS                         the same, rounded, as uint16
 *   write_inputs routing FILE ROWS K E                              int64 expert numbers in 0..E-1 */
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/moe/model.h"
#include "tests/tools/files.h"
#include "tests/tools/hf_models.h"

using namespace pmx::tools::test;

static std::string npy_of(const char* type, size_t rows, size_t cols, const std::string& data)
{
    return npy(std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (" +
                   std::to_string(rows) + ", " + std::to_string(cols) + "), }\n",
               data);
}

static std::string tokens(size_t rows, size_t cols, bool bf16)
{
    const model::Bytes bytes = model::matrix(7, rows * cols, 1.0f, bf16);
    return npy_of(bf16 ? "<u2" : "<f4", rows, cols, {bytes.begin(), bytes.end()});
}

/* Neighbours, beginning anywhere: distinct as long as k is not above the number of experts. */
static std::string routing(size_t rows, size_t k, uint64_t experts)
{
    std::string data;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < k; i++) data += little_endian((row * row + i) % experts, 8);
    return npy_of("<i8", rows, k, data);
}

int main(int argc, char** argv)
{
    const std::vector<std::string> args(argv + 1, argv + argc);
    const auto number = [&](size_t i) { return std::strtoul(args[i].c_str(), nullptr, 10); };
    const std::string kind = args.empty() ? "" : args[0];
    const pmx_moe_dtype_t dtype = args.size() == 4 && args[3] == "bf16" ? PMX_MOE_BF16 : PMX_MOE_FP32;
    if (kind == "checkpoint" && args.size() == 4 && args[2] == "deepseek_v3")
        write_deepseek(args[1], dtype);
    else if (kind == "checkpoint" && args.size() == 4 && args[2] == "gpt_oss")
        write_gpt_oss(args[1], dtype);
    else if (kind == "checkpoint" && args.size() == 4 && find_family(args[2]))
        write_hf_directory(args[1], *find_family(args[2]), dtype);
    else if (kind == "tokens" && args.size() == 4)
        write_file(args[1], tokens(number(2), number(3), false));
    else if (kind == "tokens-bf16" && args.size() == 4)
        write_file(args[1], tokens(number(2), number(3), true));
    else if (kind == "routing" && args.size() == 5)
        write_file(args[1], routing(number(2), number(3), number(4)));
    else
        return std::fputs("write_inputs: bad arguments\n", stderr), 99;
    return 0;
}
