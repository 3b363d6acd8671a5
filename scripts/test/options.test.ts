import { assert, describe, it } from "vitest"
import { parseOptions, UsageError } from "../up/options.ts"

const followed = ["--log-file", "/var/log/dnsmasq.log"]

describe("the options of npm start", () => {
  it("are a demonstration when there are none", () => {
    assert.deepStrictEqual(parseOptions([]), { plain: false, mode: { type: "demonstration", replay: false } })
  })

  it("follow a dnsmasq and write its conf file", () => {
    const options = parseOptions([
      ...followed,
      "--conf",
      "/etc/dnsmasq.d/01-leasehold.conf",
      "--activate",
      "systemctl restart dnsmasq",
      "--server",
      "lab",
      "--subnet",
      "10.0.0.0/24"
    ])
    assert.deepStrictEqual(options, {
      plain: false,
      mode: {
        type: "followed",
        server: "lab",
        logFiles: ["/var/log/dnsmasq.log"],
        subnets: ["10.0.0.0/24"],
        target: {
          file: { mode: "conf", path: "/etc/dnsmasq.d/01-leasehold.conf" },
          activate: "systemctl restart dnsmasq"
        }
      }
    })
  })

  it("only watch when there is no file to write", () => {
    const options = parseOptions(followed)
    assert.isTrue(options !== "help" && options.mode.type === "followed" && options.mode.target === undefined)
  })

  const wrong: ReadonlyArray<readonly [string, ReadonlyArray<string>, RegExp]> = [
    ["an unknown option", ["--logfile", "x"], /--logfile/u],
    ["a target without a log", ["--conf", "x"], /--conf needs --log-file/u],
    ["a conf file that nobody activates", [...followed, "--conf", "x"], /--activate/u],
    ["both modes at once", [...followed, "--conf", "x", "--hosts-dir", "y", "--activate", "z"], /--hosts-dir/u],
    ["hosts without a way to signal", [...followed, "--hosts-dir", "y"], /--pid-file/u],
    ["a server that cannot be a subject's token", [...followed, "--server", "La b"], /--server: expected/u],
    ...["10.0.0.0", "10.0.0.256/24", "10.0.0.0/31", "10.0.0.0/24:maybe", "fd00::/64"].map((subnet) =>
      [`a subnet like ${subnet}`, [...followed, "--subnet", subnet], /--subnet: expected/u] as const
    )
  ]
  for (const [what, args, message] of wrong) {
    it(`name the option at fault: ${what}`, () => {
      assert.throws(() => parseOptions(args), UsageError, message)
    })
  }
})
