/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters: what each type accepts, how precise a refusal is, and which source wins. */
#include <cstdlib>
#include <cstring>
#include <string>

#include "runtime/params.h"
#include "tests/cmocka_cxx.h"

static bool is_up; /* what runtime_is_up() tells here */
bool pmx::runtime_is_up() { return is_up; }

namespace {

std::string name_of(const char* parameter) { return std::string("PMX_") + parameter; }

int clean(void**)
{
    is_up = false;
    pmx::param_overrides_clear();
    for (int i = 0; const pmx::ParamInfo* info = pmx::param_info(i); ++i) {
        unsetenv(name_of(info->name).c_str());
    }
    unsetenv("PMX_ODER");
    unsetenv("PMX_A_LONG_WAY_FROM_ALL");
    unsetenv("PMX_TEST_LIMIT_S");
    return 0;
}

void assert_accepts(const char* name, const char* text, const char* shortest_form)
{
    pmx::Params params;
    const pmx::Status status = pmx::param_parse(name, text, params);
    if (!status.ok()) print_error("%s=%s: %s\n", name, text, status.detail().c_str());
    assert_true(status.ok());
    assert_string_equal(pmx::param_text(name, params).c_str(), shortest_form);
}

/* The refusal names variable, value and range, and leaves the field alone. */
void assert_refuses(const char* name, const char* text, const char* range)
{
    pmx::Params params;
    const std::string before = pmx::param_text(name, params);
    const pmx::Status status = pmx::param_parse(name, text, params);
    if (status.ok()) print_error("%s=%s was accepted\n", name, text);
    assert_int_equal(status.code(), PMX_ERR_PARAM);
    const std::string begin = name_of(name) + "=\"" + text + "\": must be ";
    if (!status.detail().starts_with(begin)) print_error("unclear: %s\n", status.detail().c_str());
    assert_true(status.detail().starts_with(begin));
    assert_true(status.detail().find(range) != std::string::npos);
    assert_string_equal(pmx::param_text(name, params).c_str(), before.c_str());
}

void every_default_is_its_own_shortest_form(void**)
{
    const pmx::Params params;
    int n_rows = 0;
    for (; const pmx::ParamInfo* info = pmx::param_info(n_rows); ++n_rows) {
        assert_accepts(info->name, info->default_text, info->default_text);
        assert_string_equal(pmx::param_text(info->name, params).c_str(), info->default_text);
        assert_true(strlen(info->help) > 0);
    }
    assert_int_equal(n_rows, 34);
    assert_null(pmx::param_info(-1));
    assert_true(params.heap_bytes == 256ull << 20);
    assert_true(params.timeout_ns == 60'000'000'000);
    assert_true(params.peer_check_ns == 100'000'000);
    assert_true(params.n_queues == 4 && params.queue_depth == 1024 && params.batch == 32);
    assert_true(params.order == PMX_ORDER_AUTO && params.signals == PMX_SIGNALS_GROUPED);
    assert_true(params.transport == pmx::TransportChoice::any && params.log_level == pmx::LogLevel::warn);
    assert_true(params.proxy_bind && params.ofi_provider == "auto");
    assert_true(params.softnic_profile == "ideal" && params.softnic_faults == "none" && params.softnic_reorder);
    assert_true(params.softnic_seed == 1);
}

void sizes(void**)
{
    assert_accepts("HEAP_SIZE", "1m", "1m");
    assert_accepts("HEAP_SIZE", "1t", "1t");
    assert_accepts("HEAP_SIZE", "1048576", "1m");
    assert_accepts("HEAP_SIZE", "1025k", "1025k");
    assert_accepts("HEAP_SIZE", "2G", "2g");
    assert_accepts("HEAP_SIZE", "1048577", "1048577");
    for (const char* bad :
         {"", " 1m", "1m ", "-1m", "+1m", "1.5m", "1mb", "m", "0x100000", "1048575", "1025g", "1099511627777",
          "99999999999999999999", "16777216t", "18446744073709551615t"}) {
        assert_refuses("HEAP_SIZE", bad, "1m..1t");
    }
}

void times(void**)
{
    assert_accepts("TIMEOUT", "1ms", "1ms");
    assert_accepts("TIMEOUT", "1000us", "1ms");
    assert_accepts("TIMEOUT", "1500000ns", "1500us");
    assert_accepts("TIMEOUT", "3600s", "3600s");
    for (const char* bad : {"", "60", "1m", "1h", "60 s", "60S", "999us", "3601s", "0s", "-1s", "1e3s",
                            "18446744073709551616ns", "18446744074s"}) {
        assert_refuses("TIMEOUT", bad, "1ms..3600s");
    }
    assert_refuses("PEER_CHECK", "0ms", "1ms..3600s");
}

void counts(void**)
{
    assert_accepts("QUEUES", "1", "1");
    assert_accepts("QUEUES", "64", "64");
    assert_accepts("BATCH", "32", "32");
    for (const char* bad : {"", "0", "65", "4.0", "4k", "-4", "four", "4294967300"}) {
        assert_refuses("QUEUES", bad, "1..64");
    }
    assert_refuses("BATCH", "33", "1..32");
    assert_accepts("QUEUE_DEPTH", "64", "64");
    assert_accepts("QUEUE_DEPTH", "65536", "65536");
    for (const char* bad : {"0", "32", "100", "1023", "131072"}) {
        assert_refuses("QUEUE_DEPTH", bad, "64..65536, a power of two");
    }
}

void choices_are_the_enums(void**)
{
    pmx::Params params;
    const pmx_order_t orders[] = {PMX_ORDER_AUTO,  PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED,
                                  PMX_ORDER_FENCE, PMX_ORDER_ORDERED,   PMX_ORDER_COUNTED};
    const char* order_texts[] = {"auto", "stall-all", "stall-rank", "deferred", "fence", "ordered", "counted"};
    for (int i = 0; i < 7; ++i) {
        assert_accepts("ORDER", order_texts[i], order_texts[i]);
        assert_true(pmx::param_parse("ORDER", order_texts[i], params).ok());
        assert_int_equal(params.order, orders[i]);
    }
    assert_true(pmx::param_parse("SIGNALS", "coupled", params).ok());
    assert_int_equal(params.signals, PMX_SIGNALS_COUPLED);
    assert_true(pmx::param_parse("TRANSPORT", "shm", params).ok());
    assert_true(params.transport == pmx::TransportChoice::shm);
    assert_true(pmx::param_parse("TRANSPORT", "ofi", params).ok());
    assert_true(params.transport == pmx::TransportChoice::ofi);
    assert_true(pmx::param_parse("TRANSPORT", "softnic", params).ok());
    assert_true(params.transport == pmx::TransportChoice::softnic);
    assert_true(pmx::param_parse("LOG", "error", params).ok());
    assert_true(params.log_level == pmx::LogLevel::error);
    assert_true(pmx::param_parse("LOG", "debug", params).ok());
    assert_true(params.log_level == pmx::LogLevel::debug);
    for (const char* bad : {"", "Auto", "stall", "auto|", "ordered ", "auto|stall-all", "4"}) {
        assert_refuses("ORDER", bad, "auto|stall-all|stall-rank|deferred|fence|ordered|counted");
    }
}

void texts_and_flags(void**)
{
    assert_accepts("OFI_PROVIDER", "tcp;ofi_rxm", "tcp;ofi_rxm");
    assert_accepts("OFI_PROVIDER", std::string(63, 'x').c_str(), std::string(63, 'x').c_str());
    for (const char* bad : {"", "tcp ofi", "tcp\n", "\x7f"}) assert_refuses("OFI_PROVIDER", bad, "1..63");
    pmx::Params params;
    assert_int_equal(pmx::param_parse("OFI_PROVIDER", std::string(64, 'x'), params).code(), PMX_ERR_PARAM);
    for (const char* on : {"on", "1", "yes", "true"}) assert_accepts("PROXY_BIND", on, "on");
    for (const char* off : {"off", "0", "no", "false"}) assert_accepts("PROXY_BIND", off, "off");
    for (const char* bad : {"", "ON", "2", "y", "onn"}) {
        assert_refuses("PROXY_BIND", bad, "on|off|1|0|yes|no|true|false");
    }
}

void set_wins_over_environment_over_default(void**)
{
    pmx::Params params;
    assert_true(pmx::params_from_environment(params).ok());
    assert_int_equal(params.n_queues, 4);
    setenv("PMX_QUEUES", "8", 1);
    assert_true(pmx::params_from_environment(params).ok());
    assert_int_equal(params.n_queues, 8);
    assert_int_equal(pmx_param_set("QUEUES", "16"), PMX_SUCCESS);
    assert_true(pmx::params_from_environment(params).ok());
    assert_int_equal(params.n_queues, 16);
    char text[8];
    assert_int_equal(pmx_param_get("QUEUES", text, sizeof text), PMX_SUCCESS);
    assert_string_equal(text, "16");
}

void bad_variable_is_an_error_and_changes_nothing(void**)
{
    setenv("PMX_QUEUES", "8", 1);
    setenv("PMX_BATCH", "99", 1);
    pmx::Params params;
    const pmx::Status status = pmx::params_from_environment(params);
    assert_int_equal(status.code(), PMX_ERR_PARAM);
    assert_string_equal(status.detail().c_str(), "PMX_BATCH=\"99\": must be a whole number in 1..32");
    assert_int_equal(params.n_queues, 4);
    char text[8];
    assert_int_equal(pmx_param_get("BATCH", text, sizeof text), PMX_ERR_PARAM);
    assert_int_equal(pmx_param_set("BATCH", "16"), PMX_SUCCESS); /* hides the bad one */
    assert_true(pmx::params_from_environment(params).ok());
    assert_int_equal(params.batch, 16);
}

void unknown_variable_is_refused_with_the_nearest_name(void**)
{
    pmx::Params params;
    setenv("PMX_TEST_LIMIT_S", "60", 1);
    assert_true(pmx::params_from_environment(params).ok());
    setenv("PMX_ODER", "auto", 1);
    pmx::Status status = pmx::params_from_environment(params);
    assert_int_equal(status.code(), PMX_ERR_PARAM);
    assert_string_equal(status.detail().c_str(), "PMX_ODER: unknown variable, did you mean PMX_ORDER?");
    setenv("PMX_A_LONG_WAY_FROM_ALL", "1", 1);
    status = pmx::params_from_environment(params);
    assert_string_equal(status.detail().c_str(),
                        "PMX_A_LONG_WAY_FROM_ALL: unknown variable; pmx_info --params lists all");
}

void c_functions_refuse_bad_arguments(void**)
{
    char text[8] = "as was";
    assert_int_equal(pmx_param_set(nullptr, "1"), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_param_set("QUEUES", nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_param_set("QUEUE", "1"), PMX_ERR_PARAM);
    assert_string_equal(pmx_last_error_detail(), "PMX_QUEUE: unknown variable, did you mean PMX_QUEUES?");
    assert_int_equal(pmx_param_set("PMX_QUEUES", "1"), PMX_ERR_PARAM);
    assert_int_equal(pmx_param_set("QUEUES", "0"), PMX_ERR_PARAM);
    assert_int_equal(pmx_param_get("QUEUE", text, sizeof text), PMX_ERR_PARAM);
    assert_int_equal(pmx_param_get(nullptr, text, sizeof text), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_param_get("QUEUES", nullptr, 8), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_param_get("QUEUES", text, 1), PMX_ERR_ARGUMENT);
    assert_string_equal(text, "as was");
    assert_int_equal(pmx_param_get("QUEUES", text, 2), PMX_SUCCESS);
    assert_string_equal(text, "4");
}

void parameters_are_fixed_while_up(void**)
{
    setenv("PMX_QUEUES", "8", 1);
    pmx::Params params;
    assert_true(pmx::params_from_environment(params).ok());
    is_up = true;
    assert_int_equal(pmx_param_set("QUEUES", "16"), PMX_ERR_STATE);
    setenv("PMX_QUEUES", "32", 1);
    char text[8];
    assert_int_equal(pmx_param_get("QUEUES", text, sizeof text), PMX_SUCCESS);
    assert_string_equal(text, "8");
    is_up = false;
    assert_int_equal(pmx_param_get("QUEUES", text, sizeof text), PMX_SUCCESS);
    assert_string_equal(text, "32");
}

void list_has_every_row_once(void**)
{
    pmx_param_info_t info;
    memset(&info, 0, sizeof info);
    assert_int_equal(pmx_param_list(0, &info), PMX_ERR_ARGUMENT); /* size_bytes is 0 */
    info.size_bytes = sizeof info;
    assert_int_equal(pmx_param_list(-1, &info), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_param_list(0, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_param_list(0, &info), PMX_SUCCESS);
    assert_string_equal(info.name, "HEAP_SIZE");
    assert_string_equal(info.type, "size");
    assert_string_equal(info.default_text, "256m");
    assert_string_equal(info.range, "1m..1t");
    int n_rows = 1;
    while (pmx_param_list(n_rows, &info) == PMX_SUCCESS) {
        const std::string entry = ".TP\n\\fB" + name_of(info.name) + "\\fR";
        assert_true(pmx::params_roff().find(entry) != std::string::npos);
        ++n_rows;
    }
    assert_int_equal(n_rows, 34);
}

}  // namespace

int main()
{
#define TEST(function) cmocka_unit_test_setup(function, clean)
    const CMUnitTest tests[] = {
        TEST(every_default_is_its_own_shortest_form),
        TEST(sizes),
        TEST(times),
        TEST(counts),
        TEST(choices_are_the_enums),
        TEST(texts_and_flags),
        TEST(set_wins_over_environment_over_default),
        TEST(bad_variable_is_an_error_and_changes_nothing),
        TEST(unknown_variable_is_refused_with_the_nearest_name),
        TEST(c_functions_refuse_bad_arguments),
        TEST(parameters_are_fixed_while_up),
        TEST(list_has_every_row_once),
    };
    return cmocka_run_group_tests_name("params", tests, nullptr, nullptr);
}
