/**
 * Ends a test run with one plain line, `N passed, N failed, N skipped`, after vitest's own summary.
 *
 * A run that executed no test fails; in CI so does one that skipped a test, and the skipped tests are named. Elsewhere
 * the suites are named that this machine cannot run, with the reason.
 */
import { type Reporter, type SerializedError, type TestModule } from "vitest/node"

export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<SerializedError>): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const states = tests.map((test) => test.result().state)
    const count = (wanted: string) => states.filter((state) => state === wanted).length
    const passed = count("passed")
    const failed = count("failed")
    const skipped = tests.filter((_, index) => states[index] === "skipped")
    const broken = modules.filter((module) => module.state() === "failed").length + errors.length
    const unavailable = new Set(skipped.flatMap((test) => {
      const suite = /^.*\(skipped: .*?\)(?= > )/.exec(test.fullName)
      return suite === null ? [] : [`not run: ${test.module.relativeModuleId} > ${suite[0]}`]
    }))
    const notes = [
      ...(passed + failed === 0 ? ["no test was executed"] : []),
      ...(failed === 0 && broken > 0 ? ["the run failed outside of its tests: see above"] : []),
      ...(process.env["CI"]
        ? skipped.map((test) => `skipped, which CI does not allow: ${test.module.relativeModuleId} > ${test.fullName}`)
        : [])
    ]
    // After vitest's summary, which another reporter writes in the same round of calls.
    process.once("exit", () => {
      process.stdout.write(
        [...unavailable, ...notes, `${passed} passed, ${failed} failed, ${skipped.length} skipped`, ""].join("\n")
      )
    })
    if (notes.length > 0) process.exitCode = 1
  }
}
