/** Flags and arguments that several commands have, and how their texts are read. */
import { Effect, Option } from "effect"
import { Argument, Flag } from "effect/cli"
import { type Failure, misused } from "../domain/Failure.ts"
import { type Instant, parseSpan, parseTime, type Span, timeForms } from "../domain/time.ts"

export const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Say what would happen, and do nothing"),
  Flag.withDefault(false)
)

export const limit = Flag.Int("limit").pipe(
  Flag.withMetavar("NUMBER"),
  Flag.withDescription("Show so many at most"),
  Flag.filter((count) => count > 0, (count) => `expected a number from 1, got ${count}`),
  Flag.optional
)

export const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

export const texts = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(`${description}; may be repeated`),
    Flag.atLeast(0),
    Flag.withDefault([])
  )

export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.optional)

export const onOff = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

export const dhcpServer = text("dhcp-server", "NAME", "Only of this DHCP server")

export const argument = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withDescription(description))

/** `12h`; `expected` names what is understood besides. */
export const readSpan = (flag: string, given: string, more = ""): Effect.Effect<Span, Failure> =>
  Effect.mapError(
    Effect.fromOption(parseSpan(given)),
    () =>
      misused(`${flag}: expected a span of time such as 90s, 15m, 12h, 30d or 2w${more}, got ${JSON.stringify(given)}`)
  )

export const readTime = (flag: string, given: string, now: number): Effect.Effect<Instant, Failure> =>
  Effect.mapError(
    Effect.fromOption(parseTime(given, now)),
    () => misused(`${flag}: expected ${timeForms}, got ${JSON.stringify(given)}`)
  )

export const readOptional = <A>(
  given: Option.Option<string>,
  read: (text: string) => Effect.Effect<A, Failure>
): Effect.Effect<A | undefined, Failure> => Option.match(given, { onNone: () => Effect.undefined, onSome: read })

/** `10.0.0.100-10.0.0.200`, or one address. */
export const readRange = (
  flag: string,
  given: string
): Effect.Effect<{ readonly first: string; readonly last: string }, Failure> => {
  const [first = "", last = first, ...more] = given.split("-").map((part) => part.trim())
  return first === "" || last === "" || more.length > 0
    ? Effect.fail(
      misused(`${flag}: expected two addresses such as 10.0.0.100-10.0.0.200, got ${JSON.stringify(given)}`)
    )
    : Effect.succeed({ first, last })
}
