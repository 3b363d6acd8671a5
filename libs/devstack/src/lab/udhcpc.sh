#!/bin/sh
# What udhcpc calls in a lab: configures the interface of its namespace and tells the lab. It touches no file.
case $1 in
deconfig) ip addr flush dev "$interface" scope global ;;
bound | renew)
  ip addr flush dev "$interface" scope global
  ip addr add "$ip/${mask:-24}" dev "$interface"
  ;;
esac
printf '%s\n' "event=$1" "ip=${ip:-}" "mask=${mask:-}" "router=${router:-}" "dns=${dns:-}" \
  "hostname=${hostname:-}" "domain=${domain:-}" "serverid=${serverid:-}" "lease=${lease:-}" "message=${message:-}" end
