/** The first line of every file we write, by which we know it again. Nothing in it changes from file to file. */

const ours = "# Written by Leasehold"

export const header = (server: string): string => `${ours} for ${server}; changes are overwritten\n`

const named = /^# Written by Leasehold for ([a-z0-9][a-z0-9-]{0,62});/u

/** As long as the longest first line. */
export const headerBytes = 128

/** The server whose file this is; undefined for a file that we did not write. */
export const serverOf = (beginning: Uint8Array): string | undefined =>
  named.exec(Buffer.from(beginning).toString("latin1"))?.[1]

export const isOurs = (content: Uint8Array): boolean =>
  Buffer.from(content.buffer, content.byteOffset, Math.min(content.byteLength, ours.length)).toString("latin1") === ours
