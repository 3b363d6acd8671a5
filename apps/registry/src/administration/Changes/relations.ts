/** The tables whose rows the log has, and how a row of each is found again. */

/** What identifies a row: the column, and its type. */
type Key = ReadonlyArray<readonly [column: string, type: string]>

export const relations: Readonly<Record<string, Key>> = {
  subnets: [["id", "bigint"]],
  subnet_servers: [["subnet_id", "bigint"], ["server", "text"]],
  subnet_exclusions: [["subnet_id", "bigint"], ["first", "inet"]],
  naming_policies: [["id", "bigint"]],
  monitoring_configs: [["server", "text"]],
  reservations: [["id", "bigint"]],
  systems: [["mac", "macaddr"]]
}

/** `t.id = (c.row ->> 'id')::bigint` for the log's column `row`. */
export const matches = (relation: string, row: string): string =>
  (relations[relation] ?? []).map(([column, type]) => `t.${column} = (${row} ->> '${column}')::${type}`).join(" AND ")

/** What tells the rows of a relation apart, as text. */
export const keyOf = (relation: string, row: string): string =>
  (relations[relation] ?? []).map(([column]) => `(${row} ->> '${column}')`).join(` || ' ' || `)

export const isKey = (relation: string, column: string): boolean =>
  (relations[relation] ?? []).some(([key]) => key === column)

/** What identifies the row of a log entry `c`. What is logged of a system is only what was decided about it. */
export const identityOf = (relation: string): string =>
  relation === "systems" ? "jsonb_build_object('mac', c.key)" : "coalesce(c.after, c.before)"
