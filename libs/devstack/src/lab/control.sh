#!/bin/sh
# control.sh LAB start|stop|restart: the dnsmasq of a lab, from outside of its namespaces.
# Exits with 0 only when what was asked for is so; dnsmasq itself reports whether it started well.
set -u
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C TZ=UTC
lab=$1

enter=$(cat "$lab/.enter") || exit 1
inside=$(readlink "/proc/$(cat "$lab/.holder")/ns/mnt") || { echo "the lab $lab is gone" >&2; exit 1; }

# Two callers take turns. dnsmasq must not inherit the lock (9).
exec 9>"$lab/.lock"
flock 9

# A note left by a killed dnsmasq may name a process that has nothing to do with this lab.
runs() {
  pid=$(cat "$lab/dnsmasq.pid" 2>/dev/null) && [ "$(readlink "/proc/$pid/ns/mnt")" = "$inside" ]
}

stop() {
  runs || return 0
  kill -TERM "$pid"
  left=6000
  while [ -e "/proc/$pid/exe" ]; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "dnsmasq (process $pid) does not stop" >&2; return 1; }
    sleep 0.01
  done
}

start() {
  if runs; then
    echo "dnsmasq runs already (process $pid)" >&2
    return 1
  fi
  rm -f "$lab/dnsmasq.pid"
  $enter dnsmasq -C "$lab/dnsmasq.conf" </dev/null 9>&-
}

case $2 in
start) start ;;
stop) stop ;;
restart) stop && start ;;
*) echo "start, stop or restart?" >&2; exit 2 ;;
esac
