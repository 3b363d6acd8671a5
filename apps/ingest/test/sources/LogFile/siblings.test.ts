import { assert, describe, it } from "vitest"
import {
  inOrder,
  isCompressed,
  isSibling,
  rotatedBetween,
  type Sibling
} from "../../../src/sources/LogFile/siblings.ts"

const file = (name: string, modified: number, changed = modified): Sibling => ({
  name,
  inode: name,
  size: 1,
  modified,
  changed
})
const names = (siblings: ReadonlyArray<Sibling>) => siblings.map(({ name }) => name)

describe("rotated files", () => {
  it.each([
    ["dnsmasq.log", "dnsmasq.log.1"],
    ["dnsmasq.log", "dnsmasq.log.2.gz"],
    ["dnsmasq.log", "dnsmasq.log-20261122"],
    ["dnsmasq.log", "dnsmasq-20261122.log"],
    ["dnsmasq.log", "dnsmasq.1.log"],
    ["dnsmasq.log", "dnsmasq-20261122.log.xz"],
    ["dnsmasq.log", "dnsmasq.log.2026-11-22T06:00:00+0100"],
    ["dnsmasq.log", "dnsmasq.log.old"],
    ["syslog", "syslog.1"]
  ])("of %s may be called %s", (base, name) => {
    assert.isTrue(isSibling(base, name))
  })

  it.each([
    ["dnsmasq.log", "dnsmasq.log"],
    ["dnsmasq.log", "dnsmasq.logs"],
    ["dnsmasq.log", "dnsmasq.leases"],
    ["dnsmasq.log", "other.log.1"],
    ["syslog", "syslogd"],
    ["dnsmasq", "dnsmasq.leases"],
    ["dnsmasq.log", "dnsmasq.log.swp"],
    ["dnsmasq.log", "dnsmasq.log-filtered"],
    ["dnsmasq.log", "dnsmasq-errors.log"],
    [".log", "x.log"]
  ])("of %s are not called %s", (base, name) => {
    assert.isFalse(isSibling(base, name))
  })

  it("may be compressed", () => {
    assert.deepStrictEqual(["a.1.gz", "a.1.zst", "a.1.gzip", "a.1"].map(isCompressed), [true, true, false, false])
  })

  it("are in order by their numbers, the highest first", () => {
    const files = [file("l.2", 5), file("l.10", 9), file("l.1", 5)]
    assert.deepStrictEqual(names(inOrder("l", files)), ["l.10", "l.2", "l.1"])
  })

  it("are in order by their times when they have no numbers", () => {
    const files = [file("l-20261122", 9), file("l-20261121", 8), file("l.old", 7)]
    assert.deepStrictEqual(names(inOrder("l", files)), ["l.old", "l-20261121", "l-20261122"])
  })
})

describe("files that were rotated between two that are known", () => {
  const numbered = [file("l.4", 10), file("l.3", 20), file("l.2", 30), file("l.1", 40)]
  const [four, three, two] = numbered

  it("were written no earlier than the first of them", () => {
    assert.deepStrictEqual(names(rotatedBetween("l", numbered, 25, undefined, undefined)), ["l.2", "l.1"])
  })

  it("are not older than the first by their names, whatever their times", () => {
    const touched = numbered.map((one) => ({ ...one, modified: 99 }))
    assert.deepStrictEqual(names(rotatedBetween("l", touched, 20, three, undefined)), ["l.2", "l.1"])
    const dated = [file("l-20261120", 99), file("l-20261121", 20), file("l-20261122", 30)]
    assert.deepStrictEqual(names(rotatedBetween("l", dated, 20, dated[1], undefined)), ["l-20261122"])
  })

  it("are newer by their names although the clock was set back, where they were renamed no earlier", () => {
    const back = [file("l.3", 30, 60), file("l.2", 10, 60), file("l.1", 20, 61)]
    assert.deepStrictEqual(names(rotatedBetween("l", back, 30, back[0], undefined)), ["l.2", "l.1"])
    const compressed = [file("l.2", 30, 60), file("l.1.gz", 20, 61)]
    assert.deepStrictEqual(names(rotatedBetween("l", compressed, 30, compressed[0], undefined)), ["l.1.gz"])
    // Left behind by somebody long ago.
    const left = [file("l.1", 30, 60), file("l.0", 10, 10)]
    assert.deepStrictEqual(names(rotatedBetween("l", left, 30, left[0], undefined)), [])
  })

  it("are none that were compressed from the first", () => {
    assert.deepStrictEqual(names(rotatedBetween("l", [file("l.1.gz", 30, 60)], 30, undefined, undefined)), [])
  })

  it("are not newer than the second", () => {
    assert.deepStrictEqual(names(rotatedBetween("l", numbered, 0, four, two)), ["l.3"])
  })
})
