import { create } from "@bufbuild/protobuf"
import { type Reservation, ReservationSchema, SubnetSchema } from "@leasehold/registry-api"
import { assert, describe, it } from "vitest"
import { confLines, includesOf } from "../../../src/domain/review/confLines.ts"
import { rangesOf } from "../../../src/domain/review/ranges.ts"
import { type HostsText, reviewHosts } from "../../../src/domain/review/reviewHosts.ts"
import { reviewOptions } from "../../../src/domain/review/reviewOptions.ts"
import { reviewRanges } from "../../../src/domain/review/reviewRanges.ts"
import { reviewSettings } from "../../../src/domain/review/reviewSettings.ts"
import { type Finding, findingColumns, findingText } from "../../../src/domain/views/finding.ts"

const codes = (findings: ReadonlyArray<Finding>) => findings.map(({ code, subject }) => `${code} ${subject}`)
const linesOf = (...lines: ReadonlyArray<string>) => confLines("d.conf", lines.map((line) => `${line}\n`).join(""))
const subnet = (cidr: string, range?: readonly [string, string]) =>
  create(SubnetSchema, {
    cidr,
    name: cidr,
    ...(range === undefined ? {} : { range: { first: range[0], last: range[1] } })
  })
const host = (address: string, mac = "52:54:00:00:00:01"): Reservation =>
  create(ReservationSchema, { address, macs: [mac], name: "nas", enabled: true })

describe("what was found", () => {
  it("is told with times as people read them, and for programs as they were", () => {
    const message = "wanted since 2026-11-22T10:30:00.5Z"
    const finding: Finding = { severity: "note", code: "x", subject: "lab", message, advice: "" }
    assert.include(findingText(finding, false, "Europe/Berlin"), "wanted since 2026-11-22 11:30:00 ")
    assert.strictEqual(findingColumns.find(({ key }) => key === "message")?.value(finding), message)
  })
})

describe("lines of a configuration", () => {
  it("lose comments, quotes and blanks as in dnsmasq", () => {
    const read = linesOf(
      "# comment",
      "domain = lan # why",
      "  log-dhcp",
      "txt-record=\"a # b\"",
      "server=/x/#1",
      "",
      "domain=🖨🖨 # a printer"
    )
    assert.deepStrictEqual(read.map(({ keyword, place, value }) => [place.line, keyword, value]), [
      [2, "domain", "lan"],
      [3, "log-dhcp", ""],
      [4, "txt-record", "a # b"],
      [5, "server", "/x/#1"],
      [7, "domain", "🖨🖨"]
    ])
  })

  it("name the files that dnsmasq reads besides, and which of a directory it leaves alone", () => {
    const found = includesOf(
      linesOf("conf-dir=/etc/dnsmasq.d/,*.conf", "conf-dir=/b,.bak", "dhcp-hostsfile=/h", "read-ethers")
    )
    assert.deepStrictEqual(found.map(({ kind, path }) => [kind, path]), [
      ["conf-dir", "/etc/dnsmasq.d/"],
      ["conf-dir", "/b"],
      ["hosts", "/h"],
      ["ethers", "/etc/ethers"]
    ])
    const [only, but] = found
    assert.deepStrictEqual(["a.conf", "a.txt", ".a.conf", "a.conf~", "#a.conf#"].map((name) => only?.accepts(name)), [
      true,
      false,
      false,
      false,
      false
    ])
    assert.deepStrictEqual(["a.conf", "a.bak"].map((name) => but?.accepts(name)), [true, false])
  })
})

describe("a review of the options", () => {
  it("finds nothing where the log is as it should be, and leases are enough", () => {
    const lines = linesOf(
      "log-dhcp",
      "log-facility=/var/log/dnsmasq.log",
      "dhcp-authoritative",
      "dhcp-range=10.0.0.100,10.0.0.199,12h"
    )
    assert.deepStrictEqual(reviewOptions(lines, rangesOf(lines), 50, "d.conf"), [])
  })

  it("finds what is missing, and options that hide what dnsmasq does", () => {
    const lines = linesOf("quiet-dhcp", "log-facility=local0", "dhcp-range=10.0.0.100,10.0.0.199")
    assert.deepStrictEqual(codes(reviewOptions(lines, rangesOf(lines), 0, "d.conf")), [
      "quiet-dhcp d.conf:1",
      "no-log-dhcp d.conf",
      "no-log-facility d.conf:2",
      "not-authoritative d.conf"
    ])
  })

  it("counts leases against dhcp-lease-max, dnsmasq's default where it is not set", () => {
    const good = ["log-dhcp", "log-facility=/l", "dhcp-authoritative"]
    const large = linesOf(...good, "dhcp-range=10.0.0.0,10.0.3.255")
    assert.deepStrictEqual(codes(reviewOptions(large, rangesOf(large), 0, "d.conf")), ["lease-max-small d.conf"])
    const set = linesOf(...good, "dhcp-lease-max=50", "dhcp-range=10.0.0.1,10.0.0.40")
    assert.deepStrictEqual(codes(reviewOptions(set, rangesOf(set), 11, "d.conf")), ["lease-max-small d.conf:4"])
    assert.deepStrictEqual(reviewOptions(set, rangesOf(set), 10, "d.conf"), [])
  })
})

describe("a review of the ranges", () => {
  const ranges = (...lines: ReadonlyArray<string>) => rangesOf(linesOf(...lines))
  const review = (
    lines: ReadonlyArray<string>,
    subnets: ReadonlyArray<ReturnType<typeof subnet>>,
    hosts: ReadonlyArray<Reservation> = []
  ) => codes(reviewRanges(ranges(...lines), subnets, subnets, hosts, "d.conf"))
  const office = subnet("10.0.0.0/24", ["10.0.0.100", "10.0.0.199"])

  it("reads IPv4 ranges with tags, modes and masks, and leaves IPv6 alone", () => {
    const read = ranges(
      "dhcp-range=set:a,tag:b,10.0.0.1,10.0.0.9,255.255.255.0,1h",
      "dhcp-range=10.1.0.0,static",
      "dhcp-range=10.2.0.0,proxy",
      "dhcp-range=fd00::1,fd00::9",
      "dhcp-range=::,constructor:eth0,ra-stateless"
    )
    assert.deepStrictEqual(read.map(({ isStatic, place }) => [place.line, isStatic]), [[1, false], [2, true]])
  })

  it("finds nothing where both say the same", () => {
    assert.deepStrictEqual(review(["dhcp-range=10.0.0.100,10.0.0.199"], [office], [host("10.0.0.7")]), [])
    assert.deepStrictEqual(review(["dhcp-range=10.0.0.0,static"], [office]), [])
  })

  it("finds ranges that differ, reach beyond, end before they begin, or have no subnet; and subnets without a range", () => {
    assert.deepStrictEqual(review(["dhcp-range=10.0.0.50,10.0.0.199"], [office]), ["range-differs d.conf:1"])
    assert.deepStrictEqual(review(["dhcp-range=10.0.0.100,10.0.1.10"], [office]), ["range-outside-subnet d.conf:1"])
    assert.deepStrictEqual(review(["dhcp-range=10.0.0.199,10.0.0.100"], [office]), ["range-reversed d.conf:1"])
    assert.deepStrictEqual(review(["dhcp-range=10.9.0.1,10.9.0.9"], [office]), [
      "range-without-subnet d.conf:1",
      "subnet-without-dhcp-range 10.0.0.0/24"
    ])
  })

  it("finds ranges that overlap, and advises the one range that has all of a subnet's", () => {
    const lines = ["dhcp-range=10.0.0.50,10.0.0.150", "dhcp-range=10.0.0.140,10.0.0.199"]
    const found = reviewRanges(ranges(...lines), [office], [office], [], "d.conf")
    assert.deepStrictEqual(codes(found), ["range-differs d.conf:1", "ranges-overlap d.conf:2"])
    assert.include(found[0]?.advice, "--range 10.0.0.50-10.0.0.199 (the registry holds one range")
    assert.deepStrictEqual(
      review(["dhcp-range=10.0.0.100,10.0.0.120", "dhcp-range=10.0.0.150,10.0.0.199"], [office]),
      []
    )
  })

  it("tells of reservations inside a range once, and louder where they fill it", () => {
    const found = reviewRanges(
      ranges("dhcp-range=10.0.0.100,10.0.0.101"),
      [subnet("10.0.0.0/24", ["10.0.0.100", "10.0.0.101"])],
      [],
      [host("10.0.0.100"), host("10.0.0.101"), host("")],
      "d.conf"
    )
    assert.deepStrictEqual(found.map(({ code, severity }) => [code, severity]), [["reservations-in-range", "warning"]])
  })
})

describe("a review of what clients are told", () => {
  const office = create(SubnetSchema, { cidr: "10.0.0.0/24", gateway: "10.0.0.1", domain: "lan" })
  const hall = create(SubnetSchema, { cidr: "10.1.0.0/24", domain: "hall" })
  const review = (...lines: ReadonlyArray<string>) => codes(reviewSettings(linesOf(...lines), [office, hall]))

  it("finds a router that is not the subnet's gateway", () => {
    assert.deepStrictEqual(review("dhcp-option=tag:a,3,10.0.0.1", "dhcp-option=6,10.0.0.9", "dhcp-option=3"), [])
    assert.deepStrictEqual(review("dhcp-option=option:router,10.0.0.254", "dhcp-option=3,10.1.0.1"), [
      "gateway-differs d.conf:1",
      "gateway-differs d.conf:2"
    ])
    assert.deepStrictEqual(codes(reviewSettings(linesOf("dhcp-option=3,10.9.0.1"), [office])), [
      "gateway-differs d.conf:1"
    ])
  })

  it("finds a domain that is not the subnet's, by the subnet that it is for", () => {
    assert.deepStrictEqual(review("domain=LAN", "domain=hall,10.1.0.0/24"), [])
    assert.deepStrictEqual(review("domain=old", "domain=hall,10.1.0.1,10.1.0.99", "domain=#"), [
      "domain-differs d.conf:1"
    ])
  })
})

describe("a review of entries", () => {
  const conf = (path: string, ...lines: ReadonlyArray<string>): HostsText => ({
    path,
    form: "conf",
    text: lines.map((line) => `${line}\n`).join("")
  })

  it("finds what dnsmasq refuses or misreads", () => {
    const found = reviewHosts([
      conf("a", "dhcp-host=zz:54:00:00:00:01,10.0.0.7", "dhcp-host=52:54:00:00:00:02,10.0.0.999")
    ], [])
    assert.deepStrictEqual(found.map(({ code, severity, subject }) => [code, severity, subject]), [
      ["host-refused", "error", "a:1"],
      ["host-doubtful", "warning", "a:2"]
    ])
  })

  it("finds an address or a MAC in two lines, across files", () => {
    const found = reviewHosts([
      conf("a", "dhcp-host=52:54:00:00:00:01,10.0.0.7,one"),
      conf("b", "dhcp-host=52:54:00:00:00:02,10.0.0.7,two", "dhcp-host=52:54:00:00:00:01,10.0.0.8,three")
    ], [])
    assert.deepStrictEqual(codes(found), ["address-twice b:1", "mac-twice b:2"])
  })

  it("finds by hand what the registry reserves, but not in the renderer's own file", () => {
    const entry = "dhcp-host=52:54:00:00:00:01,10.0.0.7,nas"
    const ours = conf("ours", "# Written by Leasehold for lab; changes are overwritten", entry)
    assert.deepStrictEqual(codes(reviewHosts([ours], [host("10.0.0.7")])), [])
    assert.deepStrictEqual(codes(reviewHosts([conf("a", entry)], [host("10.0.0.7")])), [
      "address-by-hand a:1",
      "mac-by-hand a:1"
    ])
    assert.deepStrictEqual(codes(reviewHosts([ours, conf("a", entry)], [host("10.0.0.7")])), [
      "address-twice a:1",
      "mac-twice a:1"
    ])
  })
})
