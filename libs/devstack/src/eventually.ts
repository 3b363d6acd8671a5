/**
 * Waits in a test for what something else does: looks again and again, until it is so or the time is over.
 *
 * The error at the end says what was waited for, and what was seen last: a value, or why looking failed.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { inspect } from "node:util"

/** Less than the time of a test, whose end would say nothing of the reason. */
const patience = 45_000
const pause = 15

/** Until the answer is not undefined, which is given back. */
export const eventually = <A>(
  what: string,
  ask: () => A | undefined | Promise<A | undefined>,
  limit = patience
): Promise<A> => poll(what, ask, (answer) => answer !== undefined, limit)

/** Until what is seen is as it should be, which is given back. */
export const eventuallyHolds = <A>(
  what: string,
  look: () => A | Promise<A>,
  holds: (seen: A) => boolean,
  limit = patience
): Promise<A> => poll(what, look, (seen): seen is A => holds(seen), limit)

const poll = async <A, B extends A>(
  what: string,
  look: () => A | Promise<A>,
  isMet: (seen: A) => seen is B,
  limit: number
): Promise<B> => {
  const end = performance.now() + limit
  for (;;) {
    const last = await attempt(look)
    if ("seen" in last && isMet(last.seen)) return last.seen
    if (performance.now() > end) {
      const found = "seen" in last ? shown(last.seen) : `an error: ${shown(last.error)}`
      throw new Error(`${what}: not within ${limit} ms; the last that was seen is ${found}`)
    }
    await sleep(pause)
  }
}

const attempt = async <A>(look: () => A | Promise<A>): Promise<{ readonly seen: A } | { readonly error: unknown }> => {
  try {
    return { seen: await look() }
  } catch (error) {
    return { error }
  }
}

const shown = (value: unknown): string =>
  value instanceof Error ? value.message : inspect(value, { breakLength: Infinity, depth: 4 }).slice(0, 2_000)
