/** Pages of a list: where the next one begins is in its token, and nothing is kept between two pages. */
import { pageToken } from "../api/pageToken.ts"

export interface PageRequest {
  readonly size: number
  readonly token: string
}

export interface Page<A> {
  readonly items: ReadonlyArray<A>
  /** Empty where there is no other page. */
  readonly nextToken: string
}

/** @param rows one more than the page has, where there is another */
export const pageOf = <Row>(
  rows: ReadonlyArray<Row>,
  size: number,
  filter: unknown,
  key: (row: Row) => ReadonlyArray<string>
): Page<Row> => {
  const items = rows.slice(0, size)
  const last = items.at(-1)
  return { items, nextToken: rows.length <= size || last === undefined ? "" : pageToken(filter, key(last)) }
}
