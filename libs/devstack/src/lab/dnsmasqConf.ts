/** The main configuration of a lab's dnsmasq: DHCP only, quick to answer, everything in the lab's directory. */

/** Where the dnsmasq of a lab keeps things. */
export interface Dnsmasq {
  /** Private to the lab, and gone with it. */
  readonly dir: string
  readonly confFile: string
  /** `*.conf` in here is read at each start. */
  readonly confDir: string
  /** The `dhcp-hostsfile` directory, where `hosts` is set. */
  readonly hostsDir: string
  readonly pidFile: string
  readonly logFile: string
  readonly leaseFile: string
}

export interface DnsmasqSettings {
  /** The dynamic addresses; `10.99.0.100,10.99.0.199,255.255.255.0,1h` unless given. The server is 10.99.0.1/16. */
  readonly range?: string
  /** Reads reservations from the hosts directory. */
  readonly hosts?: boolean
  /** Logs every option of every exchange (`log-dhcp`); on unless given. */
  readonly logDhcp?: boolean
  /** Answers clients of other servers too (`dhcp-authoritative`); on unless given. */
  readonly authoritative?: boolean
  /** More lines, verbatim. */
  readonly lines?: ReadonlyArray<string>
}

// `user=root` with an empty group: in a user namespace dnsmasq may change neither.
export const dnsmasqConf = (files: Dnsmasq, settings: DnsmasqSettings): string =>
  [
    "port=0",
    "user=root",
    "group=",
    "interface=br-lan",
    "bind-interfaces",
    "no-resolv",
    "no-hosts",
    "no-ping",
    "dhcp-lease-max=100000",
    `dhcp-range=${settings.range ?? "10.99.0.100,10.99.0.199,255.255.255.0,1h"}`,
    `dhcp-leasefile=${files.leaseFile}`,
    `pid-file=${files.pidFile}`,
    `log-facility=${files.logFile}`,
    `conf-dir=${files.confDir},*.conf`,
    ...(settings.hosts === true ? [`dhcp-hostsfile=${files.hostsDir}`] : []),
    ...(settings.logDhcp === false ? [] : ["log-dhcp"]),
    ...(settings.authoritative === false ? [] : ["dhcp-authoritative"]),
    ...(settings.lines ?? []),
    ""
  ].join("\n")
