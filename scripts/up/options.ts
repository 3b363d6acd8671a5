/** The options of `npm start`: which dnsmasq is followed and how its file is put to use; without any, a demonstration. */
import { parseArgs } from "node:util"

export const usage = `Usage: npm start                      a demonstration on a real dnsmasq (or a captured log)
       npm start -- [options]         follow a dnsmasq of yours

  --log-file FILE     dnsmasq's log (log-facility=FILE); may be given several times
  --conf FILE         the conf file to write, e.g. /etc/dnsmasq.d/01-leasehold.conf
  --activate COMMAND  what makes dnsmasq use it, e.g. 'systemctl restart dnsmasq'
  --hosts-dir DIR     instead of --conf: the directory given to dhcp-hostsfile=; activated by SIGHUP
  --pid-file FILE     dnsmasq's pid file, e.g. /run/dnsmasq/dnsmasq.pid: says which process it is where several run
                      (needed with --hosts-dir unless --activate is given)
  --server NAME       what this dnsmasq is called (default: lab)
  --subnet CIDR       a subnet it serves, e.g. 10.0.0.0/24; may be given several times. New systems get a
                      reservation by themselves; with 10.0.0.0/24:assigned not those with a made-up MAC
                      (most phones), with 10.0.0.0/24:manual none
  --zone ZONE         the time zone of the log (default: this machine's)
  --data DIR          where the embedded servers and the ingest keep their state (default: .data)
  --replay            the demonstration with a captured log, even where a real dnsmasq could run
  --plain             plain lines instead of the live table
  --help              this text

Environment: DATABASE_URL and NATS_SERVERS point at servers that run already; nothing is started in their place.
DATABASE_URL has to be the database's owner, who migrates it. NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_CREDS and
NATS_TLS_CA are as for the apps.
`

/** What the renderer is told about the file, and how it is put to use. */
export interface Target {
  readonly file: { readonly mode: "conf" | "hosts"; readonly path: string }
  readonly activate?: string
  readonly pidFile?: string
}

export interface Followed {
  readonly type: "followed"
  readonly server: string
  readonly logFiles: ReadonlyArray<string>
  readonly subnets: ReadonlyArray<string>
  readonly zone?: string
  readonly target?: Target
}

export type Mode = Followed | { readonly type: "demonstration"; readonly replay: boolean }

export interface Options {
  readonly mode: Mode
  readonly data?: string
  readonly plain: boolean
}

export class UsageError extends Error {}

const octet = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
const cidr = new RegExp(`^${octet}(\\.${octet}){3}/([1-9]|[12]\\d|30)(:(auto|assigned|manual))?$`, "u")

/** @throws {UsageError} that names the option and what was expected */
export function parseOptions(args: ReadonlyArray<string>): Options | "help" {
  const { values } = (() => {
    try {
      return parseArgs({
        args: [...args],
        options: {
          "log-file": { type: "string", multiple: true },
          conf: { type: "string" },
          activate: { type: "string" },
          "hosts-dir": { type: "string" },
          "pid-file": { type: "string" },
          server: { type: "string" },
          subnet: { type: "string", multiple: true },
          zone: { type: "string" },
          data: { type: "string" },
          replay: { type: "boolean" },
          plain: { type: "boolean" },
          help: { type: "boolean", short: "h" }
        }
      })
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
    }
  })()
  if (values.help === true) return "help"
  const common = { plain: values.plain ?? false, ...(values.data === undefined ? {} : { data: values.data }) }
  const logFiles = values["log-file"] ?? []
  const given = (["conf", "activate", "hosts-dir", "pid-file", "server", "subnet", "zone"] as const).filter((name) =>
    values[name] !== undefined
  )
  if (logFiles.length === 0) {
    if (given.length > 0) throw new UsageError(`--${given[0]} needs --log-file: the log of the dnsmasq to follow`)
    return { ...common, mode: { type: "demonstration", replay: values.replay ?? false } }
  }
  if (values.replay === true) throw new UsageError("--replay is for the demonstration: leave out --log-file")
  const server = values.server ?? "lab"
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/u.test(server)) {
    throw new UsageError(`--server: expected 1 to 63 lower-case letters, digits and dashes, got "${server}"`)
  }
  const subnets = values.subnet ?? []
  for (const subnet of subnets) {
    if (!cidr.test(subnet))
      throw new UsageError(`--subnet: expected a network such as 10.0.0.0/24 or 10.0.0.0/24:manual, got "${subnet}"`)
  }
  const target = targetOf(values)
  return {
    ...common,
    mode: {
      type: "followed",
      server,
      logFiles,
      subnets,
      ...(values.zone === undefined ? {} : { zone: values.zone }),
      ...(target === undefined ? {} : { target })
    }
  }
}

interface TargetValues {
  readonly conf?: string
  readonly activate?: string
  readonly "hosts-dir"?: string
  readonly "pid-file"?: string
}

function targetOf(
  { activate, conf, "hosts-dir": hostsDirectory, "pid-file": pidFile }: TargetValues
): Target | undefined {
  const path = conf ?? hostsDirectory
  if (conf !== undefined && hostsDirectory !== undefined)
    throw new UsageError("--conf and --hosts-dir are two ways to do the same: give one")
  if (path === undefined) {
    if (activate !== undefined)
      throw new UsageError("--activate needs --conf or --hosts-dir: what would be put to use?")
    return undefined
  }
  if (conf !== undefined && activate === undefined) {
    throw new UsageError(
      "--conf needs --activate: dnsmasq reads its conf files only when it starts, e.g. --activate 'systemctl restart dnsmasq'"
    )
  }
  if (hostsDirectory !== undefined && activate === undefined && pidFile === undefined) {
    throw new UsageError("--hosts-dir needs --pid-file (or --activate): dnsmasq must be told to read it")
  }
  return {
    file: { mode: conf === undefined ? "hosts" : "conf", path },
    ...(activate === undefined ? {} : { activate }),
    ...(pidFile === undefined ? {} : { pidFile })
  }
}
