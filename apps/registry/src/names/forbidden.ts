/**
 * Host names that must not be used, in one place; the functions `is_host_name` and `is_service_name` of the database
 * say the same as a second layer.
 *
 * Forbidden to everybody is what dnsmasq or a resolver takes for something else, and what machines look for unasked.
 */

const keywords = new Set([
  // Keywords of dhcp-host: a host of that name would get no lease, or an endless one.
  "ignore",
  "infinite",
  "localhost",
  "localdomain",
  "broadcasthost",
  "ip6-localhost",
  "ip6-loopback",
  "ip6-localnet",
  "ip6-mcastprefix",
  "ip6-allnodes",
  "ip6-allrouters",
  // Found by machines without being asked for: whoever has the name answers for the proxy or the tunnel of everybody.
  "isatap",
  "wpad"
])

const services = new Set([
  "autoconfig",
  "autodiscover",
  "dhcp",
  "dns",
  "domain",
  "gateway",
  "kerberos",
  "ldap",
  "local",
  "mail",
  "mx",
  "ntp",
  "proxy",
  "resolver",
  "router",
  "smtp",
  "syslog",
  "time",
  "www"
])

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u
const lookalikes: ReadonlyArray<RegExp> = [
  // A number, or a lease time.
  /^[0-9]+[wdhms]?$/u,
  // An address to inet_aton().
  /^0x[0-9a-f]*$/u,
  // An IPv4 address, an IPv6 address, a MAC, a MAC without separators.
  /^[0-9]{1,3}(-[0-9]{1,3}){3}$/u,
  /^[0-9a-f]{1,4}(-{1,2}[0-9a-f]{1,4}){7}$/u,
  /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/u,
  /^[0-9a-f]{12}$/u,
  // Reserved for encodings such as xn-- (RFC 5891 §4.2.3.1).
  /^..--/u
]

/** Whether anybody may have the name at all. */
export const isHostName = (name: string): boolean =>
  label.test(name) && !keywords.has(name) && !lookalikes.some((lookalike) => lookalike.test(name))

/** Names under which others look for a service: an administrator may give them, a client may not take them. */
export const isServiceName = (name: string): boolean => services.has(name) || /^ns[0-9]{0,2}$/u.test(name)
