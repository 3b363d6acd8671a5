/**
 * Joins the lines that `log-dhcp` adds to the DHCP message they belong to, and an ACK to the INFORM that it answers.
 *
 * A transaction is known by process and transaction id, and what was said for one client is never told of another that
 * uses the same id. Memory is bounded: the transaction used longest ago goes first. What is remembered can be saved and
 * restored, so that a restart between two lines of a transaction changes no event. Plain code, one instance per server.
 */
import { Schema } from "effect"
import type { LogRecord } from "./LogRecord.ts"

const DEFAULT_CAPACITY = 512

/** dnsmasq logs no more of them than fit an option, however often it is asked. */
const MOST_OPTIONS = 256

/** What was said beside the messages of one transaction. */
const Facts = Schema.Struct({
  clientName: Schema.optionalKey(Schema.String),
  vendorClass: Schema.optionalKey(Schema.String),
  userClass: Schema.optionalKey(Schema.String),
  requestedOptions: Schema.optionalKey(Schema.Array(Schema.Int)),
  tags: Schema.optionalKey(Schema.Array(Schema.String)),
  clientMac: Schema.optionalKey(Schema.String)
})
type Facts = typeof Facts.Type

const Transaction = Schema.Struct({
  key: Schema.String,
  /** MAC, or DUID in DHCPv6, of the last message. */
  client: Schema.optionalKey(Schema.String),
  known: Facts,
  /** Said since the last message: of the next message's client. */
  pending: Facts,
  /** The list of requested options goes on in the next line. */
  open: Schema.Boolean
})
type Transaction = typeof Transaction.Type

/** An INFORM whose ACK is still to come. */
const Inform = Schema.Struct({
  key: Schema.String,
  interface: Schema.optionalKey(Schema.String),
  ip: Schema.optionalKey(Schema.String),
  xid: Schema.optionalKey(Schema.Int)
})
type Inform = typeof Inform.Type

/** Everything remembered, oldest first; plain JSON. */
export const TransactionsState = Schema.Struct({
  transactions: Schema.Array(Transaction),
  informs: Schema.Array(Inform)
})
export type TransactionsState = typeof TransactionsState.Type

/** A record with what other lines of its transaction said. */
export interface JoinedRecord extends LogRecord, Facts {
  /** This ACK answers an INFORM: its address is the client's claim, not a lease. */
  readonly inform?: true
}

export interface Transactions {
  join(record: LogRecord): JoinedRecord
  snapshot(): TransactionsState
  restore(state: TransactionsState): void
}

/** A map that forgets what was used longest ago. */
const makeRecent = <A extends { readonly key: string }>(capacity: number) => {
  const entries = new Map<string, A>()
  const put = (entry: A) => {
    entries.delete(entry.key)
    entries.set(entry.key, entry)
    for (const oldest of entries.keys()) {
      if (entries.size <= capacity) break
      entries.delete(oldest)
    }
  }
  const take = (key: string) => {
    const entry = entries.get(key)
    if (entry !== undefined) entries.delete(key)
    return entry
  }
  return { entries, put, take, clear: () => entries.clear() }
}

/** Lines that stand before the message they belong to. */
const before = (record: LogRecord): Facts | undefined => {
  switch (record.subkind) {
    case "client-name":
      return record.text === undefined ? undefined : { clientName: record.text }
    case "vendor-class":
      return record.text === undefined ? undefined : { vendorClass: record.text }
    case "user-class":
      return record.text === undefined ? undefined : { userClass: record.text }
    case "client-mac":
      return record.mac === undefined ? undefined : { clientMac: record.mac }
    default:
      return undefined
  }
}

/** `1:netmask, 3:router, 252` */
const optionNumbers = (text: string): ReadonlyArray<number> =>
  text.split(",").flatMap((item) => {
    const digits = /^ *(\d{1,5})(?::|$)/.exec(item)?.[1]
    return digits === undefined ? [] : [Number(digits)]
  })

const requested = (transaction: Transaction, text: string): Transaction => {
  const earlier = transaction.open ? transaction.known.requestedOptions ?? [] : []
  const requestedOptions = [...earlier, ...optionNumbers(text)].slice(0, MOST_OPTIONS)
  return { ...transaction, known: { ...transaction.known, requestedOptions }, open: text.endsWith(",") }
}

const tagged = (transaction: Transaction, text: string): Transaction => {
  const tags = text.split(", ").filter((tag) => tag !== "")
  return { ...transaction, known: { ...transaction.known, tags } }
}

/** Lines after their message, and those that begin a packet. */
const after = (transaction: Transaction, { subkind, text }: LogRecord): Transaction | undefined => {
  if (subkind === "range") return { ...transaction, pending: {} }
  if (text === undefined) return undefined
  if (subkind === "requested-options") return requested(transaction, text)
  return subkind === "tags" ? tagged(transaction, text) : undefined
}

/** A message of the client, of which `known` was known before. */
const message = ({ key, pending }: Transaction, client: string, known: Facts): Transaction => ({
  key,
  client,
  known: { ...known, ...pending },
  pending: {},
  open: false
})

const isMessage = ({ kind, subkind }: LogRecord) =>
  kind !== null && (kind !== "other" || subkind === "pxe" || subkind === "bootp" || subkind === "no-answer")

const isLoss = ({ subkind }: LogRecord) => subkind === "overflow" || subkind === "rate-limited"

export const makeTransactions = (options: { readonly capacity?: number } = {}): Transactions => {
  const capacity = options.capacity ?? DEFAULT_CAPACITY
  const transactions = makeRecent<Transaction>(capacity)
  const informs = makeRecent<Inform>(capacity)

  /** Whether the message is the ACK to the client's INFORM. Any other message of the client ends the waiting. */
  const answersInform = (record: LogRecord): boolean => {
    const key = `${record.pid ?? ""} ${record.mac ?? ""}`
    const waiting = informs.take(key)
    if (record.kind === "inform" && record.reason === undefined) {
      const { interface: name, ip, xid } = record
      informs.put({
        key,
        ...(name === undefined ? {} : { interface: name }),
        ...(ip === undefined ? {} : { ip }),
        ...(xid === undefined ? {} : { xid })
      })
    }
    return waiting !== undefined && record.kind === "ack" && waiting.interface === record.interface &&
      waiting.ip === record.ip && waiting.xid === record.xid
  }

  const absorb = (record: LogRecord, key: string) => {
    const transaction = transactions.entries.get(key)
    const pending = before(record)
    const empty = { key, known: {}, pending: {}, open: false }
    if (pending !== undefined) {
      const entry = transaction ?? empty
      transactions.put({ ...entry, pending: { ...entry.pending, ...pending } })
      return
    }
    if (transaction === undefined && record.subkind === "range") return
    const next = after(transaction ?? empty, record)
    if (next !== undefined) transactions.put(next)
  }

  /** What is known of the client. Of another one that used the same id last, it is put aside until that one's turn. */
  const knownOf = (transaction: Transaction, client: string): Facts => {
    const { client: last, key, known } = transaction
    if (last === undefined || last === client) return known
    transactions.put({ key: `${key} ${last}`, client: last, known, pending: {}, open: false })
    return transactions.take(`${key} ${client}`)?.known ?? {}
  }

  const joined = (record: LogRecord, key: string): JoinedRecord => {
    const inform = answersInform(record)
    const transaction = transactions.entries.get(key)
    if (transaction === undefined) return inform ? { ...record, inform } : record
    const client = record.mac ?? record.duid ?? ""
    const next = message(transaction, client, knownOf(transaction, client))
    transactions.put(next)
    return { ...record, ...next.known, ...(inform ? { inform } : {}) }
  }

  return {
    join: (record) => {
      if (record.kind === null) return record
      const key = `${record.pid ?? ""} ${record.xid ?? ""}`
      if (isMessage(record)) return joined(record, key)
      if (isLoss(record)) {
        // What was lost may have been any line of any transaction.
        transactions.clear()
        informs.clear()
      } else absorb(record, key)
      return record
    },
    snapshot: () => ({
      transactions: [...transactions.entries.values()],
      informs: [...informs.entries.values()]
    }),
    restore: (state) => {
      transactions.clear()
      informs.clear()
      state.transactions.forEach(transactions.put)
      state.informs.forEach(informs.put)
    }
  }
}
