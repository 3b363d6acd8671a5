/** What every change has in common: it can be tried, what removes something is asked for, and it says how to undo it. */
import { Effect } from "effect"
import { failed } from "./domain/Failure.ts"
import { harmless } from "./domain/output/harmless.ts"
import { consequences } from "./domain/views/change.ts"
import { Yes } from "./globals.ts"
import { Registry } from "./Registry.ts"
import { Screen } from "./Screen.ts"

/** Asks at a terminal; elsewhere `--yes` has to be given. */
export const confirm = Effect.fnUntraced(function*(question: string) {
  if (yield* Yes) return
  const screen = yield* Screen
  if (!screen.interactive) {
    return yield* failed(
      `${question} Nothing was changed: there is nobody to ask.`,
      "Give --yes to do it without being asked, or --dry-run to see what would happen."
    )
  }
  if (!(yield* screen.ask(harmless(question)))) return yield* failed("Nothing was changed.")
})

const telling = (after: (change: bigint) => string) =>
  Effect.fnUntraced(function*(what: string, change: bigint, dryRun: boolean) {
    const screen = yield* Screen
    const text = dryRun
      ? `dry run: ${what}; nothing was changed`
      : change === 0n
      ? "nothing had to be changed"
      : `${what}; ${after(change)}`
    yield* screen.err(`${harmless(text)}\n`)
  })

/** Says on stderr what became of a change. */
export const told = telling((change) => `take it back with: ipmanager undo ${change}`)

/** The same of one that cannot be taken back. */
export const toldForGood = telling((change) => `see ipmanager log --change ${change}`)

/** Says on stderr what a change did to others than those that it is about. */
export const toldOthers = Effect.fnUntraced(function*(change: bigint, macs: ReadonlyArray<string>) {
  if (change === 0n) return
  const registry = yield* Registry
  const screen = yield* Screen
  const done = yield* registry.call((client, context) => client.ipam.listChanges({ id: change }, context)).pipe(
    Effect.map(({ changes: [done] }) => done),
    // It is done, whether or not it can be read again.
    Effect.orElseSucceed(() => undefined)
  )
  const lines = done === undefined ? [] : consequences(done, macs)
  yield* screen.err(lines.map((line) => `${harmless(line)}\n`).join(""))
})
