/** A line of a file by its number, which counts from 1; empty when there is no such line. */
export const lineOf = (content: Buffer, number: number): string => {
  let start = 0
  for (let line = 1; line < number; line++) {
    start = content.indexOf("\n", start) + 1
    if (start === 0) return ""
  }
  const end = content.indexOf("\n", start)
  return content.toString("latin1", start, end === -1 ? content.length : end)
}
