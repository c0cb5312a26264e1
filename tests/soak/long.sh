# SPDX-License-Identifier: BSD-3-Clause
# make soak: random operations for PMX_TEST_SOAK_S seconds (600), in all order modes and on all networks of this machine in turn.
. "${top_srcdir:?run by make soak}/tests/lib.sh" || exit 99
. "$top_srcdir/tests/soak/soak.sh"
export PMX_TEST_LIMIT_S=1800
n_each=${PMX_TEST_SOAK_N:-1000000} seconds=${PMX_TEST_SOAK_S:-600} seed=${PMX_TEST_SOAK_SEED:-1000}
fabrics=(
    'PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on PMX_ORDER=stall-rank'
    'PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on PMX_ORDER=deferred'
    'PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on PMX_ORDER=fence PMX_SIGNALS=coupled'
    'PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on PMX_ORDER=ordered PMX_QUEUES=1'
    'PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on PMX_ORDER=counted'
    'PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on PMX_CHECK=1'
    'PMX_TRANSPORT=shm'
)
[ "$(sed -n 's/^#define HAVE_LIBFABRIC //p' "$build/config.h")" = 1 ] && fabrics+=('PMX_TRANSPORT=ofi PMX_OFI_PROVIDER=tcp;ofi_rxm')
begin=$SECONDS
while [ $((SECONDS - begin)) -lt "$seconds" ]; do
    for fabric in "${fabrics[@]}"; do
        before=$n_operations at=$SECONDS
        read -ra settings <<<"$fabric"
        soak "$n_each" "$seed" "${settings[@]}"
        seed=$((seed + 1))
        printf '%d operations in %d s, seed %d: %s\n' $((n_operations - before)) $((SECONDS - at)) $((seed - 1)) "$fabric"
        [ $((SECONDS - begin)) -lt "$seconds" ] || break
    done
done
printf '%d operations in %d s, none lost\n' "$n_operations" $((SECONDS - begin))
