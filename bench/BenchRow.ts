/** One line of the table of `npm run bench`: ours, the limit measured in the same run, and how they compare. */
export interface BenchRow {
  readonly what: string
  readonly ours: string
  readonly limit: string
  readonly ratio: number
  /** The ratio (or the time, or the size) to reach, as the design says it. */
  readonly reach: string
  readonly met: boolean
  readonly note?: string
}
