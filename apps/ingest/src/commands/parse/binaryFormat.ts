/** Files that hold a log but are none, known by their first bytes: whoever gives one is told what to do with it. */

const formats: ReadonlyArray<readonly [signature: ReadonlyArray<number>, what: string]> = [
  [[0x1f, 0x8b], "it is compressed with gzip: give what zcat makes of it, on standard input, to `parse -`"],
  [
    [0x28, 0xb5, 0x2f, 0xfd],
    "it is compressed with zstd: give what zstdcat makes of it, on standard input, to `parse -`"
  ],
  [
    [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    "it is compressed with xz: give what xzcat makes of it, on standard input, to `parse -`"
  ],
  [[0x42, 0x5a, 0x68], "it is compressed with bzip2: give what bzcat makes of it, on standard input, to `parse -`"],
  [
    [0x4c, 0x50, 0x4b, 0x53, 0x48, 0x48, 0x52, 0x48],
    "it is a file of the journal: give what `journalctl --file` prints of it"
  ],
  [[0xff, 0xfe], "it is written in UTF-16: give it in UTF-8"],
  [[0xfe, 0xff], "it is written in UTF-16: give it in UTF-8"]
]

/** Why a file that begins with these bytes is no log; undefined when nothing is known against it. */
export const whyNoLog = (bytes: Uint8Array): string | undefined =>
  formats.find(([signature]) => signature.every((byte, at) => bytes[at] === byte))?.[1]
