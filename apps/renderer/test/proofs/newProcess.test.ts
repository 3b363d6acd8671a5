import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { type DnsmasqProcess, Processes } from "../../src/Processes.ts"
import { lookBefore, newProcess, nothingBefore } from "../../src/proofs/newProcess.ts"

/** What a machine has: its dnsmasq processes, and the id in the pid file. */
interface Machine {
  readonly all: ReadonlyArray<DnsmasqProcess>
  readonly pidFile?: number
}

const now = 1_000
const dnsmasq = (pid: number, started: number, command = "dnsmasq -C x"): DnsmasqProcess => ({ pid, started, command })
const old = dnsmasq(10, 5)
const fresh = dnsmasq(11, now + 2)
const libvirt = dnsmasq(90, 3, "dnsmasq -C libvirt")

const settings = (pidFile: boolean) => ({
  pidFile: pidFile ? Option.some("/run/dnsmasq.pid") : Option.none(),
  proofTimeout: Duration.seconds(2),
  settle: Duration.millis(300)
})

/**
 * Each machine in turn: the first before the command, the second from then on, the third after 200 ms. `failed` is what
 * there was before a command that failed.
 */
const prove = Effect.fnUntraced(function*(
  pidFile: boolean,
  before: Machine,
  after: Machine,
  later = after,
  failed?: Machine
) {
  let machine = failed ?? before
  const found = (pid: number | undefined) =>
    Effect.sync(() => Option.fromUndefinedOr(machine.all.find((one) => one.pid === pid)))
  const processes = Layer.mock(Processes, {
    now: Effect.succeed(now),
    all: Effect.sync(() => machine.all),
    find: found,
    ofPidFile: () => Effect.suspend(() => found(machine.pidFile))
  })
  return yield* Effect.gen(function*() {
    const earlier = failed === undefined ? nothingBefore : yield* lookBefore(settings(pidFile), nothingBefore)
    machine = before
    const seen = yield* lookBefore(settings(pidFile), earlier)
    machine = after
    const proof = yield* Effect.forkChild(Effect.result(newProcess(settings(pidFile), seen)))
    yield* TestClock.adjust("200 millis")
    machine = later
    yield* TestClock.adjust("5 seconds")
    const result = yield* Fiber.join(proof)
    return result._tag === "Success" ? "proven" : result.failure.message
  }).pipe(Effect.provide(processes))
})

describe("the proof of a restart", () => {
  const cases: ReadonlyArray<readonly [string, boolean, Machine, Machine, Machine | undefined, RegExp]> = [
    [
      "holds when the pid file names a new process",
      true,
      { all: [old], pidFile: 10 },
      { all: [fresh], pidFile: 11 },
      undefined,
      /^proven$/u
    ],
    [
      "holds when there was no dnsmasq before",
      true,
      { all: [] },
      { all: [fresh], pidFile: 11 },
      undefined,
      /^proven$/u
    ],
    [
      "holds when the id came round again",
      true,
      { all: [old], pidFile: 10 },
      { all: [dnsmasq(10, now + 2)], pidFile: 10 },
      undefined,
      /^proven$/u
    ],
    [
      "waits for the pid file to be written anew",
      true,
      { all: [old], pidFile: 10 },
      { all: [fresh], pidFile: 10 },
      { all: [fresh], pidFile: 11 },
      /^proven$/u
    ],
    [
      "fails when it is the process from before",
      true,
      { all: [old], pidFile: 10 },
      { all: [old], pidFile: 10 },
      undefined,
      /is the one from before/u
    ],
    [
      "fails when it is older than the command",
      true,
      { all: [old], pidFile: 10 },
      { all: [dnsmasq(11, now - 50)], pidFile: 11 },
      undefined,
      /older than the command/u
    ],
    [
      "fails when the old one still runs beside it",
      true,
      { all: [old], pidFile: 10 },
      { all: [old, fresh], pidFile: 11 },
      undefined,
      /the old dnsmasq \(process 10\) still runs beside the new one/u
    ],
    [
      "fails when it ends soon after",
      true,
      { all: [old], pidFile: 10 },
      { all: [fresh], pidFile: 11 },
      { all: [], pidFile: 11 },
      /names no dnsmasq process/u
    ],
    [
      "holds without a pid file when one took the place of another",
      false,
      { all: [old, libvirt] },
      { all: [fresh, libvirt] },
      undefined,
      /^proven$/u
    ],
    [
      "fails without a pid file when none of those before is gone, even if one is new",
      false,
      { all: [libvirt] },
      { all: [fresh, libvirt] },
      undefined,
      /there is no new dnsmasq process/u
    ],
    [
      "holds for the one that stays of those that start",
      false,
      { all: [old] },
      { all: [fresh] },
      { all: [dnsmasq(12, now + 3)] },
      /^proven$/u
    ],
    [
      "fails without a pid file when nothing is new",
      false,
      { all: [old, libvirt] },
      { all: [old, libvirt] },
      undefined,
      /there is no new dnsmasq process/u
    ],
    [
      "fails without a pid file when the old one is only gone",
      false,
      { all: [old, libvirt] },
      { all: [libvirt] },
      undefined,
      /there is no new dnsmasq process/u
    ],
    [
      "holds without a pid file when the new one was started by other words",
      false,
      { all: [old] },
      { all: [dnsmasq(12, now + 2, "dnsmasq -C other")] },
      undefined,
      /^proven$/u
    ],
    [
      "fails without a pid file when two of a kind run",
      false,
      { all: [old] },
      { all: [old, fresh] },
      undefined,
      /still runs beside/u
    ]
  ]
  const waysBack: ReadonlyArray<readonly [string, boolean, Machine, Machine, Machine, RegExp]> = [
    [
      "holds without a pid file when the command that failed ended the old one",
      false,
      { all: [old, libvirt] },
      { all: [libvirt] },
      { all: [fresh, libvirt] },
      /^proven$/u
    ],
    [
      "fails when the process was started by the command that failed",
      false,
      { all: [old, libvirt] },
      { all: [fresh, libvirt] },
      { all: [fresh, libvirt] },
      /there is no new dnsmasq process/u
    ],
    [
      "fails when the old one still runs that the command that failed left",
      true,
      { all: [old], pidFile: 10 },
      { all: [old, dnsmasq(12, now - 9)], pidFile: 12 },
      { all: [old, fresh], pidFile: 11 },
      /the old dnsmasq \(process 10\) still runs beside the new one/u
    ]
  ]
  for (const [what, pidFile, failed, before, after, outcome] of waysBack) {
    it.effect(`on the way back ${what}`, () =>
      Effect.gen(function*() {
        assert.match(yield* prove(pidFile, before, after, after, failed), outcome)
      }))
  }
  for (const [what, pidFile, before, after, later, outcome] of cases) {
    it.effect(what, () =>
      Effect.gen(function*() {
        assert.match(yield* prove(pidFile, before, after, later), outcome)
      }))
  }
})
