# Wrong command lines, and commands that cannot be run: one line that says what is wrong and what would be right.
source "$(dirname "$0")/lib.sh"

# refused STATUS PATTERN ARGUMENTS...: exactly one line on standard error, nothing on standard output.
refused() {
    local expected=$1 pattern=$2 output got=0
    shift 2
    output=$("$graft" "$@" 2>"$work/err") || got=$?
    check "status of 'graft $*'" "$expected" "$got"
    check "output of 'graft $*'" "" "$output"
    check "lines of 'graft $*'" 1 "$(wc -l <"$work/err")"
    matches "'graft $*'" "$pattern" "$(cat "$work/err")"
}
refused 2 '^graft: no verb given; graft takes one of: run, shell, up, down, status, stats, trace, apply, port, version$'
refused 2 "^graft: unknown verb 'nonsense'; graft takes one of: run, " nonsense
refused 2 "^graft: unknown verb 'nonsense'; graft takes one of: run, " nonsense run -- true
refused 2 "^graft: unknown option '--bogus'; 'graft --help' tells more" --bogus
refused 2 "^graft: unknown verb 'nonsense'; graft port takes one of: list" port nonsense
refused 2 "^graft: no verb given; graft port takes one of: list" port
refused 2 "^graft: no verb given; graft stats takes one of: on, off$" stats
refused 2 "^graft: unknown verb 'maybe'; graft stats takes one of: on, off$" stats maybe
refused 1 "^graft: no graft kernel is running$" stats on
refused 2 "^graft: unknown option '--xml'; 'graft status --help' tells more" status --xml
refused 2 "^graft: 'extra' is one word too many; 'graft up --help' tells more" up extra
refused 125 "^graft: no command to run: 'graft run -- CMD'" run
refused 125 "^graft: no command to run: 'graft run -- CMD'" run --
refused 125 "^graft: no command to run: 'graft run -- CMD'" run --private
refused 125 "^graft: unknown option '--bogus'; 'graft run --help' tells more" run --bogus -- true
refused 125 "^graft: --net: it is 'own' or 'host', not 'moon'" run --net moon -- true
refused 125 "^graft: --net: .* missing; 'graft run --help'" run --net
# What cannot be printed is no success.
for words in status 'status --json' 'port list' version --version --help 'run --help'; do
    # shellcheck disable=SC2086
    status 1 "$graft" $words >/dev/full 2>"$work/err"
    check "'graft $words' to a full device" 'graft: cannot write to the standard output: No space left on device' "$(cat "$work/err")"
done
# None of these started a kernel.
[[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "a wrong command line started a kernel"
status 0 "$graft" --help >"$work/out"
matches "help" 'Usage: graft ' "$(cat "$work/out")"
for verb in '' run shell up down status stats 'stats on' 'stats off' trace apply port 'port list' version; do
    # shellcheck disable=SC2086
    "$graft" $verb --help
done >"$work/out"
check "lines of help too long for a terminal" "" "$(awk 'length > 80' "$work/out")"
check "--version" "$("$graft" version)" "$("$graft" --version)"
matches "help of run" '--net own\|host ' "$("$graft" run --help)"

# A command that is not there, whatever its name and whatever else PATH has.
refused 127 '^graft: NOSUCHCOMMAND: command not found in PATH$' run -- NOSUCHCOMMAND
refused 127 '^graft: NOSUCHCOMMAND: command not found in PATH$' run --private -- NOSUCHCOMMAND
mkdir "$work/closed" "$work/open"
chmod 0 "$work/closed"
for closed in "$work/closed" /root; do     # one's own, which graft's root may read, and another's
    PATH=$closed:$PATH refused 127 '^graft: NOSUCHCOMMAND: command not found in PATH$' run -- NOSUCHCOMMAND
    PATH=$closed:$PATH:$closed status 0 "$graft" run -- true
done
check "an empty PATH" 'graft: NOSUCHCOMMAND: command not found in PATH' "$(PATH='' "$graft" run -- NOSUCHCOMMAND 2>&1)"
rmdir "$work/closed"
# One that is there and cannot be run.
echo true >"$work/open/text"
PATH=$work/open:$PATH refused 126 '^graft: text: Permission denied$' run -- text
printf '#!/nonexistent\n' >"$work/open/script"
chmod +x "$work/open/script"
refused 127 '^graft: [^:]*script: the interpreter that it names does not exist$' run -- "$work/open/script"
refused 126 '^graft: [^:]*: Permission denied$' run -- "$work"
refused 127 '^graft: : No such file or directory$' run -- ''

# Where the kernel's files cannot be.
for directory in /nonexistent /proc; do
    XDG_RUNTIME_DIR=$directory refused 125 "^graft: cannot make graft's directory in XDG_RUNTIME_DIR.*" run -- true
done
# A kernel that cannot start: one line, and no files.
"$graft" down
cannot_start() {    # PATTERN CMD...
    local pattern=$1 got=0
    shift
    timeout 60 "$@" >"$work/out" 2>&1 || got=$?
    check "status of '$*'" 125 "$got"
    matches "'$*'" "$pattern" "$(cat "$work/out")"
    check "lines of '$*'" 1 "$(wc -l <"$work/out")"
    [[ ! -e $XDG_RUNTIME_DIR/graft ]] || fail "a kernel that could not start left $(find "$XDG_RUNTIME_DIR/graft")"
}
cannot_start '^graft: cannot start the kernel.s process: Invalid argument$' bash -c 'ulimit -n 10 && exec "$@"' sh "$graft" run -- true
if may_lack_files "a kernel that cannot start"; then
    cannot_start '^graft: .*: Too many open files$' bash -c 'ulimit -n 15 && exec "$@"' sh "$graft" run -- true
fi
privileged=(unshare --mount)
[[ $EUID -eq 0 ]] || privileged+=(--user --map-root-user)
mkdir "$work/full"
"${privileged[@]}" bash -c 'mount -t tmpfs -o nr_inodes=3 full "$2" && export XDG_RUNTIME_DIR=$2 && timeout 60 "$1" run -- true; echo $?; find "$2" -mindepth 1' \
    sh "$graft" "$work/full" >"$work/out" 2>&1
check "a full directory" "graft: cannot listen in graft's directory: No space left on device 125 " "$(tr '\n' ' ' <"$work/out")"

# A tool without standard streams.
status 0 "$graft" run --private -- touch "$work/ran" <&- >&- 2>&-
status 0 "$graft" run -- touch "$work/ran-too" <&- >&- 2>&-
[[ -e $work/ran && -e $work/ran-too ]] || fail "without standard streams the command did not run"
