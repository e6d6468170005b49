# What programs print: graft trace, and tracefs' trace_pipe for unmodified tools.
source "$(dirname "$0")/lib.sh"
bpf=$GRAFT_BUILD/bpf
run() { "$graft" run -- "$@"; }

status 1 "$graft" trace 2>"$work/errors"
check "without a kernel" "graft: no graft kernel is running" "$(cat "$work/errors")"

run bpftool prog load "$bpf/prints.bpf.o" /sys/fs/bpf/prints
printf 'twenty bytes of data' >"$work/frame"
once() { run bpftool prog run pinned /sys/fs/bpf/prints data_in "$work/frame" repeat "$1" >/dev/null || fail "run"; }
line='^ +graft-[0-9]+ +\[[0-9]{3}\] \.\.\.\.\. +[0-9]+\.[0-9]{6}: bpf_trace_printk: a frame of 20 bytes$'

# What was printed before anybody reads waits; what is printed then comes at once.
once 2
"$graft" trace >"$work/lines" &
reader=$!
within 10 eval '[[ $(wc -l <"$work/lines") == 2 ]]' || fail "lines: $(cat "$work/lines")"
once 1
within 10 eval '[[ $(wc -l <"$work/lines") == 3 ]]' || fail "lines: $(cat "$work/lines")"
check "lines of another form" "" "$(grep -vE "$line" "$work/lines")"
kill "$reader"
wait "$reader"

# An unmodified tool, which looks for tracefs among the mounts.
once 1
run timeout 2 bpftool prog tracelog >"$work/lines" 2>&1
matches "bpftool prog tracelog" "${line#^}" "$(cat "$work/lines")"
check "lines" 1 "$(wc -l <"$work/lines")"

# More than fits: the oldest go.
once 20000
within 10 eval '[[ $(run timeout 1 head -n 1 /sys/kernel/tracing/trace_pipe | wc -l) == 1 ]]' || fail "nothing to read"
"$graft" trace >"$work/lines" &
reader=$!
within 10 grep -qE "$line" "$work/lines" || fail "lines: $(head -3 "$work/lines")"
[[ $(wc -l <"$work/lines") -lt 20000 ]] || fail "more lines than may wait"

# A reader ends with the kernel.
run rm /sys/fs/bpf/prints
nothing_left
status 0 "$graft" down
within 10 eval '! kill -0 "$reader" 2>/dev/null' || fail "the reader goes on"
wait "$reader"
check "the reader's exit status" 0 $?
