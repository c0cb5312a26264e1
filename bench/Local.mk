# SPDX-License-Identifier: BSD-3-Clause
# Measurements that are kept, and no tests. Results go into the source tree, bench/results/.

EXTRA_DIST += bench/verbs.sh bench/verbs.jq bench/results/verbs.jsonl

bench-verbs: tools/pmx_perf
	$(BASH_PATH) $(srcdir)/bench/verbs.sh
.PHONY: bench-verbs
