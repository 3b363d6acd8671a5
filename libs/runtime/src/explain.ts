/** What an error says, in one line: some hide it in their causes, and say nothing themselves. */
export const explain = (error: unknown): string => {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(explain))].join("; ")
  if (!(error instanceof Error)) return String(error)
  return error.message === "" && error.cause !== undefined ? explain(error.cause) : error.message || error.name
}
