/**
 * Writes the systems that changed. Most events only say that a system is still there: these change few columns, and have
 * a statement that carries no more.
 */
import type { Client, PostgresError } from "@leasehold/runtime"
import type { Effect } from "effect"
import { vendorOf } from "../names/Vendors.ts"
import type { SettledNames } from "./settleNames.ts"
import type { System, Systems } from "./system.ts"

type Column = readonly [field: keyof System, column: string, type: string]

const keyColumn: Column = ["mac", "mac", "macaddr"]
/** What an event changes that tells nothing new. */
const lightColumns: ReadonlyArray<Column> = [
  ["lastSeen", "last_seen", "timestamptz"],
  ["addressStamp", "address_stamp", "text"],
  ["server", "server", "text"],
  ["serverStamp", "server_stamp", "text"],
  ["interface", "interface", "text"],
  ["interfaceStamp", "interface_stamp", "text"],
  ["saidNameStamp", "said_name_stamp", "text"]
]
const otherColumns: ReadonlyArray<Column> = [
  ["name", "name", "text"],
  ["nameSource", "name_source", "text"],
  ["firstSeen", "first_seen", "timestamptz"],
  ["address", "address", "inet"],
  ["addressServer", "address_server", "text"],
  ["clientName", "client_name", "text"],
  ["firstName", "first_name", "text"],
  ["firstNameStamp", "first_name_stamp", "text"],
  ["saidName", "said_name", "text"],
  ["suffixedName", "suffixed_name", "text"],
  ["suffixedNameStamp", "suffixed_name_stamp", "text"],
  ["vendorClass", "vendor_class", "text"],
  ["vendorClassStamp", "vendor_class_stamp", "text"],
  ["userClass", "user_class", "text"],
  ["userClassStamp", "user_class_stamp", "text"],
  ["firstAddress", "first_address", "inet"],
  ["firstAddressStamp", "first_address_stamp", "text"],
  ["vendor", "vendor", "text"]
]
const allColumns = [...lightColumns, ...otherColumns]

const names = (columns: ReadonlyArray<Column>) => columns.map(([, column]) => column).join(", ")
const arrays = (columns: ReadonlyArray<Column>) =>
  columns.map(([, , type], index) => `$${index + 1}::${type}[]`).join(", ")
const insertSql = (columns: ReadonlyArray<Column>) => `
  INSERT INTO systems (${names(columns)}, reserved)
  SELECT k.*, ARRAY(SELECT r.address FROM reservations r WHERE r.mac = k.mac AND r.address IS NOT NULL ORDER BY r.address)
  FROM unnest(${arrays(columns)}) AS k (${names(columns)})`
const updateSql = (columns: ReadonlyArray<Column>) => `
  UPDATE systems s SET ${columns.map(([, column]) => `${column} = k.${column}`).join(", ")}
  FROM unnest(${arrays([keyColumn, ...columns])}) AS k (${names([keyColumn, ...columns])})
  WHERE s.mac = k.mac`

const lightSql = updateSql(lightColumns)
const fullSql = updateSql(allColumns)
const newSql = insertSql([keyColumn, ...allColumns])

/**
 * Automatic reservations are called like their systems. Parameters: the MACs, and their names. No two systems have one name: an
 * automatic reservation that is in the way is called otherwise than its own, which is looked at again because of that. The laterals
 * keep the planner to one look into an index for each: plans made for a table of another size compared each with all.
 */
export const followNamesSql = `
  WITH others AS (
    UPDATE reservations r SET name = name_instead(r.name, r.mac)
    WHERE r.id = ANY (ARRAY(
      SELECT o.id FROM unnest($2::text[]) AS k (name)
      CROSS JOIN LATERAL (
        SELECT o.id FROM reservations o WHERE o.name = k.name AND o.source = 'auto' AND o.mac <> ALL ($1::macaddr[]) OFFSET 0
      ) AS o))
  )
  UPDATE reservations r SET name = (SELECT y.name FROM systems y WHERE y.mac = r.mac)
  WHERE r.id = ANY (ARRAY(
    SELECT f.id FROM unnest($1::macaddr[], $2::text[]) AS k (mac, name)
    CROSS JOIN LATERAL (
      SELECT f.id FROM reservations f
      WHERE f.mac = k.mac AND f.source = 'auto' AND f.name <> k.name AND NOT EXISTS (
        SELECT FROM reservations o
        WHERE o.domain = f.domain AND o.name = k.name AND o.mac <> f.mac AND o.source <> 'auto')
      OFFSET 0
    ) AS f))`

const disputedSql = `
  INSERT INTO name_conflicts (name, mac) SELECT * FROM unnest($1::text[], $2::macaddr[]) ON CONFLICT DO NOTHING`
const givenSql = `
  INSERT INTO given_names (mac, name) SELECT * FROM unnest($1::macaddr[], $2::text[]) ON CONFLICT DO NOTHING`

/** What is to be remembered of the names that were settled. */
export const writeNames = (
  client: Client,
  { conflicts, given }: SettledNames
): ReadonlyArray<Effect.Effect<unknown, PostgresError>> => [
  ...(conflicts.length > 0
    ? [client.query(disputedSql, [conflicts.map(({ wanted }) => wanted), conflicts.map(({ mac }) => mac)], "disputed")]
    : []),
  ...(given.length > 0
    ? [client.query(givenSql, [given.map(({ mac }) => mac), given.map(({ name }) => name)], "given-names")]
    : [])
]

const values = (columns: ReadonlyArray<Column>, systems: ReadonlyArray<System>) =>
  [keyColumn, ...columns].map(([field]) => systems.map((system) => system[field]))

const isLight = (known: System, now: System): boolean => otherColumns.every(([field]) => known[field] === now[field])

/** The statements, in the order in which they are to be run: names that are given up come free first. */
export const writeSystems = (
  client: Client,
  { known, now }: Systems
): ReadonlyArray<Effect.Effect<unknown, PostgresError>> => {
  const light: Array<System> = []
  const full: Array<System> = []
  const renamed: Array<System> = []
  const created: Array<System> = []
  for (const system of now.values()) {
    const before = known.get(system.mac)
    if (before === system) continue
    if (before === undefined) created.push(system)
    else if (isLight(before, system)) light.push(system)
    else full.push(system.vendor === null ? { ...system, vendor: vendorOf(system.mac) ?? null } : system)
    if (before !== undefined && before.name !== system.name) renamed.push(system)
  }
  return [
    ...(light.length > 0 ? [client.query(lightSql, values(lightColumns, light), "update-systems-light")] : []),
    ...(full.length > 0 ? [client.query(fullSql, values(allColumns, full), "update-systems")] : []),
    ...(created.length > 0 ? [client.query(newSql, values(allColumns, created), "insert-systems")] : []),
    ...(renamed.length > 0
      ? [client.query(followNamesSql, [renamed.map(({ mac }) => mac), renamed.map(({ name }) => name)], "follow-names")]
      : [])
  ]
}
