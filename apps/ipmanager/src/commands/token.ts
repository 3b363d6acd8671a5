/** `token` and `whoami`: who may call. */
import { Scope } from "@leasehold/registry-api"
import { Clock, Effect, Option, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { confirm, told } from "../changes.ts"
import { failed, Failure } from "../domain/Failure.ts"
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

/** The token of a name or an identifier that is not revoked. */
const find = Effect.fnUntraced(function*(key: string) {
  const registry = yield* Registry
  const { tokens } = yield* registry.call((client, context) => client.access.listTokens({}, context))
  return tokens.find(({ id, name, revokedAt }) => revokedAt === undefined && (name === key || String(id) === key))
})

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
      Option.match(parseSpan(time), {
        onNone: () => readTime("--expires", time, now),
        onSome: ({ seconds }) => Effect.succeed(instantOf(now + Number(seconds) * 1000))
      }))
    if (input.dryRun) {
      if ((yield* find(input.name)) !== undefined) {
        return yield* failed(`there is a token ${input.name} already`, "Choose another name, or revoke it first.")
      }
      return yield* told(`the token ${input.name} can be made, with the scope ${input.scope}`, 0n, true)
    }
    const { secret, token } = yield* registry.call((client, context) =>
      client.access.createToken({
        name: input.name,
        scope: scopes[input.scope],
        ...(expiresAt === undefined ? {} : { expiresAt: { ...expiresAt } })
      }, context)
    )
    if (token === undefined) return
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
    if (dryRun) {
      const found = yield* find(key)
      if (found === undefined) return yield* new Failure({ reason: "not-found", message: `there is no token ${key}` })
      yield* told(`the token ${key} is revoked`, 0n, true)
      return yield* printOne(tokenColumns(now), found)
    }
    yield* confirm(`Revoke the token ${key}? It cannot be used any more, and not be brought back.`)
    const { token } = yield* registry.call((client, context) => client.access.revokeToken({ key }, context))
    if (token !== undefined) yield* printOne(tokenColumns(now), token)
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
