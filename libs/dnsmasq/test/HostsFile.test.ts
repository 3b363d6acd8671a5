import { assert, describe, it } from "@effect/vitest"
import { checkHostsFile } from "../src/index.ts"

const problems = (text: string, form: "conf" | "hosts" = "hosts") =>
  checkHostsFile(text, form).problems.map(({ field, line, refused }) => ({ field, line, refused }))

describe("checkHostsFile", () => {
  it("has nothing against a file that is right", () => {
    const text = "# ours\n\n02:00:00:00:00:01,10.0.0.1,a\r\n02:00:00:00:00:02,10.0.0.2,b,1h\n"
    const { hosts, others, problems } = checkHostsFile(text)
    assert.deepStrictEqual(problems, [])
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(hosts.map(({ host, line }) => [line, host.ip]), [[3, "10.0.0.1"], [4, "10.0.0.2"]])
  })

  it("reports every bad line, and what dnsmasq would make of it", () => {
    const text = [
      "02:00:00:00:00:01,10.0.0.999",
      "dhcp-host=02:00:00:00:00:02,10.0.0.2",
      "02:zz",
      "02:00:00:00:00:03,10.0.0.3,c",
      ""
    ].join("\n")
    assert.deepStrictEqual(problems(text), [
      { field: "ip", line: 1, refused: false },
      { field: "line", line: 2, refused: true },
      { field: "mac", line: 3, refused: true }
    ])
  })

  it("reports who claims an address, a MAC or a name twice, and names the first", () => {
    const text = [
      "02:00:00:00:00:01,10.0.0.1,a",
      "02:00:00:00:00:02,10.0.0.1,b",
      "02:00:00:00:00:0A,10.0.0.3,c",
      "02:00:00:00:00:0a,10.0.0.4,A",
      ""
    ].join("\n")
    assert.deepStrictEqual(problems(text), [
      { field: "ip", line: 2, refused: true },
      { field: "mac", line: 4, refused: false },
      { field: "hostname", line: 4, refused: false }
    ])
    assert.match(checkHostsFile(text).problems[1]?.expected ?? "", /line 3/)
  })

  it("does not trust a last line without its end", () => {
    assert.deepStrictEqual(problems("02:00:00:00:00:01,10.0.0.1"), [{ field: "line", line: 1, refused: false }])
    assert.deepStrictEqual(problems(""), [])
  })

  it("passes over the other options of a conf file, but not over a bad entry", () => {
    const text = "interface=br0\ndhcp-host=02:00:00:00:00:01,10.0.0.1\ndhcp-host=02:zz\n#x\n"
    assert.deepStrictEqual(checkHostsFile(text, "conf").others, [1])
    assert.deepStrictEqual(problems(text, "conf"), [{ field: "mac", line: 3, refused: true }])
  })
})
