import { Result } from "effect"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { readCsv } from "../../../src/domain/imports/csv.ts"
import { detectFormat } from "../../../src/domain/imports/detectFormat.ts"
import { readDnsmasq } from "../../../src/domain/imports/dnsmasq.ts"
import { gather } from "../../../src/domain/imports/gather.ts"
import { type Gathered, type ImportItem, readMac } from "../../../src/domain/imports/ImportItem.ts"
import { problemLine } from "../../../src/domain/imports/preview.ts"
import { takeOut } from "../../../src/domain/imports/takeOut.ts"
import { withoutBroken } from "../../../src/domain/imports/withoutBroken.ts"
import { decodeText, isUtf16 } from "../../../src/domain/decodeText.ts"
import { parseJsonWithComments } from "../../../src/domain/imports/jsonWithComments.ts"
import { readJson } from "../../../src/domain/imports/json.ts"
import { readKea } from "../../../src/domain/imports/kea.ts"
import { readEtcHosts, readEthers, readLeases } from "../../../src/domain/imports/lines.ts"

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8")

/** Hosts as one line each, so that a test shows them. */
const shown = ({ address, comment, disabled, ignore, leaseTime, macs, name, place, subnet }: ImportItem) =>
  [
    place.line,
    macs.map((mac) => mac.slice(-2)).join("+"),
    ignore === true ? "ignore" : address ?? "-",
    name ?? "-",
    ...(leaseTime === undefined ? [] : [leaseTime === "infinite" ? leaseTime : `${leaseTime.seconds}s`]),
    ...(subnet === undefined ? [] : [subnet]),
    ...(comment === undefined ? [] : [JSON.stringify(comment)]),
    ...(disabled === true ? ["disabled"] : [])
  ].join(" ")

const problems = (gathered: Gathered, refused: boolean) =>
  gathered.problems.filter((problem) => problem.refused === refused).map(({ field, place }) => `${place.line} ${field}`)

describe("an import of dnsmasq's configuration", () => {
  const read = readDnsmasq("dnsmasq.conf", fixture("dnsmasq.conf"), "conf")

  it("takes hosts as dnsmasq takes them, whatever the order of their fields", () => {
    assert.deepStrictEqual(read.items.map(shown), [
      "4 01 10.0.0.7 nas",
      "5 02 10.0.0.8 printer 86400s",
      "6 03+04 10.0.0.9 laptop infinite",
      "7 05 ignore -",
      "8 06 - phone",
      "9 07 10.0.0.10 tagged",
      "10 08 10.0.0.11 conditional",
      "11 09 10.0.0.12 dual",
      "16 0c 10.0.0.17 www"
    ])
  })

  it("tells by line what the registry cannot say: tags, conditions, IPv6, identifiers, many machines, domains", () => {
    assert.deepStrictEqual(problems(read, true), [])
    const left = problems(read, false)
    for (
      const wanted of [
        "9 set",
        "10 tag",
        "11 ipv6",
        "12 id",
        "12 mac",
        "13 mac",
        "14 mac",
        "15 mac",
        "16 domain",
        "17 line"
      ]
    ) {
      assert.include(left, wanted)
    }
  })

  it("refuses lines that dnsmasq refuses, an address twice, and a last line that may be cut", () => {
    const broken = readDnsmasq("broken.conf", fixture("broken.conf"), "conf")
    assert.deepStrictEqual(problems(broken, true), ["2 ip", "3 mac", "4 hostname"])
    assert.include(problems(broken, false), "5 line")
  })

  it("notes what it takes although it looks wrong, and says nothing twice", () => {
    const said = (...lines: ReadonlyArray<string>) => {
      const read = readDnsmasq("d.conf", lines.map((line) => `dhcp-host=${line}\n`).join(""), "conf")
      const all = gather(read, [], undefined)
      return [...all.items.map(shown), ...all.problems.map((one) => problemLine(one, false))]
    }
    assert.deepStrictEqual(said("1:2:3:4:5:6,10.0.0.7,short"), [
      "1 06 10.0.0.7 short",
      "note  d.conf:1  mac: expected six octets in hex, with colons, got \"1:2:3:4:5:6\""
    ])
    assert.deepStrictEqual(said("52:54:00:00:00:01,10.0.0.7,nas", "52:54:00:00:00:01,10.0.0.7,nas"), [
      "1 01 10.0.0.7 nas",
      "left out  d.conf:2  line: says the same as d.conf:1"
    ])
    assert.deepStrictEqual(said("52:54:00:*:*:*,10.0.0.7,many"), [
      "left out  d.conf:1  mac: 52:54:00:*:*:* stands for many machines: not imported"
    ])
  })

  it("refuses what dnsmasq takes for something else: an address that is none becomes a name", () => {
    const read = readDnsmasq("d.conf", `dhcp-host=52:54:00:00:00:01,10.0.0.999\n`, "conf")
    assert.deepStrictEqual(problems(read, true), ["1 ip"])
  })

  it("takes hosts files without the keyword, and says what is only taken for a name", () => {
    const hosts = readDnsmasq("hosts", fixture("hosts.dnsmasq"), "hosts")
    assert.deepStrictEqual(hosts.items.map(shown), ["1 01 10.0.0.7 nas", "3 03 10.0.0.9 printer 3600s"])
    assert.isTrue(hosts.problems.some(({ place }) => place.line === 2))
  })
})

describe("an import of the files of a host", () => {
  it("joins ethers with the names and addresses of /etc/hosts", () => {
    const names = readEtcHosts("hosts", fixture("hosts"))
    const all = gather(readEthers("ethers", fixture("ethers")), [names], undefined)
    assert.deepStrictEqual(all.items.map(shown), ["2 01 10.0.0.7 nas", "3 02 10.0.0.8 printer", "4 03 10.0.0.9 -"])
    assert.deepStrictEqual(problems(all, true), ["5 mac"])
  })

  it("asks for the subnet of what has no address", () => {
    const ethers = readEthers("ethers", "52:54:00:00:00:02 printer\n")
    assert.deepStrictEqual(problems(gather(ethers, [], undefined), true), ["1 subnet"])
    assert.deepStrictEqual(gather(ethers, [], "office").items.map(shown), ["1 02 - printer office"])
  })

  it("makes reservations of leases, and leaves out what is not IPv4 over Ethernet", () => {
    const leases = readLeases("dnsmasq.leases", fixture("dnsmasq.leases"))
    assert.deepStrictEqual(leases.items.map(shown), ["1 01 10.0.0.7 nas", "2 02 10.0.0.8 -"])
    assert.deepStrictEqual(problems(leases, false), ["3 mac", "5 ipv6"])
    assert.deepStrictEqual(problems(leases, true), [])
  })

  it("refuses a lease file that was caught while it was written", () => {
    assert.include(problems(readLeases("l", fixture("dnsmasq.leases").slice(0, 90)), true), "1 file")
  })
})

describe("an import of CSV", () => {
  it("knows the names of columns that others give, semicolons, quotes, a byte order mark and empty lines", () => {
    const read = readCsv("hosts.csv", fixture("hosts.csv"))
    assert.deepStrictEqual(read.items.map(shown), [
      "2 01 10.0.0.7 nas 43200s \"Rack 3; top\"",
      "4 02+03 10.0.0.8 printer \"says \\\"hi\\\"\""
    ])
    assert.deepStrictEqual(problems(read, true), [])
    assert.deepStrictEqual(problems(read, false), ["1 header", "2 name"])
  })

  it("tells every cell that is wrong, by line and column", () => {
    assert.deepStrictEqual(problems(readCsv("bad.csv", fixture("bad.csv")), true), [
      "2 macs",
      "3 address",
      "3 lease_time",
      "3 enabled",
      "4 macs",
      "5 name"
    ])
  })

  it("refuses what has no names of columns, or a quote that is never closed", () => {
    assert.deepStrictEqual(problems(readCsv("x", "52:54:00:00:00:01,10.0.0.7\n"), true), ["1 header"])
    assert.deepStrictEqual(problems(readCsv("x", "mac,name\n52:54:00:00:00:01,\"nas\n"), true), ["2 line"])
    assert.deepStrictEqual(problems(readCsv("x", ""), true), ["1 header"])
  })
})

describe("an import of JSON", () => {
  it("tells what is wrong, or not known, by the line of its object", () => {
    const text = `[\n{"mac": "52:54:00:00:00:01", "ip": "10.0.0.7", "colour": "red", "id": 7},\n{"mac": 1},\n"x"]`
    const read = readJson("x.json", text)
    assert.deepStrictEqual(read.items.map(shown)[0], "2 01 10.0.0.7 -")
    assert.deepStrictEqual(problems(read, true), ["3 macs", "4 line"])
    assert.deepStrictEqual(problems(read, false), ["2 colour"])
    assert.isTrue(read.problems.some((one) => problemLine(one, false).includes("x.json:3 (item 2)  macs: ")))
    assert.deepStrictEqual(problems(readJson("x", "{}"), true), ["1 file"])
  })
})

describe("an import of Kea's reservations", () => {
  const read = readKea("kea", fixture("kea-dhcp4.conf"))

  it("finds them globally, in subnets and in shared networks, through comments and spare commas", () => {
    assert.deepStrictEqual(read.items.map(shown), [
      "6 01 10.0.0.7 nas",
      "14 02 - phone 10.0.0.0/24",
      "32 04 10.1.0.7 - 10.1.0.0/24 \"Hall // 2\""
    ])
  })

  it("tells by line what it leaves out and what is wrong", () => {
    assert.deepStrictEqual(problems(read, true), ["21 hw-address"])
    assert.deepStrictEqual(problems(read, false), ["6 hostname", "17 client-classes", "20 hw-address"])
  })

  it("says where the text is no JSON, follows no include, and is not exhausted by nesting", () => {
    assert.deepStrictEqual(problems(readKea("k", "{\n \"Dhcp4\": {\n oops }}"), true), ["3 file"])
    assert.deepStrictEqual(problems(readKea("k", "{\n \"a\": <?include \"b\"?>\n}"), true), ["2 file"])
    assert.isTrue(Result.isFailure(parseJsonWithComments("[".repeat(100_000))))
    assert.isTrue(Result.isFailure(parseJsonWithComments("{} {}")))
    assert.isTrue(Result.isFailure(parseJsonWithComments("{\"a\" 1}")))
    assert.isTrue(Result.isFailure(parseJsonWithComments("[1 2]")))
    assert.isTrue(Result.isSuccess(parseJsonWithComments("[1, \"a\\u0041\", null, true, -1.5e3,]")))
  })
})

describe("what several files say together", () => {
  it("is one host where they say the same, and the second place is told", () => {
    const twice = readDnsmasq("a.conf", "dhcp-host=52:54:00:00:00:01,10.0.0.7,nas\n", "conf")
    const again = readDnsmasq("b.conf", "\ndhcp-host=52:54:00:00:00:01,10.0.0.7,nas\n", "conf")
    const all = gather({ items: [...twice.items, ...again.items], problems: [] }, [], undefined)
    assert.strictEqual(all.items.length, 1)
    assert.deepStrictEqual(problems(all, false), ["2 line"])
  })
})

describe("a file that is no UTF-8", () => {
  const latin1 = (text: string) => decodeText(Buffer.from(text, "latin1"))

  it("is refused by line and byte where the line is used, and nothing of it is kept", () => {
    const decoded = latin1("mac,address,comment\n52:54:00:00:00:01,10.0.0.7,B\u00fcro\n52:54:00:00:00:02,10.0.0.8,ok\n")
    const read = withoutBroken("x.csv", decoded, "csv", readCsv("x.csv", decoded.text))
    assert.deepStrictEqual(read.items.map(shown), ["3 02 10.0.0.8 - \"ok\""])
    assert.deepStrictEqual(read.problems.map(({ message, place, refused }) => [place.line, message, refused]), [
      [2, "byte 29 of the line (0xfc) is no UTF-8: save the file as UTF-8", true]
    ])
    // Begins a character of three bytes that does not go on.
    assert.deepStrictEqual(latin1("a\n\u00e9t\u00e9").broken, [{ line: 2, byte: 1, value: 0xe9 }])
    assert.deepStrictEqual(latin1("a\u00e9").broken, [{ line: 1, byte: 2, value: 0xe9 }])
  })

  it("may hold anything in comments and lines that are passed over", () => {
    const decoded = latin1(
      "# B\u00fcro\ntxt-record=x,\u00fc\ndhcp-host=52:54:00:00:00:01,10.0.0.7,nas # B\u00fcro\ndhcp-host=52:54:00:00:00:02,b\u00fcro\n"
    )
    const read = withoutBroken("d.conf", decoded, "dnsmasq", readDnsmasq("d.conf", decoded.text, "conf"))
    assert.deepStrictEqual(read.items.map(shown), ["3 01 10.0.0.7 nas"])
    assert.deepStrictEqual(read.problems.map(({ field, place }) => `${place.line} ${field}`), ["4 line"])
  })

  it("is known as UTF-16 with and without its mark, and a mark of UTF-8 is no part of the text", () => {
    for (const bytes of [[0xff, 0xfe, 0x6d, 0], [0xfe, 0xff, 0, 0x6d], [0x6d, 0], [0, 0x6d]]) {
      assert.isTrue(isUtf16(Uint8Array.from(bytes)))
    }
    assert.isFalse(isUtf16(Buffer.from("mac")))
    assert.deepStrictEqual(decodeText(Buffer.from("\ufeffB\u00fcro")), { text: "B\u00fcro", broken: [] })
  })
})

describe("the format of a file", () => {
  it("is found by its name and by what stands in it", () => {
    const wanted = {
      "dnsmasq.conf": "dnsmasq",
      "hosts.dnsmasq": "hosts",
      ethers: "ethers",
      hosts: "etc-hosts",
      "dnsmasq.leases": "leases",
      "hosts.csv": "csv",
      "bad.csv": "csv",
      "kea-dhcp4.conf": "kea"
    }
    for (const [name, format] of Object.entries(wanted)) {
      assert.strictEqual(detectFormat(name, fixture(name)), format, name)
      if (!["ethers", "hosts"].includes(name)) assert.strictEqual(detectFormat("some.txt", fixture(name)), format, name)
    }
    assert.strictEqual(detectFormat("x", "[\n{\"address\":null,\"macs\":[]}]"), "json")
    assert.isUndefined(detectFormat("x", "%PDF-1.4\n\u0000\u0001"))
  })
})

describe("MACs", () => {
  it("are read in every usual spelling", () => {
    for (const text of ["52:54:00:AB:cd:01", "52-54-00-ab-cd-01", "525400abcd01", "5254.00ab.cd01"]) {
      assert.strictEqual(readMac(text), "52:54:00:ab:cd:01")
    }
    for (const text of ["", "52:54:00:ab:cd", "52:54:00:ab:cd:0g", "52:54:00:ab:cd:01:02"])
      assert.isUndefined(readMac(text))
  })
})

describe("what has to go after an import", () => {
  const places = (file: string, ...lines: ReadonlyArray<number>) => lines.map((line) => ({ file, line }))

  it("is told by file, neighbouring lines together and each once", () => {
    const text = takeOut([...places("a.conf", 5, 4, 12, 4), ...places("b.conf", 3)])
    assert.match(text ?? "", /^now take these lines out of a\.conf:4-5,12 and b\.conf:3, or dnsmasq will not start/u)
    assert.isUndefined(takeOut([]))
  })

  it("is cut where it would be longer than anybody reads", () => {
    const text = takeOut(places("a.conf", ...Array.from({ length: 1000 }, (_, index) => 2 * index)))
    assert.match(text ?? "", /,38 and more, or/u)
  })
})
