/* SPDX-License-Identifier: BSD-3-Clause */
/* readers_test.cc: the readers of safetensors and npy give back what is in a good file, and refuse each kind
 * of bad file with a line that names it. */
#include <cstring>
#include <string>

#include "tests/tools/files.h"
#include "tools/npy.h"
#include "tools/safetensors.h"

#include "tests/cmocka_cxx.h"
#include "tests/tools/refuse.h"

using namespace pmx;
using namespace pmx::tools;
using namespace pmx::tools::test;

/* ---- safetensors ---- */

static Status open_bytes(const std::string& bytes)
{
    Safetensors file;
    return Safetensors::open(write_file(scratch() / "t.safetensors", bytes), file);
}

static void refused(const std::string& bytes, const std::string& named)
{
    assert_refused(open_bytes(bytes), PMX_ERR_ARGUMENT, named);
    assert_refused(open_bytes(bytes), PMX_ERR_ARGUMENT, "t.safetensors");
}

static std::string one_tensor(const std::string& dtype, const std::string& shape, const std::string& offsets)
{
    return "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
}

static void gives_back_tensors(void**)
{
    const std::string header =
        R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[4,8]},)"
        R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"none":{"dtype":"I64","shape":[0,3],)"
        R"("data_offsets":[4,4]}}   )";
    const std::string path = write_file(scratch() / "good.safetensors", safetensors(header, "AAAAbbBB"));
    Safetensors file;
    assert_fine(Safetensors::open(path, file));
    assert_int_equal(file.n_tensors(), 3);
    assert_null(file.find("c"));
    const Tensor* b = file.find("b");
    assert_non_null(b);
    assert_string_equal(b->dtype.c_str(), "BF16");
    assert_true(b->shape == (std::vector<uint64_t>{2, 1}));
    assert_int_equal(b->n_bytes, 4);
    assert_memory_equal(b->data, "bbBB", 4);
    assert_memory_equal(file.find("a")->data, "AAAA", 4);
    assert_int_equal(file.find("none")->n_bytes, 0);
}

static void refuses_bad_header_lengths(void**)
{
    refused("", "too few");
    refused("1234567", "7 bytes");
    refused(little_endian(3, 8) + "{}", "header length 3");
    refused(little_endian(UINT64_MAX, 8) + "{}", "header length 18446744073709551615");
    refused(little_endian(kSafetensorsMaxHeaderBytes + 1, 8) + "{}", "at most 100000000");
}

static void refuses_every_cut_of_a_file(void**)
{
    const std::string whole = safetensors(one_tensor("\"F32\"", "[2]", "[0,8]"), "12345678");
    assert_fine(open_bytes(whole));
    for (size_t n = 0; n < whole.size(); n++) refused(whole.substr(0, n), "t.safetensors");
    refused(whole + "x", "1 bytes at the end");
}

static void refuses_what_is_not_json(void**)
{
    refused(safetensors("{\"a\":", ""), "not JSON: syntax error at byte");
    refused(safetensors("[1]", ""), "must be a JSON object");
    refused(safetensors("{} x", ""), "syntax error at byte");
    refused(safetensors("{\"\x01\xff\":1}", ""), "JSON");
    refused(safetensors("", ""), "JSON");
    refused(safetensors(std::string(100000, '['), ""), "JSON");
    std::string deep = "{\"a\":";
    for (int i = 0; i < 100; i++) deep += "[";
    for (int i = 0; i < 100; i++) deep += "]";
    refused(safetensors(deep + "}", ""), "nested deeper");
}

static void refuses_duplicate_keys(void**)
{
    const std::string entry = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
    refused(safetensors("{\"a\":" + entry + ",\"a\":" + entry + "}", "1234"), "\"a\" is there twice");
    refused(safetensors("{\"\":" + entry + ",\"\":" + entry + "}", "1234"), "is there twice");
    refused(safetensors(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"),
            "\"dtype\" is there twice");
}

static void refuses_bad_dtypes_and_shapes(void**)
{
    refused(safetensors(one_tensor("\"F33\"", "[1]", "[0,4]"), "1234"), "dtype \"F33\"");
    refused(safetensors(one_tensor("7", "[1]", "[0,4]"), "1234"), "dtype 7");
    refused(safetensors(one_tensor("\"F32\"", "{}", "[0,4]"), "1234"), "shape {}");
    refused(safetensors(one_tensor("\"F32\"", "[-1]", "[0,4]"), "1234"), "shape [-1]");
    refused(safetensors(one_tensor("\"F32\"", "[1.0]", "[0,4]"), "1234"), "shape [1.0]");
    refused(safetensors(one_tensor("\"F32\"", "[2]", "[0,4]"), "1234"),
            "shape [2] does not take the 4 bytes");
    /* 2^32 * 2^32 is 2^64, and 2^62 + 1 floats are 4 bytes: both wrap. */
    refused(safetensors(one_tensor("\"F32\"", "[4294967296,4294967296]", "[0,0]"), ""), "below 2^64");
    refused(safetensors(one_tensor("\"F32\"", "[4611686018427387905]", "[0,4]"), "1234"), "does not take");
    refused(safetensors(one_tensor("\"U8\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]"), "1"),
            "at most 16");
    refused(safetensors(R"({"a":{"dtype":"F32","shape":[1]}})", "1234"), "\"data_offsets\" is missing");
    refused(safetensors(R"({"a":[]})", ""), "\"dtype\" is missing");
}

static void refuses_bad_offsets(void**)
{
    refused(safetensors(one_tensor("\"F32\"", "[1]", "[0,8]"), "1234"), "the 4 data bytes");
    refused(safetensors(one_tensor("\"F32\"", "[1]", "[4,0]"), "1234"), "must rise");
    refused(safetensors(one_tensor("\"F32\"", "[1]", "[0]"), "1234"), "two whole numbers");
    refused(safetensors(one_tensor("\"F32\"", "[1]", "[-4,0]"), "1234"), "two whole numbers");
    refused(safetensors(one_tensor("\"F32\"", "[1]", "[18446744073709551612,18446744073709551615]"), "1234"),
            "must rise");
    const auto two = [](const char* first, const char* second) {
        return std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + first +
               R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
    };
    assert_fine(open_bytes(safetensors(two("[4,8]", "[0,4]"), "12345678")));
    refused(safetensors(two("[0,4]", "[3,7]"), "1234567"), "an overlap at data byte 3");
    refused(safetensors(two("[0,4]", "[5,9]"), "123456789"), "a gap at data byte 5");
    refused(safetensors(two("[1,5]", "[5,9]"), "123456789"), "a gap at data byte 1");
}

static void refuses_what_is_no_file(void**)
{
    Safetensors file;
    assert_refused(Safetensors::open(scratch() / "absent", file), PMX_ERR_ARGUMENT, "cannot be opened");
    assert_refused(Safetensors::open(scratch() / ".", file), PMX_ERR_ARGUMENT, "not a regular file");
}

/* ---- npy ---- */

static void npy_refused(const std::string& bytes, const std::string& named)
{
    Npy matrix;
    assert_refused(open_npy(write_file(scratch() / "m.npy", bytes), matrix), PMX_ERR_ARGUMENT, named);
    assert_null(matrix.file.get());
}

static std::string dict(const std::string& descr, const std::string& order, const std::string& shape)
{
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

static void npy_written_is_read_again(void**)
{
    const std::string path = scratch() / "w.npy";
    const float low[3] = {1, 2, 3}, high[3] = {4, 5, 6};
    NpyWriter writer;
    assert_fine(writer.open(path, 2, 3));
    assert_fine(writer.write(3, high, 3));
    assert_fine(writer.write(0, low, 3));
    assert_fine(writer.close());
    Npy matrix;
    assert_fine(open_npy(path, matrix));
    assert_int_equal(matrix.rows, 2);
    assert_int_equal(matrix.cols, 3);
    assert_true(matrix.type == NpyType::f4);
    assert_int_equal(reinterpret_cast<uintptr_t>(matrix.data) % 64, 0);
    assert_memory_equal(matrix.data, low, sizeof low);
    assert_memory_equal(matrix.data + sizeof low, high, sizeof high);
    assert_refused(writer.open(scratch() / "absent/w.npy", 1, 1), PMX_ERR_ARGUMENT, "cannot be written");
}

static void npy_of_every_version_is_read(void**)
{
    const std::string text = dict("<i8", "False", "(1, 2)"), data(16, '\7');
    Npy matrix;
    assert_fine(open_npy(write_file(scratch() / "v1.npy", npy(text, data)), matrix));
    assert_true(matrix.type == NpyType::i8 && matrix.rows == 1 && matrix.cols == 2);
    for (const char* version : {"\x02", "\x03"}) {
        const std::string bytes = std::string("\x93NUMPY") + version + std::string(1, '\0') +
                                  little_endian(text.size(), 4) + text + data;
        assert_fine(open_npy(write_file(scratch() / "v23.npy", bytes), matrix));
        assert_memory_equal(matrix.data, data.data(), data.size());
    }
    /* The order of the keys and the spaces are free. */
    assert_fine(
        open_npy(write_file(scratch() / "o.npy",
                            npy("{\"shape\":(2,1),\"descr\":\"<u2\",\"fortran_order\":False}", "abcd")),
                 matrix));
    assert_true(matrix.type == NpyType::u2 && matrix.rows == 2);
}

static void npy_bad_headers_are_refused(void**)
{
    npy_refused("", "not a .npy file");
    npy_refused("\x93NUMPX\x01", "not a .npy file");
    npy_refused(std::string("\x93NUMPY\x04\x00\x00\x00", 10), "version 4.0");
    npy_refused(std::string("\x93NUMPY\x02\x00\x00\x00", 10), "header length");
    npy_refused(std::string("\x93NUMPY\x01\x00\xff\xff", 10), "header length 65535");
    npy_refused(npy("{'descr': '<f4'}", ""), "must be a dict");
    npy_refused(npy(dict("<f4", "False", "(1, 1"), "1234"), "must be a dict");
    npy_refused(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", "1234"),
                "must be a dict");
    npy_refused(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), 'x': (1, 1)}", "1234"),
                "must be a dict");
    npy_refused(npy(dict("<f4", "Maybe", "(1, 1)"), "1234"), "must be a dict");
    npy_refused(npy(dict("<f4", "False", "(1, 1)") + "x", "1234"), "must be a dict");
    npy_refused(npy("\x01\xff", ""), "must be a dict");
}

static void npy_other_matrices_are_refused(void**)
{
    npy_refused(npy(dict(">f4", "False", "(1, 1)"), "1234"), "type '>f4'");
    npy_refused(npy(dict("<f8", "False", "(1, 1)"), "12345678"), "type '<f8'");
    npy_refused(npy(dict("<f4", "True", "(1, 1)"), "1234"), "fortran_order True");
    npy_refused(npy(dict("<f4", "False", "(1,)"), "1234"), "1 dimensions must be 2");
    npy_refused(npy(dict("<f4", "False", "(1, 1, 1)"), "1234"), "3 dimensions");
    npy_refused(npy(dict("<f4", "False", "(1, 2)"), "1234"), "does not take the 4 data bytes");
    npy_refused(npy(dict("<f4", "False", "(1, 1)"), "12345"), "does not take the 5 data bytes");
    npy_refused(npy(dict("<f4", "False", "(4294967296, 4294967296)"), ""), "does not take the 0 data bytes");
    npy_refused(npy(dict("<f4", "False", "(4611686018427387905, 1)"), "1234"), "does not take");
    npy_refused(npy(dict("<f4", "False", "(18446744073709551616, 1)"), "1234"), "must be a dict");
    npy_refused(npy(dict("<f4", "False", "(-1, 1)"), "1234"), "must be a dict");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_tensors),          cmocka_unit_test(refuses_bad_header_lengths),
        cmocka_unit_test(refuses_every_cut_of_a_file), cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(refuses_duplicate_keys),      cmocka_unit_test(refuses_bad_dtypes_and_shapes),
        cmocka_unit_test(refuses_bad_offsets),         cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(npy_written_is_read_again),   cmocka_unit_test(npy_of_every_version_is_read),
        cmocka_unit_test(npy_bad_headers_are_refused), cmocka_unit_test(npy_other_matrices_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
