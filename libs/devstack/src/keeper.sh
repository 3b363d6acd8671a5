#!/bin/sh
# keeper.sh PARENT PURPOSE [HOLDER…]: a temporary directory, and the namespaces that the holder command makes, for as
# long as standard input is open. Writes `PID PATH` when both are there: the holder's process id (0 without one).
trap '' HUP INT TERM
path=$(mktemp -d "$1/leasehold-$2-XXXXXX") || exit 1
shift 2
holder=0
inside=
pids=

# Each process that shares the holder's mount namespace was started in there, whatever became of its parents.
if [ "$#" -gt 0 ]; then
  "$@" >"$path/.ready" </dev/null &
  holder=$!
  while [ ! -s "$path/.ready" ] && [ -e "/proc/$holder/exe" ]; do sleep 0.01; done
  inside=$(readlink "/proc/$holder/ns/mnt")
  if [ ! -s "$path/.ready" ] || [ "$inside" = "$(readlink /proc/$$/ns/mnt)" ]; then
    kill -KILL "$holder" 2>/dev/null
    rm -rf -- "$path"
    exit 1
  fi
  # The kernel gives the number of a namespace that has ended to the next one. Held open, this one keeps its own, so that
  # what is killed at the end by that number is nobody else's.
  exec 9<"/proc/$holder/ns/mnt"
  inside=$(echo "$inside" | sed 's/[][]/\\&/g')
fi
echo "$holder $path"
while read -r pid; do pids="$pids $pid"; done

# A process without an `exe` is a zombie that nobody has reaped yet.
for pid in $pids; do
  left=200
  while [ -e "/proc/$pid/exe" ] && [ "$left" -gt 0 ]; do
    sleep 0.05
    left=$((left - 1))
  done
done
again=100
while [ -n "$inside" ] && [ "$again" -gt 0 ]; do
  found=$(find /proc/[0-9]*/ns/mnt -maxdepth 0 -lname "$inside" 2>/dev/null | cut -d / -f 3)
  [ -n "$found" ] || break
  kill -KILL $found 2>/dev/null
  sleep 0.02
  again=$((again - 1))
done
for again in 1 2 3 4 5; do
  rm -rf -- "$path" && exit 0
  sleep 0.2
done
