/** `log` and `undo`: what was changed, by whom, and taking it back. */
import { Clock, Effect, Option, Stream } from "effect"
import { Argument, Command } from "effect/cli"
import { told } from "../changes.ts"
import { Failure, misused } from "../domain/Failure.ts"
import { changeColumns, fieldChangeColumns, fieldChanges } from "../domain/views/change.ts"
import { orUndefined } from "../globals.ts"
import { pages } from "../pages.ts"
import { format, printOne, printRows } from "../print.ts"
import { Registry } from "../Registry.ts"
import { Screen } from "../Screen.ts"
import { argument, dryRun, limit, onOff, readOptional, readTime, text } from "./flags.ts"

/** How many changes people are shown where they do not say. */
const latest = 50

const readChange = (field: string, given: string): Effect.Effect<bigint, Failure> =>
  /^[1-9]\d{0,17}$/u.test(given)
    ? Effect.succeed(BigInt(given))
    : Effect.fail(
      misused(`${field}: expected the number of a change, got ${JSON.stringify(given)}`, "See `ipmanager log`.")
    )

export const log = Command.make(
  "log",
  {
    key: Argument.String("about").pipe(
      Argument.withDescription("Address, name, MAC, CIDR or server: whatever changes are about"),
      Argument.optional
    ),
    change: text("change", "NUMBER", "Only the change with this number, as each command tells it"),
    actor: text("actor", "WHO", "Only by whom, as the log names them"),
    since: text("since", "TIME", "Only since then: a time, or how long ago such as 2h"),
    fields: onOff("fields", "Show field by field what each change did"),
    limit
  },
  Effect.fn("log")(function*(input) {
    const screen = yield* Screen
    const now = yield* Clock.currentTimeMillis
    const since = yield* readOptional(input.since, (time) => readTime("--since", time, now))
    const id = yield* readOptional(input.change, (number) => readChange("--change", number))
    const request = {
      ...(id === undefined ? {} : { id }),
      key: Option.getOrElse(input.key, () => ""),
      actor: Option.getOrElse(input.actor, () => ""),
      ...(since === undefined ? {} : { since: { ...since } })
    }
    // The whole log is long; people are shown the latest of it.
    const most = orUndefined(input.limit) ?? ((yield* format) === "text" ? latest : undefined)
    const changes = pages(most, async (client, page, context) => {
      const { changes, nextPageToken } = await client.ipam.listChanges({ ...request, ...page }, context)
      return { items: changes, nextPageToken }
    })
    const isAsked = [input.key, input.actor, input.since].some(Option.isSome)
    const none = isAsked ? "no change matches" : "nothing was changed yet"
    if (id !== undefined && (yield* Stream.runHead(changes))._tag === "None") {
      return yield* new Failure({
        reason: "not-found",
        message: `there is no such change: ${id}`,
        advice: "See `ipmanager log`."
      })
    }
    if (!input.fields) return yield* printRows(changeColumns, changes, none)
    return yield* printRows(
      [
        { key: "change", value: ({ id }) => id },
        ...fieldChangeColumns.map(({ key, value }) => ({
          key,
          value: ({ field }: { readonly id: bigint; readonly field: ReturnType<typeof fieldChanges>[number] }) =>
            value(field)
        }))
      ],
      Stream.flatMap(
        Stream.tap(changes, ({ id, rowCount, rows }) =>
          rowCount > BigInt(rows.length)
            ? screen.err(`note: change ${id} has ${rowCount} rows, of which ${rows.length} are told\n`)
            : Effect.void),
        ({ id, rows }) => Stream.fromIterable(rows.flatMap(fieldChanges).map((field) => ({ id, field })))
      ),
      none
    )
  })
).pipe(
  Command.withDescription(
    "Tell what was changed, by whom and when, the latest first: fifty of them, or --limit; all in JSON and CSV"
  ),
  Command.withExamples([
    { command: "ipmanager log 10.0.0.7", description: "What became of an address" },
    { command: "ipmanager log --change 17 --fields", description: "Everything that one change did" },
    { command: "ipmanager log --since 1d --actor local:alice --fields", description: "Field by field" }
  ])
)

export const undo = Command.make(
  "undo",
  { id: argument("change", "Number of the change, as `log` tells it"), dryRun },
  Effect.fn("undo")(function*({ dryRun, id }) {
    const number = yield* readChange("change", id)
    const registry = yield* Registry
    const { change } = yield* registry.call((client, context) =>
      client.ipam.undoChange({ id: number, dryRun }, context)
    )
    if (change === undefined) return
    yield* told(`change ${id} is taken back`, change.id, dryRun)
    yield* printOne(changeColumns, change)
  })
).pipe(
  Command.withDescription("Take a change back, where everything that it touched is still as it left it"),
  Command.withExamples([{ command: "ipmanager undo 17 --dry-run", description: "Would it still be possible?" }])
)
