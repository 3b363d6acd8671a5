import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isIPv6 } from "node:net"
import { isIpv6 } from "../src/ipv6.ts"

describe("isIpv6", () => {
  it("agrees with the system about addresses and what nearly is one", () => {
    for (
      const text of [
        ..."::|1::|::1|1:2:3:4:5:6:7:8|1:2:3:4:5:6:7::|::2:3:4:5:6:7:8|1:2:3:4::5:6:7:8|02:00:00:00:00:aa:bb:cc".split(
          "|"
        ),
        ..."1:2:3:4:5:6:1.2.3.4|::1.2.3.4|1::1.2.3.4|1:2:3:4:5:6:7:1.2.3.4|1:2:3:4:5::1.2.3.4|::1.2.3.04|1.2.3.4".split(
          "|"
        ),
        ..."|:|:::|1:|:1|1:::2|1::2::3|g::|12345::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|::/0| ::1".split("|")
      ]
    ) assert.strictEqual(isIpv6(text), isIPv6(text), text)
  })

  it.prop("agrees with the system about any run of its characters", [
    Schema.Array(Schema.Literals([":", "::", ".", "0", "1", "f", "F", "25", "255", "1.2.3.4", "abcd", "12345"]))
  ], ([parts]) => {
    const text = parts.join("")
    assert.strictEqual(isIpv6(text), isIPv6(text))
  }, { arbitrary: { runs: 2000, size: 16 } })
})
