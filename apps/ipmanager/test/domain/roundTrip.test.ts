import { create } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { type Reservation, ReservationSchema, ReservationSource } from "@leasehold/registry-api"
import { harmfulCharacters } from "@leasehold/events"
import { Effect, Result, Schema } from "effect"
import { hostLine, subnetComment } from "../../src/domain/hostLine.ts"
import { readCsv } from "../../src/domain/imports/csv.ts"
import { readDnsmasq } from "../../src/domain/imports/dnsmasq.ts"
import { readJson } from "../../src/domain/imports/json.ts"
import { toReservation } from "../../src/domain/imports/toReservation.ts"
import { csvHeader, csvRow } from "../../src/domain/output/csv.ts"
import { jsonObject, jsonText } from "../../src/domain/output/json.ts"
import { reservationColumns } from "../../src/domain/views/reservation.ts"

const octet = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

/** A line that the registry takes: no control character, no override of the writing direction. */
const Comment = Schema.String.check(
  Schema.isPattern(new RegExp(`^[^${harmfulCharacters}]{0,40}$`, "u"))
)
const Start = Schema.Literals(["", "'", "=", "+", "-", "@", " =", " x ", "''", "\"", "a,b;", "é"])

const Host = Schema.Struct({
  macs: Schema.NonEmptyArray(octet).check(Schema.isMaxLength(3)),
  address: Schema.UndefinedOr(octet),
  name: Schema.Literals(["nas", "a", "x-1", "h0", "printer-2b"]),
  lease: Schema.Literals(["none", "infinite", 120, 3600, 86_400, 604_800, 12_345]),
  start: Start,
  comment: Comment,
  enabled: Schema.Boolean,
  ignore: Schema.Boolean,
  automatic: Schema.Boolean
})

const reservationOf = (
  { address, automatic, comment, enabled, ignore, lease, macs, name, start }: typeof Host.Type
): Reservation =>
  create(ReservationSchema, {
    macs: [...new Set(macs)].map((last) => `52:54:00:00:00:${last.toString(16).padStart(2, "0")}`),
    address: ignore || address === undefined ? "" : `10.0.0.${address}`,
    name: ignore ? "" : name,
    subnet: "10.0.0.0/24",
    comment: start + comment,
    enabled,
    ignore,
    ...(automatic ? { source: ReservationSource.AUTO } : {}),
    ...(lease === "infinite" && !ignore ? { leaseInfinite: true } : {}),
    ...(typeof lease === "number" && !ignore ? { leaseTime: { seconds: BigInt(lease), nanos: 0 } } : {})
  })

describe("what is exported", () => {
  it.effect.prop("as CSV reads back as it was", [Host], ([host]) =>
    Effect.sync(() => {
      const reservation = reservationOf(host)
      const text = csvHeader(reservationColumns) + csvRow(reservationColumns, reservation)
      const { items, problems } = readCsv("x.csv", text)
      assert.deepStrictEqual(problems, [])
      assert.deepStrictEqual(
        items.map((item) => create(ReservationSchema, toReservation(item))),
        [reservation]
      )
    }))

  it.effect.prop("as JSON reads back as it was", [Host], ([host]) =>
    Effect.sync(() => {
      const reservation = reservationOf(host)
      const { items, problems } = readJson("x.json", jsonText([jsonObject(reservationColumns, reservation)]))
      assert.deepStrictEqual(problems, [])
      assert.deepStrictEqual(items.map((item) => create(ReservationSchema, toReservation(item))), [reservation])
    }))

  it.effect.prop(
    "for dnsmasq reads back as it was, but for what dnsmasq has no word for",
    [Host],
    ([host]) =>
      Effect.sync(() => {
        const reservation = reservationOf(host)
        for (const form of ["conf", "hosts"] as const) {
          const line = Result.getOrThrow(hostLine(reservation, form))
          const text = `${subnetComment("10.9.0.0/24")}\n# another\n${subnetComment("10.0.0.0/24")}\n${line}\n`
          const { items, problems } = readDnsmasq("x", text, form)
          assert.deepStrictEqual(problems, [])
          assert.deepStrictEqual(
            items.map((item) => create(ReservationSchema, toReservation(item))),
            [create(ReservationSchema, {
              ...reservation,
              subnet: reservation.address === "" ? reservation.subnet : "",
              source: ReservationSource.UNSPECIFIED,
              comment: "",
              enabled: true
            })]
          )
        }
      })
  )
})
