# SPDX-License-Identifier: BSD-3-Clause
# Tables of bench/results/verbs.jsonl, for jq -rs. One table is one run, and its ratios are within it.

def rounded($n): . * $n | round / $n;
def ms: if . == null then "-" else . / 1000 | if . < 10 then rounded(100) else rounded(10) end end;
def times: if . == null then "-" else "\(rounded(if . < 10 then 100 else 10 end))x" end;
def line: "| " + (map(tostring) | join(" | ")) + " |";
def head: line, (map("---") | line);
def median: sort | .[length / 2 | floor];

def shown:
    map(select(.baseline | not)) as $rows |
    ($rows | map(.put_only_us | values) | median) as $put_only |
    ($rows[] | select(.order == "stall-rank" and .signals == "coupled") | .p50_us) as $slow |
    .[0] as $run |
    "", ("**\($run.op)\(if $run.senders == $run.ranks then ", all send" else "" end)**, \($run.delay_us) us each way, \($run.qps) queue pair\(if $run.qps > 1 then "s" else "" end), "
         + "\($run.ranks) ranks; put-only \($put_only | ms) ms"), "",
    (["order", "signals", "p50 (ms)", "against put-only", "faster than stall-rank coupled", "order points", "stalls"] | head),
    ($rows[] | [.order, .signals] + (if .refused then ["refused", "-", "-", "-", "-"]
        else [(.p50_us | ms), (.p50_us / $put_only | times), ($slow / .p50_us | times), .order_points, .stalls] end) | line);

(map(select(.tool == "pmx_perf")) | group_by([.op, .senders, .delay_us, .qps])[] | shown),
(map(select(.tool != "pmx_perf")) | if length == 0 then empty else
    "", (["perftest", "what", "delay (us)", "value"] | head), (.[] | [.tool, .what, .delay_us, .value] | line) end)
