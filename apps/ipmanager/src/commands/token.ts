/** `token` and `whoami`: who may call. */
import { Scope } from "@leasehold/registry-api"
import { Clock, Effect, Option, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { confirm, toldForGood } from "../changes.ts"
import type { Column } from "../domain/output/Column.ts"
import { harmless } from "../domain/output/harmless.ts"
import { instantOf, parseSpan } from "../domain/time.ts"
import { tokenColumns } from "../domain/views/token.ts"
import { scopeWord } from "../domain/words.ts"
import { format, printOne, printRows } from "../print.ts"
import { Registry } from "../Registry.ts"
import { Screen } from "../Screen.ts"
import { argument, dryRun, onOff, readOptional, readTime, text } from "./flags.ts"

const scopes = { read: Scope.READ, operate: Scope.OPERATE, administer: Scope.ADMINISTER } as const

const create = Command.make(
  "create",
  {
    name: argument("name", "What it is for; the change log names it"),
    scope: Flag.Literals("scope", ["read", "operate", "administer"]).pipe(
      Flag.withDescription("read asks; operate changes reservations and systems; administer changes everything"),
      Flag.withDefault("read" as const)
    ),
    expires: text("expires", "TIME", "When it ends: a time, or in how long such as 30d; never where it is left out"),
    dryRun
  },
  Effect.fn("token.create")(function*(input) {
    const registry = yield* Registry
    const screen = yield* Screen
    const now = yield* Clock.currentTimeMillis
    const expiresAt = yield* readOptional(input.expires, (time) =>
      // A number alone would be seconds, and is more likely to be a year.
      Option.match(/^\d+$/u.test(time) ? Option.none() : parseSpan(time), {
        onNone: () => readTime("--expires", time, now),
        onSome: ({ seconds }) => Effect.succeed(instantOf(now + Number(seconds) * 1000))
      }))
    const { change, secret, token } = yield* registry.call((client, context) =>
      client.access.createToken({
        name: input.name,
        scope: scopes[input.scope],
        ...(expiresAt === undefined ? {} : { expiresAt: { ...expiresAt } }),
        dryRun: input.dryRun
      }, context)
    )
    if (token === undefined) return
    yield* toldForGood(`the token ${token.name} is made, with the scope ${input.scope}`, change, input.dryRun)
    // A trial has no secret; where one was to go into a file, there is to be nothing else.
    if (input.dryRun) return (yield* format) === "text" ? undefined : yield* printOne(tokenColumns(now), token)
    yield* screen.err("The secret is told this once. Keep it where only its user can read it.\n")
    // Alone on its line, so that it can go into a file as it is.
    if ((yield* format) === "text") return yield* screen.out(`${harmless(secret)}\n`)
    const secretColumn: Column<typeof token> = { key: "secret", value: () => secret }
    return yield* printOne([secretColumn, ...tokenColumns(now)], token)
  })
).pipe(
  Command.withDescription("Make a token; its secret is printed, and kept nowhere"),
  Command.withExamples([
    {
      command: "(umask 077; ipmanager token create backup --scope read --expires 365d > backup.token)",
      description: "The secret alone goes into the file"
    }
  ])
)

const list = Command.make(
  "list",
  { all: onOff("all", "Those that were revoked, too") },
  Effect.fn("token.list")(function*({ all }) {
    const registry = yield* Registry
    const now = yield* Clock.currentTimeMillis
    const { tokens } = yield* registry.call((client, context) => client.access.listTokens({}, context))
    const shown = tokens.filter(({ revokedAt }) => all || revokedAt === undefined)
    yield* printRows(tokenColumns(now), Stream.fromIterable(shown), "there is no token")
  })
).pipe(
  Command.withDescription("List tokens: who made them, when they were used last, when they end"),
  Command.withExamples([{ command: "ipmanager token list", description: "Those that are not revoked" }])
)

const revoke = Command.make(
  "revoke",
  { key: argument("token", "Name or identifier"), dryRun },
  Effect.fn("token.revoke")(function*({ dryRun, key }) {
    const registry = yield* Registry
    const now = yield* Clock.currentTimeMillis
    if (!dryRun) yield* confirm(`Revoke the token ${key}? It cannot be used any more, and not be brought back.`)
    const { change, token } = yield* registry.call((client, context) =>
      client.access.revokeToken({ key, dryRun }, context)
    )
    if (token === undefined) return
    yield* toldForGood(`the token ${token.name} is revoked`, change, dryRun)
    yield* printOne(tokenColumns(now), token)
  })
).pipe(
  Command.withDescription("Revoke a token at once"),
  Command.withExamples([{ command: "ipmanager token revoke backup", description: "Asks first" }])
)

export const token = Command.make("token").pipe(
  Command.withDescription("Tokens: who may call the registry, and for what"),
  Command.withExamples([{ command: "ipmanager token list", description: "All of them" }]),
  Command.withSubcommands([create, list, revoke])
)

export const whoami = Command.make(
  "whoami",
  {},
  Effect.fn("whoami")(function*() {
    const registry = yield* Registry
    const caller = yield* registry.call((client, context) => client.access.whoAmI({}, context))
    yield* printOne([
      { key: "actor", value: () => caller.actor },
      { key: "scope", value: () => scopeWord(caller.scope) }
    ], {})
  })
).pipe(
  Command.withDescription("Tell who the registry takes you for, and what you may do"),
  Command.withExamples([{ command: "ipmanager whoami", description: "Also tells whether the registry can be reached" }])
)
