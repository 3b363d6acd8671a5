/**
 * Whether dnsmasq accepts a candidate, before dnsmasq ever reads it.
 *
 * Mode conf: `dnsmasq --test` on the file itself. Mode hosts: our own grammar has looked at every line, and dnsmasq does
 * too while there are few enough of them (its check takes a time that grows with their square).
 */
import { Context, Effect, Layer, Schema } from "effect"
import { type CommandError, runProgram } from "./Command.ts"
import { RendererConfig } from "./RendererConfig.ts"
import { lineOf } from "./rendering/lineOf.ts"

export class CandidateRefused extends Schema.TaggedError<CandidateRefused>()("CandidateRefused", {
  reason: Schema.String
}) {
  override get message() {
    return `dnsmasq refuses the new file: ${this.reason}`
  }
}

const refusal = / at line (\d+) of /u

/** 0.1 s of dnsmasq's time. */
const checkedHosts = 5_000

export class Gate extends Context.Service<Gate, {
  check(candidate: string, content: Buffer, reservations: number): Effect.Effect<void, CandidateRefused>
}>()("renderer/Gate") {
  static readonly layer = Layer.effect(
    Gate,
    Effect.gen(function*() {
      const { dnsmasq, gateTimeout, mode } = yield* RendererConfig

      const refused = (content: Buffer) => (error: CommandError) => {
        const [, number] = refusal.exec(error.output) ?? []
        const line = number === undefined ? "" : ` (${lineOf(content, Number(number))})`
        return new CandidateRefused({ reason: `${error.message}${line}` })
      }

      const checkConf = (candidate: string, content: Buffer) =>
        runProgram(dnsmasq, ["--test", "-C", candidate], gateTimeout).pipe(Effect.mapError(refused(content)))

      const checkHosts = (content: Buffer) =>
        runProgram(
          dnsmasq,
          ["--test", "-C", "-"],
          gateTimeout,
          content.toString("latin1").replaceAll(/^(?=[^#\n])/gmu, "dhcp-host=")
        ).pipe(
          // Our own check is the gate of this mode: a dnsmasq that is not there, or reads no standard input, is no refusal.
          Effect.catchIf((error) => !refusal.test(error.output), () => Effect.void),
          Effect.mapError(refused(content))
        )

      return Gate.of({
        check: Effect.fn("Gate.check")(function*(candidate, content, reservations) {
          if (mode._tag === "Conf") yield* checkConf(candidate, content)
          else if (reservations <= checkedHosts) yield* checkHosts(content)
        })
      })
    })
  )
}
