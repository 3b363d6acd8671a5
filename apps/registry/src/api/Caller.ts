/** Who calls, and what it may do. */
export const scopes = ["read", "operate", "administer"] as const

/** Each includes those before it. */
export type Scope = (typeof scopes)[number]

export interface Caller {
  /** As it stands in the change log: `token:backup`, `local:alice`, `certificate:noc`. */
  readonly actor: string
  readonly scope: Scope
}
