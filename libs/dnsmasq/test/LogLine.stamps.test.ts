import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isZone, type LogOptions, makeLogParser } from "../src/index.ts"

const message = "dnsmasq-dhcp[1]: DHCPDISCOVER(e0) 02:00:00:00:00:01"

const atOf = (stamp: string, options: LogOptions = { year: 2026 }) =>
  makeLogParser(options).parse(`${stamp} ${message}`).at

const near = (now: string, zone = "UTC") => ({ reference: Date.parse(now), zone })

describe("years", () => {
  for (
    const [stamp, now, at] of [
      ["Dec 31 23:59:59", "2027-01-01T00:00:01Z", "2026-12-31T23:59:59.000000Z"],
      ["Jan  1 00:00:01", "2026-12-31T23:59:59Z", "2027-01-01T00:00:01.000000Z"],
      ["Jan  1 00:00:01", "2027-01-01T00:00:02Z", "2027-01-01T00:00:01.000000Z"],
      ["Nov 22 03:50:23", "2026-11-22T03:50:23Z", "2026-11-22T03:50:23.000000Z"],
      ["Nov 23 03:50:23", "2026-11-22T03:50:23Z", "2026-11-23T03:50:23.000000Z"],
      ["Nov 23 03:50:24", "2026-11-22T03:50:23Z", "2025-11-23T03:50:24.000000Z"],
      ["Feb 29 12:00:00", "2027-03-01T00:00:00Z", "2024-02-29T12:00:00.000000Z"],
      ["Feb 29 12:00:00", "2028-02-29T00:00:00Z", "2028-02-29T12:00:00.000000Z"],
      ["Feb 29 12:00:00", "2103-01-01T00:00:00Z", "2096-02-29T12:00:00.000000Z"]
    ] as const
  ) {
    it(`${stamp}, read at ${now}, is of ${at.slice(0, 4)}`, () => assert.strictEqual(atOf(stamp, near(now)), at))
  }

  it("puts New Year where the zone has it", () => {
    const options = near("2027-01-01T08:00:00Z", "Asia/Tokyo")
    assert.strictEqual(atOf("Jan  1 00:00:01", options), "2026-12-31T15:00:01.000000Z")
    assert.strictEqual(atOf("Dec 31 23:59:59", options), "2026-12-31T14:59:59.000000Z")
  })

  it("goes on into the next year, and back for a line that comes late, when the first year is given", () => {
    const parser = makeLogParser({ year: 2026 })
    const years = [
      "Nov 30 00:00:00",
      "Dec 31 23:59:59",
      "Jan  1 00:00:00",
      "Dec 31 23:59:59",
      "Jan  1 00:00:01",
      "Jul  1 00:00:00"
    ]
      .map((stamp) => parser.parse(`${stamp} ${message}`).at?.slice(0, 4))
    assert.deepStrictEqual(years, ["2026", "2026", "2027", "2026", "2027", "2027"])
  })

  it("has a log go on in the next year when it goes back by more than half of one, not when a clock was set", () => {
    const years = (...stamps: ReadonlyArray<string>) => {
      const parser = makeLogParser({ year: 2026 })
      return stamps.map((stamp) => parser.parse(`${stamp} ${message}`).at?.slice(0, 4))
    }
    assert.deepStrictEqual(years("Oct 20 00:00:00", "Jan  5 00:00:00", "Aug  9 00:00:00"), ["2026", "2027", "2027"])
    assert.deepStrictEqual(years("Nov 22 00:00:00", "Sep 10 00:00:00", "Nov 22 00:00:00"), ["2026", "2026", "2026"])
  })

  it("gives no time without a year to go by, nor for a day that the year does not have", () => {
    assert.isUndefined(atOf("Nov 22 03:50:23", {}))
    assert.isUndefined(atOf("Feb 29 12:00:00", { year: 2026 }))
  })

  it("follows the clock of its caller", () => {
    const parser = makeLogParser(near("2026-06-01T00:00:00Z"))
    const line = `Dec 24 18:00:00 ${message}`
    assert.strictEqual(parser.parse(line).at, "2025-12-24T18:00:00.000000Z")
    parser.refer(Date.parse("2026-12-24T18:00:00Z"))
    assert.strictEqual(parser.parse(line).at, "2026-12-24T18:00:00.000000Z")
  })
})

describe("zones", () => {
  for (
    const [zone, stamp, at] of [
      ["Europe/Berlin", "Jul  1 12:00:00", "2026-07-01T10:00:00.000000Z"],
      ["Europe/Berlin", "Dec  1 12:00:00", "2026-12-01T11:00:00.000000Z"],
      ["Europe/Berlin", "Mar 29 01:59:59", "2026-03-29T00:59:59.000000Z"],
      ["Europe/Berlin", "Mar 29 02:30:00", "2026-03-29T01:30:00.000000Z"],
      ["Europe/Berlin", "Mar 29 03:00:00", "2026-03-29T01:00:00.000000Z"],
      ["Europe/Berlin", "Oct 25 02:30:00", "2026-10-25T00:30:00.000000Z"],
      ["Europe/Berlin", "Oct 25 03:00:00", "2026-10-25T02:00:00.000000Z"],
      ["America/New_York", "Mar  8 02:30:00", "2026-03-08T07:30:00.000000Z"],
      ["America/New_York", "Nov  1 01:30:00", "2026-11-01T05:30:00.000000Z"],
      ["Australia/Lord_Howe", "Apr  5 01:45:00", "2026-04-04T14:45:00.000000Z"],
      ["Asia/Kolkata", "Jan  1 00:00:00", "2025-12-31T18:30:00.000000Z"],
      ["UTC", "Mar 29 02:30:00", "2026-03-29T02:30:00.000000Z"]
    ] as const
  ) {
    it(`${stamp} in ${zone} is ${at}`, () => assert.strictEqual(atOf(stamp, { zone, year: 2026 }), at))
  }

  for (
    const [zone, day, stamps, hours] of [
      [
        "Europe/Berlin",
        "Oct 25",
        ["01:59:59", "02:00:00", "02:59:59", "02:00:00", "02:30:00", "02:59:59", "03:00:00"],
        ["24T23:59:59", "25T00:00:00", "25T00:59:59", "25T01:00:00", "25T01:30:00", "25T01:59:59", "25T02:00:00"]
      ],
      [
        "America/New_York",
        "Nov  1",
        ["01:30:00", "01:29:30", "01:00:00", "01:45:00", "02:00:00"],
        ["01T05:30:00", "01T05:29:30", "01T06:00:00", "01T06:45:00", "01T07:00:00"]
      ],
      ["Australia/Lord_Howe", "Apr  5", ["01:45:00", "01:31:00", "02:00:00"], [
        "04T14:45:00",
        "04T15:01:00",
        "04T15:30:00"
      ]]
    ] as const
  ) {
    it(`show which of two alike hours a line is of, when the log has gone through the first: ${zone}`, () => {
      const parser = makeLogParser({ zone, year: 2026 })
      const found = stamps.map((stamp) => parser.parse(`${day} ${stamp} ${message}`).at?.slice(8, 19))
      assert.deepStrictEqual(found, [...hours])
    })
  }

  it("go on in the hour in which the log was left", () => {
    const at = (previous: string) =>
      atOf("Oct 25 02:10:00", { zone: "Europe/Berlin", year: 2026, previous: Date.parse(previous) })
    assert.strictEqual(at("2026-10-25T00:09:59Z"), "2026-10-25T00:10:00.000000Z")
    assert.strictEqual(at("2026-10-25T01:09:59Z"), "2026-10-25T01:10:00.000000Z")
    assert.strictEqual(at("2026-10-25T00:59:59Z"), "2026-10-25T01:10:00.000000Z")
    assert.strictEqual(at("2026-11-22T00:00:00Z"), "2026-10-25T00:10:00.000000Z")
  })

  it("are asked for only where the line names none", () => {
    const options = { zone: "Asia/Tokyo", year: 2026 }
    assert.strictEqual(atOf("2026-11-22T03:50:23Z", options), "2026-11-22T03:50:23.000000Z")
    assert.strictEqual(atOf("2026-11-22T03:50:23-0130", options), "2026-11-22T05:20:23.000000Z")
    assert.strictEqual(atOf("2026-11-22T03:50:23", options), "2026-11-21T18:50:23.000000Z")
    assert.strictEqual(atOf("2026-11-22 03:50:23,5", options), "2026-11-21T18:50:23.500000Z")
    assert.strictEqual(atOf("Sun Nov 22 03:50:23 2025", { ...options, year: 1999 }), "2025-11-21T18:50:23.000000Z")
  })

  it("that do not exist are found out", () => {
    assert.isTrue(isZone("Europe/Berlin"))
    assert.isFalse(isZone("Europe/Atlantis"))
    assert.throws(() => makeLogParser({ zone: "Europe/Atlantis" }))
  })

  it.prop("agree with the zone data at every second of a year", [
    Schema.Literals(["Europe/Berlin", "America/Sao_Paulo", "Australia/Sydney", "Asia/Kathmandu", "Africa/Casablanca"]),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 365 * 86_400 - 1 }))
  ], ([zone, second]) => {
    const instant = Date.UTC(2026, 0, 1) + second * 1000
    const wall = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" })
    const read = Date.parse(atOf(wall.format(instant), { zone }) ?? "")
    assert.strictEqual(wall.format(read), wall.format(instant))
    // A repeated hour is read as the first of the two.
    assert.oneOf(instant - read, [0, 3_600_000])
  }, { arbitrary: { runs: 300 } })
})

describe("fractions", () => {
  it("are kept to the microsecond", () => {
    assert.strictEqual(atOf("2026-11-22T03:50:23.1Z"), "2026-11-22T03:50:23.100000Z")
    assert.strictEqual(atOf("2026-11-22T03:50:23.123456789Z"), "2026-11-22T03:50:23.123456Z")
  })
})

describe("senseless times", () => {
  for (
    const stamp of [
      "2026-13-01T00:00:00Z",
      "2026-02-30T00:00:00Z",
      "2026-11-22T24:00:00Z",
      "2026-11-22T00:60:00Z",
      "0000-00-00T00:00:00Z",
      "9999-12-31T23:59:59Z",
      "1969-12-31T23:59:59Z",
      "Foo 22 03:50:23",
      "Nov 31 00:00:00",
      "Nov  0 00:00:00",
      "Nov 22 99:99:99",
      "Sun Foo 22 03:50:23 2026",
      "999999999999.1"
    ]
  ) {
    it(`do not cost the message: ${stamp}`, () => {
      const record = makeLogParser({ year: 2026 }).parse(`${stamp} ${message}`)
      assert.strictEqual(record.kind, "discover")
      assert.isUndefined(record.at)
    })
  }
})
