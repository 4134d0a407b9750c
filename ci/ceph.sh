#!/usr/bin/env bash
# A Ceph RADOS gateway for the tests: S3 with versioning on one node, with all objects in memory.
#
#   ci/ceph.sh start DIR [PORT]   an empty gateway on http://127.0.0.1:PORT (default 7480), whose
#                                 access key is "test" and whose secret key is "testtest"
#   ci/ceph.sh stop DIR           end its daemons; returns when they are gone
#   ci/ceph.sh packages           the Debian packages it needs
#
# DIR holds the daemons' configuration, state and logs, and must be empty or from an earlier start.
set -euo pipefail

packages=(radosgw ceph-mon ceph-osd ceph-common curl)
commands=(radosgw radosgw-admin ceph-mon ceph-osd ceph ceph-authtool monmaptool curl)

fail() {
    echo "ceph.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

port_in_use() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The processes that run on our configuration, also when their start was cut off midway.
# (One that has ended but was not waited for has an empty command line, so it does not count.)
ours() {
    grep -lszxFf /dev/stdin /proc/[0-9]*/cmdline <<<"--conf=$conf" | cut -d/ -f3
}

gateway() {
    local pid
    for pid in $(ours); do
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = radosgw ]; then echo "$pid"; return; fi
    done
    return 1
}

# Whether it is this process that listens on the port, not somebody else's server.
listens() {
    local inode
    inode=$(awk -v port="$(printf ':%04X$' "$port")" '$2 ~ port && $4 == "0A" {print $10}' /proc/net/tcp)
    [ -n "$inode" ] && [ -n "$(find "/proc/$1/fd" -lname "socket:\\[$inode\\]" 2>/dev/null)" ]
}

# Nothing here outlives the test, so the daemons are killed: they would only write their state to DIR.
stop_daemons() {
    local pid
    for _ in {1..200}; do
        [ -n "$(ours)" ] || return 0
        for pid in $(ours); do kill -KILL "$pid" 2>/dev/null || true; done
        sleep 0.05
    done
    fail "these processes in $dir do not end: $(ours | tr '\n' ' ')"
}

# Runs one step of the start-up quietly; what it printed is shown only when it fails.
step() {
    local output
    output=$(timeout 120 "$@" 2>&1) || fail "this step failed: $*"$'\n'"$output"
}

free_port() {
    local candidate
    for candidate in $(shuf -i 20000-32000 -n 50); do
        port_in_use "$candidate" || { echo "$candidate"; return; }
    done
    fail "no free port for the monitor"
}

write_conf() {
    cat >"$conf" <<CONF
[global]
fsid = $fsid
mon host = $monitor
keyring = $dir/keyring
# Every daemon listens on this machine only.
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
# One copy of everything, on one disk that is memory.
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
# The gateway creates a dozen pools on its first start, each a round of the monitor: a second each by default.
paxos propose interval = 0.05
mon data = $dir/mon
osd data = $dir/osd
run dir = $dir/run
pid file =
log file = $dir/log/\$name.log
# Nobody talks to the daemons' admin sockets, whose paths may have 107 characters only.
admin socket =
rgw frontends = beast endpoint=127.0.0.1:$port
# Deleted objects leave the memory store at once, not after two hours.
rgw gc obj min wait = 5
rgw gc processor period = 5
CONF
}

# Authentication stays on: without it a daemon sometimes sends its first command before it has been told the
# cluster's id, and the monitor refuses it ("wrong fsid").
write_keyring() {
    local key
    key=$(ceph-authtool --gen-print-key)
    (umask 077 && cat >"$dir/keyring") <<KEYRING
[mon.]
key = $key
caps mon = "allow *"
[client.admin]
key = $key
caps mon = "allow *"
caps osd = "allow *"
[osd.0]
key = $key
caps mon = "allow profile osd"
caps osd = "allow *"
KEYRING
}

start() {
    local missing=() command
    for command in "${commands[@]}"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    [ ${#missing[@]} = 0 ] || fail "not installed: ${missing[*]}. On Debian or Ubuntu:" \
        "apt-get install -y --no-install-recommends ${packages[*]}"
    [[ $port =~ ^[0-9]+$ ]] || fail "not a port: $port"
    [ -z "$(ours)" ] || fail "already running in $dir"
    ! port_in_use "$port" || fail "port $port is in use"
    if [ -d "$dir" ] && [ ! -f "$conf" ] && [ -n "$(ls -A "$dir")" ]; then
        fail "$dir is neither empty nor from an earlier start"
    fi

    local fsid monitor url=http://127.0.0.1:$port
    fsid=$(cat /proc/sys/kernel/random/uuid)
    # The protocol is named, or Ceph would try its second one, which the monitor does not speak here.
    monitor=v1:127.0.0.1:$(free_port)

    trap stop_daemons EXIT
    rm -rf "$dir"/{mon,osd,run,log}
    mkdir -p "$dir"/{mon,osd,run,log}
    write_conf
    write_keyring
    step monmaptool --create --clobber --add a "$monitor" --fsid "$fsid" "$dir/monmap"
    step ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring" "--conf=$conf"
    step ceph-mon -i a "--conf=$conf" --public-addr "$monitor"
    step ceph "--conf=$conf" osd create
    step ceph-osd -i 0 --mkfs "--conf=$conf" --osd-uuid "$(cat /proc/sys/kernel/random/uuid)"
    step ceph "--conf=$conf" osd crush add osd.0 1.0 host=localhost root=default
    step ceph-osd -i 0 "--conf=$conf"
    step radosgw-admin "--conf=$conf" user create --uid=test --display-name=test \
        --access-key=test --secret-key=testtest
    step radosgw "--conf=$conf"

    local pid
    for _ in {1..240}; do
        pid=$(gateway) || break
        if listens "$pid" && curl --noproxy '*' -fs -m 5 -o /dev/null "$url"; then
            trap - EXIT
            echo "$url"
            return
        fi
        sleep 0.25
    done
    fail "the gateway does not answer on $url. What its log says in $dir/log:"$'\n'"$(
        grep -m 5 ' -1 ' "$dir/log/client.admin.log")"
}

action=${1:-}
[ "$action" != packages ] || { echo "${packages[*]}"; exit; }
[ $# -ge 2 ] || usage
dir=$(realpath -m "$2")
port=${3:-7480}
conf=$dir/ceph.conf
case $action in
    start) start ;;
    stop) stop_daemons ;;
    *) usage ;;
esac
