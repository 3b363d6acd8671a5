/**
 * Logging through winston: one JSON object a line, with `app` and whatever the call annotated.
 *
 * Daemons write to stdout; a command line keeps stdout for its results and asks for stderr. Values reach the log as JSON
 * strings, so a client's text cannot forge a line.
 */
import { Cause, Config, Effect, Layer, Logger, type LogLevel, Predicate, References } from "effect"
import * as Winston from "winston"

const levels: Record<LogLevel.LogLevel, string> = {
  All: "silly",
  Trace: "silly",
  Debug: "debug",
  Info: "info",
  Warn: "warn",
  Error: "error",
  Fatal: "error",
  None: "silly"
}

const winstonLogger = (winston: Winston.Logger) =>
  Logger.make(({ cause, date, fiber, logLevel, message }) => {
    const [text, ...details]: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    winston.log({
      ...Object.assign({}, ...details.filter(Predicate.isObject)),
      level: levels[logLevel],
      message: String(text),
      timestamp: date.toISOString(),
      ...fiber.getRef(References.CurrentLogAnnotations),
      ...(cause.reasons.length > 0 ? { cause: Cause.pretty(cause) } : {})
    })
  })

/** `Info` where it is not set. */
export const logLevel = Config.LogLevel("LOG_LEVEL").pipe(Config.withDefault("Info" as const))

/** Replaces the default loggers. A level that is none is `Info`, so that there is a log to tell of it (`reportEnd` does). */
export const loggingLayer = (stream: "stdout" | "stderr" = "stdout") =>
  Layer.mergeAll(
    Logger.layer([
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() =>
            Winston.createLogger({
              level: "silly",
              format: Winston.format.json(),
              transports: [
                new Winston.transports.Console({
                  stderrLevels: stream === "stderr" ? Object.values(levels) : [],
                  forceConsole: false
                })
              ]
            })
          ),
          (winston) => Effect.sync(() => winston.close())
        ),
        winstonLogger
      )
    ]),
    Layer.effect(References.MinimumLogLevel, Effect.orElseSucceed(logLevel, () => "Info" as const))
  )
