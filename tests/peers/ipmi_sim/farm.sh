#!/bin/bash
# Simulated BMCs on loopback: OpenIPMI's ipmi_sim (Debian: openipmi, libopenipmi-dev, gcc), one process each.
#
#   farm.sh start DIR N [--port P] [--own-addresses] [--delay MS] [--strict]
#       starts N BMCs, waits until they listen, and prints a line for each: ADDRESS PORT USER PASSWORD PID WITNESS
#       --port P          127.0.0.1, ports P, P+1, ...; without it: ports that are free
#       --own-addresses   127.1.X.Y (Y = 1 to 250), port P or 623 (which needs root)
#       --delay MS        the chassis follows a command after so many ms
#       --strict          reset and soft shutdown fail while the system is off
#   farm.sh stop DIR      ends the processes that start recorded in DIR/pids, and no others
#
# WITNESS is a file to which each chassis writes what it really did: "<monotonic seconds> <operation> <value>".
# A BMC forgets its power state when it ends. ipmi_sim 2.0.33 has the cipher suites 0 to 3 and 6 only.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
user=admin password=sim-secret

fail() { echo "farm.sh: $*" >&2; exit 1; }

free_ports() {
    /usr/bin/python3 - "$1" <<'X'
import socket, sys
held = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])
X
}

write_config() { # DIRECTORY NUMBER ADDRESS PORT DELAY STRICT
    cat >"$1/lan.conf" <<X
name "bmc$2"
loadlib "$(dirname "$1")/memchassis.so" "delay_ms=$5 strict=$6 log=$1/witness"
set_working_mc 0x20
  startlan 1
    addr $3 $4
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid $(printf 'a123456789abcdefa1234567%08x' "$2")
  endlan
  user 1 false ""       ""           user  10 none md2 md5 straight
  user 2 true  "$user"  "$password"  admin 10 none md2 md5 straight
  user 3 true  "looker" "$password"  user  10 none md2 md5 straight
X
    printf '%s\n' 'mc_setbmc 0x20' 'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr' \
        'mc_enable 0x20' >"$1/sim.emu"
    : >"$1/witness"
}

# ipmi_sim has no word for "ready": its UDP port appears in /proc/net/udp.
await_port() { # PID PORT LOG
    local hex tries=0
    hex=$(printf ':%04X ' "$2")
    until grep -q "$hex" /proc/net/udp; do
        kill -0 "$1" 2>/dev/null || fail "ipmi_sim ended: $(cat "$3")"
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || fail "ipmi_sim does not listen on port $2 after 10 s"
        read -r -t 0.02 <> <(:) || true
    done
}

start() {
    local dir n port='' own='' delay=0 strict=0 ports i address d
    dir=$(realpath -m "$1"); n=$2; shift 2
    while [ $# -gt 0 ]; do
        case $1 in
        --port) port=$2; shift 2 ;;
        --own-addresses) own=yes; shift ;;
        --delay) delay=$2; shift 2 ;;
        --strict) strict=1; shift ;;
        *) fail "unknown option $1" ;;
        esac
    done
    command -v ipmi_sim >/dev/null || fail "ipmi_sim is missing (Debian: openipmi)"
    mkdir -p "$dir"; : >"$dir/pids"
    gcc -O2 -Wall -fPIC -shared "$here/memchassis.c" -o "$dir/memchassis.so"
    if [ -z "$port" ] && [ -z "$own" ]; then mapfile -t ports < <(free_ports "$n"); fi
    for ((i = 1; i <= n; i++)); do
        address=127.0.0.1
        d=$dir/bmc$i; mkdir -p "$d/state"
        if [ -n "$own" ]; then
            address=127.1.$(((i - 1) / 250)).$(((i - 1) % 250 + 1)); ports[i - 1]=${port:-623}
        elif [ -n "$port" ]; then
            ports[i - 1]=$((port + i - 1))
        fi
        write_config "$d" "$i" "$address" "${ports[i - 1]}" "$delay" "$strict"
        (cd "$d" && exec ipmi_sim -c lan.conf -f sim.emu -s "$d/state" -n -p) >"$d/log" 2>&1 </dev/null &
        echo "$!" >>"$dir/pids"
        echo "$address ${ports[i - 1]} $user $password $! $d/witness" >>"$dir/new"
    done
    while read -r address port _ _ pid witness; do
        await_port "$pid" "$port" "${witness%/witness}/log"
    done <"$dir/new"
    cat "$dir/new"; rm "$dir/new"
}

stop() {
    local pid
    [ -e "$1/pids" ] || return 0
    while read -r pid; do
        # The number may belong to somebody else by now.
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = ipmi_sim ]; then kill "$pid" 2>/dev/null || true; fi
    done <"$1/pids"
    rm "$1/pids"
}

case ${1:-} in
start) [ $# -ge 3 ] || fail "start needs a directory and a number"; start "${@:2}" ;;
stop) [ $# -eq 2 ] || fail "stop needs a directory"; stop "$2" ;;
*) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
