# SPDX-License-Identifier: BSD-3-Clause
# make fuzz: the fuzzers with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, PMX_TEST_FUZZ_S seconds each (60). What
# they find beyond corpus/ stays in fuzz.NAME/ of the build tree, an input that breaks something in fuzz.NAME.crash-*.
. "${top_srcdir:?run by make fuzz}/tests/lib.sh" || exit 99
cxx=${FUZZ_CXX:-clang++}
need "$cxx"
printf '#include <cstddef>\n#include <cstdint>\nextern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t) { return 0; }\n' >"$scratch/try.cc"
"$cxx" -fsanitize=fuzzer "$scratch/try.cc" -o "$scratch/try" 2>"$scratch/why" || skip "$cxx -fsanitize=fuzzer: $(head -n 1 "$scratch/why")"
seconds=${PMX_TEST_FUZZ_S:-60} n_bad=0
# Three times quicker to compile against than its headers alone.
fmt=-DFMT_HEADER_ONLY
"$cxx" -fsanitize=fuzzer "$scratch/try.cc" -lfmt -o "$scratch/try" 2>/dev/null && fmt=-lfmt

fuzz() { # NAME SOURCE...
    local name=$1 each
    local -a sources=()
    shift
    for each in "$@"; do
        case $each in
        /*) sources+=("$each") ;;
        *) sources+=("$source/$each") ;;
        esac
    done
    "$cxx" -std=c++20 -g1 -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -DHAVE_CONFIG_H \
        -I"$build" -I"$build/include" -I"$source" -I"$source/include" -I"$source/proxy" "$source/tests/fuzz/$name.cc" "${sources[@]}" "$fmt" \
        -o "$scratch/$name" || fail "$name does not compile"
    mkdir -p "$build/fuzz.$name"
    echo "$name: $seconds s"
    "$scratch/$name" -max_total_time="$seconds" -timeout=25 -print_final_stats=1 -artifact_prefix="$build/fuzz.$name." \
        "$build/fuzz.$name" "$source/tests/fuzz/corpus/$name" >"$scratch/said" 2>&1 || {
        n_bad=$((n_bad + 1))
        grep -v '^#' "$scratch/said" | head -n 60
    }
    grep -E '^stat::(number_of_executed_units|new_units_added)' "$scratch/said"
}
# Without the rest of the runtime.
echo 'namespace pmx { bool runtime_is_up() { return false; } }' >"$scratch/alone.cc"
errors='runtime/errors.cc runtime/log.cc'
# shellcheck disable=SC2086 # a list
{
    fuzz params "$scratch/alone.cc" runtime/params.cc runtime/params_sources.cc runtime/uid.cc runtime/socket.cc runtime/siphash.cc \
        proxy/transport_softnic_faults.cc $errors
    fuzz options tools/moe_options.cc tools/model.cc tools/shape.cc tools/strict_json.cc moe/presets.cc "$scratch/alone.cc" $errors
    fuzz json tools/strict_json.cc
    fuzz safetensors tools/safetensors.cc tools/strict_json.cc tools/mapped_file.cc
    fuzz join runtime/uid.cc runtime/socket.cc runtime/siphash.cc
    fuzz commands proxy/engine.cc proxy/engine_failure.cc proxy/engine_order.cc proxy/engine_post.cc proxy/engine_report.cc proxy/order.cc \
        proxy/command_queue.cc proxy/heartbeat.cc proxy/peer_state.cc
}
[ "$n_bad" -eq 0 ] || fail "$n_bad fuzzers found something"
