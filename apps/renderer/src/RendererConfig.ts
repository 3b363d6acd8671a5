/**
 * What the operator says in the environment, checked as a whole before anything is touched.
 *
 * A variable that is missing, or that contradicts another, is named in the error; nothing is guessed.
 */
import { ServerId } from "@leasehold/events"
import { configProblem } from "@leasehold/runtime/configProblem"
import { Config, Context, Duration, Effect, Layer, Option, Schema } from "effect"
import { basename, isAbsolute, normalize } from "node:path"

export class ConfigurationError extends Schema.TaggedError<ConfigurationError>()("ConfigurationError", {
  variable: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.variable} ${this.problem}`
  }
}

/** How dnsmasq is made to use the file. */
export type Activation =
  | { readonly _tag: "Command"; readonly command: string }
  | { readonly _tag: "Signal"; readonly pidFile: string }

/** `Conf`: a file of `conf-dir`, which is read at start. `Hosts`: a directory of `dhcp-hostsfile`, read again on SIGHUP. */
export type Mode =
  | { readonly _tag: "Conf"; readonly file: string; readonly command: string }
  | { readonly _tag: "Hosts"; readonly directory: string; readonly activation: Activation; readonly logFile: string }

export interface Settings {
  readonly server: ServerId
  readonly mode: Mode
  readonly pidFile: Option.Option<string>
  /** The dnsmasq that checks a candidate. */
  readonly dnsmasq: string
  readonly poll: Duration.Duration
  readonly debounce: Duration.Duration
  readonly debounceMax: Duration.Duration
  /** The share of time that dnsmasq may spend in reloads and restarts. */
  readonly reloadShare: number
  /** How much quiet time is saved up for changes that follow each other. */
  readonly reloadSaved: Duration.Duration
  /** The least time from one activation to the next. */
  readonly activationInterval: Duration.Duration
  readonly gateTimeout: Duration.Duration
  readonly activateTimeout: Duration.Duration
  readonly proofTimeout: Duration.Duration
  readonly settle: Duration.Duration
  readonly retryMin: Duration.Duration
  readonly retryMax: Duration.Duration
  /** Failures in a row after which changed reservations wait as long as unchanged ones. */
  readonly breakerFailures: number
}

const variables = Config.all({
  server: Config.NonEmptyString("SERVER").pipe(Config.withDefault("")),
  mode: Config.NonEmptyString("MODE").pipe(Config.withDefault("conf")),
  file: Config.option(Config.NonEmptyString("FILE")),
  directory: Config.option(Config.NonEmptyString("DIRECTORY")),
  activate: Config.option(Config.NonEmptyString("ACTIVATE")),
  pidFile: Config.option(Config.NonEmptyString("PID_FILE")),
  logFile: Config.option(Config.NonEmptyString("LOG_FILE")),
  dnsmasq: Config.NonEmptyString("DNSMASQ").pipe(Config.withDefault("dnsmasq")),
  poll: Config.Duration("POLL").pipe(Config.withDefault(Duration.seconds(30))),
  debounce: Config.Duration("DEBOUNCE").pipe(Config.withDefault(Duration.millis(50))),
  debounceMax: Config.Duration("DEBOUNCE_MAX").pipe(Config.withDefault(Duration.seconds(1))),
  reloadShare: Config.Finite("RELOAD_SHARE").pipe(Config.withDefault(0.1)),
  reloadSaved: Config.Duration("RELOAD_SAVED").pipe(Config.withDefault(Duration.minutes(1))),
  restartInterval: Config.Duration("RESTART_INTERVAL").pipe(Config.withDefault(Duration.millis(2_500))),
  gateTimeout: Config.Duration("GATE_TIMEOUT").pipe(Config.withDefault(Duration.minutes(2))),
  activateTimeout: Config.Duration("ACTIVATE_TIMEOUT").pipe(Config.withDefault(Duration.minutes(2))),
  proofTimeout: Config.option(Config.Duration("PROOF_TIMEOUT")),
  settle: Config.Duration("SETTLE").pipe(Config.withDefault(Duration.millis(300))),
  retryMin: Config.Duration("RETRY_MIN").pipe(Config.withDefault(Duration.seconds(30))),
  retryMax: Config.Duration("RETRY_MAX").pipe(Config.withDefault(Duration.minutes(10))),
  breakerFailures: Config.Int("BREAKER_FAILURES").pipe(Config.withDefault(5))
}).pipe(Config.nested("RENDERER"))

type Variables = Config.Success<typeof variables>

const decodeServer = Schema.decodeEffect(ServerId)

const wrong = (variable: string, problem: string) =>
  Effect.fail(new ConfigurationError({ variable: `RENDERER_${variable}`, problem }))

/** Effect's error about one variable, in the words that the operator knows. */
export const named = (error: Config.ConfigError) => new ConfigurationError(configProblem(error))

const absolute = (variable: string, path: Option.Option<string>, why: string) =>
  Option.match(path, {
    onNone: () => wrong(variable, `is missing: ${why}`),
    onSome: (path) =>
      isAbsolute(path) && !/\p{Cc}/u.test(path)
        ? Effect.succeed(normalize(path).replace(/(?<=.)\/$/u, ""))
        : wrong(variable, "is not an absolute path")
  })

const refuse = (variable: string, value: Option.Option<string>, why: string) =>
  Option.isSome(value) ? wrong(variable, why) : Effect.void

/** Names that dnsmasq passes over in a directory; Debian's package adds the last three. */
const passedOver = /^\.|~$|^#.*#$|\.dpkg-(dist|old|new)$/u

const confMode = Effect.fnUntraced(function*(given: Variables) {
  yield* refuse("DIRECTORY", given.directory, "is for RENDERER_MODE=hosts; in mode conf say RENDERER_FILE")
  yield* refuse("LOG_FILE", given.logFile, "is for RENDERER_MODE=hosts; mode conf does not read dnsmasq's log")
  const file = yield* absolute("FILE", given.file, "mode conf writes one file such as /etc/dnsmasq.d/01-leasehold.conf")
  if (passedOver.test(basename(file))) return yield* wrong("FILE", "has a name that dnsmasq passes over in conf-dir")
  if (Option.isNone(given.activate)) {
    return yield* wrong(
      "ACTIVATE",
      "is missing: mode conf needs a command that restarts dnsmasq, such as systemctl restart dnsmasq"
    )
  }
  const mode: Mode = { _tag: "Conf", file, command: given.activate.value }
  return mode
})

const hostsMode = Effect.fnUntraced(function*(given: Variables, pidFile: Option.Option<string>) {
  yield* refuse("FILE", given.file, "is for RENDERER_MODE=conf; in mode hosts say RENDERER_DIRECTORY")
  const directory = yield* absolute(
    "DIRECTORY",
    given.directory,
    "mode hosts writes into dnsmasq's dhcp-hostsfile directory"
  )
  const logFile = yield* absolute("LOG_FILE", given.logFile, "mode hosts finds in dnsmasq's log that the file was read")
  if (Option.isNone(given.activate) && Option.isNone(pidFile)) {
    return yield* wrong("PID_FILE", "is missing: mode hosts needs it for SIGHUP, or a command in RENDERER_ACTIVATE")
  }
  const activation: Activation = Option.isSome(given.activate)
    ? { _tag: "Command", command: given.activate.value }
    : { _tag: "Signal", pidFile: Option.getOrElse(pidFile, () => "") }
  const mode: Mode = { _tag: "Hosts", directory, activation, logFile }
  return mode
})

export class RendererConfig extends Context.Service<RendererConfig, Settings>()("renderer/RendererConfig") {
  static readonly layer = Layer.effect(
    RendererConfig,
    Effect.gen(function*() {
      const given = yield* Effect.mapError(variables, named)
      if (given.server === "") return yield* wrong("SERVER", "is missing: the name of this dnsmasq, such as lab")
      const server = yield* Effect.mapError(
        decodeServer(given.server),
        () => new ConfigurationError({ variable: "RENDERER_SERVER", problem: "is not 1 to 63 of a-z, 0-9 and -" })
      )
      if (!["conf", "hosts"].includes(given.mode)) return yield* wrong("MODE", "is neither conf nor hosts")
      if (!(given.reloadShare >= 0.001 && given.reloadShare <= 1)) {
        return yield* wrong("RELOAD_SHARE", "is not a share of time from 0.001 to 1")
      }
      if (given.breakerFailures < 1) return yield* wrong("BREAKER_FAILURES", "is not a number from 1 on")
      const pidFile = Option.isSome(given.pidFile)
        ? Option.some(yield* absolute("PID_FILE", given.pidFile, ""))
        : Option.none<string>()
      const isConf = given.mode === "conf"
      const mode = isConf ? yield* confMode(given) : yield* hostsMode(given, pidFile)
      if (Duration.isGreaterThan(given.debounce, given.debounceMax)) {
        return yield* wrong("DEBOUNCE_MAX", "is shorter than RENDERER_DEBOUNCE")
      }
      return RendererConfig.of({
        ...given,
        server,
        mode,
        pidFile,
        activationInterval: isConf ? given.restartInterval : Duration.zero,
        proofTimeout: Option.getOrElse(given.proofTimeout, () => isConf ? Duration.seconds(15) : Duration.minutes(2))
      })
    })
  )
}
