/** The first line of every file we write, by which we know it again. Nothing in it changes from file to file. */

const ours = "# Written by Leasehold"

export const header = (server: string): string => `${ours} for ${server}; changes are overwritten\n`

/** How many lines of a file come before its first reservation. */
export const headerLines = 1

export const isOurs = (content: Uint8Array): boolean =>
  Buffer.from(content.buffer, content.byteOffset, Math.min(content.byteLength, ours.length)).toString("latin1") === ours
