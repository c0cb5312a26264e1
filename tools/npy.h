/* SPDX-License-Identifier: BSD-3-Clause */
/* npy.h: reads and writes two-dimensional NumPy .npy files. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "mapped_file.h"
#include "status.h"

namespace pmx::tools {

enum class NpyType { f4, u2, i4, i8 };

/* A matrix [rows, cols], row-major, in a mapped file. data may be unaligned. */
struct Npy {
    std::shared_ptr<const MappedFile> file;
    NpyType type = NpyType::f4;
    uint64_t rows = 0;
    uint64_t cols = 0;
    const std::byte* data = nullptr;
};

/* Reads format versions 1.0, 2.0 and 3.0. PMX_ERR_ARGUMENT, naming file, value and rule: not a .npy file, a
 * header that does not fit or has other keys than descr, fortran_order and shape, a type other than '<f4'
 * '<u2' '<i4' '<i8', column-major order, another number of dimensions than 2, or a file that is not exactly
 * as long as its shape asks. */
Status open_npy(const std::string& path, Npy& npy_out);

/* Writes a matrix of '<f4' piece by piece, in any order. */
class NpyWriter {
public:
    NpyWriter() = default;
    ~NpyWriter();
    NpyWriter(const NpyWriter&) = delete;
    NpyWriter& operator=(const NpyWriter&) = delete;

    /* Creates the file, or empties it, and writes the header. */
    Status open(const std::string& path, uint64_t rows, uint64_t cols);
    /* n_elems elements from element first on. */
    Status write(uint64_t first, const float* values, size_t n_elems);
    /* Reports what write() could not see yet. */
    Status close();

private:
    Status write_bytes(const void* data, size_t n_bytes, uint64_t file_off);

    std::string path_;
    int fd_ = -1;
    size_t header_bytes_ = 0;
};

}  // namespace pmx::tools
