/** A token as it is shown; never its secret. */
import type { Token } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"
import { scopeWord } from "../words.ts"

const status = ({ expiresAt, revokedAt }: Token, now: number): string => {
  if (revokedAt !== undefined) return "revoked"
  return expiresAt !== undefined && Number(expiresAt.seconds) * 1000 <= now ? "expired" : "active"
}

/** @param now milliseconds since 1970, by which a token has expired or not */
export const tokenColumns = (now: number): ReadonlyArray<Column<Token>> => [
  { key: "id", keep: true, value: ({ id }) => (id === 0n ? undefined : id) },
  { key: "name", keep: true, value: ({ name }) => name },
  { key: "scope", value: ({ scope }) => scopeWord(scope) },
  {
    key: "status",
    value: (token) => status(token, now),
    colour: (token) => (status(token, now) === "active" ? "green" : "dim")
  },
  { key: "created_at", value: ({ createdAt }) => createdAt },
  { key: "created_by", value: ({ createdBy }) => createdBy },
  { key: "expires_at", value: ({ expiresAt }) => expiresAt },
  { key: "last_used_at", value: ({ lastUsedAt }) => lastUsedAt },
  { key: "revoked_at", value: ({ revokedAt }) => revokedAt, detail: true }
]
