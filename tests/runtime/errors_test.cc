/* SPDX-License-Identifier: BSD-3-Clause */
/* Error codes, the last failure of a thread, and messages to stderr. */
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "runtime/errors.h"
#include "runtime/log.h"
#include "tests/cmocka_cxx.h"

namespace {

struct Code {
    int code;
    int error_class;
};
constexpr Code kCodes[] = {
    {PMX_SUCCESS, PMX_CLASS_NONE},          {PMX_ERR_ARGUMENT, PMX_CLASS_CALL},
    {PMX_ERR_ADDRESS, PMX_CLASS_CALL},      {PMX_ERR_RANK, PMX_CLASS_CALL},
    {PMX_ERR_PARAM, PMX_CLASS_CALL},        {PMX_ERR_STATE, PMX_CLASS_CALL},
    {PMX_ERR_UNSUPPORTED, PMX_CLASS_CALL},  {PMX_ERR_MISMATCH, PMX_CLASS_CALL},
    {PMX_ERR_TIMEOUT, PMX_CLASS_OPERATION}, {PMX_ERR_MEMORY, PMX_CLASS_OPERATION},
    {PMX_ERR_AGAIN, PMX_CLASS_OPERATION},   {PMX_ERR_PEER_FAILED, PMX_CLASS_PEER},
    {PMX_ERR_TRANSPORT, PMX_CLASS_JOB},     {PMX_ERR_BOOTSTRAP, PMX_CLASS_JOB},
    {PMX_ERR_SYSTEM, PMX_CLASS_JOB},        {PMX_ERR_ABORTED, PMX_CLASS_JOB},
    {PMX_ERR_INTERNAL, PMX_CLASS_JOB},      {PMX_ERR_INTEGRITY, PMX_CLASS_JOB},
};

void every_code_has_a_text_of_its_own_and_a_class(void**)
{
    std::set<std::string> texts, names;
    for (const Code& row : kCodes) {
        int error_class = -1;
        assert_int_equal(pmx_error_class(row.code, &error_class), PMX_SUCCESS);
        assert_int_equal(error_class, row.error_class);
        assert_true(texts.insert(pmx_error_string(row.code)).second);
        assert_true(names.insert(pmx::error_name(row.code)).second);
    }
    assert_string_equal(pmx::error_name(PMX_ERR_PARAM), "PMX_ERR_PARAM");
    assert_string_equal(pmx::error_name(PMX_SUCCESS), "PMX_SUCCESS");
}

/* Other numbers, near and far, are no codes: kCodes above is complete. */
void unknown_codes_have_one_fixed_text(void**)
{
    std::set<int> known;
    for (const Code& row : kCodes) known.insert(row.code);
    for (int err = -200; err <= 200; ++err) {
        const bool has_text = strcmp(pmx_error_string(err), "no such error code") != 0;
        assert_int_equal(has_text, known.count(err) != 0);
    }
    assert_string_equal(pmx_error_string(INT32_MIN), "no such error code");
    assert_string_equal(pmx::error_name(1), "PMX_ERR_?");
    int error_class = 7;
    assert_int_equal(pmx_error_class(1, &error_class), PMX_ERR_ARGUMENT);
    assert_int_equal(error_class, 7);
    assert_int_equal(pmx_error_class(PMX_ERR_RANK, nullptr), PMX_ERR_ARGUMENT);
}

void detail_is_kept_until_the_next_failure(void**)
{
    assert_int_equal(pmx::report(pmx::fail(PMX_ERR_RANK, "rank {}\nmust be 0..{}", 9, 3)), PMX_ERR_RANK);
    assert_string_equal(pmx_last_error_detail(), "rank 9 must be 0..3");
    assert_int_equal(pmx::report(pmx::Status()), PMX_SUCCESS);
    assert_string_equal(pmx_last_error_detail(), "rank 9 must be 0..3");
    const std::string longer(10000, 'x');
    pmx::set_last_error(pmx::Status(PMX_ERR_SYSTEM, longer));
    assert_int_equal(strlen(pmx_last_error_detail()), pmx::kMaxDetailBytes);
}

void detail_belongs_to_its_thread(void**)
{
    pmx::set_last_error(pmx::Status(PMX_ERR_SYSTEM, "mine"));
    bool was_empty = false;
    std::thread other([&] {
        was_empty = strcmp(pmx_last_error_detail(), "") == 0;
        pmx::set_last_error(pmx::Status(PMX_ERR_SYSTEM, "its own"));
    });
    other.join();
    assert_true(was_empty);
    assert_string_equal(pmx_last_error_detail(), "mine");
}

void no_exception_passes_the_boundary(void**)
{
    assert_int_equal(pmx::at_boundary([] { return pmx::Status(); }), PMX_SUCCESS);
    assert_int_equal(pmx::at_boundary([]() -> pmx::Status { throw std::bad_alloc(); }), PMX_ERR_MEMORY);
    assert_string_equal(pmx_last_error_detail(), "memory of the process is exhausted");
    assert_int_equal(pmx::at_boundary([]() -> pmx::Status { throw std::runtime_error("x"); }),
                     PMX_ERR_INTERNAL);
}

/* What call writes to stderr. */
template <typename Call>
std::string stderr_of(Call call)
{
    FILE* file = tmpfile();
    assert_non_null(file);
    const int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    call();
    dup2(saved, STDERR_FILENO);
    close(saved);
    char text[4096];
    rewind(file);
    const size_t n_bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    return std::string(text, n_bytes);
}

void messages_are_one_line_with_the_rank(void**)
{
    const std::string before = stderr_of([] { pmx::log_error("no rank yet, {} of {}", 1, 2); });
    assert_string_equal(before.c_str(), "pmx: no rank yet, 1 of 2\n");
    pmx::log_configure(pmx::LogLevel::info, 3);
    const std::string lines = stderr_of([] {
        pmx::log_error("a\nb");
        pmx::log_warn("c");
        pmx::log_info("d");
        pmx::log_debug("e");
    });
    assert_string_equal(lines.c_str(), "pmx[3]: a b\npmx[3]: c\npmx[3]: d\n");
    pmx::log_configure(pmx::LogLevel::error, 3);
    assert_string_equal(stderr_of([] { pmx::log_warn("c"); }).c_str(), "");
    const std::string cut = stderr_of([] { pmx::log_error("{}", std::string(5000, 'x')); });
    assert_int_equal(cut.size(), 1024);
    assert_int_equal(cut.back(), '\n');
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_text_of_its_own_and_a_class),
        cmocka_unit_test(unknown_codes_have_one_fixed_text),
        cmocka_unit_test(detail_is_kept_until_the_next_failure),
        cmocka_unit_test(detail_belongs_to_its_thread),
        cmocka_unit_test(no_exception_passes_the_boundary),
        cmocka_unit_test(messages_are_one_line_with_the_rank),
    };
    return cmocka_run_group_tests_name("errors", tests, nullptr, nullptr);
}
