# SPDX-License-Identifier: BSD-3-Clause
# The table of bench/results/latency.jsonl, for jq -rs: medians over the runs, in microseconds.

def rounded: . * 100 | round / 100;
def median: sort | .[length / 2 | floor];
def line: "| " + (map(tostring) | join(" | ")) + " |";
def against($pmx): if . == null then "-" else . / $pmx | rounded | "\(.)x" end;
def shown: if . == null then "-" else rounded end;

(["fabric", "what", "bytes", "pmx", "MPI", "UCX", "to MPI", "to UCX"] | line, (map("---") | line)),
(group_by([.fabric, .what, .n_bytes])[] |
    (reduce (group_by(.with)[]) as $rows ({}; .[$rows[0].with] = ($rows | map(.p50_us) | median))) as $by |
    [.[0].fabric, .[0].what, .[0].n_bytes, ($by.pmx | shown), ($by.mpi | shown), ($by.ucx | shown),
     ($by.mpi | against($by.pmx)), ($by.ucx | against($by.pmx))] | line)
