/** Tests that need a lab: skipped with a precise reason where there can be none, and failing for that reason in CI. */
import { describe, it } from "vitest"
import { labSupport } from "./support.ts"

export function describeLab(name: string, body: () => void): void {
  const support = labSupport()
  const group = describe
  if (support.available) return void group(name, body)
  const why = `${support.reason}; ${support.remedy}`
  if (!process.env["CI"]) return void group.skipIf(true)(`${name} (skipped: ${why})`, body)
  group(name, () => {
    it("runs with a real dnsmasq", () => {
      throw new Error(`a real dnsmasq is needed in CI: ${why}`)
    })
  })
}
