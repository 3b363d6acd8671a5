/**
 * Numbers for names whose pattern has `{seq}`: a system gets the one that it had before, else the next of the policy whose
 * name is free.
 */
import type { Mac } from "@leasehold/events"
import { Effect } from "effect"
import type { NameRequest } from "../names/assignNames.ts"
import type { Numbered, Wanted } from "../names/candidates.ts"
import { type Decided, loadMore, type Taken } from "./loads.ts"
import type { NameBook } from "./NameBook.ts"

/** After so many names that others have, a suffix tells them apart. */
const attempts = 5

interface Open {
  readonly request: NameRequest
  readonly numbered: Numbered
}

/** Where a name is only needed if the wanted one is not to be had, a number is drawn for those alone. */
const isContested = ({ mac, wanted }: NameRequest, taken: Taken, counts: ReadonlyMap<string, number>): boolean =>
  (taken.holders.get(wanted.name) ?? mac) !== mac || (counts.get(wanted.name) ?? 0) > 1 ||
  (taken.reserved.get(wanted.name) ?? []).some((other) => other !== mac)

const numberedOf = (request: NameRequest, taken: Taken, counts: ReadonlyMap<string, number>): Numbered | undefined =>
  request.wanted.numbered ??
    (isContested(request, taken, counts) ? request.wanted.fallback?.numbered : undefined)

const withNumber = ({ numbered, request }: Open, number: number): NameRequest => {
  const named: Wanted = numbered.withNumber(number)
  return { ...request, wanted: request.wanted.numbered === undefined ? { ...request.wanted, fallback: named } : named }
}

export const numberNames = Effect.fnUntraced(function*(
  book: NameBook,
  requests: ReadonlyArray<NameRequest>,
  decided: ReadonlyMap<Mac, Decided>,
  taken: Taken
) {
  const counts = new Map<string, number>()
  for (const { wanted: { name } } of requests) counts.set(name, (counts.get(name) ?? 0) + 1)
  const open = requests.flatMap((request): ReadonlyArray<Open> => {
    const numbered = numberedOf(request, taken, counts)
    return numbered === undefined ? [] : [{ request, numbered }]
  })
  if (open.length === 0) return requests
  const unasked = open.flatMap(({ request: { mac } }) => decided.has(mac) ? [] : [mac])
  const given = new Map([...decided, ...unasked.length === 0 ? [] : yield* book.decided(unasked)])
  const done = new Map<Mac, NameRequest>()
  let left: Array<Open> = []
  for (const one of open) {
    const { current, mac } = one.request
    const before = [...current === undefined ? [] : [current.name], ...given.get(mac)?.given ?? []]
    const number = before.map(one.numbered.numberIn).find((found) => found !== undefined)
    if (number === undefined) left.push(one)
    else done.set(mac, withNumber(one, number))
  }
  for (let attempt = 1; left.length > 0 && attempt <= attempts; attempt++) {
    const drawn = yield* draw(book, left)
    yield* loadMore(book.taken, taken, drawn.flatMap(({ wanted }) => wanted.fallback?.candidates ?? wanted.candidates))
    drawn.forEach((request) => done.set(request.mac, request))
    left = left.filter(({ request: { mac } }) => {
      const { wanted } = done.get(mac) ?? {}
      const [name] = wanted?.fallback?.candidates ?? wanted?.candidates ?? []
      return name !== undefined && (taken.holders.has(name) || taken.reserved.has(name))
    })
  }
  return requests.map((request) => done.get(request.mac) ?? request)
})

const draw = Effect.fnUntraced(function*(book: NameBook, open: ReadonlyArray<Open>) {
  const byPolicy = new Map<string, Array<Open>>()
  for (const one of open) {
    byPolicy.set(one.numbered.policyId, [...byPolicy.get(one.numbered.policyId) ?? [], one])
  }
  const drawn: Array<NameRequest> = []
  for (const [policyId, ofPolicy] of byPolicy) {
    const first = yield* book.numbers(policyId, ofPolicy.length)
    // In the order of events, as far as the batch knows it.
    const inOrder = ofPolicy.toSorted((one, other) => one.request.since < other.request.since ? -1 : 1)
    inOrder.forEach((one, index) => drawn.push(withNumber(one, first + index)))
  }
  return drawn
})
