import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { ipmanagerReference } from "../../../scripts/generate-ipmanager.ts"

describe("the reference page", () => {
  it("is what the commands say, and every command has an example of itself", async () => {
    const text = await ipmanagerReference()
    assert.strictEqual(readFileSync(new URL("../../../docs/ipmanager.md", import.meta.url), "utf8"), text)
    const [, ...sections] = text.slice(text.indexOf("## Every command")).split(/^#{2,3} /mu)
    const commands = sections.slice(1).filter((section) => section.includes("```sh"))
    assert.isAbove(commands.length, 40)
    for (const section of commands) {
      const name = section.split("\n", 1)[0]?.replace(/^ipmanager /u, "") ?? ""
      assert.include(section, `ipmanager ${name}`)
    }
  })
})
